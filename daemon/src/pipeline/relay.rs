//! The answer on its way back. Almost all pass as they are; read first are only short refusals, to find out whether they
//! are about our credential, which the tool could do nothing about.

use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use bytes::{Bytes, BytesMut};
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::ext::ReasonPhrase;
use tokio::time::timeout;

use super::body::Answer;
use super::events::{Events, Form};
use super::record::Exchange;
use super::upstream::MAX_HEAD;
use super::{Call, explain, headers};
use crate::app::App;
use crate::credentials::renew;
use crate::deployment;

/// A refusal longer than this is none of the gateway's own.
const MAX_REFUSAL: usize = 4096;
/// And one that takes longer to arrive is none either.
const REFUSAL_ARRIVES: Duration = Duration::from_secs(2);

/// What a deployment says to a token that it does not take.
const TOKEN_REFUSED: [&str; 2] = ["unauthorized", "no authentication key provided"];

/// The answer for the client.
pub async fn back(
    app: &App,
    call: &Call,
    response: Response<Incoming>,
    mut exchange: Exchange,
) -> Response<Answer> {
    let status = response.status();
    exchange.answered(status);
    if let Some(flaw) = flaw(&response) {
        return explain::reply(&Fault::new(Kind::UpstreamFailed, flaw), call.route.dialect);
    }
    if call.gateway.fields_after(&response, &call.front).await.is_some() {
        let what =
            "the gateway's front end refused this request, and `header_command` prints other fields by now";
        return explain::reply(&Fault::new(Kind::TokenRenewed, what), call.route.dialect);
    }
    if !may_be_refusal(call, &response) {
        if is_key_refused(call, status) {
            return explain::reply(&key_refused(call), call.route.dialect);
        }
        return pass(response, None, exchange, events(app, call));
    }
    let (mut parts, mut body) = response.into_parts();
    let mut ahead = BytesMut::new();
    let read = timeout(REFUSAL_ARRIVES, read_ahead(&mut body, &mut ahead)).await;
    let whole = match read.unwrap_or(Ok(false)) {
        Ok(whole) => whole,
        Err(error) => {
            exchange.cut(&error);
            let fault = Fault::new(Kind::UpstreamFailed, "the gateway broke off its answer");
            return explain::reply(&fault, call.route.dialect);
        }
    };
    if status == StatusCode::FORBIDDEN && brings_own_key(call) && deployment::says_no_own_keys(&ahead) {
        let fault = deployment::own_keys_refused(&call.route.provider);
        return explain::reply(&fault, call.route.dialect);
    }
    match judge(status, parts.headers.get(CONTENT_TYPE), &ahead, whole) {
        Verdict::Passes | Verdict::Words(_) if is_key_refused(call, status) => {
            explain::reply(&key_refused(call), call.route.dialect)
        }
        Verdict::Passes => pass(Response::from_parts(parts, body), Some(ahead.freeze()), exchange, None),
        Verdict::TokenRefused => {
            let fault = renew::after_refusal(app, &call.gateway, &call.held).await;
            explain::reply(&fault, call.route.dialect)
        }
        Verdict::Words(words) => {
            let reply = explain::gateway_words(status, &words, call.route.dialect);
            let (ours, body) = reply.into_parts();
            headers::clean_response(&mut parts.headers);
            parts.headers.remove(CONTENT_LENGTH);
            parts.headers.extend(ours.headers);
            Response::from_parts(parts, body)
        }
        Verdict::NoRoute => moved(call).await,
    }
}

/// The answer of a host that is no gateway: as it is.
///
/// # Errors
/// When it can be read in more than one way.
pub fn through(response: Response<Incoming>, mut exchange: Exchange) -> Result<Response<Answer>, Fault> {
    exchange.answered(response.status());
    match flaw(&response) {
        Some(flaw) => Err(Fault::new(Kind::UpstreamFailed, flaw.replace("the gateway", "the host"))),
        None => Ok(pass(response, None, exchange, None)),
    }
}

/// What hyper lets through and no client should have to make sense of.
fn flaw(response: &Response<Incoming>) -> Option<&'static str> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Some("the gateway changed the protocol without being asked");
    }
    if !is_framed_in_one_way(response.headers()) {
        return Some("the gateway's answer can be read in more than one way");
    }
    // hyper's buffer may hold more than its limit.
    let reason = response.extensions().get::<ReasonPhrase>().map_or(0, |reason| reason.as_bytes().len());
    let fields: usize =
        response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (reason + fields > MAX_HEAD as usize).then_some("the gateway's answer has a head that is too large")
}

