//! The translation as data: requests of each kind of part, streams cut anywhere, and what always holds.

mod answers;
mod properties;
mod requests;

use serde_json::Value;

use super::gemini::request::{self, Purpose};
use super::{Origin, Refused, Target, Written};

fn claude(model: &str) -> Origin {
    Origin { target: Target::Anthropic, provider: "anthropic".into(), model: model.into() }
}

fn gpt(model: &str) -> Origin {
    Origin { target: Target::Responses, provider: "openai".into(), model: model.into() }
}

fn read(origin: &Origin, body: &Value) -> Result<request::Request, Refused> {
    request::read(body, Purpose::Generate, origin)
}

/// A Gemini request in the language of an origin.
fn written(origin: &Origin, body: &Value) -> Result<Written, Refused> {
    origin.write(&read(origin, body)?.ask)
}

fn body(origin: &Origin, gemini: &Value) -> Value {
    written(origin, gemini).unwrap().body
}
