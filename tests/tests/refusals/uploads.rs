//! Answers to a client that is still sending: it must be able to read them, also one that first writes everything.

use std::io::Write;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::raw::Raw;
use aigw_tests::scene::Scene;

use crate::check::{bytes, ends, next_is_fine};
use crate::scene;

const MIB: usize = 1 << 20;

/// Writes head and body to the last byte before it reads anything, as simple clients do. A reset on the way is a
/// failure.
fn write_all(scene: &Scene, lines: &str, body: usize, chunked: bool) -> Raw {
    let mut raw = Raw::connect(scene.address());
    let framing =
        if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {body}") };
    let head = format!("POST /anthropic/v1/messages HTTP/1.1\r\nhost: {{host}}\r\n{lines}{framing}\r\n\r\n");
    let head = bytes(scene, &head);
    let piece = vec![b'x'; MIB];
    let mut sent = raw.stream().write_all(&head);
    for _ in 0..body / MIB {
        sent = sent
            .and_then(|()| if chunked { write!(raw.stream(), "{MIB:x}\r\n") } else { Ok(()) })
            .and_then(|()| raw.stream().write_all(&piece))
            .and_then(|()| if chunked { raw.stream().write_all(b"\r\n") } else { Ok(()) });
    }
    if chunked {
        sent = sent.and_then(|()| raw.stream().write_all(b"0\r\n\r\n"));
    }
    sent.expect("somebody reads all of it");
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_read_by_a_client_that_first_writes_everything() {
    let scene = scene().await;
    scene.gateway.forget_requests();
    for (lines, error) in [
        ("x-api-key: {wrong}\r\n", "key-wrong"),
        ("", "key-missing"),
        ("x-api-key: {key}\r\norigin: null\r\n", "web-page-refused"),
    ] {
        for (size, chunked) in [(8 * MIB, false), (8 * MIB, true), (100 * MIB, false)] {
            let mut raw = write_all(&scene, lines, size, chunked);
            let answer = raw.answer();
            assert_eq!((answer.status, answer.error()), (403, Some(error)), "{size} {chunked}");
            ends(&mut raw, error);
            assert!(scene.gateway.requests().is_empty());
            next_is_fine(&scene, error);
            scene.gateway.forget_requests();
        }
    }
    // The same when the request was admitted and leads nowhere.
    scene.machine.ask(&["logout"]);
    let answer = write_all(&scene, "x-api-key: {key}\r\n", 8 * MIB, false).answer();
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    assert!(scene.gateway.provider_requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_early_answer_passes_to_a_client_that_first_writes_everything() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { tls: true, http2, ..Setup::default() }).await;
        for (early, status, chunked) in [(false, 413, false), (true, 413, true), (true, 403, false)] {
            scene.gateway.change(|behaviour| {
                behaviour.answer_before_body = early;
                behaviour.budget_exceeded = status == 403;
            });
            let answer = write_all(&scene, "x-api-key: {key}\r\n", 33 * MIB, chunked).answer();
            let words = if status == 403 { "budget" } else { "Request body too large." };
            assert_eq!(answer.status, status, "{http2} {early} {chunked} {}", answer.text());
            assert!(answer.text().contains(words), "{}", answer.text());
            scene.gateway.change(|behaviour| behaviour.budget_exceeded = false);
            next_is_fine(&scene, "an early answer");
        }
    }
}
