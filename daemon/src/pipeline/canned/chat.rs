//! OpenAI chat completions: <https://platform.openai.com/docs/api-reference/chat-streaming>.

use aigw_shared::ipc::payload::WORDS;
use serde_json::{Value, json};

use super::{Ask, Event};

/// The chunks of a stream.
pub(super) fn events(ask: &Ask) -> Vec<Event> {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        with(ask, "chat.completion.chunk", json!([choice]))
    };
    let first = chunk(json!({ "role": "assistant", "content": "" }), Value::Null);
    let mut events = vec![Event::new("", &first)];
    events.extend(WORDS.map(|word| Event::word("", &chunk(json!({ "content": word }), Value::Null))));
    events.push(Event::new("", &chunk(json!({}), "stop".into())));
    if ask.body["stream_options"]["include_usage"] == true {
        let mut last = with(ask, "chat.completion.chunk", json!([]));
        last["usage"] = usage();
        events.push(Event::new("", &last));
    }
    events.push(Event { name: "", data: "[DONE]".to_owned(), word: false });
    events
}

/// The same in one piece.
pub(super) fn completion(ask: &Ask) -> Value {
    let message = json!({ "role": "assistant", "content": WORDS.concat(), "refusal": null });
    let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" });
    let mut whole = with(ask, "chat.completion", json!([choice]));
    whole["usage"] = usage();
    whole
}

fn with(ask: &Ask, object: &str, choices: Value) -> Value {
    json!({
        "id": "chatcmpl-aigwproof",
        "object": object,
        "created": crate::now(),
        "model": ask.model,
        "choices": choices,
    })
}

fn usage() -> Value {
    let words = WORDS.len();
    json!({ "prompt_tokens": 10, "completion_tokens": words, "total_tokens": 10 + words })
}
