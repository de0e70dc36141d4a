//! The provider routes from end to end: scripted answers, gates, body, route, credential, answer.

use bytes::Bytes;
use http::{Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::answer::{self, Ask};
use crate::behaviour::{Era, Provider, ProviderFault, ProviderKind};
use crate::body::Body;
use crate::front::Visit;
use crate::record::{NOTHING, Unfinished};
use crate::reply::Reply;
use crate::routes::{self, Found, Handling};
use crate::upstream::{self, Credential};
use crate::{gates, hold, websocket};

/// Answers a request below a gateway mount.
pub(crate) async fn answer(mut visit: Visit, mut body: Incoming) -> Response<Body> {
    let scripted = hold(&visit.site.scripted).pop_front().or_else(|| visit.behaviour.answer_all.clone());
    if let Some(reply) = scripted {
        // How the body ends is in the log; the answer does not depend on it.
        let _ = visit.ticket.read(&mut body, &visit.about.ear, NOTHING).await;
        tokio::time::sleep(reply.delay).await;
        return reply.into_response();
    }

    if let Some(refusal) = gates::refusal(&visit) {
        if visit.behaviour.answer_before_body {
            read_on(&visit, body);
        } else {
            let _ = visit.ticket.read(&mut body, &visit.about.ear, NOTHING).await;
        }
        return refusal.into_response();
    }

    let cap = match visit.behaviour.era {
        Era::Old => NOTHING - 1,
        Era::New => visit.behaviour.body_cap.min(NOTHING - 1),
    };
    let sent = match visit.ticket.read(&mut body, &visit.about.ear, cap).await {
        Ok(sent) => sent,
        // Nobody is there to see this.
        Err(Unfinished::Aborted) => return Reply::new(400).into_response(),
        Err(Unfinished::TooLarge) => {
            discard(body);
            return too_large(visit.behaviour.body_cap).into_response();
        }
    };

    let upgrade = visit.head.extensions.remove::<OnUpgrade>();
    match routes::find(&visit.behaviour.providers, &visit.path, visit.behaviour.era) {
        Found::Nothing => not_supported(&visit).into_response(),
        Found::Disabled(provider) => {
            Reply::plain(503, &format!("provider_disabled: AI provider \"{0}\" is disabled", provider.name))
                .into_response()
        }
        Found::Route(provider, Handling::Passthrough) => passthrough(&visit, provider, &sent),
        Found::Route(provider, handling) => intercept(&visit, provider, handling, &sent, upgrade).await,
    }
}

/// Goes on reading, and writing down, after the refusal was sent.
fn read_on(visit: &Visit, mut body: Incoming) {
    let (ticket, ear) = (visit.ticket.clone(), visit.about.ear.clone());
    tokio::spawn(async move { ticket.read(&mut body, &ear, NOTHING).await });
}

/// Lets the client finish a body that nobody wants, or it might never look at the answer.
fn discard(mut body: Incoming) {
    tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
}

fn too_large(cap: u64) -> Reply {
    let text = format!("Request body too large. The maximum allowed request body size is {}MiB.", cap >> 20);
    Reply::plain(413, &text).header("connection", "close")
}

pub(crate) fn not_supported(visit: &Visit) -> Reply {
    Reply::plain(404, &format!("route not supported: {} {}", visit.head.method, visit.path))
}

pub(crate) fn no_interceptor(visit: &Visit) -> Reply {
    Reply::plain(500, &format!("failed to create \"{}\" interceptor", visit.path))
}

/// Writes down what the provider would get. Whose credential it carries.
fn send_upstream(visit: &Visit, provider: &Provider, handling: Handling) -> Credential {
    let scheme = if visit.about.tls { "https" } else { "http" };
    let upstream =
        upstream::prepare(provider, handling, &visit.target(), &visit.head.headers, &visit.lines, scheme);
    let credential = upstream.credential;
    visit.ticket.update(|recorded| recorded.upstream = Some(upstream));
    credential
}

fn passthrough(visit: &Visit, provider: &Provider, sent: &Bytes) -> Response<Body> {
    if let Some(ProviderFault::Unreachable) = visit.behaviour.provider_fault {
        return Reply::plain(502, "upstream proxy error").into_response();
    }
    let credential = send_upstream(visit, provider, Handling::Passthrough);
    match provider_refusal(visit, provider.kind, credential) {
        Some(refusal) => refusal.into_response(),
        None => answer::passthrough::answer(visit, provider, sent),
    }
}

async fn intercept(
    visit: &Visit,
    provider: &Provider,
    handling: Handling,
    sent: &Bytes,
    upgrade: Option<OnUpgrade>,
) -> Response<Body> {
    if handling == Handling::Responses && websocket::is_wanted(visit) {
        if visit.behaviour.websocket != crate::WebSocket::Old {
            send_upstream(visit, provider, handling);
        }
        return websocket::answer(visit, upgrade);
    }
    let encoded = visit.head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    let Some(ask) = Ask::read(handling, sent, encoded) else { return no_interceptor(visit).into_response() };
    if ask.background && visit.behaviour.background_refused {
        let text = "background requests are currently not supported, disable background and try again";
        return Reply::json(501, &serde_json::json!({ "code": "501", "message": text })).into_response();
    }
    if let Some(ProviderFault::BreakerOpen(seconds)) = visit.behaviour.provider_fault {
        return breaker_open(provider.kind, seconds).into_response();
    }
    let credential = send_upstream(visit, provider, handling);
    if provider.kind == ProviderKind::Copilot && credential != Credential::Byok {
        visit.ticket.update(|recorded| recorded.upstream = None);
        return no_interceptor(visit).into_response();
    }
    if let Some(refusal) = provider_refusal(visit, provider.kind, credential) {
        return refusal.into_response();
    }
    answer::intercepted(visit, ask).await
}

fn breaker_open(kind: ProviderKind, seconds: u32) -> Reply {
    let text = "circuit breaker is open";
    let value = match kind {
        ProviderKind::Anthropic => {
            serde_json::json!({ "type": "error", "error": { "type": "overloaded_error", "message": text } })
        }
        ProviderKind::OpenAi | ProviderKind::Copilot => serde_json::json!({
            "error": { "message": text, "type": "server_error", "code": "service_unavailable" }
        }),
    };
    Reply::json(503, &value).header("retry-after", &seconds.to_string())
}

/// What the provider (or the gateway in its name) answers instead of an answer.
fn provider_refusal(visit: &Visit, kind: ProviderKind, credential: Credential) -> Option<Reply> {
    let error =
        |status, fault: &str, code: &str, text: &str| Reply::provider_error(kind, status, fault, code, text);
    let rejected = || match kind {
        ProviderKind::Anthropic => error(401, "authentication_error", "", "invalid x-api-key"),
        _ => error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    };
    if credential == Credential::Nobody {
        return Some(rejected());
    }
    match visit.behaviour.provider_fault.as_ref()? {
        ProviderFault::KeyRejected => Some(rejected()),
        ProviderFault::KeysFailed | ProviderFault::Unreachable => {
            Some(error(502, "api_error", "server_error", "all configured keys failed"))
        }
        ProviderFault::KeysRateLimited => Some(
            error(429, "rate_limit_error", "rate_limit_exceeded", "all configured keys are rate-limited")
                .header("retry-after", &visit.behaviour.retry_after.to_string()),
        ),
        ProviderFault::Status(status, fault, text) => Some(error(*status, fault, fault, text)),
        // Passthrough routes have no breaker.
        ProviderFault::BreakerOpen(_) => None,
    }
}
