//! Time and number: who is slow, or too many, is turned away, and the others notice nothing.

use std::time::{Duration, Instant};

use aigw_shared::ipc::hello::Hello;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;

use crate::talk::{Talk, framed};

const MOST: usize = 32;

/// How long until the daemon closes, having answered nothing more.
fn until_closed(mut talk: Talk) -> f64 {
    let begin = Instant::now();
    talk.ends_after(0);
    begin.elapsed().as_secs_f64()
}

#[test]
fn i3_two_seconds_for_the_greeting_and_ten_for_the_first_frame() {
    let machine = machine!();
    let daemon = machine.start();
    let machine = &machine;
    let silent = |bytes: Vec<u8>| {
        let mut talk = Talk::open(machine);
        talk.send(bytes);
        talk
    };
    let greeted = |bytes: Vec<u8>| {
        let mut talk = Talk::begin(machine);
        talk.send(bytes);
        talk
    };
    let hello = Hello::OURS.encode();
    std::thread::scope(|scope| {
        let never_greets = [vec![], hello[..1].to_vec(), hello[..11].to_vec()];
        let never_asks = [vec![], vec![1], vec![1, 0, 0, 0], framed(&[9, 200])[..5].to_vec()];
        let greetings: Vec<_> =
            never_greets.into_iter().map(|bytes| scope.spawn(move || until_closed(silent(bytes)))).collect();
        let frames: Vec<_> =
            never_asks.into_iter().map(|bytes| scope.spawn(move || until_closed(greeted(bytes)))).collect();
        // Small steps buy no time.
        let dripping = scope.spawn(move || {
            let begin = Instant::now();
            let mut talk = silent(Vec::new());
            for byte in &hello[..11] {
                talk.send([*byte]);
                std::thread::sleep(Duration::from_millis(400));
            }
            talk.send(&hello[11..]);
            (talk.greeted(), begin.elapsed())
        });
        // Meanwhile another one is served.
        let mut bystander = Talk::begin(machine);
        while !frames.iter().all(|thread| thread.is_finished()) {
            assert_eq!(bystander.pid(), daemon.pid());
            std::thread::sleep(Duration::from_millis(100));
        }
        for thread in greetings {
            let took = thread.join().unwrap();
            assert!((1.5..8.0).contains(&took), "{took} s for a greeting");
        }
        for thread in frames {
            let took = thread.join().unwrap();
            assert!((9.5..25.0).contains(&took), "{took} s for a first frame");
        }
        let (greeted, took) = dripping.join().unwrap();
        assert_eq!(greeted, None, "greeted after {took:?}");
    });
}

#[test]
fn i3_thirty_two_at_once_and_the_next_is_turned_away() {
    let machine = machine!();
    let daemon = machine.start();
    let mut inside: Vec<Talk> = Vec::new();
    // What the machine asked at its start may not have left yet.
    eventually("there is room for all", || {
        let mut talk = Talk::open(&machine);
        talk.send(Hello::OURS.encode());
        talk.greeted()?;
        assert_eq!(talk.pid(), daemon.pid());
        inside.push(talk);
        (inside.len() == MOST).then_some(())
    });
    for _ in 0..3 {
        let mut outside = Talk::open(&machine);
        outside.send(Hello::OURS.encode());
        assert_eq!(outside.greeted(), None);
    }
    for talk in &mut inside {
        assert_eq!(talk.pid(), daemon.pid());
    }
    // One leaves, one comes.
    inside.pop();
    let mut talk = eventually("there is room again", || {
        let mut talk = Talk::open(&machine);
        talk.send(Hello::OURS.encode());
        talk.greeted().map(|_| talk)
    });
    assert_eq!(talk.pid(), daemon.pid());
}
