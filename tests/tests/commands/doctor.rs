//! `doctor`: what it looks at, what it says of it, and how it ends.

use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use aigw_gateway::{Certificate, Practice, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{json, names};

/// What `doctor --json` says, which ends with this exit code.
#[track_caller]
fn doctor(machine: &Machine, more: &[&str], exit: i32) -> Value {
    let output = machine.ctl(&[&["doctor", "--json"], more].concat());
    assert_eq!(output.status.code(), Some(exit), "{}\n{}", told(&output), machine.log());
    json(&output)
}

/// State and text of each line of a check.
fn lines<'a>(report: &'a Value, check: &str) -> Vec<(&'a str, &'a str)> {
    let lines = report["checks"].as_array().unwrap().iter().filter(|line| line["check"] == check);
    lines.map(|line| (line["state"].as_str().unwrap(), line["text"].as_str().unwrap())).collect()
}

/// The one line of a check that is in this state; returned are its text and cure.
#[track_caller]
fn only<'a>(report: &'a Value, check: &str, state: &str) -> (&'a str, &'a str) {
    let all = report["checks"].as_array().unwrap();
    let mut lines = all.iter().filter(|line| line["check"] == check && line["state"] == state);
    let line = lines.next().unwrap_or_else(|| panic!("no {state} of {check}: {report}"));
    assert!(lines.next().is_none(), "{report}");
    (line["text"].as_str().unwrap(), line["cure"].as_str().unwrap_or_default())
}

fn tls() -> Setup {
    Setup { tls: true, ..Setup::default() }
}

