//! Bytes that no `aigwctl` sends: each gets an error or a closed connection, the daemon lives, and a conversation beside
//! them goes on.

use std::path::Path;

use aigw_shared::ipc::codec::MAX_LEN;
use aigw_shared::ipc::hello::Hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::talk::{Talk, failure, framed};

/// A daemon, and a conversation beside all others.
struct Bystander {
    machine: Machine,
    daemon: Running,
    talk: Talk,
}

impl Bystander {
    fn new() -> Self {
        let machine = machine!();
        let daemon = machine.start();
        let talk = Talk::begin(&machine);
        Self { machine, daemon, talk }
    }

    /// It is served, and so is who comes now.
    #[track_caller]
    fn is_served(&mut self) {
        assert_eq!(self.talk.pid(), self.daemon.pid());
        assert_eq!(Talk::begin(&self.machine).pid(), self.daemon.pid());
    }
}

/// The kept bytes of every request there is.
fn requests() -> Vec<Vec<u8>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ipc").join(Hello::OURS.newest.to_string());
    let files = std::fs::read_dir(folder).expect("kept bytes").flatten();
    let requests = files.filter(|file| file.file_name().to_string_lossy().starts_with("Request-"));
    let requests: Vec<_> = requests.map(|file| std::fs::read(file.path()).expect("a file")).collect();
    assert!(requests.len() > 10);
    requests
}

fn random(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn i4_random_bytes_end_nothing_but_their_own_connection() {
    let mut bystander = Bystander::new();
    let machine = &bystander.machine;
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    random(100)
        .run(&(bytes, 0..3), |(bytes, from)| {
            let mut talk = Talk::open(machine);
            match from {
                0 => talk.send(&bytes),
                1 => talk.send([&Hello::OURS.encode()[..], &bytes].concat()),
                // A length that is allowed, and less than that.
                _ => talk.send([&Hello::OURS.encode()[..], &[0xff, 0xff, 0x0f, 0], &bytes].concat()),
            }
            talk.end();
            if from > 0 {
                prop_assert_eq!(talk.greeted(), Some(Hello::OURS));
                while talk.receive().is_some() {}
            } else {
                prop_assert_eq!(talk.greeted(), None);
            }
            Ok(())
        })
        .unwrap();
    bystander.is_served();
}

#[test]
fn i4_every_random_frame_is_answered_and_the_conversation_goes_on() {
    let mut bystander = Bystander::new();
    let machine = &bystander.machine;
    let mut begun = Talk::begin(machine);
    let talk = std::cell::RefCell::new(&mut begun);
    // The first byte is a request's more often than chance would have it.
    let payload = (prop_oneof![0..12_u8, any::<u8>()], proptest::collection::vec(any::<u8>(), 0..60));
    random(300)
        .run(&payload, |(first, rest)| {
            let payload = [&[first], &rest[..]].concat();
            // That one is a wish to stop.
            prop_assume!(payload != [1]);
            // Whatever it says, an answer comes, and it is one that can be read.
            talk.borrow_mut().answer(&payload);
            Ok(())
        })
        .unwrap();
    assert_eq!(begun.pid(), bystander.daemon.pid());
    bystander.is_served();
}

#[test]
fn i4_every_beginning_of_a_frame_is_an_error() {
    let mut bystander = Bystander::new();
    let mut talk = Talk::begin(&bystander.machine);
    for request in requests() {
        // In a frame of its own length: refused, and the next one is read as if nothing had been.
        for end in 0..request.len() {
            let response = talk.answer(&request[..end]);
            assert_eq!(failure(response), ("bad-request".to_owned(), 1), "{end} bytes of {request:?}");
        }
        let response = talk.answer(&[&request[..], &[0]].concat());
        assert_eq!(failure(response).0, "bad-request", "{request:?} and a byte more");
        // As a frame that does not end: no answer to what was never asked.
        let frame = framed(&request);
        for end in [1, 3, 4, frame.len() - 1] {
            let mut cut = Talk::begin(&bystander.machine);
            cut.send(&frame[..end]);
            cut.end();
            cut.ends_after(0);
        }
    }
    assert_eq!(talk.pid(), bystander.daemon.pid());
    bystander.is_served();
}

#[test]
fn i4_a_frame_may_come_byte_by_byte_and_several_at_once() {
    let bystander = Bystander::new();
    let mut talk = Talk::open(&bystander.machine);
    for byte in Hello::OURS.encode().into_iter().chain(framed(&[0])) {
        talk.send([byte]);
    }
    assert_eq!(talk.greeted(), Some(Hello::OURS));
    assert!(talk.receive().is_some());
    talk.send([framed(&[0]), framed(&[]), framed(&[0])].concat());
    let codes: Vec<u8> = (0..3).map(|_| talk.receive().expect("an answer")[0]).collect();
    assert_eq!(codes, [1, 2, 1]);
}

/// The payload may not claim more than the frame holds either: nine bytes would be enough to ask for all memory.
#[test]
fn i3_a_length_over_the_limit_is_refused_before_anything_is_allocated() {
    let mut bystander = Bystander::new();
    let before = peak(bystander.daemon.pid());
    let too_long = u32::try_from(MAX_LEN + 1).unwrap();
    for length in [too_long, 1 << 24, u32::MAX >> 1, u32::MAX] {
        let mut talk = Talk::begin(&bystander.machine);
        // The rest never comes, so that only the length can be the reason.
        talk.send(length.to_le_bytes());
        talk.ends_after(1);
    }
    let mut talk = Talk::begin(&bystander.machine);
    for variant in 4..=9 {
        for count in [0xfb_u8, 0xfc, 0xfd] {
            let payload = [&[variant, 1, count][..], &[0xff; 8]].concat();
            assert_eq!(failure(talk.answer(&payload)).0, "bad-request", "{payload:?}");
            let payload = [&[variant, count][..], &[0xff; 8]].concat();
            assert_eq!(failure(talk.answer(&payload)).0, "bad-request", "{payload:?}");
        }
    }
    assert_eq!(failure(talk.answer(&[])).0, "bad-request");
    let grown = peak(bystander.daemon.pid()).saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} KiB of address space");
    bystander.is_served();
}

#[test]
fn i3_a_frame_of_the_greatest_length_is_read() {
    let mut bystander = Bystander::new();
    let mut talk = Talk::begin(&bystander.machine);
    let mut payload = vec![9, 0xfc];
    payload.extend(u32::try_from(MAX_LEN - 6).unwrap().to_le_bytes());
    payload.resize(MAX_LEN, b'x');
    // Read as a whole, and refused for what it says.
    failure(talk.answer(&payload));
    assert!(matches!(talk.ask(&Request::Keys), Response::Keys(keys) if keys.is_empty()));
    bystander.is_served();
}

/// The most address space that a process ever had, in KiB; 0 where the system does not tell.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
