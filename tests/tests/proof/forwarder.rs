//! Through the forwarder: every dialect, as a stream and whole.

use aigw_shared::ipc::payload::{ProofAsked as Asked, WORDS};
use aigw_tests::raw::{self, Raw};
use serde_json::Value;

use crate::{Proving, are_apart, words};

const AGENT: &str = "user-agent: claude-cli/2.1.330 (external, cli)";

/// The data of each event of a stream.
fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_each_dialect_brings_its_words_one_after_the_other() {
    let mut proving = Proving::begin().await;
    for (path, body) in [
        ("/anthropic/v1/messages?beta=true", r#"{"model":"m-1","stream":true,"messages":[]}"#),
        ("/openai/v1/responses", r#"{"model":"m-1","stream":true,"input":"hi"}"#),
        (
            "/openai/v1/chat/completions",
            r#"{"model":"m-1","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        // Without its `/v1`, which is mended.
        ("/openai/responses", r#"{"model":"m-1","stream":true,"input":"hi"}"#),
        // Without a gateway's provider, by the deployment's own prefix.
        ("/api/v2/aibridge/anthropic/v1/messages", r#"{"model":"m-1","stream":true}"#),
    ] {
        let mut raw = Raw::connect(proving.scene.address());
        raw.send(raw::post(proving.scene.address(), path, &proving.key, &[AGENT], body));
        are_apart(&words(&mut raw, "aigw-five"));
        let whole = proving.scene_post(path, body);
        assert_eq!((whole.status, whole.whole), (200, true), "{path}: {}", whole.text());
        assert_eq!(whole.field("content-type"), Some("text/event-stream"));
        let text = whole.text();
        assert!(text.contains("m-1"), "{path}: {text}");
        let events = events(&text);
        let last = events.last().unwrap();
        if path.contains("chat") {
            assert_eq!(last["usage"]["total_tokens"], 15, "{last}");
            assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
            continue;
        }
        let kind = last["type"].as_str().unwrap();
        assert_eq!(kind, if path.contains("anthropic") { "message_stop" } else { "response.completed" });
        let named = text.lines().filter_map(|line| line.strip_prefix("event: "));
        assert!(named.eq(events.iter().map(|event| event["type"].as_str().unwrap())), "{text}");
    }
    let seen = proving.seen().await;
    assert_eq!(seen.requests.len(), 10, "{seen:#?}");
    let first = &seen.requests[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/anthropic/v1/messages"));
    assert_eq!(first.user_agent.as_deref(), Some(&AGENT[12..]));
    assert_eq!((first.host.as_deref(), first.asked, first.status), (None, Asked::Messages, 200));
    for request in seen.requests.iter().skip(1).step_by(2) {
        assert!(request.whole && request.stream && !request.websocket, "{request:?}");
        assert_eq!(request.wrote_ms.len(), WORDS.len());
        assert!(request.wrote_ms.is_sorted() && request.wrote_ms[0] >= request.at_ms, "{request:?}");
    }
    proving.nobody_else_saw();
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_answers_and_lists_have_the_shape_of_their_dialect() {
    let mut proving = Proving::begin().await;
    let all = WORDS.concat();
    for (path, body, at, value) in [
        ("/anthropic/v1/messages", r#"{"model":"m"}"#, "/content/0/text", all.as_str()),
        ("/openai/v1/responses", r#"{"model":"m"}"#, "/output/0/content/0/text", &all),
        ("/openai/v1/chat/completions", r#"{"model":"m"}"#, "/choices/0/message/content", &all),
        ("/anthropic/v1/messages/count_tokens", "{}", "/input_tokens", "10"),
    ] {
        let answer = proving.scene_post(path, body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let answer = answer.json();
        let got = answer.pointer(at).unwrap_or_else(|| panic!("{path}: {answer}"));
        assert_eq!(got.as_str().map_or(got.to_string(), str::to_owned), value, "{path}");
    }
    for (path, at, value) in [
        ("/openai/v1/models", "/data/0/object", "model"),
        ("/anthropic/v1/models", "/data/0/type", "model"),
        ("/openai/v1/models/gpt-9", "/id", "gpt-9"),
    ] {
        let address = proving.scene.address();
        let answer = raw::exchange(address, raw::get(address, path, &proving.key, &[])).json();
        assert_eq!(answer.pointer(at).and_then(Value::as_str), Some(value), "{path}: {answer}");
    }
    let seen = proving.seen().await;
    let asked: Vec<_> = seen.requests.iter().map(|request| request.asked).collect();
    use Asked::{Chat, CountTokens, Messages, Models, Responses};
    assert_eq!(asked, [Messages, Responses, Chat, CountTokens, Models, Models, Models]);
    assert!(seen.requests.iter().all(|request| request.whole && request.wrote_ms.is_empty()));
    proving.nobody_else_saw();
}

/// What is nothing of an AI API is refused as it would be without a proof, and told of.
#[tokio::test(flavor = "multi_thread")]
async fn anything_else_is_refused_and_noted_without_query_or_key() {
    let mut proving = Proving::begin().await;
    let address = proving.scene.address().to_owned();
    let in_path = format!("/_k/{}/anthropic/api/hello?x=secret", proving.key);
    let answer = raw::exchange(&address, format!("HEAD {in_path} HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    assert_eq!(answer.status, 404);
    let answer = proving.scene_post("/sessions", "{}");
    assert_eq!(answer.error(), Some("management-route"));
    let answer = proving.scene_post("/openai/v1/responses/r1/cancel", "{}");
    assert_eq!((answer.status, answer.error()), (404, Some("no-such-route")));
    let seen = proving.seen().await;
    let paths: Vec<_> = seen.requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/anthropic/api/hello", "/sessions", "/openai/v1/responses/r1/cancel"]);
    assert!(seen.requests.iter().all(|request| request.asked == Asked::Other && request.status == 404));
    assert!(!format!("{seen:?}").contains(&proving.key));
    proving.nobody_else_saw();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_is_noted_so() {
    let mut proving = Proving::begin().await;
    let address = proving.scene.address().to_owned();
    let mut raw = Raw::connect(&address);
    let body = r#"{"model":"m","stream":true}"#;
    raw.send(raw::post(&address, "/anthropic/v1/messages", &proving.key, &[], body));
    assert_eq!(raw.head().0.status, 200);
    drop(raw);
    // A stream that is taken whole takes longer than one that was left.
    assert!(proving.scene_post("/anthropic/v1/messages", body).whole);
    let seen = proving.seen().await;
    assert!(!seen.requests[0].whole && seen.requests[1].whole, "{seen:#?}");
}

impl Proving {
    fn scene_post(&self, path: &str, body: &str) -> raw::Answer {
        let address = self.scene.address();
        raw::exchange(address, raw::post(address, path, &self.key, &[], body))
    }
}
