//! Events of an answer as the objects of a Gemini stream. Each has a candidate with one part at least: chats of Google's
//! libraries forget the whole turn of the model over one that has none.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::request::Request;
use crate::translate::conversation::Thought;
use crate::translate::event::{Event, Failure, Stop, Usage};
use crate::translate::{Origin, carrier};

/// What an event becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    /// An object of the stream.
    Chunk(Value),
    /// The last object of the stream.
    Last(Value),
    /// Instead of a last one.
    Failed(Failure),
}

/// An answer that is under way.
pub struct Answer {
    request: Request,
    origin: Origin,
    id: String,
    model: String,
    /// Not yet given to the client with a call.
    thoughts: Vec<Thought>,
    calls: BTreeMap<usize, Pending>,
    malformed: bool,
    text: Text,
}

/// A call whose arguments are still coming.
struct Pending {
    id: String,
    name: String,
    json: String,
}

/// How text passes.
enum Text {
    /// As it comes.
    AsItComes,
    /// All of it is needed first.
    Held(String),
    /// Without the code fence around it.
    Unfenced(Fence),
}

/// Takes a code fence off.
#[derive(Default)]
struct Fence {
    begun: bool,
    fenced: bool,
    held: String,
}

impl Answer {
    /// The answer to this request, from there. `fenced`: JSON may come in a code fence.
    pub fn new(request: Request, origin: Origin, fenced: bool) -> Self {
        let text = match (request.shape.wrapped, fenced) {
            (true, _) => Text::Held(String::new()),
            (false, true) => Text::Unfenced(Fence::default()),
            (false, false) => Text::AsItComes,
        };
        let model = origin.model.clone();
        Self {
            request,
            origin,
            id: String::new(),
            model,
            thoughts: Vec::new(),
            calls: BTreeMap::new(),
            malformed: false,
            text,
        }
    }

    /// What one event becomes: nothing, or an object or two.
    pub fn take(&mut self, event: Event, into: &mut Vec<Out>) {
        match event {
            Event::Began { id, model } => {
                self.id = id;
                if !model.is_empty() {
                    self.model = model;
                }
            }
            Event::Thinking(text) if self.request.shape.thoughts => {
                into.push(self.part(json!({ "text": text, "thought": true })));
            }
            Event::Thinking(_) => {}
            Event::Thought(thought) => self.thoughts.push(thought),
            Event::Text(text) => {
                let text = match &mut self.text {
                    Text::AsItComes => text,
                    Text::Held(held) => {
                        held.push_str(&text);
                        return;
                    }
                    Text::Unfenced(fence) => fence.take(&text),
                };
                self.say(text, into);
            }
            Event::CallBegan { at, id, name } => {
                self.calls.insert(at, Pending { id, name, json: String::new() });
            }
            Event::CallPiece { at, json } => {
                if let Some(call) = self.calls.get_mut(&at) {
                    call.json.push_str(&json);
                }
            }
            Event::CallEnded { at } => {
                if let Some(call) = self.calls.remove(&at) {
                    self.call(call, into);
                }
            }
            Event::Ended { stop, usage } => self.end(stop, usage, into),
            Event::Failed(failure) => into.push(Out::Failed(failure)),
        }
    }

    fn say(&self, text: String, into: &mut Vec<Out>) {
        if !text.is_empty() {
            into.push(self.part(json!({ "text": text })));
        }
    }

    fn call(&mut self, call: Pending, into: &mut Vec<Out>) {
        let arguments = if call.json.trim().is_empty() { "{}" } else { &call.json };
        let Ok(arguments) = serde_json::from_str::<Map<String, Value>>(arguments) else {
            self.malformed = true;
            return;
        };
        let name = self.request.names.client(&call.name);
        let mut part = json!({ "functionCall": { "id": call.id, "name": name, "args": arguments } });
        if !self.thoughts.is_empty() {
            let thoughts = std::mem::take(&mut self.thoughts);
            part["thoughtSignature"] = carrier::pack(&self.origin, &thoughts).into();
        }
        into.push(self.part(part));
    }

    fn end(&mut self, stop: Stop, usage: Usage, into: &mut Vec<Out>) {
        let held = match &mut self.text {
            Text::AsItComes => String::new(),
            Text::Held(held) => unwrapped(&std::mem::take(held), self.request.shape.plain),
            Text::Unfenced(fence) => fence.end(),
        };
        self.say(held, into);
        let cut_off = self.malformed || !self.calls.is_empty();
        let reason = match stop {
            Stop::Length => "MAX_TOKENS",
            _ if cut_off => "MALFORMED_FUNCTION_CALL",
            Stop::Done => "STOP",
            Stop::Refusal => "SAFETY",
            Stop::Other => "OTHER",
        };
        let mut last = self.object(json!({ "text": "" }));
        last["candidates"][0]["finishReason"] = reason.into();
        if stop == Stop::Refusal {
            last["candidates"][0]["finishMessage"] = "the provider declined to go on".into();
        }
        last["usageMetadata"] = counted(usage);
        into.push(Out::Last(last));
    }

    fn part(&self, part: Value) -> Out {
        Out::Chunk(self.object(part))
    }

    fn object(&self, part: Value) -> Value {
        json!({
            "candidates": [{ "content": { "role": "model", "parts": [part] }, "index": 0 }],
            "modelVersion": self.model,
            "responseId": self.id,
        })
    }
}

/// Google's counts: the answer's leave its thoughts out, the request's do not leave out what was cached.
fn counted(usage: Usage) -> Value {
    let mut counts = json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.input + usage.output,
    });
    for (name, count) in [("cachedContentTokenCount", usage.cached), ("thoughtsTokenCount", usage.reasoning)]
    {
        if count > 0 {
            counts[name] = count.into();
        }
    }
    counts
}

/// What an answer has in its `value`; all of it if it has none.
fn unwrapped(text: &str, plain: bool) -> String {
    match serde_json::from_str::<Value>(text).ok().and_then(|mut whole| Some(whole.get_mut("value")?.take()))
    {
        Some(Value::String(value)) if plain => value,
        Some(value) => value.to_string(),
        None => text.to_owned(),
    }
}

impl Fence {
    const MARK: &str = "```";

    /// What of it can be said by now.
    fn take(&mut self, text: &str) -> String {
        self.held.push_str(text);
        if !self.begun {
            let start = self.held.trim_start();
            if Self::MARK.starts_with(start) {
                return String::new();
            }
            if start.starts_with(Self::MARK) {
                let Some((_, rest)) = start.split_once('\n') else { return String::new() };
                self.fenced = true;
                self.held = rest.to_owned();
            }
            self.begun = true;
        }
        if !self.fenced {
            return std::mem::take(&mut self.held);
        }
        // What may be the end of the fence waits.
        let said = self.held.trim_end_matches(|letter: char| letter.is_whitespace() || letter == '`').len();
        let rest = self.held.split_off(said);
        std::mem::replace(&mut self.held, rest)
    }

    fn end(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        if self.fenced { held.trim().trim_end_matches(Self::MARK).trim_end().to_owned() } else { held }
    }
}
