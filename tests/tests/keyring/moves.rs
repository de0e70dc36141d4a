//! What works with an open keyring.

use aigw_tests::machine::told;

use crate::Desk;

/// A token that was made for this machine is kept there, and its successors.
#[tokio::test(flavor = "multi_thread")]
async fn an_own_token_and_its_successor_are_in_the_keyring_alone() {
    let mut desk = Desk::set().await;
    desk.gateway.change(|behaviour| behaviour.minting_refused = false);
    let given = desk.log_in("keyring");
    let own = desk.sent().unwrap();
    assert_ne!(own, given);
    assert!(desk.machine.ctl(&["login", "--renew"]).status.success());
    let next = desk.sent().unwrap();
    assert_ne!(next, own);
    desk.restart();
    assert_eq!((desk.sent(), desk.bus.items()), (Ok(next.clone()), 1));
    for token in [&given, &own, &next] {
        assert!(!desk.in_a_file(token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_the_keyring_outlives_the_daemon_and_is_in_no_file() {
    let mut desk = Desk::set().await;
    let token = desk.token();
    let output = desk.machine.log_in_with(&desk.gateway, &token, &["--store", "keyring"]);
    assert!(output.status.success(), "{}\n{}", told(&output), desk.machine.log());
    assert!(told(&output).contains("in the system's keyring"), "{}", told(&output));
    assert_eq!((desk.sent(), desk.store()), (Ok(token.clone()), "keyring".to_owned()));
    assert_eq!(desk.bus.items(), 1, "the probe is gone");
    for _ in 0..3 {
        desk.restart();
        // The first request after the start already has it.
        assert_eq!(desk.sent(), Ok(token.clone()));
    }
    assert!(desk.machine.findings().is_empty());
    assert!(!desk.in_a_file(&token));
    let said = desk.machine.ctl(&["status"]);
    assert!(told(&said).contains(", in the keyring"), "{}", told(&said));

    // The next login goes where this one is, and takes its place.
    let next = desk.token();
    assert!(desk.machine.log_in_with(&desk.gateway, &next, &[]).status.success());
    assert_eq!((desk.sent(), desk.bus.items()), (Ok(next.clone()), 1));
    desk.restart();
    assert_eq!((desk.sent(), desk.store()), (Ok(next.clone()), "keyring".to_owned()));

    desk.machine.ask(&["logout"]);
    assert_eq!((desk.sent(), desk.bus.items()), (Err("not-logged-in".to_owned()), 0));
    desk.restart();
    assert_eq!(desk.sent(), Err("not-logged-in".to_owned()));
    assert!(!desk.in_a_file(&token) && !desk.in_a_file(&next));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_moves_and_leaves_nothing_behind() {
    let mut desk = Desk::set().await;
    let first = desk.log_in("file");
    assert!(desk.in_a_file(&first), "this is how one would be found");
    for (store, items, file) in [
        ("keyring", 1, false),
        ("file", 0, true),
        ("keyring", 1, false),
        ("memory", 0, false),
        ("file", 0, true),
    ] {
        let token = desk.log_in(store);
        assert_eq!((desk.sent(), desk.store()), (Ok(token.clone()), store.to_owned()));
        assert_eq!((desk.bus.items(), desk.in_a_file(&token)), (items, file), "{store}");
        if store != "memory" {
            desk.restart();
            assert_eq!(desk.sent(), Ok(token));
        }
    }
    assert!(!desk.in_a_file(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_is_locked_or_ends_later_disturbs_nobody() {
    let mut desk = Desk::set().await;
    let token = desk.log_in("keyring");
    desk.bus.lock();
    assert_eq!(desk.sent(), Ok(token.clone()));
    desk.machine.ask(&["reload"]);
    assert_eq!(desk.sent(), Ok(token.clone()));
    desk.bus.end_keyring();
    desk.machine.ask(&["reload"]);
    assert_eq!(desk.sent(), Ok(token));
    assert!(desk.machine.findings().is_empty());
}
