//! A request in the words of Anthropic Messages.

use serde_json::{Value, json};

use super::traits::{self, Mode, Traits};
use crate::translate::conversation::{
    Ask, CallResult, Choice, Depth, Format, Level, Media, Part, Role, Source, Thinking, Thought, Turn,
};
use crate::translate::{ANSWER_TOOL, Reading, Refused, Written};

/// A budget below is refused.
const LEAST_BUDGET: u64 = 1024;
/// What is left for the answer beside a budget.
const ROOM: u64 = 4096;
/// Said where a turn is needed that nobody spoke.
const BEGIN: &str = "(continue)";
const GO_ON: &str = "Continue.";
const JSON_ONLY: &str = "Answer with JSON only: no other words, and no code fence.";

/// The request.
///
/// # Errors
/// What cannot be said here.
pub fn request(ask: &Ask, model: &str) -> Result<Written, Refused> {
    let traits = traits::of(model);
    let tool_is_answer = matches!(ask.format, Format::Schema(_)) && !traits.schema;
    if tool_is_answer && !ask.tools.is_empty() {
        return Err(Refused(format!("{model} takes no schema for its answer beside tools")));
    }
    let mut dropped = Vec::new();
    let thinks = thinks(ask, &traits, tool_is_answer, &mut dropped);
    let budget = thinks.filter(|_| traits.mode == Mode::Budget).map(|depth| depth.tokens().max(LEAST_BUDGET));
    let room = budget.map_or(1, |budget| budget + ROOM);
    let max_tokens = ask.max_output.unwrap_or(traits.max_output).max(room).min(traits.max_output.max(room));
    let mut body = json!({
        "model": model,
        "max_tokens": max_tokens,
        "messages": messages(ask, thinks.is_some()),
        "stream": true,
    });
    if let Some(depth) = thinks {
        let show = if traits.mode == Mode::AdaptiveOnly { Some("summarized") } else { None };
        body["thinking"] = match budget {
            Some(budget) => json!({ "type": "enabled", "budget_tokens": budget }),
            None => json!({ "type": "adaptive" }),
        };
        if let Some(show) = show {
            body["thinking"]["display"] = show.into();
        }
        if let (None, Some(level)) = (budget, depth.level()) {
            body["output_config"] = json!({ "effort": effort(level) });
        }
    }
    system(ask, tool_is_answer, &mut body);
    tools(ask, tool_is_answer, &mut body);
    if let (Format::Schema(schema), false) = (&ask.format, tool_is_answer) {
        body["output_config"]["format"] = json!({ "type": "json_schema", "schema": strict(schema) });
    }
    sampling(ask, &traits, thinks.is_some(), &mut body, &mut dropped);
    // Blank ones are refused.
    let stop: Vec<_> = ask.stop.iter().filter(|text| !text.trim().is_empty()).collect();
    if !stop.is_empty() {
        body["stop_sequences"] = json!(stop);
    }
    let fenced = ask.format == Format::Json;
    Ok(Written { body, dropped, reading: Reading { tool_is_answer, fenced, endless: false } })
}

/// Whether it thinks in this request. Having to call a tool excludes it; so does a running turn whose thoughts are lost,
/// since the API wants them back first.
fn thinks(
    ask: &Ask,
    traits: &Traits,
    tool_is_answer: bool,
    dropped: &mut Vec<&'static str>,
) -> Option<Depth> {
    let Thinking::On(depth) = ask.thinking else { return None };
    let forced = tool_is_answer || matches!(ask.choice, Choice::Any | Choice::Only(_));
    if traits.mode == Mode::None || forced {
        dropped.push("thinkingConfig");
        return None;
    }
    let running = ask.turns.last().is_some_and(|turn| {
        turn.role == Role::User && turn.parts.iter().any(|part| matches!(part, Part::Result(_)))
    });
    let lost = running
        && ask.turns.iter().rev().find(|turn| turn.role == Role::Model).is_some_and(|turn| {
            !turn.parts.iter().any(|part| matches!(part, Part::Thoughts(list) if list.iter().any(is_ours)))
        });
    if lost {
        dropped.push("thinkingConfig");
        return None;
    }
    Some(depth)
}

fn is_ours(thought: &Thought) -> bool {
    matches!(thought, Thought::Signed { .. } | Thought::Redacted { .. })
}

fn effort(level: Level) -> &'static str {
    match level {
        Level::Minimal | Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    }
}

fn system(ask: &Ask, tool_is_answer: bool, body: &mut Value) {
    let mut blocks: Vec<_> = ask.system.iter().map(|said| json!({ "type": "text", "text": said })).collect();
    match ask.format {
        Format::Json => blocks.push(json!({ "type": "text", "text": JSON_ONLY })),
        Format::Schema(_) if tool_is_answer => {
            let text = format!("Give the whole answer by calling {ANSWER_TOOL}.");
            blocks.push(json!({ "type": "text", "text": text }));
        }
        _ => {}
    }
    if let Some(last) = blocks.last_mut() {
        cache(last);
        body["system"] = blocks.into();
    }
}

fn tools(ask: &Ask, tool_is_answer: bool, body: &mut Value) {
    let mut tools: Vec<_> = ask
        .tools
        .iter()
        .map(
            |tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.schema }),
        )
        .collect();
    let mut choice = match &ask.choice {
        Choice::Auto => json!({ "type": "auto" }),
        Choice::None => json!({ "type": "none" }),
        Choice::Any => json!({ "type": "any" }),
        Choice::Only(name) => json!({ "type": "tool", "name": name }),
    };
    if let (Format::Schema(schema), true) = (&ask.format, tool_is_answer) {
        tools.push(json!({ "name": ANSWER_TOOL, "description": "The answer.", "input_schema": schema }));
        choice = json!({ "type": "tool", "name": ANSWER_TOOL });
    }
    if let Some(last) = tools.last_mut() {
        cache(last);
        body["tools"] = tools.into();
        body["tool_choice"] = choice;
    }
}

