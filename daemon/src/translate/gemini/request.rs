//! A Gemini request, read.

use serde_json::Value;

use super::calls::Names;
use super::config::{self, Shape};
use super::fields::{self, Fields};
use super::settle::settle;
use super::turns::{self, Context};
use crate::translate::conversation::Ask;
use crate::translate::{Origin, Refused};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An answer.
    Generate,
    /// A count of its tokens.
    Count,
}

/// A request, and what its answer needs.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub ask: Ask,
    /// The client's names of tools.
    pub names: Names,
    /// What the answer looks like.
    pub shape: Shape,
    /// Hints that no other API has.
    pub hints: Vec<&'static str>,
}

/// Reads the body of a request.
///
/// # Errors
/// What cannot be carried, or makes no sense.
pub fn read(body: &Value, purpose: Purpose, origin: &Origin) -> Result<Request, Refused> {
    let body = match (purpose, body.as_object()) {
        // Counting takes the request in one more envelope, too.
        (Purpose::Count, Some(object)) => fields::get(object, "generateContentRequest").unwrap_or(body),
        _ => body,
    };
    let mut hints = Vec::new();
    let mut names = Names::default();
    let mut ask = Ask::default();
    let mut shape = Shape::default();
    let body = Fields::read(body, "the request", fields::BODY, &mut hints)?;
    if let Some(instruction) = body.get("systemInstruction") {
        ask.system = turns::instructions(instruction, &mut hints)?;
    }
    ask.tools = config::tools(body.list("tools"), &mut names, &mut hints)?;
    if let Some(config) = body.get("toolConfig") {
        config::calling(config, &mut ask, &mut names, &mut hints)?;
    }
    if let Some(config) = body.get("generationConfig") {
        shape = config::generation(config, &mut ask, &mut hints)?;
    }
    let mut context = Context { origin, hints: &mut hints, names: &mut names };
    let raw = turns::read(body.list("contents"), &mut context)?;
    ask.turns = settle(raw, purpose)?;
    if ask.turns.is_empty() {
        return Err(Refused("contents has nothing in it".into()));
    }
    Ok(Request { ask, names, shape, hints })
}
