//! Few file descriptors: new connections are turned away in words, and all is well when the others have gone.

use std::process::Command;
use std::time::Duration;

use aigw_tests::eventually::eventually;
use aigw_tests::machine::{Machine, gateway};
use aigw_tests::raw::{Raw, exchange, get, post};

use crate::{HELLO, MESSAGES};

/// `aigwd` with so many descriptors at most: a script in its place, which becomes it. Another process puts it there:
/// were it written by this one, a child of another test could hold it open, and it could not be run.
pub(crate) fn limited(files: u32) -> (tempfile::TempDir, Machine) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("aigwd");
    let aigwd = env!("CARGO_BIN_EXE_aigwd_under_test");
    let text = format!("#!/bin/sh\nulimit -n {files} && exec '{aigwd}' \"$@\"\n");
    std::fs::write(folder.path().join("text"), text).unwrap();
    let install = ["-m", "755", "text", "aigwd"];
    assert!(Command::new("install").args(install).current_dir(folder.path()).status().unwrap().success());
    let machine = Machine::new(script.to_str().unwrap(), env!("CARGO_BIN_EXE_aigwctl_under_test"));
    (folder, machine)
}

/// CPU time the daemon has used, in seconds.
fn cpu(machine: &Machine) -> f64 {
    machine.ask(&["status"])["daemon"]["cpu_s"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_new_connections_get_503_and_the_daemon_recovers_without_spinning() {
    let gateway = gateway().await;
    let (_script, machine) = limited(160);
    let daemon = machine.start();
    machine.log_in(&gateway);
    let key = machine.key("env");
    let before = cpu(&machine);

    let mut flood: Vec<Raw> = (0..400).map(|_| Raw::connect(&daemon.address)).collect();
    let answer = eventually("a new one is turned away in words", || {
        let answer = exchange(&daemon.address, get(&daemon.address, "/healthz", "", &[]));
        (answer.status == 503).then_some(answer)
    });
    assert_eq!(answer.error(), Some("overloaded"));
    assert_eq!(answer.field("retry-after"), Some("2"));

    // Those that were let in are served, all the way to the gateway.
    flood[0].send(post(&daemon.address, MESSAGES, &key, &[], HELLO));
    assert_eq!(flood[0].answer_to("POST").status, 200);
    std::thread::sleep(Duration::from_secs(1));
    let used = cpu(&machine) - before;
    println!("{used:.2} s of CPU for the flood and a second after it");
    assert!(used < 1.0, "{used} s of CPU: a busy loop?");
    assert!(!machine.log().contains("cannot accept"), "descriptors ran out before connections were refused");

    drop(flood);
    eventually("it serves again", || {
        let answer = exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
        (answer.status == 200).then_some(())
    });
    assert_eq!(daemon.stop().code(), Some(0));
}
