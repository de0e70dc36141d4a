//! The gateway fails behind a tunnel: the answers are those of door 1.

use std::time::{Duration, Instant};

use aigw_gateway::{Ending, Manner, Reply};
use aigw_tests::inside::read;

use crate::stage::{Stage, restart, until};
use crate::{H1, H2, MESSAGES};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_outages_are_told_as_at_the_other_door() {
    let stage = Stage::set("anthropic", "").await;
    let gateway = &stage.scene.gateway;
    let mut token = stage.scene.token.clone();
    for protocols in [H1, H2] {
        let ask = async || stage.http(protocols).await.ask("POST", "/v1/messages", &[], MESSAGES).await;
        // As they were said.
        let busy = Reply::anthropic_error(429, "rate_limit_error", "slow down")
            .header("retry-after", "17")
            .header("anthropic-ratelimit-requests-remaining", "0");
        gateway.answer_next(1, busy.clone());
        let answer = ask().await;
        assert_eq!((answer.status, answer.field("retry-after"), answer.error()), (429, Some("17"), None));
        assert_eq!(answer.field("anthropic-ratelimit-requests-remaining"), Some("0"));
        assert_eq!(answer.body, busy.body);
        gateway
            .answer_next(1, Reply::anthropic_error(529, "overloaded_error", "x").header("retry-after", "3"));
        let answer = ask().await;
        assert_eq!((answer.status, answer.field("retry-after"), answer.error()), (529, Some("3"), None));
        assert_eq!(gateway.provider_requests().len(), 2, "nothing is sent again");
        // The gateway's own words, in the dialect.
        gateway.change(|behaviour| behaviour.budget_exceeded = true);
        let answer = ask().await;
        assert_eq!((answer.status, answer.json()["type"].as_str()), (403, Some("error")));
        gateway.change(|behaviour| behaviour.budget_exceeded = false);

        gateway.stop().await;
        let answer = ask().await;
        assert_eq!((answer.status, answer.error()), (503, Some("gateway-unreachable")), "{}", answer.text());
        assert_eq!((answer.field("retry-after"), answer.json()["type"].as_str()), (Some("2"), Some("error")));
        restart(gateway).await;
        assert_eq!(ask().await.status, 200);

        gateway.revoke(&token);
        let answer = ask().await;
        assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")), "{}", answer.text());
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("aigwctl login"));
        token = stage.scene.machine.log_in(gateway);
        assert_eq!(ask().await.status, 200);
        gateway.forget_requests();
    }
    assert!(stage.origin.requests().is_empty(), "never to the provider instead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_is_seen_to_be_one() {
    let stage = Stage::set("anthropic", "").await;
    stage.scene.gateway.change(|behaviour| behaviour.stream.ending = Ending::Cut);
    stage.origin.at("/api/cut", Manner::Cut { length: 100_000, after: 1000 });
    for protocols in [H1, H2] {
        for (method, path) in [("POST", "/v1/messages"), ("GET", "/api/cut")] {
            let answer = stage.http(protocols).await.ask(method, path, &[], MESSAGES).await;
            assert_eq!((answer.status, answer.whole), (200, false), "{protocols:?} {path}");
            assert!(!answer.body.is_empty());
        }
    }
    assert_eq!(stage.scene.gateway.provider_requests().len(), 2, "nothing is sent again");
    assert_eq!(stage.origin.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_gone_on_the_other_side_within_a_second() {
    let stage = Stage::set("anthropic", "").await;
    let gateway = &stage.scene.gateway;
    gateway.change(|behaviour| {
        behaviour.stream.ending = Ending::Silence;
        behaviour.stream.ping_after = Duration::from_secs(600);
    });
    stage.origin.at("/api/events", Manner::Events { count: 2, gap: Duration::from_secs(600) });
    for protocols in [H1, H2] {
        gateway.forget_requests();
        stage.origin.forget_requests();
        // The stream alone, or the whole connection.
        for whole in [false, true] {
            if !whole && protocols == H1 {
                continue;
            }
            let (mut one, mut two) = (stage.http(protocols).await, stage.http(protocols).await);
            let mut ai = one.begin("POST", "/v1/messages", &[], MESSAGES).await.unwrap();
            assert!(until(ai.body_mut(), "Hello").await);
            let mut other = two.begin("GET", "/api/events", &[], "").await.unwrap();
            assert!(until(other.body_mut(), "event").await);
            let left = Instant::now();
            drop((ai, other));
            if whole {
                drop((one, two));
            }
            let all = |seen: &[aigw_gateway::Recorded]| seen.iter().all(aigw_gateway::Recorded::cancelled);
            assert!(gateway.wait_until(all, Duration::from_secs(30)).await, "{protocols:?} {whole}");
            assert!(stage.origin.wait_until(all, Duration::from_secs(30)).await, "{protocols:?} {whole}");
            assert!(left.elapsed() < Duration::from_secs(1), "{protocols:?} {whole} {:?}", left.elapsed());
        }
    }
}

/// A body goes up as it comes, and so does its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_goes_both_ways_whole() {
    let stage = Stage::set("anthropic", "").await;
    stage.origin.at("/api/down", Manner::Slow { length: 3_000_000, piece: 100_000, gap: Duration::ZERO });
    let body = "0123456789".repeat(500_000);
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        let answer = http.ask("POST", "/api/up", &[], &body).await;
        assert_eq!((answer.status, answer.json()["bytes"].as_u64()), (200, Some(5_000_000)));
        let response = http.begin("GET", "/api/down", &[], "").await.unwrap();
        let answer = read(response).await;
        assert_eq!((answer.whole, answer.body.len()), (true, 3_000_000));
    }
}
