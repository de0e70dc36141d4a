//! The answer on its way back. Almost all pass as they are; read first are only short refusals, to find out whether they
//! are about our credential, which the tool could do nothing about.

use aigw_shared::fault::{Fault, Kind};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::body::Answer;
use super::record::Exchange;
use super::{Call, explain, headers};
use crate::deployment;
use crate::gateway::trimmed;

/// A refusal longer than this is none of the gateway's own.
const MAX_REFUSAL: usize = 4096;

/// What a deployment says to a token that it does not take.
const TOKEN_REFUSED: [&str; 2] = ["unauthorized", "no authentication key provided"];

/// The answer for the client.
pub async fn back(call: &Call, response: Response<Incoming>, mut exchange: Exchange) -> Response<Answer> {
    let status = response.status();
    exchange.answered(status);
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let fault = Fault::new(Kind::UpstreamFailed, "the gateway changed the protocol without being asked");
        return explain::reply(&fault, call.route.dialect);
    }
    if status == StatusCode::UNAUTHORIZED && !call.attached.own {
        return explain::reply(&key_refused(call), call.route.dialect);
    }
    if !may_be_refusal(call, &response) {
        return pass(response, None, exchange);
    }
    let (parts, mut body) = response.into_parts();
    let ahead = match read_ahead(&mut body).await {
        Ok(ahead) => ahead,
        Err(error) => {
            exchange.cut(&error);
            let fault = Fault::new(Kind::UpstreamFailed, "the gateway broke off its answer");
            return explain::reply(&fault, call.route.dialect);
        }
    };
    match judge(call, status, parts.headers.get(CONTENT_TYPE), &ahead, body.is_end_stream()) {
        Verdict::Passes => pass(Response::from_parts(parts, body), Some(ahead), exchange),
        Verdict::Fault(fault) => explain::reply(&fault, call.route.dialect),
        Verdict::Words(words) => {
            let mut reply = explain::gateway_words(status, &words, call.route.dialect);
            if let Some(after) = parts.headers.get(RETRY_AFTER) {
                reply.headers_mut().insert(RETRY_AFTER, after.clone());
            }
            reply
        }
        Verdict::NoRoute => moved(call).await,
    }
}

enum Verdict {
    /// As it is.
    Passes,
    /// Ours to explain.
    Fault(Fault),
    /// The gateway's own words in plain text, which the tool would show badly or not at all.
    Words(String),
    /// The deployment does not know the prefix any more.
    NoRoute,
}

/// Whether the body has to be seen: a failure of a Coder gateway with a short text, or its word for a missing route.
fn may_be_refusal(call: &Call, response: &Response<Incoming>) -> bool {
    let status = response.status();
    if !(call.is_coder() && (status.is_client_error() || status.is_server_error())) {
        return false;
    }
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let telling =
        is_plain(kind) || (status == StatusCode::NOT_FOUND && kind.starts_with(b"application/json"));
    telling
        && response.body().size_hint().upper().is_none_or(|length| (1..=MAX_REFUSAL as u64).contains(&length))
}

fn is_plain(content_type: &[u8]) -> bool {
    content_type.len() >= 10 && content_type[..10].eq_ignore_ascii_case(b"text/plain")
}

fn judge(call: &Call, status: StatusCode, kind: Option<&HeaderValue>, ahead: &[u8], whole: bool) -> Verdict {
    let kind = kind.map(HeaderValue::as_bytes).unwrap_or_default();
    if !is_plain(kind) {
        let no_route = status == StatusCode::NOT_FOUND && deployment::says_no_route(ahead);
        return if no_route { Verdict::NoRoute } else { Verdict::Passes };
    }
    let (Ok(text), true) = (std::str::from_utf8(ahead), whole) else { return Verdict::Passes };
    let text = text.trim();
    if TOKEN_REFUSED.contains(&text) {
        let url = call.gateway.settings.url.as_ref().map_or("the gateway", trimmed);
        return Verdict::Fault(Fault::new(
            Kind::TokenRejected,
            format!("{url} does not accept the stored token any more"),
        ));
    }
    if text.is_empty() { Verdict::Passes } else { Verdict::Words(text.to_owned()) }
}

/// A 401 about a credential that the tool does not have.
fn key_refused(call: &Call) -> Fault {
    let provider = &call.route.provider;
    if call.is_coder() {
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
    let before = call.gateway.known_prefix();
    call.gateway.forget_prefix();
    let fault = match call.gateway.prefix().await {
        Ok(prefix) if Some(&prefix) != before.as_ref() => Fault::new(
            Kind::GatewayUnreachable,
            format!("the deployment has moved its AI gateway to {prefix}"),
        )
        .cure_with("try again"),
        Ok(_) => Fault::new(Kind::WrongPrefix, "the deployment says that it has no such route"),
        Err(fault) => fault,
    };
    explain::reply(&fault, call.route.dialect)
}

fn pass(response: Response<Incoming>, ahead: Option<Bytes>, exchange: Exchange) -> Response<Answer> {
    let (mut parts, body) = response.into_parts();
    headers::clean_response(&mut parts.headers);
    let ahead = ahead.filter(|bytes| !bytes.is_empty());
    // What was read ahead comes from the body's known length, which hyper has already counted down.
    debug_assert!(
        ahead.is_none()
            || parts.headers.contains_key(CONTENT_LENGTH)
            || body.size_hint().exact().is_none()
            || body.is_end_stream()
    );
    Response::from_parts(parts, Answer::Relay { ahead, body, exchange })
}

/// The beginning of a body, up to what a refusal can be long.
async fn read_ahead(body: &mut Incoming) -> Result<Bytes, hyper::Error> {
    let mut ahead = BytesMut::new();
    while ahead.len() < MAX_REFUSAL {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    ahead.extend_from_slice(&data);
                }
            }
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    Ok(ahead.freeze())
}
