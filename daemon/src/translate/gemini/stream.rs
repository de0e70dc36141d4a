//! A provider's stream of bytes as the bytes that a Gemini client reads.

use serde_json::{Value, json};

use super::answer::{Answer, Out};
use super::error;
use super::request::Request;
use crate::translate::event::{Event, Failure};
use crate::translate::sse::Parser;
use crate::translate::{Origin, Reader, Reading};

/// How a client wants the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events (`alt=sse`): neither names nor comments nor a last mark, each of which some client of Google's
    /// stumbles over.
    Events,
    /// The elements of one JSON array, as they come.
    Array,
    /// One object, at the end.
    Whole,
}

/// An answer on its way.
pub struct Translation {
    form: Form,
    parser: Parser,
    reader: Reader,
    answer: Answer,
    whole: Whole,
    began: bool,
    wrote: bool,
    over: bool,
}

/// What some bytes of the provider's have become.
#[derive(Debug, Default)]
pub struct Step {
    /// For the client, at once.
    pub bytes: Vec<u8>,
    /// Nothing comes after it.
    pub end: Option<End>,
}

/// How an answer ends.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All is there.
    Whole,
    /// It failed.
    Failed(Failure),
}

impl Translation {
    /// Of the answer to this request, from there.
    pub fn new(request: Request, origin: Origin, reading: Reading, form: Form) -> Self {
        let reader = origin.reader(reading);
        Self {
            form,
            parser: Parser::default(),
            reader,
            answer: Answer::new(request, origin, reading),
            whole: Whole::default(),
            began: false,
            wrote: false,
            over: false,
        }
    }

    /// Whether the answer has begun: a failure before is still one of the whole request.
    pub fn has_begun(&self) -> bool {
        self.began
    }

    /// Takes what has come.
    pub fn feed(&mut self, bytes: &[u8]) -> Step {
        let mut events = Vec::new();
        let reader = &mut self.reader;
        let garbled = self.parser.feed(bytes, |frame| reader.read(&frame, &mut events)).is_err();
        let mut step = self.step(events);
        if garbled && step.end.is_none() {
            step.end = self.fail(unavailable("the gateway's stream cannot be read"));
        }
        step
    }

    /// Nothing more comes.
    pub fn cut(&mut self) -> Step {
        let end = if self.over { None } else { self.fail(unavailable("the gateway broke off its answer")) };
        Step { bytes: Vec::new(), end }
    }

    /// The failure as the last bytes of a stream. They have to be sent by themselves: some clients understand them only
    /// if they are alone in what they read at once.
    pub fn last_words(&self, failure: &Failure) -> Vec<u8> {
        let shown = error::of_provider(failure.status, &failure.message, None).body;
        match self.form {
            Form::Array => format!("{}{shown}]", self.separator()).into_bytes(),
            Form::Events | Form::Whole => shown.to_string().into_bytes(),
        }
    }

    fn step(&mut self, events: Vec<Event>) -> Step {
        let mut step = Step::default();
        let mut outs = Vec::new();
        for event in events {
            if self.over {
                break;
            }
            self.began |= !matches!(event, Event::Failed(_));
            self.answer.take(event, &mut outs);
            for out in outs.drain(..) {
                match out {
                    Out::Chunk(chunk) => self.write(chunk, &mut step.bytes),
                    Out::Last(chunk) => {
                        self.write(chunk, &mut step.bytes);
                        match self.form {
                            Form::Events => {}
                            Form::Array => step.bytes.push(b']'),
                            Form::Whole => step.bytes = self.whole.take().to_string().into_bytes(),
                        }
                        self.over = true;
                        step.end = Some(End::Whole);
                    }
                    Out::Failed(failure) => step.end = self.fail(failure),
                }
            }
        }
        step
    }

    fn write(&mut self, chunk: Value, bytes: &mut Vec<u8>) {
        match self.form {
            Form::Events => bytes.extend_from_slice(format!("data: {chunk}\n\n").as_bytes()),
            Form::Array => bytes.extend_from_slice(format!("{}{chunk}", self.separator()).as_bytes()),
            Form::Whole => self.whole.add(chunk),
        }
        self.wrote = true;
    }

    fn separator(&self) -> &'static str {
        if self.wrote { ",\n" } else { "[" }
    }

    fn fail(&mut self, failure: Failure) -> Option<End> {
        self.over = true;
        Some(End::Failed(failure))
    }
}

fn unavailable(what: &str) -> Failure {
    Failure { status: 503, message: format!("aigw: {what}; try again") }
}

/// The objects of a stream as one. Texts in a row are one part.
#[derive(Debug, Default)]
struct Whole {
    parts: Vec<Value>,
    last: Value,
}

impl Whole {
    fn add(&mut self, mut chunk: Value) {
        let part = chunk["candidates"][0]["content"]["parts"][0].take();
        self.last = chunk;
        let plain = |part: &Value| part["text"].is_string().then(|| part["thought"] == true);
        match self.parts.last_mut() {
            Some(before) if plain(before).is_some() && plain(before) == plain(&part) => {
                if let (Value::String(before), Some(more)) = (&mut before["text"], part["text"].as_str()) {
                    before.push_str(more);
                }
            }
            _ => self.parts.push(part),
        }
    }

    /// An empty text stays only if there is nothing else.
    fn take(&mut self) -> Value {
        let mut parts = std::mem::take(&mut self.parts);
        if parts.len() > 1 {
            parts.retain(|part| part["text"] != "");
        }
        let mut whole = self.last.take();
        whole["candidates"][0]["content"]["parts"] = json!(parts);
        whole
    }
}
