//! Google's dialect through the real binaries: what its clients send comes to a provider in that one's words, and what comes
//! back is Google's again.

#![cfg(unix)]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod failures;
mod routes;
mod turns;

use aigw_gateway::{Recorded, Setup, ToolUse};
use aigw_tests::machine;
use aigw_tests::scene::Scene;
use serde_json::{Value, json};

/// What Google's clients ask for, and whose model stands for it here.
const TARGETS: [(&str, &str, &str); 2] = [
    ("gemini-2.5-flash", "/anthropic/v1/messages", "claude-sonnet-4-5"),
    ("gpt-5", "/openai/v1/responses", "gpt-5"),
];
const ASK: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;

async fn scene() -> Scene {
    Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await
}

/// The gateway calls the tool that it is offered.
fn calls_a_tool(scene: &Scene) {
    let call = ToolUse { name: None, arguments: json!({ "city": "Oslo" }).to_string() };
    scene.gateway.change(|behaviour| behaviour.stream.tool_use = Some(call));
}

fn stream(model: &str) -> String {
    format!("/gemini/v1beta/models/{model}:streamGenerateContent?alt=sse")
}

fn whole(model: &str) -> String {
    format!("/gemini/v1/models/{model}:generateContent")
}

/// What a provider was asked, lists of models left out.
fn posted(scene: &Scene) -> Vec<Recorded> {
    scene.gateway.provider_requests().into_iter().filter(|seen| seen.method == "POST").collect()
}

fn frames(text: &str) -> Vec<Value> {
    let frame = |frame: &str| serde_json::from_str(frame.strip_prefix("data: ").expect(frame)).unwrap();
    text.split_terminator("\n\n").map(frame).collect()
}

fn texts(frames: &[Value]) -> String {
    frames.iter().filter_map(|frame| frame["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect()
}
