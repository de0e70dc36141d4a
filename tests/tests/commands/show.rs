//! The commands that only look: `status`, `config show`, `version`, `completions`, and `aigwctl` by itself.

use aigw_gateway::Setup;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{MESSAGES, failed, is_moment, json, names, text};

#[tokio::test(flavor = "multi_thread")]
async fn status_is_the_object_that_scripts_rely_on() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    let status = eventually("the request is counted", || {
        Some(scene.machine.ask(&["status"])).filter(|status| status["daemon"]["requests"] == 1)
    });
    assert_eq!(names(&status), ["daemon", "findings", "gateways", "schema", "service"]);
    assert_eq!(status["schema"], 1);

    let daemon = &status["daemon"];
    assert_eq!(
        names(daemon),
        ["cpu_s", "listen", "pid", "requests", "rss_bytes", "tunnels", "uptime_s", "version"]
    );
    assert_eq!((&daemon["version"], &daemon["pid"]), (&version().into(), &scene.daemon.pid().into()));
    let port = scene.daemon.port;
    let listen: Vec<String> = serde_json::from_value(daemon["listen"].clone()).unwrap();
    assert_eq!(listen, [format!("127.0.0.1:{port}"), format!("[::1]:{port}")]);
    assert!(daemon["uptime_s"].as_u64().unwrap() < 600);
    assert!((1 << 20..1 << 30).contains(&daemon["rss_bytes"].as_u64().unwrap()), "{daemon}");
    assert!((0.0..60.0).contains(&daemon["cpu_s"].as_f64().unwrap()), "{daemon}");
    assert_eq!(daemon["tunnels"], 0);

    let [gateway] = status["gateways"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!(
        names(gateway),
        ["account", "default", "kind", "name", "prefix", "reachable", "store", "token", "url", "user"]
    );
    assert_eq!((&gateway["name"], &gateway["kind"]), (&"default".into(), &"coder".into()));
    assert_eq!((&gateway["url"], &gateway["user"]), (&scene.gateway.url().into(), &"ada".into()));
    assert_eq!((&gateway["default"], &gateway["reachable"]), (&true.into(), &true.into()));
    assert!(["/api/v2/aibridge", "/api/v2/ai-gateway"].contains(&gateway["prefix"].as_str().unwrap()));
    let token = &gateway["token"];
    assert_eq!(names(token), ["expires_at", "fingerprint", "lasting", "name", "renews_at", "scope"]);
    assert_eq!(token["fingerprint"], scene.token[..4]);
    assert!(is_moment(&token["expires_at"]) && is_moment(&token["renews_at"]), "{token}");
    assert_eq!(token["lasting"], "own");
    assert_eq!(status["findings"], Value::Array(Vec::new()));

    scene.gateway.stop().await;
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 503);
    assert_eq!(scene.machine.ask(&["status"])["gateways"][0]["reachable"], false);

    let shown = text(&scene.machine.ctl(&["status"]));
    for part in
        [&format!("aigwd {}, pid", version()), scene.address(), "ada, token", "not reachable", " MiB, "]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}') && !shown.contains(&scene.token), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_null_and_a_finding_has_a_cure() {
    let machine = machine!();
    machine.configure("[intercept]\nhosts = [\"a.example\"]\n[gateway.lab]\nurl = \"http://127.0.0.1:9\"\n");
    let _daemon = machine.start();
    let status = machine.ask(&["status"]);
    let gateway = &status["gateways"][0];
    for name in ["prefix", "reachable", "user", "token"] {
        assert_eq!(gateway[name], Value::Null, "{name}: {gateway}");
    }
    // The only one is the default one.
    assert_eq!((&gateway["name"], &gateway["default"]), (&"lab".into(), &true.into()));
    let findings = status["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(names(finding), ["code", "cure", "severity", "text"]);
        assert!(["note", "warning", "error"].contains(&finding["severity"].as_str().unwrap()));
        assert!(finding.as_object().unwrap().values().all(|text| !text.as_str().unwrap().is_empty()));
    }
    let shown = text(&machine.ctl(&["status"]));
    assert!(shown.contains("not logged in") && shown.contains("\n  cure    "), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_it_shows_five_lines_and_the_next_step() {
    let mut machine = machine!();
    // Whatever is installed here.
    machine.set("PATH", "/usr/bin:/bin");
    let next = || {
        let shown = text(&machine.ctl(&[]));
        let lines: Vec<&str> = shown.lines().collect();
        let labels: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(labels, ["daemon", "gateway", "login", "requests", "findings", "", "Next:"], "{shown}");
        lines[6].to_owned()
    };
    assert_eq!(next(), "Next: aigwctl start");
    let daemon = machine.start();
    assert_eq!(next(), "Next: aigwctl login URL");
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    machine.log_in(&gateway);
    assert_eq!(next(), "Next: eval \"$(aigwctl env)\"");
    // A tool that came to this machine.
    std::fs::create_dir(machine.home().join(".codex")).unwrap();
    assert_eq!(next(), "Next: aigwctl setup (1 tool here, not set up: codex)");
    assert_eq!(machine.ask(&[])["tools_to_set_up"], serde_json::json!(["codex"]));
    machine.ask(&["setup", "codex", "--yes"]);
    assert_eq!(next(), "Next: eval \"$(aigwctl env)\"");
    assert!(text(&machine.ctl(&[])).starts_with(&format!(
        "daemon    aigwd {} at {}",
        version(),
        daemon.address
    )));
    machine.ask(&["logout"]);
    assert_eq!(next(), "Next: aigwctl login");
    assert_eq!(
        names(&json(&machine.ctl(&["--json"]))),
        ["daemon", "findings", "gateway", "next", "schema", "tools_to_set_up"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_says_where_it_comes_from() {
    let mut machine = machine!();
    machine.configure(
        "[log]\nlevel = \"error\"\nformat = \"text\"\n\
         [gateway.default]\nwait_s = 5\nheaders = { x-door = \"hush-hush\" }\n",
    );
    machine.set("AIGW_LOG_LEVEL", "warn");
    machine.set("AIGW_LOG_FORMAT", "json");
    machine.set("AIGW_URL", "http://127.0.0.1:9");
    let _daemon = machine.start();
    let file = format!("user file ({})", machine.home().join("config/config.toml").display());
    let answer = machine.ask(&["config", "show"]);
    assert_eq!(names(&answer), ["refused", "schema", "settings"]);
    assert_eq!(answer["refused"], Value::Null);
    let rows = answer["settings"].as_array().unwrap();
    // The machine starts it with a level and a port on the command line.
    for (key, value, origin, overrides) in [
        ("log.level", "trace", "flag", &["user file", "environment"][..]),
        ("log.format", "json", "environment (AIGW_LOG_FORMAT)", &["user file"]),
        ("listen.port", "0", "flag", &[]),
        ("listen.share", "false", "default", &[]),
        ("gateway.default.url", "http://127.0.0.1:9", "environment (AIGW_URL)", &[]),
        ("gateway.default.wait_s", "5", &file, &[]),
        ("gateway.default.headers", "x-door: ***", &file, &[]),
    ] {
        let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}: {answer}"));
        assert_eq!(names(row), ["key", "locked", "origin", "overrides", "value"]);
        assert_eq!((&row["value"], &row["origin"]), (&value.into(), &origin.into()), "{key}");
        assert_eq!(row["overrides"], serde_json::json!(overrides), "{key}");
        assert_eq!(row["locked"], false);
    }
    let shown = text(&machine.ctl(&["config", "show"]));
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap();
    assert!(line("log.level ").ends_with("   flag, overrides user file and environment"), "{shown}");
    assert!(line("gateway.default.wait_s ").ends_with(&file), "{shown}");
    assert!(!shown.contains("hush") && !answer.to_string().contains("hush"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_configuration_is_shown_and_the_old_one_stays_in_force() {
    let machine = machine!();
    let file = machine.home().join("config/config.toml");
    machine.configure("[gateway.default]\nwait_s = 5\n");
    let _daemon = machine.start();
    for (bad, says) in [
        ("[gateway.default]\nwait_s = 6\nwait = 1\n", "wait_s"),
        ("[gateway.default]\nwait_s = 'long'\n", "wait_s"),
        ("[gateway.default\nwait_s = 6\n", "config.toml"),
        ("[gateway.default]\nurl = 'http://example.com'\n", "http"),
    ] {
        std::fs::write(&file, bad).unwrap();
        let output = machine.ctl(&["reload", "--json"]);
        assert_eq!(failed(&output), (64, "bad-configuration".to_owned()), "{bad}");
        assert!(told(&output).contains(says), "{}", told(&output));
        let answer = machine.ask(&["config", "show"]);
        assert!(answer["refused"].as_str().unwrap().contains(says), "{answer}");
        let rows = answer["settings"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["key"] == "gateway.default.wait_s" && row["value"] == "5"));
        assert!(machine.findings().contains(&"configuration-refused".to_owned()));
        assert!(
            text(&machine.ctl(&["config", "show"])).contains("The newest configuration is not in force:")
        );
    }
    std::fs::write(&file, "[gateway.default]\nwait_s = 7\n").unwrap();
    assert_eq!(machine.ask(&["reload"])["reloaded"], true);
    let answer = machine.ask(&["config", "show"]);
    assert_eq!(answer["refused"], Value::Null);
    assert!(answer.to_string().contains(r#""value":"7""#), "{answer}");
    assert!(machine.findings().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_programs_tell_their_versions() {
    let machine = machine!();
    let ours = json(&machine.ctl(&["version", "--json"]));
    assert_eq!(names(&ours), ["daemon", "protocol", "protocol_oldest", "schema", "version"]);
    assert_eq!((&ours["version"], &ours["daemon"]), (&version().into(), &Value::Null));
    let daemon = machine.start();
    let both = machine.ask(&["version"]);
    assert_eq!(names(&both["daemon"]), ["pid", "protocol", "version"]);
    assert_eq!(
        (&both["daemon"]["pid"], &both["daemon"]["version"]),
        (&daemon.pid().into(), &version().into())
    );
    assert_eq!(text(&machine.ctl(&["--version"])), format!("aigwctl {}\n", version()));
    let aigwd = machine.aigwd(&["--version"]).output().unwrap();
    assert_eq!(text(&aigwd), format!("aigwd {}\n", version()));
}

#[test]
fn completions_know_the_commands_of_every_shell() {
    let machine = machine!();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = text(&machine.ctl(&["completions", shell]));
        for word in ["login", "logout", "status", "revoke", "--token-stdin", "--json"] {
            let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(failed(&machine.ctl(&["completions", "tcsh", "--json"])), (2, "usage".to_owned()));
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
