//! A request in the words of OpenAI Responses.

use serde_json::{Value, json};

use super::traits;
use crate::translate::conversation::{
    Ask, CallResult, Choice, Depth, Format, Level, Media, Part, Role, Source, Thinking, Thought, Turn,
};
use crate::translate::{Reading, Refused, Written};

const JSON_ONLY: &str = "Answer with JSON only.";

/// The request. Nothing of it is kept by the provider, so that what was reasoned travels with the client.
///
/// # Errors
/// What cannot be said here.
pub fn request(ask: &Ask, model: &str) -> Result<Written, Refused> {
    let mut dropped = Vec::new();
    let reasons = traits::reasons(model);
    let mut body = json!({
        "model": model,
        "input": ask.turns.iter().flat_map(|turn| items(turn, reasons)).collect::<Vec<_>>(),
        "stream": true,
        "store": false,
    });
    let mut instructions = ask.system.clone();
    if ask.format == Format::Json {
        // Refused unless the word is said.
        instructions.push(JSON_ONLY.to_owned());
    }
    if !instructions.is_empty() {
        body["instructions"] = instructions.join("\n\n").into();
    }
    if let Some(most) = ask.max_output {
        body["max_output_tokens"] = most.into();
    }
    tools(ask, &mut body);
    reasoning(ask, model, reasons, &mut body, &mut dropped);
    match &ask.format {
        Format::Text => {}
        Format::Json => body["text"] = json!({ "format": { "type": "json_object" } }),
        Format::Schema(schema) => {
            body["text"] = json!({
                "format": { "type": "json_schema", "name": "answer", "schema": schema, "strict": false }
            });
        }
    }
    let sampling = &ask.sampling;
    for (name, here, value) in
        [("temperature", "temperature", sampling.temperature), ("topP", "top_p", sampling.top_p)]
    {
        match value {
            Some(value) if !reasons => body[here] = value.into(),
            Some(_) => dropped.push(name),
            None => {}
        }
    }
    if sampling.top_k.is_some() {
        dropped.push("topK");
    }
    let reading = Reading { endless: !ask.stop.is_empty(), ..Reading::default() };
    Ok(Written { body, dropped, reading })
}

fn tools(ask: &Ask, body: &mut Value) {
    if ask.tools.is_empty() {
        return;
    }
    let tools = ask.tools.iter().map(|tool| {
        json!({
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.schema,
            // Or every property would have to be required.
            "strict": false,
        })
    });
    body["tools"] = tools.collect::<Vec<_>>().into();
    body["tool_choice"] = match &ask.choice {
        Choice::Auto => "auto".into(),
        Choice::None => "none".into(),
        Choice::Any => "required".into(),
        Choice::Only(name) => json!({ "type": "function", "name": name }),
    };
}

fn reasoning(ask: &Ask, model: &str, reasons: bool, body: &mut Value, dropped: &mut Vec<&'static str>) {
    if !reasons {
        if ask.thinking != Thinking::Unsaid {
            dropped.push("thinkingConfig");
        }
        return;
    }
    body["include"] = json!(["reasoning.encrypted_content"]);
    match ask.thinking {
        Thinking::Unsaid => {}
        Thinking::Off => body["reasoning"] = json!({ "effort": traits::least_effort(model) }),
        Thinking::On(depth) => {
            body["reasoning"] = json!({ "summary": "auto" });
            if let Some(effort) = effort(depth, model) {
                body["reasoning"]["effort"] = effort.into();
            }
        }
    }
}

fn effort(depth: Depth, model: &str) -> Option<&'static str> {
    Some(match depth.level()? {
        Level::Minimal if traits::least_effort(model) == "minimal" => "minimal",
        Level::Minimal | Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    })
}

/// The items of a turn: its texts and media as messages, and what is none.
fn items(turn: &Turn, reasons: bool) -> Vec<Value> {
    let (role, kind) = match turn.role {
        Role::User => ("user", "input_text"),
        Role::Model => ("assistant", "output_text"),
    };
    let mut items: Vec<Value> = Vec::new();
    let mut content: Vec<Value> = Vec::new();
    let flush = |content: &mut Vec<Value>, items: &mut Vec<Value>| {
        if !content.is_empty() {
            let content = std::mem::take(content);
            items.push(json!({ "type": "message", "role": role, "content": content }));
        }
    };
    for part in &turn.parts {
        let item = match part {
            Part::Text(text) => {
                content.push(json!({ "type": kind, "text": text }));
                continue;
            }
            Part::Media(media) => {
                content.push(block(media));
                continue;
            }
            Part::Thoughts(thoughts) if reasons => {
                flush(&mut content, &mut items);
                items.extend(thoughts.iter().filter_map(thought));
                continue;
            }
            Part::Thoughts(_) => continue,
            Part::Call(call) => json!({
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": Value::from(call.arguments.clone()).to_string(),
            }),
            Part::Result(result) => result_item(result),
        };
        flush(&mut content, &mut items);
        items.push(item);
    }
    flush(&mut content, &mut items);
    items
}

/// Without its id: nothing of that name is kept there.
fn thought(thought: &Thought) -> Option<Value> {
    let Thought::Sealed { summary, content } = thought else { return None };
    let summary: Vec<_> =
        summary.iter().map(|text| json!({ "type": "summary_text", "text": text })).collect();
    Some(json!({ "type": "reasoning", "summary": summary, "encrypted_content": content }))
}

fn result_item(result: &CallResult) -> Value {
    let output: Value = if result.media.is_empty() {
        result.text.as_str().into()
    } else {
        let text = (!result.text.is_empty()).then(|| json!({ "type": "input_text", "text": result.text }));
        text.into_iter().chain(result.media.iter().map(block)).collect::<Vec<_>>().into()
    };
    json!({ "type": "function_call_output", "call_id": result.id, "output": output })
}

fn block(media: &Media) -> Value {
    match (&media.source, media.is_document()) {
        (Source::Inline(data), false) => {
            json!({ "type": "input_image", "image_url": format!("data:{};base64,{data}", media.mime) })
        }
        (Source::Inline(data), true) => json!({
            "type": "input_file",
            "filename": "document.pdf",
            "file_data": format!("data:{};base64,{data}", media.mime),
        }),
        (Source::Url(url), false) => json!({ "type": "input_image", "image_url": url }),
        (Source::Url(url), true) => json!({ "type": "input_file", "file_url": url }),
    }
}
