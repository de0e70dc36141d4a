//! Between the languages of model APIs: a request is read into [`conversation`], and written in the language of the
//! provider; its answer is read into [`event`]s, each of which is written on at once. Nothing here does IO, so that all
//! of it is tested as data.
//!
//! A further language is a reader and a writer beside the others; a crossing of two is a call of one's reader and the
//! other's writer.

pub mod anthropic;
pub mod base64;
pub mod carrier;
pub mod conversation;
pub mod event;
pub mod gemini;
pub mod responses;
pub mod sse;
#[cfg(test)]
mod tests;

use conversation::Ask;
use event::Event;
use serde_json::Value;

/// A request that cannot be carried: what it is about, in words for whoever wrote the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// Which language a provider is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Responses.
    Responses,
}

/// Whom a request goes to. What a model thought is given back to the same only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The language.
    pub target: Target,
    /// The gateway's name for the provider.
    pub provider: String,
    /// The provider's name for the model.
    pub model: String,
}

/// A request in the provider's language.
#[derive(Clone, Debug)]
pub struct Written {
    /// What is sent.
    pub body: Value,
    /// Hints of the request that have no counterpart there.
    pub dropped: Vec<&'static str>,
    /// How its answer is to be read.
    pub reading: Reading,
}

/// What has to be known of a request to read its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The answer's text comes as the arguments of the tool [`ANSWER_TOOL`].
    pub tool_is_answer: bool,
    /// JSON was asked for in words only, so it may come in a code fence.
    pub fenced: bool,
    /// The provider does not end at the texts at which the answer is to end.
    pub endless: bool,
}

/// The tool whose arguments are the answer, for models that take no schema otherwise.
pub const ANSWER_TOOL: &str = "give_answer";

impl Origin {
    /// The request in this language.
    ///
    /// # Errors
    /// What of it has no counterpart and would change the answer.
    pub fn write(&self, ask: &Ask) -> Result<Written, Refused> {
        match self.target {
            Target::Anthropic => anthropic::write::request(ask, &self.model),
            Target::Responses => responses::write::request(ask, &self.model),
        }
    }

    /// A reader of its answers.
    pub fn reader(&self, reading: Reading) -> Reader {
        match self.target {
            Target::Anthropic => Reader::Anthropic(anthropic::read::Reader::new(reading)),
            Target::Responses => Reader::Responses(responses::read::Reader::default()),
        }
    }
}

/// Reads a streamed answer, one frame after the other.
#[derive(Debug)]
pub enum Reader {
    /// Of Anthropic Messages.
    Anthropic(anthropic::read::Reader),
    /// Of OpenAI Responses.
    Responses(responses::read::Reader),
}

impl Reader {
    /// What one frame says. Frames that are not known say nothing.
    pub fn read(&mut self, frame: &Value, into: &mut Vec<Event>) {
        match self {
            Self::Anthropic(reader) => reader.read(frame, into),
            Self::Responses(reader) => reader.read(frame, into),
        }
    }
}

/// The string at a key, or nothing.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
