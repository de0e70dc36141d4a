//! The Gemini API: <https://ai.google.dev/api/generate-content>. Its clients take no event without a part, and no word
//! besides events.

use aigw_shared::ipc::payload::WORDS;
use serde_json::{Value, json};

use super::Event;

/// The objects of a stream.
pub(super) fn events(model: &str) -> Vec<Event> {
    let mut events: Vec<_> = WORDS.map(|word| Event::word("", &object(model, word))).into();
    events.push(Event::new("", &ended(object(model, ""))));
    events
}

/// The same in one piece.
pub(super) fn whole(model: &str) -> Value {
    ended(object(model, &WORDS.concat()))
}

fn object(model: &str, text: &str) -> Value {
    json!({
        "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] }, "index": 0 }],
        "modelVersion": model,
        "responseId": "aigw-proof",
    })
}

fn ended(mut last: Value) -> Value {
    let words = WORDS.len();
    last["candidates"][0]["finishReason"] = "STOP".into();
    last["usageMetadata"] =
        json!({ "promptTokenCount": 10, "candidatesTokenCount": words, "totalTokenCount": 10 + words });
    last
}
