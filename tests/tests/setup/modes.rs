//! The proxy's way into a tool's file, and from one mode to the other.

use aigw_gateway::Setup;
use aigw_tests::inside::Greeting;
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;
use serde_json::{Value, json};

use crate::{BEFORE, put, read, same, snapshot};

const FILE: &str = BEFORE[0].1;

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_that_stands_in_the_file_opens_what_the_file_makes_trusted() {
    let mut machine = machine!();
    machine.set("NO_PROXY", "shell.example");
    let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
    let machine = &scene.machine;
    let own = machine.home().join("own.pem");
    std::fs::write(&own, scene.gateway.ca_pem()).unwrap();
    let env = json!({ "NODE_EXTRA_CA_CERTS": own, "NO_PROXY": "file.example, localhost" });
    put(machine, FILE, &json!({ "env": env }).to_string(), 0o600);
    let before = snapshot(machine);

    // Shown before, and no file made for it.
    let dry = machine.ask(&["setup", "claude-code", "--mode", "proxy", "--dry-run"]);
    let diff = dry["tools"][0]["files"][0]["diff"].as_str().unwrap();
    assert!(diff.contains("http://aigw:aigw_claude-code_***@127.0.0.1:"), "{diff}");
    assert!(dry["tools"][0]["gains"].to_string().contains("1M context"), "{dry}");
    assert!(!machine.home().join("state/ca/roots.pem").exists());
    same(&snapshot(machine), &before);

    let told = machine.ask(&["setup", "claude-code", "--mode", "proxy", "--yes"]);
    assert_eq!(told["tools"][0]["mode"], "proxy");
    let settings: Value = serde_json::from_str(&read(machine, FILE)).unwrap();
    let env = |name: &str| {
        settings["env"][name].as_str().unwrap_or_else(|| panic!("{name}: {settings}")).to_owned()
    };
    for name in ["NO_PROXY", "no_proxy"] {
        let list = env(name);
        assert!(
            list.ends_with("shell.example,127.0.0.1,::1") || list == "shell.example,127.0.0.1,localhost,::1",
            "{list}"
        );
    }
    assert_eq!(env("NO_PROXY"), "file.example,localhost,shell.example,127.0.0.1,::1");
    assert_eq!(env("HTTPS_PROXY"), format!("http://aigw:{}@{}", machine.key("claude-code"), scene.address()));
    assert_eq!(env("https_proxy"), env("HTTPS_PROXY"));
    assert!(settings["env"].get("ANTHROPIC_BASE_URL").is_none());
    // What the file trusted before is trusted still.
    let roots = std::fs::read_to_string(env("NODE_EXTRA_CA_CERTS")).unwrap();
    let squeezed = |pem: &str| pem.split_whitespace().collect::<String>();
    assert!(squeezed(&roots).contains(&squeezed(scene.gateway.ca_pem())));
    let tunnel =
        raw::tunnel(scene.address(), "api.anthropic.com:443", Some(&machine.key("claude-code"))).unwrap();
    Greeting::new(&roots, "api.anthropic.com").over(tunnel).await.unwrap();

    // A second time nothing is left to do, from another shell either.
    assert_eq!(machine.ask(&["setup", "claude-code", "--yes"])["tools"][0]["state"], "unchanged");
    machine.ask(&["undo", "--yes"]);
    same(&snapshot(machine), &before);
}

#[test]
fn another_mode_takes_the_old_one_out_and_keeps_the_key() {
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, FILE, BEFORE[0].2, 0o640);
    machine.ask(&["setup", "claude-code", "--mode", "proxy", "--yes"]);
    let proxy = snapshot(&machine);
    machine.ask(&["undo", "--yes"]);
    machine.ask(&["setup", "claude-code", "--yes"]);
    let base_url = snapshot(&machine);
    let key = machine.key("claude-code");
    let unkeyed = |all: &crate::Snapshot| {
        let text = String::from_utf8_lossy(&all[&machine.home().join(FILE)].0).into_owned();
        let parts = text.split("aigw_claude-code_").enumerate();
        parts.map(|(n, part)| if n == 0 { part } else { &part[43..] }.to_owned()).collect::<Vec<_>>()
    };

    let told = machine.ask(&["setup", "claude-code", "--mode", "proxy", "--yes"]);
    assert_eq!(told["tools"][0]["state"], "set-up");
    assert_eq!(unkeyed(&snapshot(&machine)), unkeyed(&proxy));
    assert_eq!(machine.key("claude-code"), key);
    assert!(
        read(&machine, FILE).contains("sk-ant-old-secret"),
        "the old value is back: {}",
        read(&machine, FILE)
    );
    // Without a word it stays in the mode that it has.
    let told = machine.ask(&["setup", "claude-code", "--yes"]);
    assert_eq!(
        (&told["tools"][0]["mode"], &told["tools"][0]["state"]),
        (&"proxy".into(), &"unchanged".into())
    );
    machine.ask(&["setup", "claude-code", "--mode", "base-url", "--yes"]);
    same(&snapshot(&machine), &base_url);

    // What somebody has changed meanwhile stays through it all.
    let mine = read(&machine, FILE)
        .replace("\"opus\"", "\"sonnet\"")
        .replace("\"ENABLE_TOOL_SEARCH\": \"true\"", "\"ENABLE_TOOL_SEARCH\": \"auto\"");
    put(&machine, FILE, &mine, 0o640);
    machine.ask(&["setup", "claude-code", "--mode", "proxy", "--yes"]);
    let now = read(&machine, FILE);
    assert!(now.contains("\"sonnet\"") && now.contains("\"auto\"") && !now.contains("BASE_URL"), "{now}");
    machine.ask(&["undo", "--yes"]);
    let now = read(&machine, FILE);
    assert!(
        now.contains("\"sonnet\"") && now.contains("sk-ant-old-secret") && !now.contains("PROXY"),
        "{now}"
    );
}

/// Its two modes are in two files.
#[test]
fn another_mode_in_another_file_puts_the_first_one_back() {
    const ENV: &str = ".codex/.env";
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, BEFORE[1].1, BEFORE[1].2, 0o640);
    let before = snapshot(&machine);
    machine.ask(&["setup", "codex", "--yes"]);
    let base_url = snapshot(&machine);
    let key = machine.key("codex");

    let dry = machine.ask(&["setup", "codex", "--mode", "proxy", "--dry-run"]);
    let diffs = dry["tools"][0]["files"].to_string();
    assert!(diffs.contains("-model_provider = \\\"aigw\\\"") && diffs.contains("+HTTPS_PROXY="), "{diffs}");
    assert!(!diffs.contains(&key), "{diffs}");
    same(&snapshot(&machine), &base_url);
    let told = machine.ask(&["setup", "codex", "--mode", "proxy", "--yes"]);
    assert_eq!(told["tools"][0]["files"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(read(&machine, BEFORE[1].1), BEFORE[1].2);
    assert!(read(&machine, ENV).contains(&key));
    assert_eq!(machine.key("codex"), key);
    machine.ask(&["setup", "codex", "--mode", "base-url", "--yes"]);
    same(&snapshot(&machine), &base_url);
    machine.ask(&["undo", "--yes"]);
    same(&snapshot(&machine), &before);
}

#[test]
fn what_has_one_mode_only_says_so() {
    let machine = machine!();
    let _daemon = machine.start();
    let output = machine.ctl(&["setup", "pi", "--mode", "proxy", "--yes"]);
    assert_eq!(output.status.code(), Some(70), "{}", machine::told(&output));
    assert!(!machine.home().join(".pi").exists());
}
