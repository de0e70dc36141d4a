//! OpenAI chat completions: the chunks of a stream, and the whole completion.

use serde_json::{Value, json};

use super::Plan;
use super::player::{Event, Script};

fn data(data: String) -> Event {
    Event { name: "", data }
}

/// The stream of chunks.
pub(crate) fn script(plan: Plan) -> Script {
    let base = json!({
        "id": plan.id,
        "object": "chat.completion.chunk",
        "created": plan.created,
        "model": plan.model,
        "service_tier": "default",
        "system_fingerprint": "fp_practice",
    });
    let chunk = move |delta: Value, finish: Value| {
        let mut chunk = base.clone();
        chunk["choices"] = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        chunk
    };

    let first = match &plan.call {
        None => json!({ "role": "assistant", "content": "", "refusal": null }),
        Some(call) => json!({ "role": "assistant", "content": null, "tool_calls": [{
            "index": 0,
            "id": format!("call_{}", call.id),
            "type": "function",
            "function": { "name": call.tool.name, "arguments": "" },
        }]}),
    };
    let opening = vec![data(chunk(first, Value::Null).to_string())];

    let called = plan.is_call();
    let middle = chunk.clone();
    let delta = move |_: usize, piece: &str| {
        let delta = match called {
            true => json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }),
            false => json!({ "content": piece }),
        };
        data(middle(delta, Value::Null).to_string())
    };

    let last = chunk(json!({}), finish_reason(&plan).into());
    let mut counts = last.clone();
    counts["choices"] = json!([]);
    counts["usage"] = usage(&plan);
    let closing = move |_: usize, _: &str| {
        vec![data(last.to_string()), data(counts.to_string()), data("[DONE]".to_owned())]
    };
    let failure = |_: usize| {
        let error = json!({ "error": { "message": "The server had an error.", "type": "server_error" } });
        vec![data(error.to_string()), data("[DONE]".to_owned())]
    };
    Script {
        opening,
        pieces: plan.pieces,
        count: plan.count,
        delta: Box::new(delta),
        closing: Box::new(closing),
        failure: Box::new(failure),
        ping: None,
    }
}

/// The completion in one piece.
pub(crate) fn whole(plan: &Plan) -> Value {
    let said = plan.whole();
    let message = match &plan.call {
        None => json!({ "role": "assistant", "content": said, "refusal": null, "annotations": [] }),
        Some(call) => json!({ "role": "assistant", "content": null, "refusal": null, "tool_calls": [{
            "id": format!("call_{}", call.id),
            "type": "function",
            "function": { "name": call.tool.name, "arguments": said },
        }]}),
    };
    json!({
        "id": plan.id,
        "object": "chat.completion",
        "created": plan.created,
        "model": plan.model,
        "service_tier": "default",
        "system_fingerprint": "fp_practice",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(plan) }],
        "usage": usage(plan),
    })
}

fn finish_reason(plan: &Plan) -> &'static str {
    if plan.is_call() { "tool_calls" } else { "stop" }
}

fn usage(plan: &Plan) -> Value {
    let input = plan.usage.input + plan.usage.cache_read;
    json!({
        "prompt_tokens": input,
        "completion_tokens": plan.usage.output,
        "total_tokens": input + plan.usage.output,
        "prompt_tokens_details": { "cached_tokens": plan.usage.cache_read, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
    })
}
