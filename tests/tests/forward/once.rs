//! Nothing is sent twice, but for what was never taken.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use aigw_gateway::{BodyEnd, Reply, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::raw::{self, Answer, Raw};
use aigw_tests::scene::Scene;
use aigw_tests::wire::Wire;

use crate::{MESSAGES, tls, wired};

/// 502 of a request that was taken and not answered.
fn taken(answer: &Answer) {
    assert_eq!((answer.status, answer.error()), (502, Some("upstream-failed")), "{}", answer.text());
}

#[test]
fn a_request_that_was_taken_is_never_sent_again() {
    // What becomes of the second request on a connection, and of the first on a fresh one.
    for (what, answers_first) in [("on a fresh connection", false), ("on a connection of the pool", true)] {
        for half in [false, true] {
            let wire = Wire::start(move |peer| {
                if answers_first {
                    peer.request();
                    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
                if half {
                    // A broken answer is none.
                    peer.request();
                    peer.send("HTTP/1.1 200 OK\r\ncontent-le");
                } else {
                    peer.request();
                }
            });
            let machine = wired(&wire);
            let daemon = machine.start();
            let key = machine.key("env");
            let ask = |message: String| raw::exchange(&daemon.address, message);
            let messages = [
                raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES),
                // Without a body, too: GET may be repeated by whoever likes, not by us.
                raw::get(&daemon.address, "/openai/v1/models", &key, &[]),
            ];
            for (number, message) in messages.into_iter().enumerate() {
                if answers_first {
                    assert_eq!(ask(message.clone()).status, 200);
                }
                taken(&ask(message));
                let each = if answers_first { 2 } else { 1 };
                assert_eq!(wire.seen().len(), (number + 1) * each, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_over_http2_is_502_and_counted_once() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        scene.gateway.answer_next(1, Reply::hang_up());
        taken(&scene.post("/anthropic/v1/messages", &[], MESSAGES));
        assert_eq!(scene.only_request().http2, http2);
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_while_an_upload_goes_on_is_502() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        let mut raw = Raw::connect(scene.address());
        raw.send(format!(
            "POST /anthropic/v1/messages HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\ncontent-length: 1000\r\n\r\n{{",
            scene.address(),
            scene.key
        ));
        scene.gateway_sees("the first byte", |seen| seen.iter().any(|request| request.body_len == 1)).await;
        scene.gateway.close_connections();
        taken(&raw.answer());
        assert_eq!(scene.gateway.provider_requests().len(), 1);
    }
}

#[test]
fn a_pooled_connection_that_the_gateway_closed_is_not_noticed_by_the_client() {
    let (closed, closes) = channel();
    let closed = Mutex::new(closed);
    let wire = Wire::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let _ = peer.stream().shutdown(std::net::Shutdown::Write);
        // The daemon closes its side as soon as it has noticed.
        peer.wait_for_end();
        closed.lock().unwrap().send(()).unwrap();
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    for number in 1..=5 {
        let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
        let answer = raw::exchange(&daemon.address, message);
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
        closes.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(wire.seen().len(), number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_gateway_drains_are_not_noticed_by_the_client() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        // Each connection takes two requests, and says so (`Connection: close`, or GOAWAY).
        scene.gateway.change(|behaviour| behaviour.requests_per_connection = 2);
        for _ in 0..12 {
            let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
            assert_eq!(answer.status, 200, "{http2} {}", answer.text());
        }
        assert_eq!(scene.gateway.provider_requests().len(), 12);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_draining_gateway_did_not_look_at_is_sent_again_and_nothing_else_is() {
    for http2 in [true, false] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        let done = AtomicUsize::new(0);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let ask = |thread: usize| {
                let (scene, done) = (&scene, &done);
                move || {
                    let mut statuses = Vec::new();
                    for number in 0..75 {
                        let id = format!("x-id: {thread}-{number}");
                        statuses.push(scene.post("/anthropic/v1/messages", &[&id], MESSAGES).status);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    statuses
                }
            };
            let asking: Vec<_> = (0..4).map(|thread| scope.spawn(ask(thread))).collect();
            // So seldom that no request meets two drains.
            for drains in 1..15 {
                eventually("more requests", || (done.load(Ordering::Relaxed) >= drains * 20).then_some(()));
                scene.gateway.close_idle_connections();
            }
            asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
        // Over HTTP/2 the gateway says what it did not look at. A connection that ends without a word leaves that open,
        // and then the tool has to decide.
        assert_eq!(count(200) + count(502), statuses.len(), "{http2} {statuses:?}");
        assert!(count(200) > statuses.len() / 2, "{http2} {statuses:?}");
        // A stream that it disowns may have come to its ears, but never whole.
        let seen = scene.gateway.provider_requests();
        let whole = seen.iter().filter(|request| request.body_end == BodyEnd::Complete);
        let mut ids: Vec<_> = whole.clone().filter_map(|request| request.header("x-id")).collect();
        let all = ids.len();
        assert!(all >= count(200));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{http2}: some request was sent twice");
        // What was sent again began with its beginning.
        assert!(whole.clone().all(|request| request.method == "GET" || request.body_text() == MESSAGES));
    }
}
