//! A keyring that is locked, absent or does not answer: nothing hangs, it is told, and it is tried again.

use std::time::{Duration, Instant};

use aigw_tests::eventually::eventually;
use aigw_tests::machine::told;

use crate::Desk;
use crate::bus::Bus;

/// What is asked of the daemon is answered in less, whatever the keyring does. (It would be asked for ten seconds.)
const SOON: Duration = Duration::from_secs(5);

/// Refused as the tool understands it, soon, with the cure; `status` answers, too.
#[track_caller]
fn is_told(desk: &Desk, why: &str) {
    let began = Instant::now();
    let answer = desk.post();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((answer.status, answer.error()), (403, Some("keyring-unavailable")), "{}", answer.text());
    let text = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(text.contains("aigwctl reload") && text.contains("--store file"), "{text}");
    eventually("the finding", || desk.has_finding("keyring-unavailable").then_some(()));
    let began = Instant::now();
    let status = desk.machine.ask(&["status"]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(
        (&status["gateways"][0]["store"], &status["gateways"][0]["token"]),
        (&"keyring".into(), &().into())
    );
    let findings = status["findings"].as_array().unwrap();
    let text = findings[0]["text"].as_str().unwrap();
    assert!(text.contains(why) && text.contains("gateway default"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_at_the_start_and_opened_later() {
    let mut desk = Desk::set().await;
    let token = desk.log_in("keyring");
    desk.kill();
    desk.bus.start_keyring(false);
    desk.daemon = Some(desk.machine.start());
    is_told(&desk, "is locked");
    let output = desk.machine.ctl(&["logout"]);
    assert_eq!(output.status.code(), Some(77), "it would not be out: {}", told(&output));

    // Nobody but the tools does anything.
    desk.bus.start_keyring(true);
    desk.eventually_sends(&token);
    assert!(!desk.has_finding("keyring-unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_and_opened_again_a_reload_finds_it_at_once() {
    let mut desk = Desk::set().await;
    let token = desk.log_in("keyring");
    desk.bus.start_keyring(false);
    desk.restart();
    // Several attempts, so that the next one is far.
    is_told(&desk, "is locked");
    desk.bus.start_keyring(true);
    desk.machine.ask(&["reload"]);
    desk.eventually_sends(&token);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keyring_takes_no_login_and_the_old_one_stays() {
    let mut desk = Desk::set().await;
    let old = desk.log_in("file");
    desk.bus.start_keyring(false);
    let output = desk.machine.log_in_with(&desk.gateway, &desk.token(), &["--store", "keyring"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(
        told(&output).contains("is locked") && told(&output).contains("--store file"),
        "{}",
        told(&output)
    );
    assert_eq!((desk.sent(), desk.store()), (Ok(old.clone()), "file".to_owned()));
    desk.restart();
    assert_eq!(desk.sent(), Ok(old));
}

/// The keyring works when it is tried, and then hangs while it is given the login.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_the_keyring_does_not_take_leaves_the_old_one() {
    let mut desk = Desk::set().await;
    for (round, store) in ["file", "keyring"].into_iter().enumerate() {
        let old = desk.log_in(store);
        let token = desk.token();
        let probes = |desk: &Desk| desk.machine.log().matches("the keyring takes items").count();
        let before = probes(&desk);
        let login = desk.begin("keyring");
        eventually("the keyring was tried", || (probes(&desk) > before).then_some(()));
        desk.bus.stop();
        let (code, said) = login.with(&token).wait();
        assert_eq!(code, Some(77), "{said}");
        assert!(said.contains("does not answer"), "{said}");
        assert_eq!((desk.sent(), desk.store()), (Ok(old.clone()), store.to_owned()));
        // It takes it in the end, when nobody wants it there any more.
        desk.bus.go_on();
        eventually("the item is in the keyring", || (desk.bus.items() == round + 1).then_some(()));
        desk.restart();
        assert_eq!((desk.sent(), desk.store()), (Ok(old), store.to_owned()));
        eventually("the item is removed", || (desk.bus.items() == round).then_some(()));
    }
}

/// The way out of a keyring that stays locked. What is left in it is told until it can be removed.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_locked_keyring_to_a_file() {
    let mut desk = Desk::set().await;
    desk.log_in("keyring");
    desk.bus.start_keyring(false);
    desk.restart();
    is_told(&desk, "is locked");
    let token = desk.log_in("file");
    assert_eq!((desk.sent(), desk.store()), (Ok(token.clone()), "file".to_owned()));
    assert_eq!(desk.machine.findings(), ["login-left-behind"]);
    desk.bus.start_keyring(true);
    assert_eq!(desk.bus.items(), 1);
    desk.restart();
    eventually("what was left is removed", || (desk.bus.items() == 0).then_some(()));
    assert_eq!(desk.sent(), Ok(token));
    eventually("nothing is told any more", || desk.machine.findings().is_empty().then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_on_the_bus() {
    let mut desk = Desk::on(Bus::empty()).await;
    let output = desk.machine.log_in_with(&desk.gateway, &desk.token(), &["--store", "keyring"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(
        told(&output).contains("is not there") && told(&output).contains("--store file"),
        "{}",
        told(&output)
    );
    assert!(desk.gateway.requests().is_empty(), "the token was not tried");

    desk.bus.start_keyring(true);
    let token = desk.log_in("keyring");
    desk.kill();
    desk.bus.end_keyring();
    desk.daemon = Some(desk.machine.start());
    is_told(&desk, "is not there");
    desk.bus.start_keyring(true);
    desk.eventually_sends(&token);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_answer() {
    let mut desk = Desk::set().await;
    let token = desk.log_in("keyring");
    desk.kill();
    desk.bus.stop();
    let began = Instant::now();
    desk.daemon = Some(desk.machine.start());
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    is_told(&desk, "does not answer");
    // Not one after the other, each with a wait of its own.
    let began = Instant::now();
    let answers: Vec<_> = (0..20).map(|_| desk.post().status).collect();
    assert!(answers.iter().all(|status| *status == 403) && began.elapsed() < SOON, "{:?}", began.elapsed());
    let began = Instant::now();
    let output = desk.machine.log_in_with(&desk.gateway, &desk.token(), &["--store", "keyring"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(told(&output).contains("does not answer"), "{}", told(&output));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());

    // An answer counts, however late.
    desk.bus.go_on();
    desk.eventually_sends(&token);
    assert!(!desk.has_finding("keyring-unavailable"));

    // Nor does a daemon that is to end wait for one.
    desk.bus.stop();
    desk.restart();
    let began = Instant::now();
    assert!(desk.daemon.take().unwrap().stop().success());
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}
