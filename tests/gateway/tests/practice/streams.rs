//! What answers look like in each dialect, and how they go wrong.

use std::time::Duration;

use aigw_gateway::{Ending, ToolUse};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::client::{ask, open, send};
use crate::{PATIENCE, started};

const MESSAGES: &str = "POST /api/v2/ai-gateway/anthropic/v1/messages";
const CHAT: &str = "POST /api/v2/ai-gateway/openai/v1/chat/completions";
const RESPONSES: &str = "POST /api/v2/ai-gateway/openai/v1/responses";
const STREAM: &str = r#"{"model":"some-model","stream":true}"#;
const HELLO: &str = "Hello from the practice gateway.";

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap_or("chunk")).collect()
}

fn joined(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

#[tokio::test]
async fn messages_stream() {
    let (gateway, token) = started().await;
    let answer = ask(&gateway, &token, MESSAGES, STREAM).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("connection"), "keep-alive");
    assert_eq!(answer.header("x-accel-buffering"), "no");
    let events = answer.events();
    let delta = "content_block_delta";
    assert_eq!(
        kinds(&events),
        [
            "message_start",
            "content_block_start",
            "ping",
            delta,
            delta,
            delta,
            delta,
            delta,
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(events[0]["message"]["model"], "some-model");
    assert_eq!(joined(&events, "/delta/text"), HELLO);
    assert_eq!(events[9]["usage"]["output_tokens"], 12);
    assert!(answer.body.starts_with("event: message_start\ndata: {"));
}

#[tokio::test]
async fn chat_stream() {
    let (gateway, token) = started().await;
    let answer = ask(&gateway, &token, CHAT, STREAM).await;
    let events = answer.events();
    assert_eq!(joined(&events, "/choices/0/delta/content"), HELLO);
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[events.len() - 1]["usage"]["total_tokens"], 37);
    assert!(answer.body.ends_with("data: [DONE]\n\n"));
    assert!(!answer.body.contains("event:"));
}

#[tokio::test]
async fn responses_stream() {
    let (gateway, token) = started().await;
    let events = ask(&gateway, &token, RESPONSES, STREAM).await.events();
    let delta = "response.output_text.delta";
    assert_eq!(
        kinds(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            delta,
            delta,
            delta,
            delta,
            delta,
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    assert_eq!(joined(&events, "/delta"), HELLO);
    let whole = &events[12]["response"];
    assert_eq!(whole["output"][0]["content"][0]["text"], HELLO);
    assert_eq!(whole["usage"]["total_tokens"], 37);
}

#[tokio::test]
async fn whole_answers() {
    let (gateway, token) = started().await;
    let body = r#"{"model":"some-model"}"#;
    for (line, text) in [
        (MESSAGES, "/content/0/text"),
        (CHAT, "/choices/0/message/content"),
        (RESPONSES, "/output/0/content/0/text"),
    ] {
        let answer = ask(&gateway, &token, line, body).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json().pointer(text), Some(&HELLO.into()), "{line}");
        assert_eq!(answer.json()["model"], "some-model");
    }
}

#[tokio::test]
async fn tools_are_called_until_they_have_answered() {
    let (gateway, token) = started().await;
    let arguments = r#"{"path":"/tmp/example"}"#;
    gateway.change(|b| b.stream.tool_use = Some(ToolUse { name: None, arguments: arguments.to_owned() }));
    let tool = json!({ "name": "read", "type": "function", "function": { "name": "read" } });
    for (line, key, pointer, result) in [
        (MESSAGES, "messages", "/delta/partial_json", json!({ "content": [{ "type": "tool_result" }] })),
        (CHAT, "messages", "/choices/0/delta/tool_calls/0/function/arguments", json!({ "role": "tool" })),
        (RESPONSES, "input", "/delta", json!({ "type": "function_call_output" })),
    ] {
        let mut request = json!({ "stream": true, "tools": [tool] });
        let events = ask(&gateway, &token, line, &request.to_string()).await.events();
        assert_eq!(joined(&events, pointer), arguments, "{line}");
        request[key] = json!([result]);
        let answer = ask(&gateway, &token, line, &request.to_string()).await;
        assert!(answer.body.contains("practice "), "{line}: {}", answer.body);
    }
    let nested =
        json!({ "type": "namespace", "name": "all", "tools": [{ "type": "custom", "name": "read" }] });
    let response = ask(&gateway, &token, RESPONSES, &json!({ "tools": [nested] }).to_string()).await.json();
    let call = &response["output"][0];
    assert_eq!((&call["type"], &call["namespace"]), (&"custom_tool_call".into(), &"all".into()));
    assert_eq!(call["input"], arguments);
    let request = json!({ "tools": [tool] }).to_string();
    let message = ask(&gateway, &token, MESSAGES, &request).await.json();
    assert_eq!(message["content"][0]["input"]["path"], "/tmp/example");
    assert_eq!(message["stop_reason"], "tool_use");
}

#[tokio::test]
async fn broken_endings() {
    let (gateway, token) = started().await;
    for (ending, line, last, broken) in [
        (Ending::Error, MESSAGES, "\"type\":\"overloaded_error\"", false),
        (Ending::Error, CHAT, "data: [DONE]", false),
        (Ending::Error, RESPONSES, "event: error", false),
        (Ending::Failed, RESPONSES, "event: response.failed", false),
        (Ending::Cut, MESSAGES, "event: content_block_delta", true),
    ] {
        gateway.change(|b| b.stream.ending = ending);
        let answer = ask(&gateway, &token, line, STREAM).await;
        let tail = answer.body.trim_end().rsplit("\n\n").next().unwrap();
        assert!(tail.contains(last), "{ending:?} {line}: {tail}");
        assert_eq!(answer.broken, broken, "{ending:?} {line}");
        assert!(!answer.body.contains("message_stop") && !answer.body.contains("response.completed"));
    }
    assert!(ask(&gateway, &token, CHAT, "{}").await.broken);
}

#[tokio::test]
async fn long_streams_and_echoes() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.stream.deltas = Some(1000));
    assert_eq!(ask(&gateway, &token, CHAT, STREAM).await.events().len(), 1003);
    gateway.change(|b| {
        b.stream.deltas = None;
        b.stream.echo = true;
    });
    let events = ask(&gateway, &token, MESSAGES, STREAM).await.events();
    let sha256 = gateway.requests().last().unwrap().body_sha256.clone();
    assert_eq!(joined(&events, "/delta/text"), format!("sha256={sha256} bytes={}", STREAM.len()));
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_pings() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.stream.gap = Duration::from_secs(25));
    let events = ask(&gateway, &token, MESSAGES, STREAM).await.events();
    assert_eq!(kinds(&events)[..4], ["message_start", "ping", "ping", "content_block_start"]);
}

