//! Tools go to their vendors and come back, whatever happens in between.

use std::time::Instant;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw::{exchange, get, post};
use aigw_tests::scene::Scene;
use serde_json::{Value, json};

use crate::{CLAUDE, CODEX, Snapshot, put, read, same, snapshot};

const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
const SETUP: &[&str] = &["setup", "claude-code", "codex", "pi", "--yes"];

/// The tools' files, without what is aigw's own.
fn tools(machine: &Machine) -> Snapshot {
    let ours = ["state", "run", "config", "cache", "log", "practice-ca.pem"];
    snapshot(machine.home(), &ours.map(|name| machine.home().join(name)))
}

fn code(machine: &Machine, words: &[&str]) -> (i32, String) {
    let output = machine.ctl(&[words, &["--json"]].concat());
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
    (
        output.status.code().unwrap(),
        format!("{} {} {}", answer["error"]["code"], answer["error"]["text"], answer["error"]["cure"]),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_go_to_their_vendors_and_come_back_with_the_same_keys() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    for (file, text) in [CLAUDE, CODEX] {
        put(&scene.machine, file, text);
    }
    let before = tools(&scene.machine);
    scene.machine.ask(SETUP);
    let after = tools(&scene.machine);
    let key = scene.machine.key("claude-code");
    let ask = |address: &str, path: &str| exchange(address, post(address, path, &key, &[], MESSAGES));
    assert_eq!(ask(scene.address(), "/anthropic/v1/messages").status, 200);

    let paused = scene.machine.ask(&["pause"]);
    assert_eq!((&paused["paused"], &paused["daemon_running"]), (&true.into(), &true.into()));
    let names: Vec<_> = paused["tools"].as_array().unwrap().iter().map(|row| row["tool"].clone()).collect();
    assert_eq!(names, ["claude-code", "codex", "pi"]);
    same(&tools(&scene.machine), &before);
    // Whoever still has the old address is told so, in its own dialect, and nobody else hears of it.
    scene.gateway.forget_requests();
    for (path, field) in [("/anthropic/v1/messages", "type"), ("/openai/v1/responses", "error")] {
        let answer = ask(scene.address(), path);
        assert_eq!((answer.status, answer.error()), (403, Some("paused")), "{}", answer.text());
        let body: Value = serde_json::from_str(&answer.text()).unwrap();
        assert!(!body[field].is_null(), "{body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("paused since 20") && message.contains("`aigwctl resume`"), "{message}");
    }
    assert!(scene.gateway.requests().is_empty());
    let ready = |scene: &Scene| exchange(scene.address(), get(scene.address(), "/readyz", "", &[])).status;
    assert_eq!(ready(&scene), 503);
    assert_eq!(scene.machine.findings(), ["paused"]);
    let shown = told(&scene.machine.ctl(&[]));
    assert!(shown.contains("Next: aigwctl resume") && shown.contains("paused since"), "{shown}");
    let explained = scene.machine.ask(&["explain", "https://api.anthropic.com/v1/messages"]);
    assert!(explained["steps"].to_string().contains("aigw is paused"), "{explained}");
    let doctor: Value = serde_json::from_slice(&scene.machine.ctl(&["doctor", "--json"]).stdout).unwrap();
    assert!(doctor["checks"].to_string().contains("put back by `aigwctl pause`"), "{doctor:#}");

    // What makes no sense now says so, and touches nothing.
    for words in [&["setup", "codex", "--yes"][..], &["env"], &["setup", "opencode", "--yes"]] {
        let (code, text) = code(&scene.machine, words);
        assert!(
            code == 1 && text.contains("\"paused\"") && text.contains("`aigwctl resume`"),
            "{words:?}: {code} {text}"
        );
    }
    // Again is the same as once, and it outlives the daemon.
    assert_eq!(scene.machine.ask(&["pause"])["since"], paused["since"]);
    scene.restart();
    assert_eq!(scene.machine.findings(), ["paused"]);
    // Somebody wants one of them never again.
    scene.machine.ask(&["undo", "pi", "--yes"]);
    same(&tools(&scene.machine), &before);

    let resumed = scene.machine.ask(&["resume"]);
    assert_eq!(resumed["paused"], false);
    assert_eq!(resumed["tools"].as_array().unwrap().len(), 2, "{resumed}");
    assert!(scene.machine.findings().is_empty() && ready(&scene) == 200);
    assert_eq!(ask(scene.address(), "/anthropic/v1/messages").status, 200, "the key is the same");
    assert!(!scene.machine.home().join(".pi").exists());
    scene.machine.ask(SETUP);
    let without_port = |all: &Snapshot| -> Vec<String> {
        all.values()
            .map(|(text, mode)| format!("{mode:o} {}", portless(&String::from_utf8_lossy(text))))
            .collect()
    };
    let now = tools(&scene.machine);
    assert_eq!(now.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let differ: Vec<_> =
        without_port(&now).into_iter().zip(without_port(&after)).filter(|(now, then)| now != then).collect();
    // The one that was undone has another key by now.
    assert!(differ.len() == 1 && differ[0].0.contains("aigw_pi_"), "{differ:#?}");
    scene.machine.ask(&["undo", "--all", "--yes"]);
    same(&tools(&scene.machine), &before);
    // Nothing to end is no failure.
    assert_eq!(scene.machine.ask(&["resume"])["tools"], json!([]));
}

/// The daemon's port is another after each start.
fn portless(text: &str) -> String {
    let mut parts = text.split("http://127.0.0.1:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + "http://" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn a_daemon_that_is_broken_is_no_hindrance() {
    let machine = machine!();
    put(&machine, CODEX.0, CODEX.1);
    let before = tools(&machine);
    let daemon = machine.start();
    machine.ask(&["setup", "codex", "--yes"]);
    let after = read(&machine, CODEX.0);
    assert!(daemon.stop().success());
    machine.configure("nonsense = 1\n");
    assert_eq!(machine.ask(&["pause"])["daemon_running"], false);
    same(&tools(&machine), &before);
    let (exit, text) = code(&machine, &["resume"]);
    assert!(exit == 69 && text.contains("`aigwctl start`, then `aigwctl resume`"), "{text}");
    machine.configure("");
    let _daemon = machine.start();
    assert_eq!(machine.findings(), ["paused"]);
    machine.ask(&["resume"]);
    assert_eq!(portless(&read(&machine, CODEX.0)), portless(&after));
}

#[test]
fn settings_may_forbid_it() {
    let machine = machine!();
    let _daemon = machine.start();
    machine.ask(&["setup", "codex", "--yes"]);
    let after = tools(&machine);
    machine.configure("[policy]\nallow_pause = false\n");
    // Whether the daemon has heard of it or not.
    for _ in 0..2 {
        let (exit, text) = code(&machine, &["pause"]);
        assert!(exit == 77 && text.contains("policy.allow_pause is false"), "{exit} {text}");
        same(&tools(&machine), &after);
        assert!(!machine.findings().contains(&"paused".to_owned()));
        machine.ask(&["reload"]);
    }
    // Nor does one that was begun before go on.
    machine.configure("");
    machine.ask(&["reload"]);
    machine.ask(&["pause"]);
    machine.configure("[policy]\nallow_pause = false\n");
    machine.ask(&["reload"]);
    assert!(!machine.findings().contains(&"paused".to_owned()));
    assert!(told(&machine.ctl(&[])).contains("Next: aigwctl resume"));
    machine.ask(&["resume"]);
    same(&tools(&machine), &after);
}

#[test]
fn killed_at_any_moment_the_next_run_completes_it() {
    let machine = machine!();
    let _daemon = machine.start();
    for (file, text) in [CLAUDE, CODEX] {
        put(&machine, file, text);
    }
    let before = tools(&machine);
    machine.ask(SETUP);
    let after = tools(&machine);
    let begun = Instant::now();
    machine.ask(&["pause"]);
    machine.ask(&["resume"]);
    let took = begun.elapsed() / 2;
    let mut kills = 0;
    for moment in 0..300_u32 {
        if kills >= 20 {
            same(&tools(&machine), &after);
            machine.ask(&["undo", "--all", "--yes"]);
            same(&tools(&machine), &before);
            return;
        }
        let at = took * (moment * 7 % 20) / 20;
        kills += u32::from(machine.ctl_killed(&["pause"], at));
        if moment % 2 == 0 {
            // Given up.
            machine.ask(&["resume"]);
            same(&tools(&machine), &after);
            continue;
        }
        machine.ask(&["pause"]);
        same(&tools(&machine), &before);
        kills += u32::from(machine.ctl_killed(&["resume"], at));
        if moment % 3 == 0 {
            machine.ask(&["pause"]);
            same(&tools(&machine), &before);
        }
        machine.ask(&["resume"]);
        same(&tools(&machine), &after);
    }
    panic!("killed at work {kills} times only");
}

/// The calls that change a disk. Killed before each one of each.
#[cfg(feature = "root")]
#[test]
fn killed_at_each_write_the_next_run_completes_it() {
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, CODEX.0, CODEX.1);
    let before = tools(&machine);
    machine.ask(&["setup", "codex", "pi", "--yes"]);
    let after = tools(&machine);
    let mut kills = 0;
    for call in
        ["rename", "renameat", "renameat2", "fsync", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir"]
    {
        for count in 1.. {
            let pause = killed_at(&machine, "pause", call, count);
            machine.ask(&["pause"]);
            same(&tools(&machine), &before);
            let resume = killed_at(&machine, "resume", call, count);
            if count % 2 == 0 {
                machine.ask(&["pause"]);
                same(&tools(&machine), &before);
            }
            machine.ask(&["resume"]);
            same(&tools(&machine), &after);
            kills += u32::from(pause) + u32::from(resume);
            if !pause && !resume {
                break;
            }
        }
    }
    assert!(kills > 20, "killed {kills} times");
}

/// Runs it under strace, which kills it at this call of this kind.
#[cfg(feature = "root")]
fn killed_at(machine: &Machine, word: &str, call: &str, count: u32) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={count}");
    let output = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject])
        .args([env!("CARGO_BIN_EXE_aigwctl_under_test"), word])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(["HOME", "AIGW_HOME", "XDG_RUNTIME_DIR"].map(|name| (name, machine.home())))
        .output()
        .expect("strace");
    // It dies as what it traced has died.
    let ended = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert!(ended == Some(9) || output.status.success(), "{}", told(&output));
    ended == Some(9)
}
