//! `run`: a command finds its way to the gateway, its key ends with it, and terminal, signals and exit code are its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use aigw_gateway::Setup;
use aigw_tests::eventually::eventually;
use aigw_tests::scene::Scene;
use aigw_tests::{machine, raw};

use crate::{MESSAGES, failed, text};

/// A command that says its key and its process, and runs until it is ended.
const LASTING: [&str; 5] =
    ["run", "--", "sh", "-c", r#"echo "$ANTHROPIC_AUTH_TOKEN"; echo "$$"; exec sleep 1000"#];

/// A command that has begun, and what it says line by line.
struct Begun {
    ctl: Child,
    says: BufReader<ChildStdout>,
}

impl Begun {
    fn new(scene: &Scene, words: &[&str]) -> Self {
        let mut ctl = scene.machine.ctl_begun(words);
        let says = BufReader::new(ctl.stdout.take().unwrap());
        Self { ctl, says }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn code(&mut self) -> Option<i32> {
        eventually("aigwctl ends", || self.ctl.try_wait().unwrap()).code()
    }
}

fn kill(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), pid]).status().unwrap().success());
}

fn status(scene: &Scene, key: &str) -> u16 {
    let message = raw::post(scene.address(), "/anthropic/v1/messages", key, &[], MESSAGES);
    raw::exchange(scene.address(), message).status
}

/// Every file below a folder, but for the log.
fn snapshot(folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            snapshot(&path, into);
        }
        let log = path.file_name().is_some_and(|name| name == "log");
        let bytes = if kind.is_file() && !log { std::fs::read(&path).unwrap() } else { Vec::new() };
        into.insert(path.display().to_string(), bytes);
    }
}

