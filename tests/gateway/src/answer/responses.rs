//! OpenAI Responses: the numbered events of a stream, and the whole response.

use serde_json::{Value, json};

use super::Plan;
use super::player::{Event, Script};

/// The kinds of output and the event names that go with each.
struct Form {
    delta: &'static str,
    done: &'static str,
    /// The key under which `done` repeats everything.
    whole: &'static str,
}

const TEXT: Form =
    Form { delta: "response.output_text.delta", done: "response.output_text.done", whole: "text" };
const FUNCTION: Form = Form {
    delta: "response.function_call_arguments.delta",
    done: "response.function_call_arguments.done",
    whole: "arguments",
};
const CUSTOM: Form = Form {
    delta: "response.custom_tool_call_input.delta",
    done: "response.custom_tool_call_input.done",
    whole: "input",
};

fn event(name: &'static str, number: usize, mut data: Value) -> Event {
    data["type"] = name.into();
    data["sequence_number"] = number.into();
    Event { name, data: data.to_string() }
}

/// The stream of events. A failing one ends with `response.failed` or with a bare error.
pub(crate) fn script(plan: Plan, fails_as_response: bool) -> Script {
    let form = match &plan.call {
        None => &TEXT,
        Some(call) if !call.tool.custom => &FUNCTION,
        Some(_) => &CUSTOM,
    };
    let item_id = item_id(&plan);
    let started = response(&plan, "in_progress", json!([]), Value::Null);
    let mut opening = vec![
        event("response.created", 0, json!({ "response": started })),
        event("response.in_progress", 1, json!({ "response": started })),
        event(
            "response.output_item.added",
            2,
            json!({ "output_index": 0, "item": item(&plan, "in_progress", None) }),
        ),
    ];
    if !plan.is_call() {
        let part = json!({ "item_id": item_id, "output_index": 0, "content_index": 0, "part": part("") });
        opening.push(event("response.content_part.added", 3, part));
    }
    let first = opening.len();

    let is_text = !plan.is_call();
    let id = item_id.clone();
    let delta = move |number: usize, piece: &str| {
        let mut data = json!({ "item_id": id, "output_index": 0, "delta": piece });
        if is_text {
            data["content_index"] = 0.into();
            data["logprobs"] = json!([]);
            data["obfuscation"] = "pad".into();
        }
        event(form.delta, first + number, data)
    };

    let plan_at_end = Plan { pieces: Vec::new(), ..plan.clone() };
    let plan_at_failure = plan_at_end.clone();
    let closing = move |said: usize, text: &str| {
        let plan = plan_at_end;
        let mut done = json!({ "item_id": item_id, "output_index": 0 });
        done[form.whole] = text.into();
        let mut events = vec![(form.done, done)];
        if is_text {
            events[0].1["content_index"] = 0.into();
            events[0].1["logprobs"] = json!([]);
            let part =
                json!({ "item_id": item_id, "output_index": 0, "content_index": 0, "part": part(text) });
            events.push(("response.content_part.done", part));
        }
        let item = item(&plan, "completed", Some(text));
        events.push(("response.output_item.done", json!({ "output_index": 0, "item": item })));
        let whole = response(&plan, "completed", json!([item]), usage(&plan));
        events.push(("response.completed", json!({ "response": whole })));
        (first + said..).zip(events).map(|(number, (name, data))| event(name, number, data)).collect()
    };

    let failure = move |said: usize| {
        let (code, text) = ("server_error", "The server had an error.");
        vec![if fails_as_response {
            let mut failed = response(&plan_at_failure, "failed", json!([]), Value::Null);
            failed["error"] = json!({ "code": code, "message": text });
            event("response.failed", first + said, json!({ "response": failed }))
        } else {
            event("error", first + said, json!({ "code": code, "message": text, "param": null }))
        }]
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

/// The response in one piece.
pub(crate) fn whole(plan: &Plan) -> Value {
    let text = plan.whole();
    response(plan, "completed", json!([item(plan, "completed", Some(&text))]), usage(plan))
}

fn response(plan: &Plan, status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": format!("resp_{}", plan.id.replace('-', "")),
        "object": "response",
        "created_at": plan.created,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": plan.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null },
        "service_tier": "default",
        "store": false,
        "temperature": 1.0,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": null,
    })
}

fn item_id(plan: &Plan) -> String {
    let prefix = match &plan.call {
        None => "msg",
        Some(call) if !call.tool.custom => "fc",
        Some(_) => "ctc",
    };
    format!("{prefix}_{}", plan.id.replace('-', ""))
}

/// The one output item; without text yet when it has just been added.
fn item(plan: &Plan, status: &str, said: Option<&str>) -> Value {
    let mut item = match &plan.call {
        None => {
            let content: Vec<_> = said.map(part).into_iter().collect();
            json!({ "type": "message", "role": "assistant", "content": content })
        }
        Some(call) => {
            let (kind, key) =
                if call.tool.custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
            let mut item =
                json!({ "type": kind, "call_id": format!("call_{}", call.id), "name": call.tool.name });
            if let Some(namespace) = &call.tool.namespace {
                item["namespace"] = namespace.as_str().into();
            }
            item[key] = said.unwrap_or_default().into();
            item
        }
    };
    item["id"] = item_id(plan).into();
    item["status"] = status.into();
    item
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn usage(plan: &Plan) -> Value {
    let input = plan.usage.input + plan.usage.cache_read;
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": plan.usage.cache_read },
        "output_tokens": plan.usage.output,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": input + plan.usage.output,
    })
}
