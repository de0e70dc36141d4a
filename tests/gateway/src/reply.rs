//! A complete answer as data: scripted by tests, and the canned refusals whose texts clients depend on.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::behaviour::ProviderKind;
use crate::body::{self, Body};

/// Marks a response that is not to be sent: see [`Reply::hang_up`].
#[derive(Clone, Copy)]
pub(crate) struct HangUp;

/// A status, headers and a body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header lines in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Time to wait before answering.
    pub delay: Duration,
    /// Close the connection instead (HTTP/2: reset the stream).
    pub hang_up: bool,
}

impl Reply {
    /// An empty answer.
    pub fn new(status: u16) -> Self {
        Reply { status, headers: Vec::new(), body: Bytes::new(), delay: Duration::ZERO, hang_up: false }
    }

    /// With one more header line.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Given only after this time.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Plain text as Go's `http.Error` writes it.
    pub fn plain(status: u16, text: &str) -> Self {
        Reply::new(status)
            .header("content-type", "text/plain; charset=utf-8")
            .header("x-content-type-options", "nosniff")
            .body(format!("{text}\n"))
    }

    /// Any JSON.
    pub fn json(status: u16, value: &Value) -> Self {
        Reply::new(status).header("content-type", "application/json").body(value.to_string())
    }

    /// The error form of the Coder API.
    pub fn coder(status: u16, message: &str, detail: Option<&str>) -> Self {
        let mut value = json!({ "message": message });
        if let Some(detail) = detail {
            value["detail"] = detail.into();
        }
        Reply::new(status)
            .header("content-type", "application/json; charset=utf-8")
            .header("x-content-type-options", "nosniff")
            .body(value.to_string())
    }

    /// The error form of Anthropic.
    pub fn anthropic_error(status: u16, kind: &str, message: &str) -> Self {
        let error = json!({ "type": kind, "message": message });
        Reply::json(status, &json!({ "type": "error", "error": error, "request_id": "req_practice" }))
    }

    /// The error form of OpenAI.
    pub fn openai_error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Self {
        let error = json!({ "message": message, "type": kind, "param": null, "code": code });
        Reply::json(status, &json!({ "error": error }))
    }

    /// The HTML page of a load balancer whose backend is away.
    pub fn load_balancer_502() -> Self {
        Reply::new(502).header("content-type", "text/html").header("server", "balancer").body(
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>\
             </center>\r\n</body>\r\n</html>\r\n",
        )
    }

    /// The page of a zero-trust front end that was not shown what it demands.
    pub fn zero_trust_403() -> Self {
        Reply::new(403).header("content-type", "text/html; charset=utf-8").body(
            "<!doctype html><html><head><title>Access denied</title></head><body><h1>Access denied</h1>\
             <p>This application is behind a zero-trust gateway.</p></body></html>\n",
        )
    }

    /// A redirect, for instance to a login page of a zero-trust front end.
    pub fn redirect(location: &str) -> Self {
        Reply::new(302).header("location", location).header("content-type", "text/html; charset=utf-8")
    }

    /// No answer at all: the connection is closed once the request was read.
    pub fn hang_up() -> Self {
        Reply { hang_up: true, ..Reply::new(500) }
    }

    /// An error in the form of the provider's kind.
    pub(crate) fn provider_error(
        kind: ProviderKind,
        status: u16,
        fault: &str,
        code: &str,
        message: &str,
    ) -> Self {
        match kind {
            ProviderKind::Anthropic => Reply::anthropic_error(status, fault, message),
            ProviderKind::OpenAi | ProviderKind::Copilot => {
                Reply::openai_error(status, fault, Some(code), message)
            }
        }
    }

    /// As a response. What a test wrote and HTTP cannot carry is left out rather than failing the server.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(body::fixed(self.body));
        if self.hang_up {
            response.extensions_mut().insert(HangUp);
        }
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
            {
                response.headers_mut().append(name, value);
            }
        }
        // A 204 has no body and must not say how long it is.
        if response.status() == StatusCode::NO_CONTENT {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = body::fixed(Bytes::new());
        }
        response
    }
}
