//! `start`, `stop` and `reload` for a machine without a service manager, and what each command says when there is no
//! daemon.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use aigw_gateway::{Ending, Setup};
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, failed, names, text};

const AIGWD: &str = env!("CARGO_BIN_EXE_aigwd_under_test");

/// Nobody else ends what `start` began.
struct Started<'a>(&'a Machine);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        self.0.ctl(&["stop"]);
    }
}

#[test]
fn start_and_stop_where_no_service_does_it() {
    let mut machine = machine!();
    machine.set("AIGW_LISTEN_PORT", "0");
    let machine = &machine;
    let _started = Started(machine);
    let first = machine.ask(&["start", "--aigwd", AIGWD]);
    assert_eq!(names(&first), ["already_running", "by_service", "listen", "log", "pid", "schema", "version"]);
    assert_eq!(first["already_running"], false);
    // It has its own life: the next one finds it.
    let again = machine.ask(&["start", "--aigwd", AIGWD]);
    assert_eq!((&again["already_running"], &again["pid"]), (&true.into(), &first["pid"]));
    assert!(text(&machine.ctl(&["start"])).contains("already running"));
    let address = first["listen"][0].as_str().unwrap();
    assert_eq!(machine.ask(&["status"])["daemon"]["listen"], first["listen"]);
    let answer = raw::exchange(address, format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    assert_eq!(answer.status, 200);
    let log = std::fs::metadata(first["log"].as_str().unwrap()).unwrap();
    assert_eq!((log.permissions().mode() & 0o777, log.len() > 0), (0o600, true));

    let stopped = machine.ask(&["stop"]);
    assert_eq!((&stopped["was_running"], &stopped["stopped"]), (&true.into(), &true.into()));
    assert_eq!(failed(&machine.ctl(&["status", "--json"])), (69, "daemon-not-running".to_owned()));
    assert_eq!(machine.ask(&["stop"])["was_running"], false);
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// In a shell that was set up for tools, the bundle with this machine's CA is none of the daemon's.
#[test]
fn a_started_daemon_does_not_trust_its_own_ca() {
    for (file, kept) in [("state/ca/bundle.pem", false), ("company.pem", true)] {
        let mut machine = machine!();
        machine.set("AIGW_LISTEN_PORT", "0");
        let file = machine.home().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        machine.set("SSL_CERT_FILE", file.to_str().unwrap());
        let _started = Started(&machine);
        let pid = machine.ask(&["start", "--aigwd", AIGWD])["pid"].clone();
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        assert_eq!(String::from_utf8_lossy(&environment).contains("SSL_CERT_FILE="), kept);
    }
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let mut machine = machine!();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    machine.configure(&format!("[listen]\nport = {port}\n"));
    let output = machine.ctl(&["start", "--aigwd", AIGWD, "--json"]);
    assert_eq!(failed(&output).0, 1, "{}", told(&output));
    assert!(told(&output).contains(&port.to_string()), "{}", told(&output));
    machine.set("AIGW_LISTEN_PORT", "many");
    let output = machine.ctl(&["start", "--aigwd", AIGWD, "--json"]);
    assert_eq!(failed(&output), (64, "bad-configuration".to_owned()));
    assert!(told(&output).contains("AIGW_LISTEN_PORT"), "{}", told(&output));
    let output = machine.ctl(&["start", "--aigwd", "/no/such/aigwd", "--json"]);
    assert_eq!(failed(&output), (70, "impossible".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_waits_for_a_stream_and_says_so() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    scene.gateway.change(|behaviour| {
        behaviour.stream.ending = Ending::Endless;
        behaviour.stream.gap = Duration::from_millis(20);
    });
    let streaming = MESSAGES.replace("\"max_tokens\"", "\"stream\":true,\"max_tokens\"");
    let mut live = Live::of(scene.begin("/anthropic/v1/messages", &[], &streaming));
    assert!(live.until("Hello"));
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| scene.machine.ctl(&["stop"]));
        // The stream goes on until its reader leaves; new requests find nobody.
        aigw_tests::eventually::eventually("the daemon takes no more", || {
            std::net::TcpStream::connect(scene.address()).err()
        });
        live.forget();
        assert!(live.until("Hello"), "the stream was cut");
        assert!(!stopping.is_finished());
        drop(live);
        let output = stopping.join().unwrap();
        assert!(text(&output).ends_with("aigwd has stopped.\n"), "{}", told(&output));
    });
    assert!(scene.daemon.ended().success());
}

#[test]
fn without_a_daemon_each_command_names_the_one_that_starts_it() {
    let machine = machine!();
    let stopped = machine.start().stop();
    assert!(stopped.success());
    for words in [
        &["status"][..],
        &["login", "https://coder.example.com", "--token-stdin"],
        &["logout"],
        &["env"],
        &["keys"],
        &["keys", "revoke", "env"],
        &["config", "show"],
        &["reload"],
    ] {
        let output = machine.ctl_with_input(&[words, &["--json"]].concat(), "token");
        assert_eq!(failed(&output), (69, "daemon-not-running".to_owned()), "{words:?}");
        let output = machine.ctl_with_input(words, "token");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(69), &b""[..]), "{words:?}");
        assert!(told(&output).contains("`aigwctl start`"), "{}", told(&output));
    }
}