fn shown(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_every_check_says_so() {
    let scene = Scene::set(machine!(), tls()).await;
    let report = doctor(&scene.machine, &[], 0);
    assert_eq!(names(&report), ["checks", "fixed", "proofs", "schema", "summary"]);
    assert_eq!(names(&report["summary"]), ["errors", "ok", "skipped", "warnings"]);
    let all = report["checks"].as_array().unwrap();
    for line in all {
        assert_eq!(names(line), ["check", "cure", "state", "text"]);
        assert!(!line["text"].as_str().unwrap().is_empty(), "{line}");
    }
    let counted = report["summary"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    assert_eq!(counted.sum::<u64>(), all.len() as u64);
    for check in [
        "daemon",
        "version",
        "socket",
        "port",
        "access",
        "login",
        "gateway",
        "clock",
        "no-proxy",
        "environment",
        "files",
        "findings",
    ] {
        let lines = lines(&report, check);
        assert!(!lines.is_empty() && lines.iter().all(|(state, _)| *state == "ok"), "{check}: {report}");
    }
    let steps: Vec<&str> = lines(&report, "gateway")
        .iter()
        .map(|(_, text)| text.strip_prefix("default: ").unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(steps, ["name", "tcp", "tls", "prefix", "token", "entitlement"]);
    let tls = lines(&report, "gateway")[2].1;
    assert!(tls.contains("certificate that holds, which \""), "{tls}");

    let output = scene.machine.ctl(&["doctor"]);
    let text = shown(&output);
    assert!(output.status.success() && text.contains("0 errors, 0 warnings; "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("ok        daemon: aigwd ")), "{text}");
    assert!(!text.contains(&scene.token) && !report.to_string().contains(&scene.token));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_open_the_port_further_are_told() {
    let machine = machine!();
    machine.configure("[listen]\nshare = true\nkeyless = true\n");
    let _daemon = machine.start();
    let report = doctor(&machine, &[], 1);
    let access = lines(&report, "access");
    assert_eq!(access.len(), 2, "{report}");
    assert!(access.iter().all(|(state, _)| *state == "warning"), "{access:?}");
    assert!(access[0].1.contains("other users") && access[1].1.contains("without a local key"), "{access:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_that_is_said_once_and_mended_on_request() {
    let built = machine!();
    // Alone in its folder: beside the one that was built there may be an aigwd of another build, which would go first.
    let alone = built.home().join("aigwctl");
    let copied = std::process::Command::new("install").arg(built.aigwctl()).arg(&alone).status();
    assert!(copied.unwrap().success());
    let aigwd = built.aigwd(&[]).get_program().to_owned();
    let mut machine = Machine::new(aigwd.to_str().unwrap(), alone.to_str().unwrap());
    machine.configure("[listen]\nport = 0\n");
    let report = doctor(&machine, &[], 1);
    let (text, cure) = only(&report, "daemon", "error");
    assert!(text.contains("not running") && cure.contains("aigwctl start"), "{report}");
    for check in ["version", "socket", "service", "login", "gateway", "ca", "findings"] {
        only(&report, check, "skipped");
    }
    assert_eq!(report["summary"]["errors"], 1);

    std::os::unix::fs::symlink(aigwd, machine.home().join("aigwd")).unwrap();
    let path = format!("{}:{}", machine.home().display(), std::env::var("PATH").unwrap());
    machine.set("PATH", &path);
    // Nobody is logged in yet.
    let report = doctor(&machine, &["--fix"], 1);
    let fixed = report["fixed"][0].as_str().unwrap_or_else(|| panic!("{report}"));
    assert!(fixed.starts_with("started aigwd, pid "), "{fixed}");
    only(&report, "daemon", "ok");
    only(&report, "login", "error");
    assert_eq!(doctor(&machine, &["--fix"], 1)["fixed"], Value::Array(Vec::new()), "it runs");
    machine.ask(&["stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_gateway_that_is_away_the_step_that_fails_is_named() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.stop().await;
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "gateway", "error");
    assert!(text.starts_with("default: tcp: ") && text.contains("cannot be reached"), "{text}");
    assert!(!cure.is_empty());
    assert_eq!(lines(&report, "gateway").len(), 2, "no step after it: {report}");
    only(&report, "daemon", "ok");
    let output = scene.machine.ctl(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(shown(&output).contains("\nerror     gateway: default: tcp: "), "{}", shown(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_certificate_that_is_not_trusted_the_issuer_is_named() {
    let setup = Setup { certificate: Certificate::UntrustedRoot, ..tls() };
    let gateway = Practice::start(setup).await.unwrap();
    let machine = machine!();
    machine.configure(&format!("[gateway.default]\nurl = {:?}\n", gateway.url()));
    let _daemon = machine.start();
    let report = doctor(&machine, &[], 1);
    let (text, cure) = only(&report, "gateway", "error");
    assert!(text.starts_with("default: tls: ") && text.contains("not trusted here; \""), "{text}");
    assert!(text.ends_with("issued it") && cure.contains("--ca-file"), "{text}: {cure}");
    assert!(gateway.requests().is_empty(), "nothing was said to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_has_ended_is_told_with_what_mends_it() {
    let gateway = Practice::start(tls()).await.unwrap();
    gateway.change(|behaviour| behaviour.minting_refused = true);
    gateway.change(|behaviour| behaviour.sessions_never_slide = true);
    let machine = machine!();
    let _daemon = machine.start();
    let token = gateway.issue_token("ada", Duration::from_secs(5));
    let output = machine.log_in_with(&gateway, &token, &[]);
    assert!(output.status.success(), "{}", told(&output));
    let report = eventually("the login has ended, here and there", || {
        let report = json(&machine.ctl(&["doctor", "--json"]));
        let ended = |check| lines(&report, check).iter().any(|(state, _)| *state == "error");
        (ended("login") && ended("gateway")).then_some(report)
    });
    assert_eq!(machine.ctl(&["doctor"]).status.code(), Some(1));
    let (text, cure) = only(&report, "login", "error");
    assert!(text.contains("ended") && cure == "aigwctl login --name default", "{text}: {cure}");
    let (text, _) = only(&report, "gateway", "error");
    assert!(text.starts_with("default: token: "), "{text}");
    assert!(!report.to_string().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_others_may_use_is_told_and_the_ca_is_looked_at_once_there_is_one() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::set(machine!(), tls()).await;
    let none = doctor(&scene.machine, &[], 0);
    assert!(only(&none, "ca", "skipped").0.contains("none yet"), "{none}");
    scene.machine.root_pem();
    let report = doctor(&scene.machine, &[], 0);
    assert!(only(&report, "ca", "ok").0.contains("it ends "), "{report}");
    assert!(only(&report, "ca", "skipped").0.contains("no trust store"), "{report}");

    let socket = scene.machine.home().join("run/control.sock");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "socket", "error");
    assert!(text.contains("its mode is 666") && !cure.is_empty(), "{text}: {cure}");
}

#[test]
fn another_program_on_our_port_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let machine = machine!();
    machine.configure(&format!("[listen]\nport = {port}\n"));
    let report = doctor(&machine, &[], 1);
    let (text, cure) = only(&report, "port", "error");
    assert!(text.contains(&format!("port {port}")) && cure.contains("listen.port"), "{text}: {cure}");
    if cfg!(target_os = "linux") {
        assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");
    }
    drop(other);
    only(&doctor(&machine, &[], 1), "port", "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_variable_wants_exceptions_for_this_machine() {
    let mut scene = Scene::set(machine!(), tls()).await;
    scene.machine.set("HTTPS_PROXY", "http://proxy.example:3128");
    scene.machine.set("no_proxy", "corp.example,localhost");
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "no-proxy", "warning");
    assert!(text.contains("HTTPS_PROXY") && text.ends_with("lacks 127.0.0.1, ::1"), "{text}");
    assert!(cure.contains("aigwctl env"), "{cure}");
    scene.machine.set("NO_PROXY", "127.0.0.1,::1");
    only(&doctor(&scene.machine, &[], 0), "no-proxy", "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_lead_astray_are_named_and_never_shown() {
    let mut scene = Scene::set(machine!(), tls()).await;
    let token = scene.gateway.issue_token("ada", Duration::from_secs(3600));
    scene.machine.set("OPENAI_API_KEY", &token);
    let report = doctor(&scene.machine, &[], 1);
    let (text, _) = only(&report, "environment", "warning");
    assert!(text.contains("OPENAI_API_KEY"), "{text}");
    for output in [scene.machine.ctl(&["doctor"]), scene.machine.ctl(&["doctor", "--json"])] {
        assert!(!told(&output).contains(&token));
    }

    scene.machine.set("OPENAI_API_KEY", "sk-of-another-program");
    // Of some other program on this machine, which is nothing of ours.
    scene.machine.set("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let here = format!("http://{}/anthropic", scene.address());
    scene.machine.set("ANTHROPIC_BASE_URL", &here);
    let key = scene.key.clone();
    scene.machine.set("ANTHROPIC_AUTH_TOKEN", &key);
    only(&doctor(&scene.machine, &[], 0), "environment", "ok");

    scene.machine.set("ANTHROPIC_BASE_URL", "http://127.0.0.1:1/anthropic");
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "environment", "error");
    assert!(text.contains("ANTHROPIC_BASE_URL") && text.contains("port 1,"), "{text}");
    assert!(cure.contains("aigwctl env"), "{cure}");
    assert!(!report.to_string().contains(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_leads_to_an_old_port_is_told_and_mended_on_request() {
    let mut scene = Scene::set(machine!(), tls()).await;
    only(&doctor(&scene.machine, &[], 0), "tools", "skipped");
    scene.machine.ask(&["setup", "codex", "--yes"]);
    only(&doctor(&scene.machine, &[], 0), "tools", "ok");

    let file = scene.machine.home().join(".codex/config.toml");
    let old = format!("127.0.0.1:{}", scene.daemon.port);
    scene.restart();
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "tools", "error");
    assert!(text.contains(&old[10..]) && cure == "aigwctl setup codex", "{text}: {cure}");
    assert!(std::fs::read_to_string(&file).unwrap().contains(&old), "nothing changes unasked");
    let report = doctor(&scene.machine, &["--fix"], 0);
    assert_eq!(report["fixed"], serde_json::json!(["codex leads to aigwd again"]));
    only(&report, "tools", "ok");

    // What somebody has changed since is theirs.
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(scene.address()) && !text.contains(&old), "{text}");
    let text = text.replace(scene.address(), "127.0.0.1:9");
    std::fs::write(&file, &text).unwrap();
    let report = doctor(&scene.machine, &["--fix"], 1);
    assert!(only(&report, "tools", "warning").0.contains("is not what setup wrote"), "{report}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    std::fs::remove_file(&file).unwrap();
    assert!(only(&doctor(&scene.machine, &[], 1), "tools", "warning").0.ends_with("is gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_without_the_right_to_a_gateway_is_told() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.not_entitled = true);
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "gateway", "error");
    assert!(text.starts_with("default: entitlement: ") && cure.contains("administrator"), "{text}: {cure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_users_files_that_lead_astray_are_named_and_never_shown() {
    let scene = Scene::set(machine!(), tls()).await;
    let home = scene.machine.home();
    let token = scene.gateway.issue_token("ada", Duration::from_secs(3600));
    let here = format!("export ANTHROPIC_BASE_URL=http://{}/anthropic\n", scene.address());
    std::fs::write(home.join(".profile"), &here).unwrap();
    std::fs::create_dir_all(home.join(".config/fish/conf.d")).unwrap();
    only(&doctor(&scene.machine, &[], 0), "files", "ok");

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    std::fs::write(home.join(".profile"), format!("\nexport A={token}\n")).unwrap();
    let url = format!("set -gx OPENAI_BASE_URL http://localhost:{port}/openai/v1\n");
    std::fs::write(home.join(".config/fish/conf.d/ai.fish"), url).unwrap();
    let report = doctor(&scene.machine, &[], 1);
    let (text, cure) = only(&report, "files", "warning");
    let place = home.join(".profile").display().to_string();
    assert!(text.starts_with(&format!("{place}:2 holds a deployment's token")), "{text}");
    assert!(cure.contains("revoke"), "{cure}");
    let (text, _) = only(&report, "files", "error");
    assert!(text.contains(&format!("ai.fish:1 leads to port {port}, where ")), "{text}");
    assert!(text.contains("listens, and not aigwd") || !cfg!(target_os = "linux"), "{text}");
    for output in [scene.machine.ctl(&["doctor"]), scene.machine.ctl(&["doctor", "--json"])] {
        assert!(!told(&output).contains(&token));
    }
}

/// On a terminal each line is there as soon as its check has ended; what comes after the last redrawing is the same text that
/// everybody else gets.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_sees_the_checks_end_and_nobody_else_sees_orders_to_one() {
    let scene = Scene::set(machine!(), tls()).await;
    let plain = shown(&scene.machine.ctl(&["doctor"]));
    assert!(!plain.contains('\u{1b}') && !plain.contains('\r'), "{plain}");
    let ctl = env!("CARGO_BIN_EXE_aigwctl_under_test");
    let output = std::process::Command::new("script")
        .args(["-qec", &format!("exec {ctl} doctor"), "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "xterm")
        .env("HOME", scene.machine.home())
        .env("AIGW_HOME", scene.machine.home())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let seen = shown(&output);
    assert!(seen.contains("\r\u{1b}[K"), "{seen:?}");
    assert!(seen.contains("...       daemon, version"), "{seen:?}");
    // As the terminal shows it in the end: of each line what stands behind its last clearing, without colours.
    let mut left = Vec::new();
    for line in seen.replace("\r\n", "\n").lines() {
        let line = line.rsplit("\u{1b}[K").next().unwrap_or_default();
        left.push(without_orders(line));
    }
    let end: Vec<_> = left.iter().map(|line| check_of(line)).collect();
    let all: Vec<_> = plain.lines().map(check_of).collect();
    assert_eq!(end, all, "{seen:?}");
}

/// The text of a line without colours and the like.
fn without_orders(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let text = part.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &part[end + 1..]);
        all + text
    })
}

/// State and check of a line: some words after them count seconds.
fn check_of(line: &str) -> String {
    line.split(':').next().unwrap_or_default().to_owned()
}
