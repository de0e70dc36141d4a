//! The events of an answer of OpenAI Responses (<https://platform.openai.com/docs/api-reference/responses-streaming>).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::translate::conversation::Thought;
use crate::translate::event::{Event, Failure, Stop, Usage};
use crate::translate::text;

/// What an error in a stream would have been as an answer; all others are the provider's own failures.
const FAILURES: &[(&str, u16)] = &[
    ("invalid_prompt", 400),
    ("invalid_request_error", 400),
    ("context_length_exceeded", 400),
    ("image_content_policy_violation", 400),
    ("model_not_found", 404),
    ("rate_limit_exceeded", 429),
    ("insufficient_quota", 429),
    ("server_is_overloaded", 503),
    ("slow_down", 503),
];

/// Reads one answer.
#[derive(Debug, Default)]
pub struct Reader {
    /// How many bytes of its arguments have come, for each call that is under way.
    calls: BTreeMap<usize, usize>,
}

impl Reader {
    /// What one event says.
    pub fn read(&mut self, frame: &Value, into: &mut Vec<Event>) {
        let at = frame["output_index"].as_u64().unwrap_or_default() as usize;
        match text(frame, "type") {
            "response.created" => {
                let response = &frame["response"];
                let (id, model) = (text(response, "id").to_owned(), text(response, "model").to_owned());
                into.push(Event::Began { id, model });
            }
            "response.output_item.added" if frame["item"]["type"] == "function_call" => {
                let item = &frame["item"];
                let (id, name) = (text(item, "call_id").to_owned(), text(item, "name").to_owned());
                self.calls.insert(at, 0);
                into.push(Event::CallBegan { at, id, name });
            }
            "response.output_text.delta" | "response.refusal.delta" => {
                push(text(frame, "delta"), Event::Text, into);
            }
            "response.reasoning_summary_text.delta" => push(text(frame, "delta"), Event::Thinking, into),
            "response.reasoning_summary_part.added" if frame["summary_index"].as_u64() > Some(0) => {
                into.push(Event::Thinking("\n\n".to_owned()));
            }
            "response.function_call_arguments.delta" => self.piece(at, text(frame, "delta"), into),
            "response.output_item.done" => self.done(at, &frame["item"], into),
            "response.completed" => into.push(ended(&frame["response"], Stop::Done)),
            "response.incomplete" => {
                let stop = match text(&frame["response"]["incomplete_details"], "reason") {
                    "max_output_tokens" => Stop::Length,
                    "content_filter" => Stop::Refusal,
                    _ => Stop::Other,
                };
                into.push(ended(&frame["response"], stop));
            }
            "response.failed" => into.push(Event::Failed(failure(&frame["response"]["error"]))),
            "response.cancelled" => {
                into.push(Event::Failed(Failure { status: 503, message: "the answer was cancelled".into() }));
            }
            // Older ones have the error's fields on top.
            "error" => {
                let nested = frame["error"].is_object();
                into.push(Event::Failed(failure(if nested { &frame["error"] } else { frame })));
            }
            _ => {}
        }
    }

    fn piece(&mut self, at: usize, json: &str, into: &mut Vec<Event>) {
        if let Some(came) = self.calls.get_mut(&at) {
            *came += json.len();
            into.push(Event::CallPiece { at, json: json.to_owned() });
        }
    }

    fn done(&mut self, at: usize, item: &Value, into: &mut Vec<Event>) {
        match text(item, "type") {
            "function_call" => {
                let Some(came) = self.calls.remove(&at) else { return };
                // Arguments may come whole, at the end only.
                if came == 0 {
                    into.push(Event::CallPiece { at, json: text(item, "arguments").to_owned() });
                }
                into.push(Event::CallEnded { at });
            }
            "reasoning" => {
                let Some(content) = item["encrypted_content"].as_str() else { return };
                let paragraphs = item["summary"].as_array().map(Vec::as_slice).unwrap_or_default();
                let summary = paragraphs.iter().map(|part| text(part, "text").to_owned()).collect();
                into.push(Event::Thought(Thought::Sealed { summary, content: content.to_owned() }));
            }
            _ => {}
        }
    }
}

/// What an error says, in a stream or as an answer.
pub fn failure(error: &Value) -> Failure {
    let names = [text(error, "code"), text(error, "type")];
    let status = FAILURES.iter().find(|(name, _)| names.contains(name)).map_or(500, |(_, status)| *status);
    Failure { status, message: text(error, "message").to_owned() }
}

fn ended(response: &Value, stop: Stop) -> Event {
    let usage = &response["usage"];
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let usage = Usage {
        input: count(&usage["input_tokens"]),
        cached: count(&usage["input_tokens_details"]["cached_tokens"]),
        output: count(&usage["output_tokens"]),
        reasoning: count(&usage["output_tokens_details"]["reasoning_tokens"]),
    };
    Event::Ended { stop, usage }
}

fn push(piece: &str, event: impl Fn(String) -> Event, into: &mut Vec<Event>) {
    if !piece.is_empty() {
        into.push(event(piece.to_owned()));
    }
}
