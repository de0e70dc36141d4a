//! Header fields: what the client said arrives as it said it, and nothing of ours comes along but what is documented.

use aigw_gateway::{Reply, Setup};
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, tls};

/// Names in odd case, values that somebody might be tempted to tidy up.
const SENT: [&str; 17] = [
    "User-Agent: claude-cli/2.1.330 (external, cli)",
    "accept: application/json",
    "accept-encoding: gzip, deflate, br, zstd",
    "anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14",
    "anthropic-beta: fine-grained-tool-streaming-2025-05-14",
    "anthropic-version: 2023-06-01",
    "ORIGINATOR: codex_exec",
    "session_id: 0199-with_underscore",
    "session-id: 0199",
    "X-Claude-Code-Session-Id: 5f3a",
    "x-codex-turn-metadata: {\"a\": \"b, c\",  \"d\":\"\\\"\"}",
    "X-Stainless-Retry-Count: 0",
    "x-empty:",
    "X-Coder-Agent-Firewall-Session-Id: 00000000-0000-4000-8000-0000000000aa",
    "X-Coder-Agent-Firewall-Sequence-Number: 7",
    "x-interaction-id: Ünïcode as bytes",
    "content-type: application/json; charset=utf-8",
];

#[tokio::test(flavor = "multi_thread")]
async fn fields_arrive_in_order_and_as_they_were_and_ours_are_the_documented_ones() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        let answer = scene.post("/anthropic/v1/messages?beta=true", &SENT, MESSAGES);
        assert_eq!(answer.status, 200, "{}", answer.text());

        let expected: Vec<(String, String)> = SENT
            .iter()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .chain([("content-length".to_owned(), MESSAGES.len().to_string())])
            .collect();
        let seen = scene.only_request();
        let (own, theirs): (Vec<_>, Vec<_>) =
            seen.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).partition(
                |(name, _)| ["host", ":authority", "authorization", "x-aigw-loop"].contains(&name.as_str()),
            );
        assert_eq!(theirs, expected);
        let mut own: Vec<_> = own.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        own.sort();
        let host = if http2 { ":authority" } else { "host" };
        let mut documented = [
            format!("{host}: {}", scene.gateway.address()),
            format!("authorization: Bearer {}", scene.token),
            "x-aigw-loop: 1".to_owned(),
        ];
        documented.sort();
        assert_eq!(own, documented);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_arrives_as_it_was() {
    let scene = Scene::set(machine!(), tls()).await;
    for query in ["?beta=true", "?a=%2F&b=c%20d&&e=&f", "?client_version=0.169.0", "?", "?q=a+b/c?d=e"] {
        scene.gateway.forget_requests();
        scene.get(&format!("/openai/v1/models{query}"), &[]);
        let target = scene.only_request().target;
        assert!(target.ends_with(&format!("/openai/v1/models{query}")), "{query}: {target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_request_is_not_looked_into() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        // The magic number of zstd, and what is no text.
        let mut body = vec![0x28, 0xb5, 0x2f, 0xfd];
        body.extend((0..=255u8).cycle().take(70_000));
        let mut message = format!(
            "POST /openai/v1/responses HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\ncontent-encoding: zstd\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            scene.address(),
            scene.key,
            body.len()
        )
        .into_bytes();
        message.extend(&body);
        let answer = raw::exchange(scene.address(), message);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let seen = scene.only_request();
        assert_eq!(seen.header("content-encoding"), Some("zstd"));
        assert!(seen.body == body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_answer_is_not_looked_into_and_its_fields_stay() {
    let scene = Scene::set(machine!(), tls()).await;
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xfe];
    let reply = Reply::new(200)
        .header("content-encoding", "gzip")
        .header("content-type", "application/json")
        .header("date", "Mon, 23 Nov 2026 10:00:00 GMT")
        .header("request-id", "req_1")
        .header("set-cookie", "a=1; Path=/")
        .header("set-cookie", "b=2")
        .header("anthropic-ratelimit-requests-remaining", "41")
        .header("keep-alive", "timeout=5")
        .body(packed.to_vec());
    scene.gateway.answer_next(1, reply);
    let answer = scene.post("/anthropic/v1/messages", &["accept-encoding: gzip"], MESSAGES);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, packed);
    let all = |name: &str| -> Vec<&str> {
        answer.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(all("set-cookie"), ["a=1; Path=/", "b=2"]);
    for (name, value) in [
        ("content-encoding", "gzip"),
        ("content-type", "application/json"),
        ("date", "Mon, 23 Nov 2026 10:00:00 GMT"),
        ("request-id", "req_1"),
        ("anthropic-ratelimit-requests-remaining", "41"),
        ("content-length", "12"),
    ] {
        assert_eq!(all(name), [value], "{name}");
    }
    // It was about the gateway's connection, not about this one.
    assert!(answer.field("keep-alive").is_none());
    assert!(answer.error().is_none());
}
