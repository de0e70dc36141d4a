//! Anthropic Messages: <https://docs.anthropic.com/en/api/messages-streaming>.

use aigw_shared::ipc::payload::WORDS;
use serde_json::{Value, json};

use super::{Ask, Event};

/// The events of a stream.
pub(super) fn events(ask: &Ask) -> Vec<Event> {
    let event = |name, mut data: Value| {
        data["type"] = Value::from(name);
        Event::new(name, &data)
    };
    let start = message_with(ask, json!([]), Value::Null);
    let block = json!({ "type": "text", "text": "" });
    let mut events = vec![
        event("message_start", json!({ "message": start })),
        event("content_block_start", json!({ "index": 0, "content_block": block })),
        event("ping", json!({})),
    ];
    events.extend(WORDS.map(|word| {
        let delta = json!({ "type": "text_delta", "text": word });
        let name = "content_block_delta";
        Event::word(name, &json!({ "type": name, "index": 0, "delta": delta }))
    }));
    let delta = json!({ "stop_reason": "end_turn", "stop_sequence": null });
    events.extend([
        event("content_block_stop", json!({ "index": 0 })),
        event("message_delta", json!({ "delta": delta, "usage": { "output_tokens": WORDS.len() } })),
        event("message_stop", json!({})),
    ]);
    events
}

/// The same in one piece.
pub(super) fn message(ask: &Ask) -> Value {
    message_with(ask, json!([{ "type": "text", "text": WORDS.concat() }]), "end_turn".into())
}

fn message_with(ask: &Ask, content: Value, stop_reason: Value) -> Value {
    json!({
        "id": "msg_aigwproof",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": 10,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": WORDS.len(),
        },
    })
}
