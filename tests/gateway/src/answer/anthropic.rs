//! Anthropic Messages: the event sequence of a stream, and the whole message.

use serde_json::{Value, json};

use super::Plan;
use super::player::{Event, Script};

fn event(name: &'static str, mut data: Value) -> Event {
    data["type"] = name.into();
    Event { name, data: data.to_string() }
}

/// The stream of events.
pub(crate) fn script(plan: Plan) -> Script {
    let mut start = message(&plan, json!([]), Value::Null);
    start["usage"]["output_tokens"] = 1.into();
    let mut block = block(&plan, "");
    if plan.is_call() {
        block["input"] = json!({});
    }
    let opening = vec![
        event("message_start", json!({ "message": start })),
        event("content_block_start", json!({ "index": 0, "content_block": block })),
        ping(),
    ];
    let called = plan.is_call();
    let delta = move |_: usize, piece: &str| {
        let delta = match called {
            true => json!({ "type": "input_json_delta", "partial_json": piece }),
            false => json!({ "type": "text_delta", "text": piece }),
        };
        event("content_block_delta", json!({ "index": 0, "delta": delta }))
    };
    let end = json!({
        "delta": { "stop_reason": stop_reason(&plan), "stop_sequence": null },
        "usage": usage(&plan),
    });
    let closing = move |_: usize, _: &str| {
        vec![
            event("content_block_stop", json!({ "index": 0 })),
            event("message_delta", end),
            event("message_stop", json!({})),
        ]
    };
    let failure = |_: usize| {
        vec![event("error", json!({ "error": { "type": "overloaded_error", "message": "Overloaded" } }))]
    };
    Script {
        opening,
        pieces: plan.pieces,
        count: plan.count,
        delta: Box::new(delta),
        closing: Box::new(closing),
        failure: Box::new(failure),
        ping: Some(ping()),
    }
}

/// The message in one piece.
pub(crate) fn whole(plan: &Plan) -> Value {
    message(plan, json!([block(plan, &plan.whole())]), stop_reason(plan).into())
}

fn ping() -> Event {
    event("ping", json!({}))
}

fn stop_reason(plan: &Plan) -> &'static str {
    if plan.is_call() { "tool_use" } else { "end_turn" }
}

fn message(plan: &Plan, content: Value, stop_reason: Value) -> Value {
    json!({
        "id": plan.id,
        "type": "message",
        "role": "assistant",
        "model": plan.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage(plan),
    })
}

fn block(plan: &Plan, said: &str) -> Value {
    match &plan.call {
        None => json!({ "type": "text", "text": said }),
        Some(call) => {
            let input: Value = serde_json::from_str(said).unwrap_or_else(|_| json!({}));
            json!({ "type": "tool_use", "id": format!("toolu_{}", call.id), "name": call.tool.name, "input": input })
        }
    }
}

fn usage(plan: &Plan) -> Value {
    json!({
        "input_tokens": plan.usage.input,
        "cache_creation_input_tokens": plan.usage.cache_write,
        "cache_read_input_tokens": plan.usage.cache_read,
        "output_tokens": plan.usage.output,
        "service_tier": "standard",
    })
}
