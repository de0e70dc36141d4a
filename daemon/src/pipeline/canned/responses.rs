//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses-streaming>. A WebSocket has the same events.

use aigw_shared::ipc::payload::WORDS;
use serde_json::{Value, json};

use super::{Ask, Event};

const ITEM: &str = "msg_aigwproof";

/// The events of a stream. Codex warms up a WebSocket with a request for which nothing is to be said.
pub(super) fn events(ask: &Ask) -> Vec<Event> {
    let silent = ask.body["generate"] == false;
    let begun = with(ask, "in_progress", json!([]), Value::Null);
    let mut events = vec![
        (false, "response.created", json!({ "response": begun })),
        (false, "response.in_progress", json!({ "response": begun })),
    ];
    if !silent {
        events.extend(said());
    }
    let output = if silent { json!([]) } else { json!([item("completed", &WORDS.concat())]) };
    let whole = with(ask, "completed", output, usage());
    events.push((false, "response.completed", json!({ "response": whole })));
    let numbered = events.into_iter().enumerate().map(|(number, (word, name, mut data))| {
        data["type"] = name.into();
        data["sequence_number"] = number.into();
        if word { Event::word(name, &data) } else { Event::new(name, &data) }
    });
    numbered.collect()
}

/// The same in one piece.
pub(super) fn response(ask: &Ask) -> Value {
    with(ask, "completed", json!([item("completed", &WORDS.concat())]), usage())
}

/// The one message, from its beginning to its end.
fn said() -> Vec<(bool, &'static str, Value)> {
    let at = |mut data: Value| {
        data["item_id"] = ITEM.into();
        data["output_index"] = 0.into();
        data["content_index"] = 0.into();
        data
    };
    let mut begun = item("in_progress", "");
    begun["content"] = json!([]);
    let all = WORDS.concat();
    let mut events = vec![
        (false, "response.output_item.added", json!({ "output_index": 0, "item": begun })),
        (false, "response.content_part.added", at(json!({ "part": part("") }))),
    ];
    let delta = |word| (true, "response.output_text.delta", at(json!({ "delta": word, "logprobs": [] })));
    events.extend(WORDS.map(delta));
    events.extend([
        (false, "response.output_text.done", at(json!({ "text": all, "logprobs": [] }))),
        (false, "response.content_part.done", at(json!({ "part": part(&all) }))),
        (false, "response.output_item.done", json!({ "output_index": 0, "item": item("completed", &all) })),
    ]);
    events
}

fn item(status: &str, text: &str) -> Value {
    json!({ "id": ITEM, "type": "message", "role": "assistant", "status": status, "content": [part(text)] })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn with(ask: &Ask, status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": "resp_aigwproof",
        "object": "response",
        "created_at": crate::now(),
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": ask.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null },
        "store": false,
        "temperature": 1.0,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
    })
}

fn usage() -> Value {
    let words = WORDS.len();
    json!({
        "input_tokens": 10,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": words,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": 10 + words,
    })
}
