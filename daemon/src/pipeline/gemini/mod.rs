//! Requests in Google's dialect, for which no gateway has a provider: read whole, translated, sent to the provider whose
//! model stands for the one that was asked for, and its answer translated event by event. No other route is read.

mod asked;
mod failure;
mod model;
mod translated;

use std::sync::Arc;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::Dialect;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::body::Answer;
use super::record::Exchange;
use super::route::Route;
use super::upstream::Outgoing;
use super::{explain, prepare, relay};
use crate::app::App;
use crate::keys::Admission;
use crate::translate::gemini::error::{self, Shown};
use crate::translate::gemini::request::{self, Purpose};
use crate::translate::gemini::stream::{End, Form, Translation};
use crate::translate::{Origin, Refused, Target};
use asked::Asked;
pub use translated::Translated;

/// No request is longer: its images and documents are in it.
const LONGEST: usize = 64 * 1024 * 1024;
/// Hints of the request that were left out, for whoever looks for them.
const NOT_CARRIED: HeaderName = HeaderName::from_static("x-aigw-not-carried");
/// Says that an answer is ours and not the provider's.
const ANSWERED_BY: HeaderName = HeaderName::from_static("x-aigw-answered-by");
/// Fields of the tool that go along: who it is, for the gateway's records.
const KEPT: [HeaderName; 2] = [USER_AGENT, HeaderName::from_static("x-goog-api-client")];
/// What Anthropic wants of everybody.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// Why there is no answer of a provider: our own failure, or words in Google's shape.
enum Trouble {
    Fault(Fault),
    Shown(Shown),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Shown(error::shown(400, None, &format!("aigw: {}", refused.0), None))
    }
}

/// Answers a request on a translated route.
pub async fn answer(
    app: &Arc<App>,
    parts: Parts,
    body: Incoming,
    admission: &Admission,
    route: &Route,
) -> Response<Answer> {
    let exchange = async {
        let body = read(&parts, body).await?;
        let asker = Asker { app, parts: &parts, admission };
        match asked::of(&parts.method, &route.path, parts.uri.query())? {
            Asked::Generate { model, form } => asker.generate(&model, &body, form).await,
            Asked::Count { model } => asker.count(&model, &body).await,
            Asked::Models => asker.models().await,
            Asked::Model(name) => asker.model(&name).await,
        }
    };
    match exchange.await {
        Ok(response) => response,
        Err(Trouble::Fault(fault)) => explain::reply(&fault, Dialect::Gemini),
        Err(Trouble::Shown(shown)) => explain::shown(&shown),
    }
}

/// The whole body.
async fn read(parts: &Parts, body: Incoming) -> Result<Bytes, Fault> {
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Fault::new(Kind::BadRequest, "a compressed request cannot be translated"));
    }
    match Limited::new(body, LONGEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let megabytes = LONGEST / (1024 * 1024);
            Err(Fault::new(Kind::BadRequest, format!("the request is longer than {megabytes} MiB")))
        }
        Err(_) => Err(Fault::new(Kind::BadRequest, "the request's body broke off")),
    }
}

/// Who asks.
struct Asker<'a> {
    app: &'a Arc<App>,
    parts: &'a Parts,
    admission: &'a Admission,
}