#[tokio::test]
async fn compressed_bodies_stream_by_default() {
    let (gateway, token) = started().await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-encoding", "zstd")];
    let answer = send(&gateway, RESPONSES, &headers, &b"\x28\xb5\x2f\xfd\x00"[..]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
}

#[tokio::test]
async fn leaving_an_endless_stream_is_noticed() {
    let (gateway, token) = started().await;
    gateway.change(|b| {
        b.stream.ending = Ending::Endless;
        b.stream.gap = Duration::from_millis(1);
    });
    let bearer = format!("Bearer {token}");
    let mut response = open(&gateway, MESSAGES, &[("authorization", &bearer)], STREAM).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    assert!(!gateway.requests()[0].cancelled());
    drop(response);
    assert!(gateway.wait_until(|requests| requests[0].cancelled(), PATIENCE).await);
}

#[tokio::test]
async fn passthrough_shapes() {
    let (gateway, token) = started().await;
    let get = async |path: &str| ask(&gateway, &token, &format!("GET /api/v2/aibridge{path}"), "").await;
    let post =
        async |path: &str| ask(&gateway, &token, &format!("POST /api/v2/aibridge{path}"), "{}").await.json();
    assert_eq!(get("/openai/v1/models").await.json()["object"], "list");
    assert_eq!(get("/anthropic/v1/models").await.json()["data"][0]["type"], "model");
    assert_eq!(post("/anthropic/v1/messages/count_tokens").await, json!({ "input_tokens": 0 }));
    assert_eq!(post("/anthropic/api/event_logging/batch").await, json!({}));
    assert_eq!(get("/openai/v1/responses/resp_1").await.json()["id"], "resp_1");
    assert_eq!(post("/openai/v1/conversations").await["object"], "conversation");
    let own = format!("Bearer {}", "copilot-token");
    let byok = [("x-coder-ai-governance-token", token.as_str()), ("authorization", own.as_str())];
    for path in ["/models", "/agents/x", "/mcp/x", "/_ping", "/auto"] {
        let line = format!("GET /api/v2/aibridge/copilot{path}");
        assert_eq!(send(&gateway, &line, &byok, "").await.status, 200, "{path}");
    }
    let bulk = get("/anthropic/v1/models/bulk?bytes=300000").await;
    assert_eq!((bulk.body.len(), bulk.header("content-length")), (300_000, ""));
    let bulk = get("/anthropic/v1/models/bulk?bytes=70000&length").await;
    assert_eq!((bulk.body.len(), bulk.header("content-length")), (70_000, "70000"));
}
