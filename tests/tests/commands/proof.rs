//! `doctor --tool`: a tool's own program is run with a key of `doctor`'s, and what it did is told. Here the tool is a script
//! that does what a test wants; the real ones are run elsewhere.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use aigw_gateway::Setup;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{failed, json, names};

/// As Claude Code does it: by what its settings file says, a base URL or a proxy.
const CLAUDE: &str = r#"#!/usr/bin/env python3
import base64, http.client, json, os, ssl, sys
from urllib.parse import urlsplit
if "--version" in sys.argv:
    print("1.2.3 (Claude Code)")
    sys.exit()
assert not os.listdir("."), "an empty folder"
headers = {"user-agent": "claude-cli/1.2.3 (external, cli)", "content-type": "application/json"}
assert "ANTHROPIC_BASE_URL" not in os.environ and "HTTPS_PROXY" not in os.environ
env = json.load(open(os.path.expanduser("~/.claude/settings.json")))["env"]
if "HTTPS_PROXY" in env and "ANTHROPIC_BASE_URL" not in env:
    proxy = urlsplit(env["HTTPS_PROXY"])
    login = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    context = ssl.create_default_context(cafile=CAFILE)
    link = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=context)
    link.set_tunnel("api.anthropic.com", 443, {"proxy-authorization": "Basic " + login})
    headers["x-api-key"] = os.environ["ANTHROPIC_API_KEY"]
    path = "/v1/messages"
else:
    base = urlsplit(env["ANTHROPIC_BASE_URL"])
    link = http.client.HTTPConnection(base.hostname, base.port)
    headers["authorization"] = "Bearer " + env["ANTHROPIC_AUTH_TOKEN"]
    path = base.path + "/v1/messages?beta=true"
link.request("POST", path, json.dumps({"model": "m", "stream": True, "messages": []}), headers)
for line in link.getresponse():
    if line.startswith(b"data: "):
        print(json.loads(line[6:]).get("delta", {}).get("text", ""), end="", flush=FLUSH)
"#;

/// A scene with a `claude` that is this script.
async fn with_claude(script: &str) -> Scene {
    let mut machine = machine!();
    let home = machine.home().to_owned();
    for folder in ["bin", "tmp"] {
        std::fs::create_dir(home.join(folder)).unwrap();
    }
    let program = home.join("bin/claude");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap());
    machine.set("PATH", &path);
    machine.set("TMPDIR", home.join("tmp").to_str().unwrap());
    // What is in the environment leads nobody astray.
    machine.set("ANTHROPIC_BASE_URL", "http://127.0.0.1:1/anthropic");
    Scene::set(machine, Setup { tls: true, ..Setup::default() }).await
}

