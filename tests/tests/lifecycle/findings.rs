//! Findings that go when they no longer hold, and a setting that waits for a restart.

use aigw_tests::machine::Machine;
use aigw_tests::{machine, raw};

fn reload(machine: &Machine, config: &str) -> Option<i32> {
    machine.configure(config);
    machine.ctl(&["reload"]).status.code()
}

#[test]
fn a_circle_is_told_of_until_the_url_is_mended_or_the_gateway_is_gone() {
    let machine = machine!();
    let daemon = machine.start();
    let own = format!("[gateway.default]\nurl = \"http://127.0.0.1:{}\"\n", daemon.port);
    for mended in ["[gateway.default]\nurl = \"http://127.0.0.1:1\"\n", ""] {
        assert_eq!(reload(&machine, &own), Some(0));
        assert_eq!(machine.findings(), ["gateway-loop"]);
        assert_eq!(reload(&machine, mended), Some(0));
        assert!(machine.findings().is_empty(), "{:?}", machine.findings());
    }
}

#[test]
fn a_bad_file_leaves_what_is_said_about_the_settings_in_force() {
    let machine = machine!();
    machine.configure("[intercept]\nhosts = [\"a.example\", \"b.example\"]\n");
    let _daemon = machine.start();
    let count = |code: &str| machine.findings().iter().filter(|found| *found == code).count();
    assert_eq!(count("intercept-host"), 2, "{:?}", machine.findings());
    assert_eq!(reload(&machine, "[tunnel]\nports = 443\n"), Some(64));
    assert_eq!((count("intercept-host"), count("configuration-refused")), (2, 1));
    assert_eq!(reload(&machine, "[intercept]\nhosts = [\"a.example\"]\n"), Some(0));
    assert_eq!((count("intercept-host"), count("configuration-refused")), (1, 0));
}

#[test]
fn what_waits_for_a_restart_is_told() {
    let machine = machine!();
    machine.configure("[listen]\nport = 0\n");
    let daemon = machine.start_with(&[]);
    assert_eq!(reload(&machine, "[listen]\nport = 2450\n"), Some(0));
    let status = machine.ask(&["status"]);
    assert_eq!(status["findings"][0]["code"], "restart-needed", "{status:#}");
    assert!(status["findings"][0]["text"].as_str().unwrap().contains("listen.port"), "{status:#}");
    let health = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", daemon.address);
    assert_eq!(raw::exchange(&daemon.address, health).status, 200, "the old port serves on");
    assert_eq!(reload(&machine, "[listen]\nport = 0\n"), Some(0));
    assert!(machine.findings().is_empty());
}
