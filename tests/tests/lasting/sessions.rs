//! Sessions, where the deployment makes no tokens: use of the gateway does not extend them, so the daemon does.

use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};

/// Somebody is logged in with a session of six hours.
async fn session(never_slides: bool) -> (Practice, Machine, Running) {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    gateway.change(|behaviour| {
        behaviour.minting_refused = true;
        behaviour.sessions_never_slide = never_slides;
    });
    let machine = machine!();
    let daemon = machine.start();
    let token = gateway.issue_token("ada", Duration::from_secs(6 * 3600));
    let output = machine.log_in_with(&gateway, &token, &[]);
    assert!(output.status.success(), "{}", told(&output));
    (gateway, machine, daemon)
}

fn ends(machine: &Machine) -> String {
    machine.ask(&["status"])["gateways"][0]["token"]["expires_at"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_extended_without_a_request() {
    let (gateway, machine, mut daemon) = session(false).await;
    let first = ends(&machine);
    gateway.advance_clock(Duration::from_secs(5400));
    // At the start it is asked after at once; later every hour.
    daemon.signal("TERM");
    daemon.ended();
    let _daemon = machine.start();
    eventually("the session ends later", || (ends(&machine) > first).then_some(()));
    assert!(machine.findings().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_that_cannot_be_extended_is_told_before() {
    let (gateway, machine, _daemon) = session(true).await;
    eventually("nothing is wrong yet", || machine.findings().is_empty().then_some(()));
    let short = gateway.issue_token("ada", Duration::from_secs(8));
    let output = machine.log_in_with(&gateway, &short, &[]);
    assert!(output.status.success(), "{}", told(&output));
    eventually("the end is told", || machine.findings().contains(&"login-ends".to_owned()).then_some(()));
}