fn good() -> String {
    CLAUDE.replace("CAFILE", r#"env["NODE_EXTRA_CA_CERTS"]"#).replace("FLUSH", "True")
}

/// The lines of the proof, as state and text.
fn lines(report: &Value) -> Vec<(&str, &str)> {
    let all = report["checks"].as_array().unwrap().iter().filter(|line| line["check"] == "proof");
    all.map(|line| (line["state"].as_str().unwrap(), line["text"].as_str().unwrap())).collect()
}

fn proved(scene: &Scene, more: &[&str]) -> (Option<i32>, Value) {
    let output = scene.machine.ctl(&[&["doctor", "--json", "--tool", "claude-code"], more].concat());
    assert!(!told(&output).contains("aigw_"), "{}", told(&output));
    (output.status.code(), json(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tool_does_is_told_for_both_doors_and_nothing_is_left() {
    let scene = with_claude(&good()).await;
    let home = scene.machine.home();
    let settings = home.join(".claude/settings.json");
    std::fs::create_dir(home.join(".claude")).unwrap();
    std::fs::write(&settings, "{ \"env\": { \"DISABLE_TELEMETRY\": \"1\" } }\n").unwrap();
    scene.machine.root_pem();
    let keys = scene.machine.ask(&["keys"]);

    let (exit, report) = proved(&scene, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    let lines = lines(&report);
    assert!(lines.iter().all(|(state, _)| *state == "ok"), "{lines:#?}");
    let texts: Vec<_> = lines.iter().map(|(_, text)| *text).collect();
    for (at, begins) in [
        "Claude Code 1.2.3 by base URL: it honours its base URL: POST /anthropic/v1/messages (1 request)",
        "Claude Code 1.2.3 by base URL: streamed: its words came over ",
        "Claude Code 1.2.3 by base URL: it uses HTTP, and tries no WebSocket",
        "Claude Code 1.2.3 by proxy: it honours the proxy",
        "Claude Code 1.2.3 by proxy: it trusts this machine's CA",
        "Claude Code 1.2.3 by proxy: what it asked for: POST /anthropic/v1/messages for api.anthropic.com (1 request)",
        "Claude Code 1.2.3 by proxy: streamed: ",
        "Claude Code 1.2.3 by proxy: it uses HTTP",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(texts[at].starts_with(begins), "{texts:#?}");
    }
    assert_eq!(texts.len(), 8);

    let [by_url, by_proxy] = report["proofs"].as_array().unwrap().as_slice() else { panic!("{report}") };
    let known = ["base_url", "proxy", "ca", "streamed", "websocket"];
    let of = |proof: &Value| known.map(|name| proof[name].as_str().unwrap().to_owned());
    assert_eq!(of(by_url), ["yes", "not-seen", "not-seen", "yes", "no"]);
    assert_eq!(of(by_proxy), ["not-seen", "yes", "yes", "yes", "no"]);
    for proof in [by_url, by_proxy] {
        assert_eq!(proof["tool"], "claude-code");
        assert_eq!((&proof["version"], &proof["exit"]), (&"1.2.3".into(), &0.into()));
        assert_eq!(proof["user_agent"], "claude-cli/1.2.3 (external, cli)");
        assert_eq!((&proof["printed"], &proof["output"]), (&true.into(), &Value::Null));
    }
    assert_eq!((&by_url["copied"], &by_proxy["copied"]), (&true.into(), &true.into()));

    // Nobody else knows of it, and nothing is left.
    let asked = scene.gateway.provider_requests();
    assert!(asked.iter().all(|seen| seen.method != "POST"), "{asked:#?}");
    assert_eq!(scene.machine.ask(&["keys"]), keys);
    assert_eq!(
        std::fs::read_to_string(&settings).unwrap(),
        "{ \"env\": { \"DISABLE_TELEMETRY\": \"1\" } }\n"
    );
    assert_eq!(std::fs::read_dir(home.join("tmp")).unwrap().count(), 0);
    assert_eq!(scene.machine.findings(), [""; 0]);

    let (_, report) = proved(&scene, &["--mode", "proxy"]);
    assert_eq!(report["proofs"].as_array().unwrap().len(), 1);
    assert_eq!(
        names(&report["proofs"][0]),
        [
            "base_url",
            "ca",
            "copied",
            "exit",
            "mode",
            "others",
            "output",
            "paths",
            "printed",
            "proxy",
            "requests",
            "span_ms",
            "streamed",
            "took_ms",
            "tool",
            "user_agent",
            "version",
            "websocket"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_set_up_is_proved_with_nothing_of_its_own_key() {
    let scene = with_claude(&good()).await;
    let settings = scene.machine.home().join(".claude/settings.json");
    std::fs::create_dir(scene.machine.home().join(".claude")).unwrap();
    std::fs::write(&settings, "{ \"env\": { \"DISABLE_TELEMETRY\": \"1\" } }\n").unwrap();
    scene.machine.root_pem();
    for mode in ["base-url", "proxy"] {
        scene.machine.ask(&["setup", "claude-code", "--mode", mode, "--yes"]);
        let before = std::fs::read(&settings).unwrap();
        scene.gateway.forget_requests();
        let (exit, report) = proved(&scene, &[]);
        let lines = lines(&report);
        assert!(exit == Some(0) && lines.iter().all(|(state, _)| *state == "ok"), "{mode}: {lines:#?}");
        let asked = scene.gateway.provider_requests();
        assert!(asked.iter().all(|seen| seen.method != "POST"), "{mode}: {asked:#?}");
        assert_eq!(std::fs::read(&settings).unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_comes_all_at_once_is_told() {
    let scene = with_claude(&good().replace("flush=True", "flush=False")).await;
    let (exit, report) = proved(&scene, &["--mode", "base-url"]);
    assert_eq!((exit, &report["proofs"][0]["streamed"]), (Some(1), &"no".into()));
    let warned: Vec<_> = lines(&report).into_iter().filter(|(state, _)| *state == "warning").collect();
    let [(_, text)] = warned.as_slice() else { panic!("{report:#}") };
    assert!(text.contains("all at once") && text.contains("600 ms"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_does_not_trust_us_is_told_with_the_cure() {
    let scene = with_claude(&good().replace(r#"cafile=env["NODE_EXTRA_CA_CERTS"]"#, "")).await;
    let (exit, report) = proved(&scene, &["--mode", "proxy"]);
    assert_eq!((exit, &report["proofs"][0]["ca"]), (Some(1), &"no".into()), "{report:#}");
    assert_eq!(report["proofs"][0]["proxy"], "yes");
    let lines = lines(&report);
    let [("ok", _), ("error", text)] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(text.contains("does not trust this machine's CA"), "{text}");
    assert_eq!(scene.machine.findings(), [""; 0], "a proof accuses nobody");
}

/// What it printed is shown then, and nothing in it that must not be seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_asks_nobody_is_told_with_what_it_printed() {
    let script = "#!/bin/sh\ncat ~/.claude/settings.json >&2\n\
        echo mail ada@example.com, token abcdefghij-0123456789abcdefghijkl >&2\necho 'bad day'; exit 3\n";
    let scene = with_claude(script).await;
    let (exit, report) = proved(&scene, &["--mode", "base-url"]);
    assert_eq!((exit, &report["proofs"][0]["base_url"]), (Some(1), &"no".into()));
    let lines = lines(&report);
    let [("error", text)] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(text.contains("nothing came by its base URL; it ended with exit code 3"), "{text}");
    assert!(text.contains("bad day") && text.contains("ANTHROPIC_BASE_URL"), "{text}");
    assert!(!text.contains("ada@") && !text.contains("abcdefghij-"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proved_says_why() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let report = json(&scene.machine.ctl(&["doctor", "--json", "--tool", "cursor", "--tool", "claude-code"]));
    let lines = lines(&report);
    let [("skipped", cursor), ("error", claude)] = lines.as_slice() else { panic!("{report:#}") };
    assert!(cursor.starts_with("Cursor: it cannot be set up: "), "{cursor}");
    assert!(claude.contains("there is no claude in PATH"), "{claude}");
    assert_eq!(report["proofs"], serde_json::json!([]));
    let unknown = scene.machine.ctl(&["doctor", "--json", "--tool", "nobody"]);
    assert_eq!(failed(&unknown), (2, "usage".to_owned()));
    // Nothing is set up, so that there is nothing to prove.
    assert_eq!(scene.machine.ask(&["doctor", "--all-tools"])["proofs"], serde_json::json!([]));
}

/// Whoever breaks it off finds nothing left, neither of the copied settings nor of the program.
#[tokio::test(flavor = "multi_thread")]
async fn broken_off_it_leaves_nothing() {
    let scene = with_claude("#!/bin/sh\nsetsid sleep 1000 &\necho $$ $! > \"$0.pid\"\nwait\n").await;
    let home = scene.machine.home();
    std::fs::create_dir(home.join(".claude")).unwrap();
    std::fs::write(home.join(".claude/settings.json"), "{}").unwrap();
    for signal in ["INT", "TERM", "HUP"] {
        let mut doctor = scene.machine.ctl_begun(&["doctor", "--tool", "claude-code"]);
        let pid = eventually("the tool runs", || {
            let pid = std::fs::read_to_string(home.join("bin/claude.pid")).ok()?;
            pid.ends_with('\n').then_some(pid)
        });
        assert_eq!(std::fs::read_dir(home.join("tmp")).unwrap().count(), 1);
        let kill = |words: &[&str]| {
            Command::new("kill").args(words).stderr(Stdio::null()).status().unwrap().success()
        };
        assert!(kill(&[&format!("-{signal}"), &doctor.id().to_string()]));
        assert_eq!(eventually("doctor ends", || doctor.try_wait().unwrap()).code(), Some(1), "{signal}");
        // One of them has left the tool's group, as a server would that is to stay.
        for pid in pid.split_whitespace().take(if cfg!(target_os = "linux") { 2 } else { 1 }) {
            eventually("the tool has ended", || (!kill(&["-0", pid])).then_some(()));
        }
        assert_eq!(std::fs::read_dir(home.join("tmp")).unwrap().count(), 0);
        std::fs::remove_file(home.join("bin/claude.pid")).unwrap();
    }
}
