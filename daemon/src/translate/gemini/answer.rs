//! Events of an answer as the objects of a Gemini stream. Each has a candidate with one part at least: chats of Google's
//! libraries forget the whole turn of the model over one that has none.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::cut::{Cut, Fence};
use super::request::Request;
use crate::translate::conversation::Thought;
use crate::translate::event::{Event, Failure, Stop, Usage};
use crate::translate::{Origin, Reading, carrier};

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
    cut: Option<Cut>,
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

impl Answer {
    /// The answer to this request, from there.
    pub fn new(request: Request, origin: Origin, reading: Reading) -> Self {
        let cut = reading.endless.then(|| Cut::at(&request.ask.stop));
        let text = match (request.shape.wrapped, reading.fenced) {
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
            cut,
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
            // What comes after the end was never asked for.
            _ if self.is_cut() && !matches!(event, Event::Ended { .. } | Event::Failed(_)) => {}
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

    fn say(&mut self, text: String, into: &mut Vec<Out>) {
        let text = match &mut self.cut {
            Some(cut) => cut.take(&text),
            None => text,
        };
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
        if let Some(rest) = self.cut.as_mut().map(Cut::end).filter(|rest| !rest.is_empty()) {
            into.push(self.part(json!({ "text": rest })));
        }
        let cut_off = self.malformed || !self.calls.is_empty();
        let reason = match stop {
            _ if self.is_cut() => "STOP",
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

    fn is_cut(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.done)
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
