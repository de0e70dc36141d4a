//! The events of an answer of Anthropic Messages (<https://docs.anthropic.com/en/docs/build-with-claude/streaming>).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::translate::conversation::Thought;
use crate::translate::event::{Event, Failure, Stop, Usage};
use crate::translate::{ANSWER_TOOL, Reading, text};

/// Why an answer ends.
const STOPS: &[(&str, Stop)] = &[
    ("end_turn", Stop::Done),
    ("stop_sequence", Stop::Done),
    ("tool_use", Stop::Done),
    ("max_tokens", Stop::Length),
    ("model_context_window_exceeded", Stop::Length),
    ("refusal", Stop::Refusal),
];

/// What an error in a stream would have been as an answer (<https://docs.anthropic.com/en/api/errors>).
const FAILURES: &[(&str, u16)] = &[
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("timeout_error", 504),
    ("overloaded_error", 529),
];

/// Reads one answer.
#[derive(Debug)]
pub struct Reader {
    reading: Reading,
    blocks: BTreeMap<u64, Block>,
    usage: Counts,
    stop: Option<Stop>,
}

/// A block that is under way.
#[derive(Debug)]
enum Block {
    Text,
    Thinking {
        text: String,
        signature: String,
    },
    Call,
    /// The tool that stands for the answer.
    Answer,
}

/// As they come: later ones replace earlier ones.
#[derive(Debug, Default)]
struct Counts {
    input: u64,
    cache_read: u64,
    cache_creation: u64,
    output: u64,
}

impl Reader {
    /// For the answer to a request that was written so.
    pub fn new(reading: Reading) -> Self {
        Self { reading, blocks: BTreeMap::new(), usage: Counts::default(), stop: None }
    }

    /// What one event says.
    pub fn read(&mut self, frame: &Value, into: &mut Vec<Event>) {
        let at = frame["index"].as_u64().unwrap_or_default();
        match text(frame, "type") {
            "message_start" => {
                let message = &frame["message"];
                self.usage.take(&message["usage"]);
                let (id, model) = (text(message, "id").to_owned(), text(message, "model").to_owned());
                into.push(Event::Began { id, model });
            }
            "content_block_start" => self.begins(at, &frame["content_block"], into),
            "content_block_delta" => self.goes_on(at, &frame["delta"], into),
            "content_block_stop" => self.ends(at, into),
            "message_delta" => {
                self.usage.take(&frame["usage"]);
                if let Some(reason) = frame["delta"]["stop_reason"].as_str() {
                    let known = STOPS.iter().find(|(name, _)| *name == reason);
                    self.stop = Some(known.map_or(Stop::Other, |(_, stop)| *stop));
                }
            }
            "message_stop" => {
                let stop = self.stop.unwrap_or(Stop::Other);
                into.push(Event::Ended { stop, usage: self.usage.told() });
            }
            "error" => into.push(Event::Failed(failure(&frame["error"]))),
            _ => {}
        }
    }

    fn begins(&mut self, at: u64, block: &Value, into: &mut Vec<Event>) {
        let kind = match text(block, "type") {
            "text" => {
                push_text(text(block, "text"), into);
                Block::Text
            }
            "thinking" => {
                let (text, signature) = (text(block, "thinking"), text(block, "signature"));
                if !text.is_empty() {
                    into.push(Event::Thinking(text.to_owned()));
                }
                Block::Thinking { text: text.to_owned(), signature: signature.to_owned() }
            }
            "redacted_thinking" => {
                into.push(Event::Thought(Thought::Redacted { data: text(block, "data").to_owned() }));
                return;
            }
            "tool_use" if self.reading.tool_is_answer && text(block, "name") == ANSWER_TOOL => Block::Answer,
            "tool_use" => {
                let (id, name) = (text(block, "id").to_owned(), text(block, "name").to_owned());
                into.push(Event::CallBegan { at: at as usize, id, name });
                Block::Call
            }
            _ => return,
        };
        self.blocks.insert(at, kind);
    }

    fn goes_on(&mut self, at: u64, delta: &Value, into: &mut Vec<Event>) {
        let Some(block) = self.blocks.get_mut(&at) else { return };
        match (text(delta, "type"), block) {
            ("text_delta", Block::Text) => push_text(text(delta, "text"), into),
            ("thinking_delta", Block::Thinking { text: all, .. }) => {
                let piece = text(delta, "thinking");
                all.push_str(piece);
                if !piece.is_empty() {
                    into.push(Event::Thinking(piece.to_owned()));
                }
            }
            ("signature_delta", Block::Thinking { signature, .. }) => {
                signature.push_str(text(delta, "signature"));
            }
            ("input_json_delta", Block::Answer) => push_text(text(delta, "partial_json"), into),
            ("input_json_delta", Block::Call) => {
                let json = text(delta, "partial_json").to_owned();
                into.push(Event::CallPiece { at: at as usize, json });
            }
            _ => {}
        }
    }

    fn ends(&mut self, at: u64, into: &mut Vec<Event>) {
        match self.blocks.remove(&at) {
            Some(Block::Thinking { text, signature }) => {
                into.push(Event::Thought(Thought::Signed { text, signature }));
            }
            Some(Block::Call) => into.push(Event::CallEnded { at: at as usize }),
            _ => {}
        }
    }
}

/// What an error says, in a stream or as an answer.
pub fn failure(error: &Value) -> Failure {
    let kind = text(error, "type");
    let status = FAILURES.iter().find(|(name, _)| *name == kind).map_or(500, |(_, status)| *status);
    Failure { status, message: text(error, "message").to_owned() }
}

fn push_text(piece: &str, into: &mut Vec<Event>) {
    if !piece.is_empty() {
        into.push(Event::Text(piece.to_owned()));
    }
}

impl Counts {
    fn take(&mut self, usage: &Value) {
        for (key, count) in [
            ("input_tokens", &mut self.input),
            ("cache_read_input_tokens", &mut self.cache_read),
            ("cache_creation_input_tokens", &mut self.cache_creation),
            ("output_tokens", &mut self.output),
        ] {
            if let Some(told) = usage[key].as_u64() {
                *count = told;
            }
        }
    }

    /// Anthropic's input leaves out what was read from or written to a cache.
    fn told(&self) -> Usage {
        Usage {
            input: self.input + self.cache_read + self.cache_creation,
            cached: self.cache_read,
            output: self.output,
            reasoning: 0,
        }
    }
}