fn files(scene: &Scene) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    snapshot(scene.machine.home(), &mut all);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_the_gateway_by_either_door_and_nothing_is_written() {
    let mut machine = machine!();
    machine.set("BODY", MESSAGES);
    let scene = Scene::set(machine, Setup::default()).await;
    // The files of certificates belong to the daemon and are there from the first time on.
    scene.machine.ask(&["env", "--proxy"]);
    let (before, keys) = (files(&scene), scene.machine.ask(&["keys"]));
    let curl = r#"exec curl -sS -f -H "authorization: Bearer ${ANTHROPIC_AUTH_TOKEN-own}" \
        -H 'content-type: application/json' -d "$BODY" "${ANTHROPIC_BASE_URL-https://api.anthropic.com}/v1/messages""#;
    for mode in [&["run"][..], &["run", "--mode", "base-url"], &["run", "--mode", "proxy"]] {
        scene.gateway.forget_requests();
        let answer = text(&scene.machine.ctl(&[mode, &["--", "sh", "-c", curl]].concat()));
        assert!(answer.contains(r#""type":"message""#), "{mode:?}: {answer}");
        assert!(scene.only_request().path.ends_with("/anthropic/v1/messages"), "{mode:?}");
    }
    assert_eq!(scene.machine.ask(&["keys"]), keys);
    let after = files(&scene);
    let changed: Vec<&String> = after
        .iter()
        .filter(|(name, bytes)| before.get(*name) != Some(bytes))
        .map(|(name, _)| name)
        .chain(before.keys().filter(|name| !after.contains_key(*name)))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_ends_with_the_command_and_with_aigwctl() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let keys = scene.machine.ask(&["keys"]);
    for killed in [false, true] {
        let mut begun = Begun::new(&scene, &LASTING);
        let mut other = Begun::new(&scene, &LASTING);
        let (key, pid) = (begun.line(), begun.line());
        let (other_key, other_pid) = (other.line(), other.line());
        assert_ne!(key, other_key);
        assert!(key.starts_with("aigw_run-"), "{key}");
        assert_eq!((status(&scene, &key), status(&scene, &other_key)), (200, 200));
        assert_eq!(
            scene.machine.ask(&["keys"])["keys"].as_array().map(Vec::len),
            keys["keys"].as_array().map(Vec::len)
        );
        if killed {
            kill("KILL", &begun.ctl.id().to_string());
            assert_eq!(begun.code(), None);
        } else {
            kill("TERM", &pid);
            assert_eq!(begun.code(), Some(143));
        }
        eventually("the key is no longer valid", || (status(&scene, &key) == 403).then_some(()));
        assert_eq!(status(&scene, &other_key), 200);
        if killed {
            kill("KILL", &pid);
        }
        kill("KILL", &other_pid);
        assert_eq!(other.code(), Some(137));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_commands_run_at_once_than_conversations_are_held() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let mut all: Vec<(Begun, String)> = Vec::new();
    for _ in 0..40 {
        let mut begun = Begun::new(&scene, &LASTING);
        let key = begun.line();
        assert_eq!(status(&scene, &key), 200);
        let pid = begun.line();
        all.push((begun, pid));
    }
    for (mut begun, pid) in all {
        kill("KILL", &pid);
        assert_eq!(begun.code(), Some(137));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_commands_own() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    let plain = scene.machine.home().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o644)).unwrap();
    let plain = plain.to_str().unwrap();
    for (words, code) in [
        (&["--", "true"][..], 0),
        (&["sh", "-c", "exit 3"], 3),
        (&["--", "sh", "-c", "exit 255"], 255),
        (&["--", "sh", "-c", "kill -9 $$"], 137),
        (&["--", "sh", "-c", "kill -INT $$"], 130),
    ] {
        let output = scene.machine.ctl(&[&["run"], words].concat());
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(code), &b""[..]), "{words:?}");
    }
    // What follows the command is the command's.
    assert_eq!(text(&scene.machine.ctl(&["run", "echo", "--json", "--mode", "x"])), "--json --mode x\n");
    for (program, code, name) in [
        ("no-such-command", 127, "command-missing"),
        (plain, 126, "command-not-executable"),
        ("/", 126, "command-not-executable"),
    ] {
        assert_eq!(failed(&scene.machine.ctl(&["run", "--json", "--", program])), (code, name.to_owned()));
        let output = scene.machine.ctl(&["run", "--", program]);
        assert!(String::from_utf8(output.stderr).unwrap().contains(program));
    }
    assert_eq!(
        failed(&scene.machine.ctl(&["run", "--json", "--gateway", "no", "true"])),
        (2, "usage".to_owned())
    );
    scene.daemon.signal("TERM");
    scene.daemon.ended();
    assert_eq!(failed(&scene.machine.ctl(&["run", "--json", "true"])), (69, "daemon-not-running".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_to_aigwctl_reach_the_command() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    for signal in ["TERM", "HUP", "INT", "QUIT", "USR1", "USR2"] {
        let script =
            format!("trap 'echo {signal}; exit 7' {signal}; echo ready; while :; do sleep 0.05; done");
        let mut begun = Begun::new(&scene, &["run", "--", "sh", "-c", &script]);
        assert_eq!(begun.line(), "ready");
        kill(signal, &begun.ctl.id().to_string());
        assert_eq!((begun.line().as_str(), begun.code()), (signal, Some(7)));
    }
    // What was ignored before stays so.
    let ctl = env!("CARGO_BIN_EXE_aigwctl_under_test");
    let script = format!("trap '' HUP; exec {ctl} run -- sh -c 'kill -HUP $PPID $$; echo alive'");
    assert_eq!(text(&scene.machine.ctl(&["run", "--", "sh", "-c", &script])), "alive\n");
}

/// Runs a command on a terminal of `script` that is given up to it, presses Ctrl-C there, waits for what it says then if it is
/// to hear of that, and types "hello". Returned is what the command said.
fn on_terminal(scene: &Scene, before: &str, hears: bool) -> Vec<String> {
    let file = scene.machine.home().join("on-terminal");
    // It looks for the interrupt again and again: one that comes just before a `read` would not end that. The pause is for an
    // interrupt that must not come.
    let until_heard = if hears { "until test \"$heard\"; do sleep 0.02; done" } else { "" };
    let script = format!(
        r#"trap 'echo interrupted; heard=1' INT; trap 'echo resized' WINCH
        test -t 0 && test -t 1 && test -t 2 && echo terminal
        stty cols 77; stty -echo; echo ready
        {until_heard}
        read -r line; sleep 0.5; echo "got $line"; exit 5"#
    );
    let ctl = env!("CARGO_BIN_EXE_aigwctl_under_test");
    let command = format!("exec {ctl} run -- {before} sh -c '{}'\n", script.replace('\'', r"'\''"));
    std::fs::write(&file, command).unwrap();
    let mut child = Command::new("script")
        .args(["-qec", &format!("exec sh {}", file.display()), "/dev/null"])
        .env("AIGW_HOME", scene.machine.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut types = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| line.unwrap().trim().trim_start_matches("^C").to_owned());
    let mut said: Vec<String> = lines.by_ref().take_while(|line| line != "ready").collect();
    types.write_all(b"\x03").unwrap();
    if hears {
        let heard = lines.by_ref().next();
        said.extend(heard);
    }
    types.write_all(b"hello\n").unwrap();
    said.extend(lines);
    assert_eq!(child.wait().unwrap().code(), Some(5), "{said:?}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_the_commands_and_its_interrupt_is_not_passed_on_again() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    assert_eq!(on_terminal(&scene, "", true), ["terminal", "resized", "interrupted", "got hello"]);
    // A command that has left the terminal's group hears only what we tell it.
    assert_eq!(on_terminal(&scene, "setsid", false), ["terminal", "got hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_trusted_and_excepted_before_stays() {
    let mut machine = machine!();
    let own = machine.home().join("own.pem");
    machine.set("NODE_EXTRA_CA_CERTS", own.to_str().unwrap());
    machine.set("no_proxy", "corp.example");
    machine.set("OWN", "stays");
    let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
    let theirs = scene.gateway.ca_pem();
    std::fs::write(&own, theirs).unwrap();
    let show = r#"echo "$NO_PROXY $no_proxy $OWN"; cat "$NODE_EXTRA_CA_CERTS" "$SSL_CERT_FILE""#;
    let shown = text(&scene.machine.ctl(&["run", "--mode", "proxy", "--", "sh", "-c", show]));
    let exceptions = "corp.example,127.0.0.1,localhost,::1";
    assert_eq!(shown.lines().next(), Some(format!("{exceptions} {exceptions} stays").as_str()));
    let squeezed = |pem: &str| pem.split_whitespace().collect::<String>();
    for pem in [theirs, &scene.machine.root_pem()] {
        assert_eq!(squeezed(&shown).matches(&squeezed(pem)).count(), 2, "{shown}");
    }
}