/// RFC 9112 section 6: one length, or chunks, or neither. hyper takes the same length twice, lets chunks win over it, and
/// undoes no further coding.
fn is_framed_in_one_way(headers: &HeaderMap) -> bool {
    let lengths: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().map(HeaderValue::as_bytes).collect();
    let codings: Vec<_> = headers.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => true,
        ([length], []) => length.iter().all(u8::is_ascii_digit),
        ([], [coding]) => coding.eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

fn events(app: &App, call: &Call) -> Option<(Form, Duration)> {
    Some((Form::of(call.route.dialect, &call.route.path), app.current().config.stream.ping))
}

enum Verdict {
    /// As it is.
    Passes,
    /// Ours to mend, or to explain.
    TokenRefused,
    /// The gateway's own words in plain text, which the tool would show badly or not at all.
    Words(String),
    /// The deployment does not know the prefix any more.
    NoRoute,
}

/// Whether the body has to be seen: a failure of a Coder gateway with a short text, or its word for a missing route.
fn may_be_refusal(call: &Call, response: &Response<Incoming>) -> bool {
    let status = response.status();
    let failure = status.is_client_error() || status.is_server_error();
    // A tool's own credential that its provider refused is between the two of them.
    let own = call.attached.own && status == StatusCode::UNAUTHORIZED;
    if !call.is_coder() || !failure || own || response.headers().contains_key(CONTENT_ENCODING) {
        return false;
    }
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let no_route_or_own_keys =
        status == StatusCode::NOT_FOUND || (status == StatusCode::FORBIDDEN && brings_own_key(call));
    let telling = is_plain(kind) || (no_route_or_own_keys && kind.starts_with(b"application/json"));
    telling
        && response.body().size_hint().upper().is_none_or(|length| (1..=MAX_REFUSAL as u64).contains(&length))
}

fn brings_own_key(call: &Call) -> bool {
    call.attached.own || call.attached.kept
}

fn is_plain(content_type: &[u8]) -> bool {
    content_type.len() >= 10 && content_type[..10].eq_ignore_ascii_case(b"text/plain")
}

fn judge(status: StatusCode, kind: Option<&HeaderValue>, ahead: &[u8], whole: bool) -> Verdict {
    let kind = kind.map(HeaderValue::as_bytes).unwrap_or_default();
    if !is_plain(kind) {
        let no_route = status == StatusCode::NOT_FOUND && deployment::says_no_route(ahead);
        return if no_route { Verdict::NoRoute } else { Verdict::Passes };
    }
    let (Ok(text), true) = (std::str::from_utf8(ahead), whole) else { return Verdict::Passes };
    let text = text.trim();
    if TOKEN_REFUSED.contains(&text) {
        return Verdict::TokenRefused;
    }
    if text.is_empty() { Verdict::Passes } else { Verdict::Words(text.to_owned()) }
}

/// Whether it is about a credential that the tool does not have.
fn is_key_refused(call: &Call, status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED && !call.attached.own
}

fn key_refused(call: &Call) -> Fault {
    let provider = &call.route.provider;
    if call.attached.kept {
        Fault::new(
            Kind::ProviderKeyRejected,
            format!("the provider did not accept your own key for {provider}"),
        )
        .cure_with(format!(
            "run `aigwctl byok set {provider}` with a new one, or `aigwctl byok unset {provider}`"
        ))
    } else if call.is_coder() {
        Fault::new(
            Kind::ProviderKeyRejected,
            format!(
                "the provider did not accept the deployment's key for {provider}; your own login is fine"
            ),
        )
    } else {
        Fault::new(Kind::TokenRejected, format!("the gateway does not accept the stored key for {provider}"))
            .cure_with(format!("run `aigwctl login --name {}`", call.route.gateway))
    }
}

/// The prefix that used to work is gone: another one may have come with a new version of the deployment.
async fn moved(call: &Call) -> Response<Answer> {
    call.gateway.forget_prefix();
    let fault = match call.gateway.uri(&call.route, call.uri.query()).await {
        // Not what another request found meanwhile counts, but what this one was sent to.
        Ok(uri) if uri != call.uri => Fault::new(
            Kind::GatewayUnreachable,
            "the deployment has moved its AI gateway to another path, which is known now",
        )
        .cure_with("try again"),
        Ok(_) => Fault::new(Kind::WrongPrefix, "the deployment says that it has no such route"),
        Err(fault) => fault,
    };
    explain::reply(&fault, call.route.dialect)
}

/// With `events`, what is added to a stream, and after how long a silence.
fn pass(
    response: Response<Incoming>,
    ahead: Option<Bytes>,
    mut exchange: Exchange,
    events: Option<(Form, Duration)>,
) -> Response<Answer> {
    let (mut parts, body) = response.into_parts();
    let events = events.and_then(|(form, ping)| Events::of(&parts.headers, form, ping));
    headers::clean_response(&mut parts.headers);
    let ahead = ahead.filter(|bytes| !bytes.is_empty());
    exchange.passes();
    exchange.saw(ahead.as_ref().map_or(0, Bytes::len));
    if body.is_end_stream() {
        exchange.ended();
    }
    Response::from_parts(parts, Answer::Relay { ahead, body, exchange, events })
}

/// The beginning of a body, up to what a refusal can be long. Whether that is all of it: a body in chunks tells its end
/// only when it is asked for more, and one of known length need not as long as its request is still being sent.
async fn read_ahead(body: &mut Incoming, ahead: &mut BytesMut) -> Result<bool, hyper::Error> {
    while ahead.len() <= MAX_REFUSAL && !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) => ahead.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(error)) => return Err(error),
            None => return Ok(true),
        }
    }
    Ok(body.is_end_stream())
}
