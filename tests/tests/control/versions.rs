//! Programs of different versions: what is frozen works between any two, everything else says who is older.

use aigw_shared::ipc::hello::Hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_tests::machine;

use crate::talk::{Talk, failure};

const NEWER: Hello = Hello { newest: 9, oldest: 8 };
const OLDER: Hello = Hello { newest: 0, oldest: 0 };

#[test]
fn i3_a_version_without_anything_in_common_is_told_who_is_older() {
    let machine = machine!();
    let _daemon = machine.start();
    let ours = format!("{} to {}", Hello::OURS.oldest, Hello::OURS.newest);
    for (theirs, says) in [
        (NEWER, format!("aigwd is older than aigwctl: aigwd speaks control versions {ours}, aigwctl 8 to 9")),
        (OLDER, format!("aigwctl is older than aigwd: aigwd speaks control versions {ours}, aigwctl 0 to 0")),
    ] {
        let (mut talk, hello) = Talk::greeting(&machine, theirs);
        assert_eq!(hello, Hello::OURS);
        for request in [Request::Status, Request::Keys, Request::Logout(None)] {
            let Response::Failed(failure) = talk.ask(&request) else { panic!("{request:?} was answered") };
            assert_eq!((failure.code.as_str(), failure.exit), ("version-mismatch", 76));
            assert_eq!(failure.text, says);
            assert!(failure.cure.contains("aigwctl stop && aigwctl start"), "{}", failure.cure);
        }
        // A word that only the other one knows.
        assert_eq!(failure(talk.answer(&[200, 1, 2])), ("version-mismatch".to_owned(), 76));
        assert!(matches!(talk.ask(&Request::Describe), Response::Described(_)));
    }
}

#[test]
fn what_is_frozen_works_between_any_two_versions() {
    for theirs in [NEWER, OLDER, Hello { newest: u16::MAX, oldest: u16::MAX }] {
        let machine = machine!();
        let mut daemon = machine.start();
        let (mut talk, _) = Talk::greeting(&machine, theirs);
        let Response::Described(build) = talk.ask(&Request::Describe) else { panic!("not described") };
        assert_eq!((build.pid, build.protocol), (daemon.pid(), Hello::OURS.newest));
        assert_eq!(build.version, env!("CARGO_PKG_VERSION"));
        // Nothing may follow what is frozen, so that a later version can say more only in other words.
        for byte in 0..3 {
            assert_eq!(failure(talk.answer(&[byte, 0])).0, "version-mismatch");
        }
        machine.configure("[intercept]\nhosts = [\"a.example\"]\n");
        assert!(matches!(talk.ask(&Request::Reload), Response::Done));
        assert_eq!(machine.findings(), ["intercept-host"]);
        machine.configure("[listen]\nkeyless = 3\n");
        assert_eq!(failure(talk.ask(&Request::Reload)), ("bad-configuration".to_owned(), 64));
        assert!(matches!(talk.ask(&Request::Stop), Response::Done));
        assert!(daemon.ended().success());
    }
}

#[test]
fn a_newer_one_that_still_speaks_ours_is_served() {
    let machine = machine!();
    let _daemon = machine.start();
    let (mut talk, _) = Talk::greeting(&machine, Hello { newest: 9, oldest: Hello::OURS.newest });
    assert!(matches!(talk.ask(&Request::Status), Response::Status(_)));
    assert!(matches!(talk.ask(&Request::Keys), Response::Keys(_)));
    assert_eq!(failure(talk.answer(&[200])), ("bad-request".to_owned(), 1));
}

#[test]
fn what_is_no_greeting_is_not_answered_and_its_last_bytes_are_left_for_later() {
    let machine = machine!();
    let _daemon = machine.start();
    for bad in
        [*b"HTTP\x01\0\x01\0\0\0\0\0", *b"aigw\x01\0\x01\0\0\0\0\0", *b"AIGW\x01\0\x02\0\0\0\0\0", [0; 12]]
    {
        let mut talk = Talk::open(&machine);
        talk.send(bad);
        assert_eq!(talk.greeted(), None, "{bad:?}");
    }
    let mut talk = Talk::open(&machine);
    talk.send(b"AIGW\x01\0\x01\0\xff\xff\xff\xff");
    assert_eq!(talk.greeted(), Some(Hello::OURS));
    assert!(matches!(talk.ask(&Request::Describe), Response::Described(_)));
}
