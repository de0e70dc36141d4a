//! What a tool is answered while `doctor` proves it: the same few words each time, in the dialect it asked in, with gaps
//! between them. Nothing is asked of anybody.

mod anthropic;
mod chat;
mod gemini;
mod responses;
mod socket;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{GAP_MS, ProofAsked as Asked};
use aigw_shared::provider::Dialect;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use tokio::time::{Sleep, sleep};

use super::body::Answer;
use super::inbound::Inbound;
use super::{explain, route, websocket};
use crate::app::App;
use crate::keys::Admission;
use crate::observe::proof::{Proof, Visit};

/// No question of a proof is longer.
const LONGEST: usize = 32 * 1024 * 1024;
const GAP: Duration = Duration::from_millis(GAP_MS);
/// What the lists of models have. Any other is answered just as well.
const MODELS: [&str; 2] = ["claude-sonnet-4-5", "gpt-5"];

/// One event of a stream.
struct Event {
    /// Its name, where the dialect has names.
    name: &'static str,
    data: String,
    /// Whether it brings a word, before which there is a gap.
    word: bool,
}

/// What a request asks for.
struct Ask {
    model: String,
    stream: bool,
    /// The request itself; null where it cannot be read (Codex compresses it when signed in with ChatGPT).
    body: Value,
}

/// Answers an admitted request of a proof.
pub async fn answer(
    app: &Arc<App>,
    proof: &Proof,
    admission: &Admission,
    inbound: Inbound,
) -> Response<Answer> {
    let Inbound { mut parts, body, .. } = inbound;
    let dialect = route::guess_dialect(parts.uri.path());
    let decided = route::decide(&app.current().config, admission.gateway.as_deref(), parts.uri.path());
    let (path, dialect) = match decided {
        Ok(route) => (route.path, route.dialect),
        // A tool can be proved before anybody is logged in.
        Err(fault) if fault.kind == Kind::NoGateway => (parts.uri.path().to_owned(), dialect),
        Err(fault) => return refuse(&proof.visit(&parts, Asked::Other, false), &fault, dialect),
    };
    let asked = asked(&parts.method, &path);
    let wanted = (asked.is_none() && path.ends_with("/responses")).then(|| websocket::wanted(&mut parts));
    if let Some(wanted) = wanted.flatten() {
        let visit = proof.visit(&parts, Asked::Responses, true);
        return socket::open(app, wanted, visit);
    }
    let visit = proof.visit(&parts, asked.unwrap_or(Asked::Other), false);
    let Some(asked) = asked else {
        let what = format!("no proof has anything at {}", parts.uri.path());
        return refuse(&visit, &Fault::new(Kind::NoSuchRoute, what), dialect);
    };
    let Ok(body) = Limited::new(body, LONGEST).collect().await else {
        return refuse(&visit, &Fault::new(Kind::BadRequest, "the body broke off, or is too long"), dialect);
    };
    let ask = Ask::read(&body.to_bytes());
    // In Google's dialect the path says it.
    visit.wants_stream(if asked == Asked::Gemini { streams(&path) } else { ask.stream && asked.is_turn() });
    visit.answered(StatusCode::OK);
    match asked {
        Asked::Models => whole(&visit, &models(&path, dialect)),
        Asked::CountTokens => whole(&visit, &json!({ "input_tokens": 10, "totalTokens": 10 })),
        Asked::Gemini if streams(&path) => stream(visit, gemini::events(model(&path))),
        Asked::Gemini => whole(&visit, &gemini::whole(model(&path))),
        Asked::Messages if ask.stream => stream(visit, anthropic::events(&ask)),
        Asked::Messages => whole(&visit, &anthropic::message(&ask)),
        Asked::Responses if ask.stream => stream(visit, responses::events(&ask)),
        Asked::Responses => whole(&visit, &responses::response(&ask)),
        Asked::Chat if ask.stream => stream(visit, chat::events(&ask)),
        Asked::Chat => whole(&visit, &chat::completion(&ask)),
        Asked::Other => refuse(&visit, &Fault::new(Kind::NoSuchRoute, "no proof has that"), dialect),
    }
}

/// What is asked for at a path below a provider.
fn asked(method: &Method, path: &str) -> Option<Asked> {
    let path = path.find("/v1/").map_or(path, |at| &path[at + "/v1".len()..]);
    let ends = |end: &str| path.ends_with(end);
    match *method {
        Method::POST if ends(":generateContent") || ends(":streamGenerateContent") => Some(Asked::Gemini),
        Method::POST if ends(":countTokens") => Some(Asked::CountTokens),
        Method::POST if ends("/messages") => Some(Asked::Messages),
        Method::POST if ends("/messages/count_tokens") => Some(Asked::CountTokens),
        Method::POST if ends("/responses") => Some(Asked::Responses),
        Method::POST if ends("/chat/completions") => Some(Asked::Chat),
        Method::GET if ends("/models") || path.starts_with("/models/") => Some(Asked::Models),
        _ => None,
    }
}