fn sampling(ask: &Ask, traits: &Traits, thinks: bool, body: &mut Value, dropped: &mut Vec<&'static str>) {
    let sampling = &ask.sampling;
    let free = !thinks && traits.mode != Mode::AdaptiveOnly;
    let mut put = |name, here: &str, value: Option<Value>, takes: bool| match value {
        Some(value) if takes => body[here] = value,
        Some(_) => dropped.push(name),
        None => {}
    };
    put("temperature", "temperature", sampling.temperature.map(|t| t.clamp(0.0, 1.0).into()), free);
    // Never both: refused since Opus 4.1.
    put("topP", "top_p", sampling.top_p.map(Value::from), free && sampling.temperature.is_none());
    put("topK", "top_k", sampling.top_k.map(Value::from), free);
}

fn messages(ask: &Ask, thinks: bool) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::with_capacity(ask.turns.len() + 1);
    let user = |text: &str| json!({ "role": "user", "content": [{ "type": "text", "text": text }] });
    if ask.turns.first().is_some_and(|turn| turn.role == Role::Model) {
        messages.push(user(BEGIN));
    }
    messages.extend(ask.turns.iter().map(|turn| message(turn, thinks)));
    if ask.turns.last().is_some_and(|turn| turn.role == Role::Model) {
        messages.push(user(GO_ON));
    }
    // Two marks here, one at the tools and one at the instructions make the four that there may be.
    let users = messages.iter_mut().rev().filter(|message| message["role"] == "user").take(2);
    for message in users {
        if let Some(last) = message["content"].as_array_mut().and_then(|content| content.last_mut()) {
            cache(last);
        }
    }
    messages
}

/// What comes before it is not paid in full again.
fn cache(block: &mut Value) {
    block["cache_control"] = json!({ "type": "ephemeral" });
}

fn message(turn: &Turn, thinks: bool) -> Value {
    let mut blocks = Vec::with_capacity(turn.parts.len());
    // A turn begins with what was thought.
    let mut begins_with_thoughts = 0;
    for part in &turn.parts {
        match part {
            Part::Text(text) => blocks.push(json!({ "type": "text", "text": text })),
            Part::Media(media) => blocks.push(block(media)),
            Part::Thoughts(thoughts) if thinks => {
                let own = thoughts.iter().filter_map(thought);
                if begins_with_thoughts == 0 {
                    let own: Vec<_> = own.collect();
                    begins_with_thoughts = own.len();
                    blocks.splice(0..0, own);
                } else {
                    blocks.extend(own);
                }
            }
            Part::Thoughts(_) => {}
            Part::Call(call) => blocks.push(
                json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments }),
            ),
            Part::Result(result) => blocks.push(result_block(result)),
        }
    }
    json!({ "role": if turn.role == Role::User { "user" } else { "assistant" }, "content": blocks })
}

fn thought(thought: &Thought) -> Option<Value> {
    match thought {
        Thought::Signed { text, signature } => {
            Some(json!({ "type": "thinking", "thinking": text, "signature": signature }))
        }
        Thought::Redacted { data } => Some(json!({ "type": "redacted_thinking", "data": data })),
        Thought::Sealed { .. } => None,
    }
}

fn result_block(result: &CallResult) -> Value {
    let mut content = Vec::new();
    if !result.text.is_empty() {
        content.push(json!({ "type": "text", "text": result.text }));
    }
    content.extend(result.media.iter().map(block));
    let mut block = json!({ "type": "tool_result", "tool_use_id": result.id, "content": content });
    if result.is_error {
        block["is_error"] = true.into();
    }
    block
}

fn block(media: &Media) -> Value {
    let source = match &media.source {
        Source::Inline(data) => json!({ "type": "base64", "media_type": media.mime, "data": data }),
        Source::Url(url) => json!({ "type": "url", "url": url }),
    };
    json!({ "type": if media.is_document() { "document" } else { "image" }, "source": source })
}

/// A schema as `output_config.format` takes it: objects are closed, and limits are words.
fn strict(schema: &Value) -> Value {
    const LIMITS: [&str; 9] = [
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "pattern",
    ];
    let Some(object) = schema.as_object() else { return schema.clone() };
    let mut strict = object.clone();
    let limits: Vec<_> = LIMITS
        .iter()
        .filter_map(|limit| strict.remove(*limit).map(|value| format!("{limit}: {value}")))
        .collect();
    if !limits.is_empty() {
        let said = strict.get("description").and_then(Value::as_str).unwrap_or_default();
        let said = format!("{said} ({})", limits.join(", "));
        strict.insert("description".into(), said.trim().into());
    }
    for key in ["properties", "$defs"] {
        if let Some(schemas) = strict.get_mut(key).and_then(Value::as_object_mut) {
            schemas.values_mut().for_each(|schema| *schema = self::strict(schema));
        }
    }
    if strict.contains_key("properties") {
        strict.insert("additionalProperties".into(), false.into());
    }
    if let Some(items) = strict.get_mut("items") {
        *items = self::strict(items);
    }
    if let Some(any) = strict.get_mut("anyOf").and_then(Value::as_array_mut) {
        any.iter_mut().for_each(|schema| *schema = self::strict(schema));
    }
    strict.into()
}
