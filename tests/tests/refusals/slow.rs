//! Slow clients: a head has ten seconds, and nobody else notices.

use std::io::Read;
use std::time::{Duration, Instant};

use aigw_tests::raw::Raw;

use crate::check::{bytes, get, next_is_fine};
use crate::scene;

/// What a client has sent of a head when it falls asleep.
const BEGUN: [&str; 4] =
    ["G", "GET /openai/v1/models HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: {host}\r\nx-a", "\r\n\r\n"];

#[tokio::test(flavor = "multi_thread")]
async fn h9_a_head_that_is_not_complete_after_ten_seconds_ends_the_connection_and_disturbs_nobody() {
    let scene = scene().await;
    let begun = Instant::now();
    let mut slow: Vec<Raw> = (0..200)
        .map(|at| {
            let mut raw = Raw::connect(scene.address());
            raw.send(bytes(&scene, BEGUN[at % BEGUN.len()]));
            raw
        })
        .collect();
    // The second head of a connection has no more time than the first.
    let mut second = Raw::connect(scene.address());
    second.send(bytes(&scene, &get("")));
    assert_eq!(second.answer().status, 200);
    second.send("GET /again");
    slow.push(second);
    // Nor does one get more time by sending more.
    let mut dripping = Raw::connect(scene.address());
    let mut drops = dripping.stream().try_clone().unwrap();
    let dripper = std::thread::spawn(move || {
        let head = "GET /openai/v1/models HTTP/1.1\r\nx-drip: xxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        for drop in head.bytes() {
            if std::io::Write::write_all(&mut drops, &[drop]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    slow.push(dripping);

    while begun.elapsed() < Duration::from_secs(8) {
        let asked = Instant::now();
        next_is_fine(&scene, "200 slow clients");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    scene.gateway.forget_requests();
    for (at, raw) in slow.iter_mut().enumerate() {
        let mut rest = Vec::new();
        // The dripping one may hear of it in the middle of a drop.
        let _ = raw.stream().read_to_end(&mut rest);
        assert!(rest.is_empty(), "{at} {}", String::from_utf8_lossy(&rest));
        let took = begun.elapsed();
        assert!((9..=15).contains(&took.as_secs()), "{at} {took:?}");
    }
    dripper.join().unwrap();
    assert!(scene.gateway.requests().is_empty());
    next_is_fine(&scene, "the slow ones are gone");
}
