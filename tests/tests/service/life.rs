//! Started, watched, killed, woken, drained.

use std::time::{Duration, Instant};

use aigw_gateway::{Behaviour, Practice, Setup, Stream};
use aigw_tests::eventually::eventually;
use aigw_tests::host::{ADA, ROOT};
use aigw_tests::live::Live;
use aigw_tests::raw::{Raw, get, post};

use crate::{installed, next_pid, pid, within};

const HELLO: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const PORT: &str = "127.0.0.1:2449";

fn healthy(address: &str) -> bool {
    let mut raw = Raw::connect(address);
    raw.send(get(address, "/healthz", "", &[]));
    raw.answer().status == 200
}

#[test]
fn it_is_ready_when_systemd_says_so_and_the_journal_has_its_log() {
    let (host, process) = installed();
    host.enter();
    for (name, value) in [("Type", "notify"), ("ActiveState", "active"), ("UnitFileState", "enabled")] {
        assert_eq!(host.property(ADA, "aigwd.service", name), value, "{name}");
    }
    let status = host.property(ADA, "aigwd.service", "StatusText");
    assert_eq!(status, "listening on 127.0.0.1:2449, [::1]:2449");
    assert!(healthy(PORT) && healthy("[::1]:2449"));
    let status = host.ok(ADA, "aigwctl status");
    assert!(status.contains("service   installed, active, port kept"), "{status}");
    let log = host.ok(ADA, "aigwctl service logs -n 50");
    assert!(log.contains("aigwd is ready") && log.contains(&format!("aigwd[{process}]")), "{log}");
    assert_eq!(host.ok(ADA, "aigwctl service logs -n 1").lines().count(), 1);
    // With the next login it is there again.
    host.log_off(ADA);
    host.log_on(ADA);
    assert_ne!(next_pid(&host, ADA, process), process);
    assert!(healthy(PORT));
}

#[test]
fn logs_are_followed() {
    let (host, process) = installed();
    let mut follows = host.command(ADA, "exec aigwctl service logs -f -n 1 >~/followed").spawn().unwrap();
    let followed = || std::fs::read_to_string(host.path("/home/ada/followed")).unwrap_or_default();
    eventually("the last line", || (!followed().is_empty()).then_some(()));
    host.ok(ADA, "systemctl --user reload aigwd");
    eventually("what came since", || followed().contains("the configuration was read again").then_some(()));
    assert_eq!(pid(&host, ADA), process);
    follows.kill().unwrap();
    follows.wait().unwrap();
}

#[test]
fn one_that_is_killed_is_back_within_two_seconds() {
    let (host, process) = installed();
    host.enter();
    host.ok(ADA, &format!("kill -9 {process}"));
    let killed = Instant::now();
    // Meanwhile nobody is refused: the socket is systemd's.
    assert!(healthy(PORT));
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
    next_pid(&host, ADA, process);
}

#[test]
fn one_that_hangs_is_killed_by_the_watchdog_and_started_again() {
    let (host, process) = installed();
    host.enter();
    assert_eq!(host.property(ADA, "aigwd.service", "WatchdogUSec"), "30s");
    let fast = "mkdir -p ~/.config/systemd/user/aigwd.service.d && cd ~/.config/systemd/user/aigwd.service.d && \
                printf '[Service]\\nWatchdogSec=1\\n' >fast.conf && systemctl --user daemon-reload && \
                systemctl --user restart aigwd";
    host.ok(ADA, fast);
    let process = next_pid(&host, ADA, process);
    // Well for longer than it is given.
    let begun = Instant::now();
    eventually("some time", || (begun.elapsed() > Duration::from_secs(2)).then_some(()));
    assert_eq!(pid(&host, ADA), process);
    host.ok(ADA, &format!("kill -STOP {process}"));
    next_pid(&host, ADA, process);
    assert!(host.ok(ROOT, "journalctl _UID=1001").contains("Watchdog timeout"));
    assert!(healthy(PORT));
}

#[test]
fn the_first_request_starts_it_and_so_does_the_first_question() {
    let (host, _) = installed();
    host.enter();
    for wake in ["the port", "the control socket"] {
        host.ok(ADA, "systemctl --user stop aigwd.service");
        assert_eq!(
            (pid(&host, ADA), host.property(ADA, "aigwd.socket", "SubState").as_str()),
            (0, "listening")
        );
        match wake {
            "the port" => assert!(healthy(PORT)),
            _ => assert!(host.ok(ADA, "aigwctl status").contains(PORT)),
        }
        next_pid(&host, ADA, 0);
    }
}