fn streams(path: &str) -> bool {
    path.ends_with(":streamGenerateContent")
}

/// The model in a path of Google's dialect.
fn model(path: &str) -> &str {
    let named = path.split_once("/models/").and_then(|(_, rest)| rest.rsplit_once(':'));
    named.map_or(MODELS[0], |(model, _)| model)
}

impl Ask {
    fn read(body: &[u8]) -> Self {
        Self::of(serde_json::from_slice(body).unwrap_or_default())
    }

    fn of(body: Value) -> Self {
        let model = body["model"].as_str().unwrap_or(MODELS[0]).to_owned();
        let stream = body["stream"].as_bool().unwrap_or(body.is_null());
        Self { model, stream, body }
    }
}

fn refuse(visit: &Visit, fault: &Fault, dialect: Dialect) -> Response<Answer> {
    let response = explain::refuse(fault, dialect);
    visit.answered(response.status());
    response
}

fn whole(visit: &Visit, value: &Value) -> Response<Answer> {
    visit.whole();
    let mut response = Response::new(Answer::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn stream(visit: Visit, events: Vec<Event>) -> Response<Answer> {
    let script = Script { events: events.into(), pause: None, visit };
    let mut response = Response::new(Answer::Canned(Box::new(script)));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn models(path: &str, dialect: Dialect) -> Value {
    let model = |id: &str| match dialect {
        Dialect::Gemini => json!({ "name": format!("models/{id}"), "displayName": id, "version": "1" }),
        Dialect::Anthropic => {
            json!({ "type": "model", "id": id, "display_name": id, "created_at": "2025-01-01T00:00:00Z" })
        }
        Dialect::OpenAi => {
            json!({ "id": id, "object": "model", "created": 1_735_689_600, "owned_by": "aigw" })
        }
    };
    if let Some((_, id)) = path.split_once("/models/") {
        return model(id);
    }
    let all = MODELS.map(model);
    match dialect {
        Dialect::Anthropic => {
            json!({ "data": all, "has_more": false, "first_id": MODELS[0], "last_id": MODELS[1] })
        }
        Dialect::OpenAi => json!({ "object": "list", "data": all }),
        Dialect::Gemini => json!({ "models": all }),
    }
}

/// A stream on its way out.
pub struct Script {
    events: VecDeque<Event>,
    pause: Option<Pin<Box<Sleep>>>,
    visit: Visit,
}

impl Script {
    /// The next piece, when it is its turn.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(word) = self.events.front().map(|event| event.word) else {
            self.visit.whole();
            return Poll::Ready(None);
        };
        if word {
            ready!(self.pause.get_or_insert_with(|| Box::pin(sleep(GAP))).as_mut().poll(cx));
            self.pause = None;
            self.visit.wrote();
        }
        Poll::Ready(self.events.pop_front().map(Event::into_lines))
    }
}

impl Event {
    fn new(name: &'static str, data: &Value) -> Self {
        Self { name, data: data.to_string(), word: false }
    }

    /// The same with a gap before it.
    fn word(name: &'static str, data: &Value) -> Self {
        Self { word: true, ..Self::new(name, data) }
    }

    /// As server-sent events have it.
    fn into_lines(self) -> Bytes {
        let Self { name, data, .. } = self;
        let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
        format!("{name}data: {data}\n\n").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_is_asked_for() {
        for (method, path, what) in [
            (Method::POST, "/v1/messages", Some(Asked::Messages)),
            (Method::POST, "/anthropic/v1/messages/count_tokens", Some(Asked::CountTokens)),
            (Method::POST, "/v1/responses", Some(Asked::Responses)),
            (Method::POST, "/responses", Some(Asked::Responses)),
            (Method::POST, "/v1/chat/completions", Some(Asked::Chat)),
            (Method::GET, "/v1/models", Some(Asked::Models)),
            (Method::GET, "/v1/models/org%2Fname", Some(Asked::Models)),
            (Method::GET, "/v1/responses", None),
            (Method::POST, "/v1beta/models/m:streamGenerateContent", Some(Asked::Gemini)),
            (Method::POST, "/v1/models/m:generateContent", Some(Asked::Gemini)),
            (Method::POST, "/v1/models/m:countTokens", Some(Asked::CountTokens)),
            (Method::POST, "/v1/responses/r1/cancel", None),
            (Method::GET, "/api/hello", None),
            (Method::POST, "/v1/modelsX", None),
        ] {
            assert_eq!(asked(&method, path), what, "{method} {path}");
        }
    }

    #[test]
    fn what_cannot_be_read_wants_a_stream() {
        for (body, stream, model) in [
            (&br#"{"model":"m","stream":true}"#[..], true, "m"),
            (br#"{"model":"m"}"#, false, "m"),
            (b"\x28\xb5\x2f\xfd", true, MODELS[0]),
        ] {
            let ask = Ask::read(body);
            assert_eq!((ask.stream, ask.model.as_str()), (stream, model));
        }
    }
}