impl Asker<'_> {
    async fn generate(&self, model: &str, body: &[u8], form: Form) -> Result<Response<Answer>, Trouble> {
        let origin = model::of(self.app, self.admission, model).await?;
        let asked = request::read(&json_of(body)?, Purpose::Generate, &origin)?;
        let written = origin.write(&asked.ask)?;
        let hints: Vec<_> = asked.hints.iter().chain(&written.dropped).copied().collect();
        let path = match origin.target {
            Target::Anthropic => "messages",
            Target::Responses => "responses",
        };
        let response = self.send(&origin, path, &written.body).await?;
        let streams = is_of(&response, b"text/event-stream");
        let (head, inner) = response.into_parts();
        if matches!(inner, Answer::Own(_)) {
            return Ok(Response::from_parts(head, inner));
        }
        if !head.status.is_success() {
            return Err(Trouble::Shown(failure::of(&head, inner, model, &origin).await));
        }
        if !streams {
            return Err(
                Fault::new(Kind::UpstreamFailed, "the gateway answered with no stream of events").into()
            );
        }
        let translation = Translation::new(asked, origin, written.reading, form);
        let mut translated = Translated::new(inner, translation, self.app.tasks.clone());
        let mut response = Response::new(match translated.begin(form == Form::Whole).await {
            Some(End::Failed(failure)) => {
                return Err(Trouble::Shown(error::of_provider(failure.status, &failure.message, None)));
            }
            Some(End::Whole) | None => Answer::Translated(Box::new(translated)),
        });
        let kind = if form == Form::Events { "text/event-stream" } else { "application/json; charset=UTF-8" };
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        fields.extend(failure::ids(&head.headers));
        if let Ok(hints) = HeaderValue::from_str(&hints.join(","))
            && !hints.is_empty()
        {
            fields.insert(NOT_CARRIED, hints);
        }
        Ok(response)
    }

    /// By the provider where it counts; an estimate, which says so, where not.
    async fn count(&self, model: &str, body: &[u8]) -> Result<Response<Answer>, Trouble> {
        const COUNTED: [&str; 6] = ["model", "messages", "system", "tools", "tool_choice", "thinking"];
        let origin = model::of(self.app, self.admission, model).await?;
        let asked = request::read(&json_of(body)?, Purpose::Count, &origin)?;
        if origin.target == Target::Anthropic {
            let mut body = origin.write(&asked.ask)?.body;
            if let Some(object) = body.as_object_mut() {
                object.retain(|name, _| COUNTED.contains(&name.as_str()));
            }
            let response = self.send(&origin, "messages/count_tokens", &body).await?;
            let (head, inner) = response.into_parts();
            if matches!(inner, Answer::Own(_)) && !head.status.is_success() {
                return Ok(Response::from_parts(head, inner));
            }
            if head.status != StatusCode::NOT_FOUND {
                let said = failure::read(inner).await;
                let count =
                    serde_json::from_slice::<Value>(&said).ok().and_then(|v| v["input_tokens"].as_u64());
                return match count {
                    Some(count) if head.status.is_success() => Ok(whole(&json!({ "totalTokens": count }))),
                    _ => Err(Trouble::Shown(failure::said(&head, &said, model, &origin))),
                };
            }
        }
        let mut response = whole(&json!({ "totalTokens": asked.ask.estimate() }));
        response.headers_mut().insert(ANSWERED_BY, HeaderValue::from_static("aigwd; estimate"));
        Ok(response)
    }

    async fn models(&self) -> Result<Response<Answer>, Trouble> {
        let models = model::all(self.app, self.admission).await?;
        Ok(ours(&json!({ "models": models })))
    }

    async fn model(&self, name: &str) -> Result<Response<Answer>, Trouble> {
        let origin = model::of(self.app, self.admission, name).await?;
        Ok(ours(&crate::translate::gemini::models::described(name, &origin)))
    }

    /// As a tool of that provider would ask; failures of ours are told in Google's dialect.
    async fn send(&self, origin: &Origin, path: &str, body: &Value) -> Result<Response<Answer>, Trouble> {
        let app = self.app;
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        let path = format!("/{}/v1/{path}", origin.provider);
        *request.uri_mut() =
            path.parse().map_err(|_| Fault::new(Kind::BadConfiguration, "a model's provider has no name"))?;
        *request.headers_mut() = fields(&self.parts.headers, origin.target);
        let parts = request.into_parts().0;
        let mut call = prepare(app, parts, self.admission).await?;
        call.spoken = Dialect::Gemini;
        let body = Bytes::from(body.to_string());
        let exchange = Exchange::begin(app.counters.clone(), &call.route.provider).using(call.held.clone());
        let response = call.gateway.send(|| call.request(Outgoing::Own(Some(body.clone())))).await?;
        Ok(relay::back(app, &call, response, exchange).await)
    }
}

/// None of the tool's own fields but those that say who it is: its credentials are Google's.
fn fields(from: &HeaderMap, target: Target) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for name in KEPT {
        if let Some(value) = from.get(&name) {
            fields.insert(name, value.clone());
        }
    }
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
    if target == Target::Anthropic {
        fields.insert(VERSION.0, VERSION.1);
    }
    fields
}

fn json_of(body: &[u8]) -> Result<Value, Trouble> {
    serde_json::from_slice(body).map_err(|error| Refused(format!("the request is not JSON: {error}")).into())
}

fn is_of(response: &Response<Answer>, kind: &[u8]) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|told| told.as_bytes().starts_with(kind))
        && !response.headers().contains_key(CONTENT_ENCODING)
}

fn whole(value: &Value) -> Response<Answer> {
    let mut response = Response::new(Answer::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}

fn ours(value: &Value) -> Response<Answer> {
    let mut response = whole(value);
    response.headers_mut().insert(ANSWERED_BY, HeaderValue::from_static("aigwd"));
    response
}
