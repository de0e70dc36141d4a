//! The gateway is away, or goes in the middle of an answer: what the tool is told, and when.

use std::time::{Duration, Instant};

use aigw_gateway::{Ending, Setup, Transport};
use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::machine::Machine;
use aigw_tests::raw::{self, Answer, Raw};
use aigw_tests::scene::Scene;

use crate::{MESSAGES, TOKEN, tls};

const BULK: &str = "/openai/v1/models/bulk?bytes=50000000";

/// 503 that a tool's own retry bridges.
fn may_pass(answer: &Answer) {
    assert_eq!((answer.status, answer.error()), (503, Some("gateway-unreachable")), "{}", answer.text());
    assert_eq!(answer.field("retry-after"), Some("2"));
    assert_eq!(answer.field("x-should-retry"), None);
    assert_eq!(answer.json()["type"], "error");
}

/// A logged-in daemon whose gateway has this URL, and what it answers.
pub fn asked(url: &str, more: &str) -> (Machine, Answer) {
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", TOKEN);
    machine.configure(&format!("[gateway.default]\nurl = \"{url}\"\nkind = \"coder-standalone\"\n{more}"));
    let daemon = machine.start();
    let key = machine.key("env");
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
    let answer = raw::exchange(&daemon.address, message);
    assert!(!answer.text().contains(TOKEN));
    (machine, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_away_is_503_after_the_wait_and_its_return_needs_no_restart() {
    let machine = machine!();
    machine.configure("[gateway.default]\nwait_s = 1\n");
    let scene = Scene::set(machine, tls()).await;
    scene.gateway.stop().await;
    let begun = Instant::now();
    let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    let took = begun.elapsed();
    may_pass(&answer);
    assert!(answer.text().contains(&scene.gateway.address().to_string()), "{}", answer.text());
    // All of the second that was granted, and no more than a busy machine adds.
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(scene.machine.ask(&["status"])["gateways"][0]["reachable"], false);

    scene.gateway.restart().await.unwrap();
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    assert_eq!(scene.machine.ask(&["status"])["gateways"][0]["reachable"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_returns_within_the_wait_is_no_error_at_all() {
    let machine = machine!();
    machine.configure("[gateway.default]\nwait_s = 60\n");
    let scene = Scene::set(machine, tls()).await;
    scene.gateway.stop().await;
    let mut raw = scene.begin("/anthropic/v1/messages", &[], MESSAGES);
    // It has been refused a few times when this is over.
    tokio::time::sleep(Duration::from_millis(700)).await;
    scene.gateway.restart().await.unwrap();
    let back = Instant::now();
    let answer = raw.answer();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
    assert_eq!(scene.only_request().body_text(), MESSAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_or_says_nothing_may_pass() {
    for transport in [Transport::CloseAtOnce, Transport::NeverAnswer] {
        let scene = Scene::set(machine!(), tls()).await;
        scene.gateway.change(|behaviour| behaviour.transport = transport);
        scene.gateway.close_connections();
        let begun = Instant::now();
        may_pass(&scene.post("/anthropic/v1/messages", &[], MESSAGES));
        // Three seconds is what it waits, all in all, and no more than a busy machine adds.
        assert!(begun.elapsed() < Duration::from_secs(9), "{transport:?} {:?}", begun.elapsed());
        scene.gateway.change(|behaviour| behaviour.transport = Transport::Serve);
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200, "{transport:?}");
        scene.only_request();
    }
}

#[test]
fn a_name_without_an_address_may_pass_and_is_named() {
    // A label that is too long to be asked for: no resolver hears of it.
    let host = format!("{}.invalid", "g".repeat(64));
    let (_machine, answer) = asked(&format!("https://{host}"), "wait_s = 1\n");
    may_pass(&answer);
    assert!(answer.text().contains(&format!("{host} cannot be resolved")), "{}", answer.text());
}

#[test]
fn many_that_wait_for_an_unknown_prefix_do_not_wait_in_turn() {
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", TOKEN);
    // A port that nobody has and nobody else can take: bound, and never listened on.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    machine.configure(&format!("[gateway.default]\nurl = \"http://127.0.0.1:{port}\"\nwait_s = 1\n"));
    let daemon = machine.start();
    let key = machine.key("env");
    let begun = Instant::now();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut raw = Raw::connect(&daemon.address);
            raw.send(raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES));
            raw
        })
        .collect();
    for mut raw in waiting {
        may_pass(&raw.answer());
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_is_visibly_cut() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Cut);
        for path in ["/anthropic/v1/messages", "/openai/v1/chat/completions", "/openai/v1/responses"] {
            scene.gateway.forget_requests();
            let mut live = Live::of(scene.begin(path, &[], MESSAGES));
            assert_eq!(live.head.status, 200);
            assert!(live.until("Hello"), "{path}");
            assert!(!live.ends_well(), "{path}: a cut looks like an end");
            assert_eq!(scene.only_request().http2, http2);
        }
        // An answer whose length was said.
        let whole = MESSAGES.replace(r#""stream":true,"#, "");
        let answer = scene.post("/anthropic/v1/messages", &[], &whole);
        assert_eq!(answer.status, 200);
        assert!(!answer.whole && answer.field("content-length").is_some());
        // The whole connection goes, and with it every stream.
        scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Silence);
        let mut live = Live::of(scene.begin("/anthropic/v1/messages", &[], MESSAGES));
        assert!(live.until("Hello"));
        scene.gateway.close_connections();
        assert!(!live.ends_well());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stalled_client_does_not_hold_up_the_others_on_the_same_connection() {
    let scene = Scene::set(machine!(), tls()).await;
    // Nobody reads the others; over HTTP/2 they share its connection.
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    scene.gateway.forget_requests();
    let stalled: Vec<_> = (0..8)
        .map(|_| {
            let mut raw = Raw::connect(scene.address());
            raw.send(raw::get(scene.address(), BULK, &scene.key, &[]));
            raw
        })
        .collect();
    // When all buffers are full, the daemon has nothing to do.
    let mut before = 0.0;
    eventually("they are stalled", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = scene.machine.ask(&["status"])["daemon"]["cpu_s"].as_f64().expect("a number");
        let still = now - before < 0.03;
        before = now;
        still.then_some(())
    });
    let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    assert_eq!(answer.status, 200);
    assert!(answer.whole);
    let connections: std::collections::BTreeSet<_> =
        scene.gateway.provider_requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections.len(), 1);
    drop(stalled);
    eventually("they are cancelled", || {
        scene.gateway.provider_requests()[..8].iter().all(|request| request.cancelled()).then_some(())
    });
}
