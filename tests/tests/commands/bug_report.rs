//! `bug-report`: what is in it, and what never is.

use std::os::unix::fs::PermissionsExt;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{MESSAGES, failed, names};

const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";
const PROVIDER: &str = "sk-ant-api03-somebodys-own-0123456789";
const MAIL: &str = "ada.lovelace@example.com";
const PASSWORD: &str = "hunter2-of-the-proxy";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_it_is_secret_or_says_who_it_is() {
    let mut machine = machine!();
    let home = machine.home().to_owned();
    machine.set("USER", "adalovelace");
    machine.set("OPENAI_API_KEY", PROVIDER);
    machine.set("MY_MAIL", MAIL);
    machine.set("HTTPS_PROXY", &format!("http://adalovelace:{PASSWORD}@proxy.example:3128"));
    machine.set("NO_PROXY", "127.0.0.1,localhost,::1");
    std::fs::write(home.join(".bashrc"), format!("export A={TOKEN}\nexport B={PROVIDER} # {MAIL}\n"))
        .unwrap();
    let scene = Scene::set(machine, Setup::default()).await;
    scene.machine.ask(&["setup", "claude-code", "--yes"]);
    let prompt = MESSAGES.replace("hi", "the-secret-prompt");
    assert_eq!(scene.post("/anthropic/v1/messages", &[], &prompt).status, 200);
    let log = format!(
        "{{\"level\":\"INFO\",\"message\":\"{} {TOKEN} {MAIL} adalovelace {}\"}}\n",
        scene.key,
        home.join("x").display()
    );
    std::fs::write(home.join("state/aigwd.log"), log).unwrap();

    let output = scene.machine.ctl(&["bug-report", "--output", "report.json"]);
    assert!(output.status.success(), "{}", told(&output));
    let file = home.join("report.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = std::fs::read_to_string(home.join(".claude/settings.json")).unwrap();
    let key: Value = serde_json::from_str(&key).unwrap();
    let key = key["env"]["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap();
    let held = scene.machine.held_token("default").unwrap();
    for (what, secret) in [
        ("a token in a file", TOKEN),
        ("the token that is held", &held),
        ("a local key", &scene.key),
        ("a tool's local key", key),
        ("its end", &key[key.len() - 43..]),
        ("a provider's key", PROVIDER),
        ("a mail address", MAIL),
        ("part of it", "lovelace"),
        ("a password", PASSWORD),
        ("a prompt", "secret-prompt"),
        ("the home", home.to_str().unwrap()),
        ("the account's name", "\"ada\""),
    ] {
        assert!(!text.contains(secret), "{what}: {text}");
        assert!(!told(&output).contains(secret) || what == "the home", "{what}: {}", told(&output));
    }

    let report: Value = serde_json::from_str(&text).unwrap();
    let parts = ["config", "doctor", "environment", "log", "setup", "status", "tools", "versions"];
    assert_eq!(names(&report), [&parts[..3], &["log", "made_at", "schema"], &parts[4..]].concat());
    // It is of use all the same.
    assert_eq!(report["versions"]["aigwd"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["setup"]["files"][0]["tool"], "claude-code");
    let files = report["doctor"]["checks"].as_array().unwrap();
    let found =
        files.iter().filter(|line| line["check"] == "files").map(|line| line["text"].as_str().unwrap());
    assert!(found.clone().any(|text| text.starts_with("~/.bashrc:1 holds a deployment's token")), "{text}");
    assert!(found.clone().any(|text| text.starts_with("~/.bashrc:2 holds a provider's key")), "{text}");
    let variables = report["environment"].as_array().unwrap();
    assert!(variables.contains(&"OPENAI_API_KEY".into()), "{variables:?}");
    assert!(report["log"][0].as_str().unwrap().contains("INFO"), "{}", report["log"]);

    // What is in it was said before.
    let said = String::from_utf8(output.stderr).unwrap();
    let said: Vec<_> = said.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let mut sorted = said.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, parts, "{said:?}");

    // Nothing that is there is overwritten.
    let again = scene.machine.ctl(&["bug-report", "--output", "report.json", "--json"]);
    assert_eq!(failed(&again), (1, "file".to_owned()));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let told = scene.machine.ask(&["bug-report"]);
    assert_eq!(told["file"], home.join("aigw-bug-report.json").to_str().unwrap());
    assert_eq!(told["parts"].as_array().unwrap().len(), parts.len());
}

#[test]
fn without_a_daemon_it_says_so() {
    let machine = machine!();
    machine.ask(&["bug-report"]);
    let text = std::fs::read_to_string(machine.home().join("aigw-bug-report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["status"]["failed"], "daemon-not-running");
    assert!(report["doctor"]["summary"]["errors"].as_u64().unwrap() > 0, "{text}");
}
