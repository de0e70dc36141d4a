//! A daemon that is killed while a login moves: the old one or the new one is there afterwards, and one place holds it.

use std::time::Duration;

use aigw_tests::eventually::{PATIENCE, eventually};

use crate::Desk;

/// The new one is in force, and the old place could not be emptied yet.
#[tokio::test(flavor = "multi_thread")]
async fn between_keeping_the_new_and_removing_the_old() {
    let mut desk = Desk::set().await;
    desk.log_in("keyring");
    desk.bus.stop();
    let token = desk.token();
    let login = desk.begin("file").with(&token);
    eventually("the login is in the file", || desk.in_a_file(&token).then_some(()));
    eventually("and in force", || (desk.store() == "file").then_some(()));
    desk.kill();
    login.wait();
    desk.bus.go_on();
    assert_eq!(desk.bus.items(), 1, "the old one was not removed yet");
    desk.daemon = Some(desk.machine.start());
    assert_eq!((desk.sent(), desk.store()), (Ok(token), "file".to_owned()));
    eventually("the old one is removed", || (desk.bus.items() == 0).then_some(()));
    assert!(desk.machine.findings().is_empty());
}

/// At any point of time.
#[tokio::test(flavor = "multi_thread")]
async fn at_any_moment() {
    let mut desk = Desk::set().await;
    let mut tokens = vec![desk.log_in("file")];
    let mut moved = 0;
    for round in 0..40_u64 {
        let store = ["keyring", "file"][round as usize % 2];
        let token = desk.token();
        desk.gateway.forget_requests();
        let login = desk.begin(store).with(&token);
        // Who it is and what the token may do: what comes next is to keep it.
        desk.gateway.wait_until(|seen| seen.len() >= 2, PATIENCE).await;
        // This is the moment itself, not a wait for something.
        tokio::time::sleep(Duration::from_millis(round)).await;
        desk.kill();
        login.wait();
        desk.daemon = Some(desk.machine.start());
        let sent =
            desk.sent().unwrap_or_else(|error| panic!("round {round}: {error}\n{}", desk.machine.log()));
        assert!(
            sent == token || Some(&sent) == tokens.last(),
            "round {round}: {sent} of {tokens:?}, {token}"
        );
        moved += u32::from(sent == token);
        tokens.push(sent.clone());
        let place = desk.store();
        // One place holds it, and no other holds anything.
        eventually("the other place is empty", || {
            let (items, file) = if place == "keyring" { (1, false) } else { (0, true) };
            let logins = desk.bus.items() - desk.bus.probes(desk.machine.home());
            (logins == items && desk.in_a_file(&sent) == file).then_some(())
        });
        assert!(tokens.iter().all(|old| *old == sent || !desk.in_a_file(old)), "round {round}");
    }
    assert!((1..40).contains(&moved), "{moved} of 40 logins were in time; none or all would prove little");
}