#[test]
fn after_a_restart_who_waited_is_served() {
    let (host, process) = installed();
    host.enter();
    host.ok(ADA, &format!("kill -STOP {process}"));
    let mut waits: Vec<Raw> = (0..20).map(|_| Raw::connect(PORT)).collect();
    waits.iter_mut().for_each(|raw| raw.send(get(PORT, "/healthz", "", &[])));
    let restart = std::thread::scope(|scope| {
        let restart = scope.spawn(|| host.ok(ADA, "systemctl --user restart aigwd"));
        host.ok(ADA, &format!("kill -CONT {process}"));
        restart.join().unwrap()
    });
    assert!(restart.is_empty(), "{restart}");
    for raw in &mut waits {
        assert_eq!(raw.answer().status, 200);
    }
    next_pid(&host, ADA, process);
}

/// What a plain restart does to streams: a short one ends well, a long one is cut after five seconds, and whoever connects
/// meanwhile waits that long and no longer.
#[test]
fn a_restart_drains_for_five_seconds_at_most() {
    let (host, process) = installed();
    within(&host, async {
        let stream = |deltas| Stream { deltas, gap: Duration::from_millis(100), ..Stream::default() };
        let setup = Setup {
            behaviour: Behaviour { stream: stream(Some(20)), ..Behaviour::default() },
            ..Setup::default()
        };
        let gateway = Practice::start(setup).await.unwrap();
        let token = gateway.issue_token("ada", Duration::from_secs(86_400));
        host.ok(ADA, &format!("printf %s {token} | aigwctl login {} --token-stdin", gateway.url()));
        let env: serde_json::Value =
            serde_json::from_str(&host.ok(ADA, "aigwctl env --key env --json")).unwrap();
        let key = env["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap();
        let begin = || {
            let mut raw = Raw::connect(PORT);
            raw.send(post(PORT, "/anthropic/v1/messages", key, &[], HELLO));
            let mut live = Live::of(raw);
            assert!(live.until("content_block_delta"));
            live
        };
        let mut short = begin();
        gateway.change(|behaviour| behaviour.stream = stream(Some(100_000)));
        let mut long = begin();
        let restarted = Instant::now();
        std::thread::scope(|scope| {
            let restart = scope.spawn(|| host.ok(ADA, "systemctl --user restart aigwd"));
            let ends = scope.spawn(move || (short.ends_well(), short.has("message_stop")));
            eventually("it stops", || {
                (host.property(ADA, "aigwd.service", "ActiveState") == "deactivating").then_some(())
            });
            assert!(healthy(PORT));
            let waited = restarted.elapsed();
            assert!(waited > Duration::from_secs(2) && waited < Duration::from_secs(9), "{waited:?}");
            assert_eq!(ends.join().unwrap(), (true, true));
            restart.join().unwrap();
        });
        assert!(!long.ends_well());
        assert_ne!(pid(&host, ADA), process);
    });
}

/// systemd takes the successor for the main process: the unit is never down, and nothing counts as a failure.
#[test]
fn a_handover_is_no_restart_for_systemd() {
    let (host, process) = installed();
    within(&host, async {
        let before = host.property(ADA, "aigwd.service", "ActiveEnterTimestampMonotonic");
        let mut last = process;
        for _ in 0..3 {
            let told = host.ok(ADA, "aigwctl service restart --drain 1");
            assert!(told.contains("has handed over"), "{told}");
            last = next_pid(&host, ADA, last);
            assert!(healthy(PORT));
        }
        assert_eq!(host.property(ADA, "aigwd.service", "ActiveEnterTimestampMonotonic"), before);
        assert_eq!(host.property(ADA, "aigwd.service", "NRestarts"), "0");
        eventually("the old ones are gone", || {
            let tasks = host.ok(ADA, "pgrep -xc aigwd");
            (tasks == "1").then_some(())
        });
        // It is watched and started again like the first.
        host.ok(ADA, &format!("kill -9 {last}"));
        assert!(healthy(PORT));
        last = next_pid(&host, ADA, last);
        // And ended like the first: it is asked to, and not killed at once as a process that is not systemd's would be.
        host.ok(ADA, "aigwctl service restart --drain 1");
        next_pid(&host, ADA, last);
        host.ok(ADA, "aigwctl service stop");
        assert_eq!(host.property(ADA, "aigwd.service", "Result"), "success");
    });
}
