//! A failure of ours as an HTTP answer, in the dialect of the tool that will print it.

use aigw_shared::fault::{Fault, Kind, Retry};
use aigw_shared::provider::Dialect;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, PROXY_AUTHENTICATE, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::Answer;
use super::events::Form;

/// Says which of our failures it is.
pub const ERROR: HeaderName = HeaderName::from_static("x-aigw-error");
/// A stream that has begun has its status; this one chooses the words.
const BROKEN: StatusCode = StatusCode::BAD_GATEWAY;
/// Claude Code and the SDKs stop at once when it is `false` (measured), and print the message.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The answer that tells of this failure.
pub fn reply(fault: &Fault, dialect: Dialect) -> Response<Answer> {
    let face = fault.kind.face();
    let status = StatusCode::from_u16(face.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = format!("aigw: {}. {}.", fault.what.trim_end_matches('.'), sentence(fault.cure()));
    let mut response = worded(status, &text, face.code, dialect);
    let headers = response.headers_mut();
    headers.insert(ERROR, HeaderValue::from_static(face.code));
    match face.retry {
        Retry::Unsaid => {}
        Retry::After(seconds) => {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        Retry::Never => {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
    }
    if fault.kind == Kind::ProxyKeyMissing {
        headers.insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"aigw\""));
    }
    response
}

/// The answer to a request that stopped before it was sent: whatever follows it on the connection is not read.
pub fn refuse(fault: &Fault, dialect: Dialect) -> Response<Answer> {
    let mut response = reply(fault, dialect);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An answer of ours as bytes of HTTP/1.1, where no server of hyper's stands.
pub fn on_the_wire(response: Response<Answer>) -> Vec<u8> {
    let status = response.status();
    let mut bytes =
        format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default())
            .into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let body = if let Answer::Own(Some(body)) = response.into_body() { body } else { Bytes::new() };
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// The gateway's own words in the dialect's shape, with its status.
pub fn gateway_words(status: StatusCode, words: &str, dialect: Dialect) -> Response<Answer> {
    let code = Kind::GatewayRefused.face().code;
    let mut response = worded(status, words, code, dialect);
    response.headers_mut().insert(ERROR, HeaderValue::from_static(code));
    response
}

/// The last event of a stream that the gateway broke off.
pub fn broken_off(form: Form) -> String {
    let face = Kind::UpstreamFailed.face();
    let text = "aigw: the gateway broke off its answer. Try again.";
    match form {
        Form::Anthropic => {
            format!("event: error\ndata: {}\n\n", error(BROKEN, text, face.code, Dialect::Anthropic))
        }
        Form::Chat => format!("data: {}\n\n", error(BROKEN, text, face.code, Dialect::OpenAi)),
        // Nobody has counted the events before it.
        Form::Responses => format!(
            "event: error\ndata: {}\n\n",
            json!({"type": "error", "sequence_number": 0, "code": face.code, "message": text, "param": null})
        ),
    }
}

fn worded(status: StatusCode, text: &str, code: &str, dialect: Dialect) -> Response<Answer> {
    let body = error(status, text, code, dialect);
    let mut response = Response::new(Answer::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn error(status: StatusCode, text: &str, code: &str, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Anthropic => {
            json!({"type": "error", "error": {"type": anthropic_type(status), "message": text}})
        }
        Dialect::OpenAi => {
            json!({"error": {"message": text, "type": openai_type(status), "param": null, "code": code}})
        }
    }
}

/// <https://docs.anthropic.com/en/api/errors>
fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 | 407 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

/// <https://platform.openai.com/docs/guides/error-codes>
fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 | 407 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_valid_in_both_dialects_and_names_its_cure() {
        for kind in Kind::ALL {
            for dialect in [Dialect::Anthropic, Dialect::OpenAi] {
                let response = reply(&Fault::new(*kind, "it broke"), dialect);
                assert_eq!(response.headers()[ERROR], kind.face().code);
                let Answer::Own(Some(body)) = response.body() else { panic!("no body") };
                let body: serde_json::Value = serde_json::from_slice(body).unwrap();
                let message = body["error"]["message"].as_str().unwrap();
                assert!(message.starts_with("aigw: it broke. "), "{message}");
                assert_eq!(body["type"] == "error", dialect == Dialect::Anthropic);
                assert!(body["error"]["type"].is_string());
            }
        }
    }
}
