//! The client leaves, or does not read: the gateway hears of it at once, and nothing piles up in between.

use std::time::{Duration, Instant};

use aigw_gateway::{Ending, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::raw::{self, Raw};
use aigw_tests::scene::Scene;

use crate::{MESSAGES, tls};

/// What is promised is a second; a busy machine may need some of its own.
const SOON: Duration = Duration::from_secs(1);

/// Waits until the only request is cancelled, and tells how long that took.
async fn cancelled(scene: &Scene, since: Instant) -> Duration {
    scene.gateway_sees("the cancellation", |seen| seen.iter().any(|request| request.cancelled())).await;
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_gone_at_the_gateway_within_a_second() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        // While it waits for the head of an answer.
        scene.gateway.change(|behaviour| behaviour.stream.before_headers = Duration::from_secs(600));
        let raw = scene.begin("/anthropic/v1/messages", &[], MESSAGES);
        scene.gateway_sees("the request", |seen| seen.iter().any(|request| request.upstream.is_some())).await;
        let left = Instant::now();
        drop(raw);
        let took = cancelled(&scene, left).await;
        assert!(took < SOON, "{http2} before the head: {took:?}");

        // In the middle of a stream that is silent.
        for path in ["/anthropic/v1/messages", "/openai/v1/responses"] {
            scene.gateway.forget_requests();
            scene.gateway.change(|behaviour| {
                behaviour.stream.before_headers = Duration::ZERO;
                behaviour.stream.ending = Ending::Silence;
                behaviour.stream.ping_after = Duration::from_secs(600);
            });
            let mut live = Live::of(scene.begin(path, &[], MESSAGES));
            assert!(live.until("Hello"));
            let left = Instant::now();
            drop(live.leave());
            let took = cancelled(&scene, left).await;
            assert!(took < SOON, "{http2} {path}: {took:?}");
        }

        // In the middle of one that is not.
        scene.gateway.forget_requests();
        scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Endless);
        let mut live = Live::of(scene.begin("/anthropic/v1/messages", &[], MESSAGES));
        assert!(live.until("Hello"));
        let left = Instant::now();
        drop(live.leave());
        let took = cancelled(&scene, left).await;
        assert!(took < SOON, "{http2} endless: {took:?}");

        // And everybody else is served.
        scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Complete);
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_we_wait_for_the_gateway_is_not_sent_for() {
    let machine = machine!();
    machine.configure("[gateway.default]\nwait_s = 60\n");
    let scene = Scene::set(machine, tls()).await;
    scene.gateway.stop().await;
    let raw = scene.begin("/anthropic/v1/messages", &[], MESSAGES);
    let finished = || scene.machine.ask(&["status"])["daemon"]["requests"].as_u64().unwrap();
    let before = finished();
    drop(raw);
    eventually("it is over", || (finished() > before).then_some(()));
    scene.gateway.restart().await.unwrap();
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    assert_eq!(scene.gateway.provider_requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_transfers_and_slow_clients_need_no_memory() {
    const MIB: u64 = 1 << 20;
    for http2 in [false, true] {
        let mut machine = machine!();
        machine.log_level("warn");
        let scene = Scene::set(machine, Setup { http2, body_kept: 0, ..tls() }).await;
        scene.gateway.change(|behaviour| behaviour.body_cap = 64 * MIB);
        let rss = || scene.machine.ask(&["status"])["daemon"]["rss_bytes"].as_u64().unwrap();
        // What the first of everything needs is not what is measured.
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
        assert_eq!(scene.get("/openai/v1/models/bulk?bytes=3000000", &[]).body.len(), 3_000_000);
        let before = rss();

        // A client that does not read on, and one that never began to.
        let path = "/openai/v1/models/bulk?bytes=209715200&length";
        let mut idle: Vec<Raw> = Vec::new();
        for _ in 0..3 {
            let mut raw = Raw::connect(scene.address());
            raw.send(raw::get(scene.address(), path, &scene.key, &[]));
            idle.push(raw);
        }
        let (head, _) = idle[0].head();
        assert_eq!(head.status, 200);
        // The gateway cannot send on: that is when all buffers are full. Two looks with the same number tell.
        let mut last = 0;
        eventually("memory stands still", || {
            std::thread::sleep(Duration::from_millis(200));
            let now = rss();
            let still = now == last;
            last = now;
            still.then_some(())
        });
        let grown = rss().saturating_sub(before);
        assert!(grown < 8 * MIB, "{http2}: {grown} bytes for slow clients");
        let seen = scene.gateway.provider_requests();
        assert!(seen.iter().filter(|request| request.target.contains("209715200")).count() == 3);

        // The slow one catches up, and gets all of it.
        let mut rest = 0;
        let mut buffer = vec![0; 1 << 16];
        let begun = Instant::now();
        while rest < 100 * MIB {
            rest += std::io::Read::read(idle[0].stream(), &mut buffer).expect("more") as u64;
        }
        let grown = rss().saturating_sub(before);
        assert!(grown < 8 * MIB, "{http2}: {grown} bytes for a large answer ({:?})", begun.elapsed());
        drop(idle);

        // 40 MiB the other way.
        let body = format!(r#"{{"model":"gpt-5","input":"{}"}}"#, "x".repeat(40 << 20));
        let mut raw = Raw::connect(scene.address());
        raw.send(raw::post(scene.address(), "/openai/v1/conversations", &scene.key, &[], &body));
        let answer = raw.answer();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let grown = rss().saturating_sub(before);
        assert!(grown < 8 * MIB, "{http2}: {grown} bytes for a large request");
    }
}
