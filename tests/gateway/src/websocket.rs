//! WebSocket on a Responses route: the refusals of different releases, and a socket that works.

use http::{Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};

use crate::answer::{self, Ask};
use crate::behaviour::{Behaviour, WebSocket};
use crate::body::Body;
use crate::data_plane::{no_interceptor, not_supported};
use crate::frames::{self, Message, Reader};
use crate::front::Visit;
use crate::hold;
use crate::reply::Reply;
use crate::routes::Handling;
use crate::server::until_cut;

/// Answers the upgrade request.
pub(crate) fn answer(visit: &Visit, upgrade: Option<OnUpgrade>) -> Response<Body> {
    match visit.behaviour.websocket {
        WebSocket::Old => no_interceptor(visit).into_response(),
        WebSocket::Absent => not_supported(visit).into_response(),
        WebSocket::Status(status) => Reply::plain(status, "refused on purpose").into_response(),
        WebSocket::Full => {
            let text = "Too many open connections. Close one or use HTTP.";
            Reply::openai_error(426, "rate_limit_error", Some("rate_limit_exceeded"), text).into_response()
        }
        WebSocket::Relay | WebSocket::Silent => open(visit, upgrade),
    }
}

fn open(visit: &Visit, upgrade: Option<OnUpgrade>) -> Response<Body> {
    let silent = visit.behaviour.websocket == WebSocket::Silent;
    let talking = Visit {
        site: visit.site.clone(),
        behaviour: visit.behaviour.clone(),
        about: visit.about.clone(),
        head: visit.head.clone(),
        path: visit.path.clone(),
        lines: Vec::new(),
        ticket: visit.ticket.clone(),
    };
    accept(visit, upgrade, move |socket| relay(talking, socket, silent))
        .unwrap_or_else(|| no_interceptor(visit).into_response())
}

/// Sends every message back, and writes the text ones down. `None` when it is no upgrade.
pub(crate) fn echo(visit: &Visit, upgrade: Option<OnUpgrade>) -> Option<Response<Body>> {
    let ticket = visit.ticket.clone();
    accept(visit, upgrade, move |mut socket| async move {
        let mut reader = Reader::default();
        loop {
            match reader.read(&mut socket).await? {
                Message::Close(code) => return frames::write_close(&mut socket, code.unwrap_or(1000)).await,
                Message::Ping(payload) => frames::write_pong(&mut socket, &payload).await?,
                Message::Binary(payload) => frames::write_binary(&mut socket, &payload).await?,
                Message::Other => {}
                Message::Text(text) => {
                    frames::write_text(&mut socket, &text).await?;
                    ticket.update(|recorded| recorded.frames.push(text));
                }
            }
        }
    })
}

/// Answers the handshake, and talks on the socket until that or the connection ends.
fn accept<Talk>(
    visit: &Visit,
    upgrade: Option<OnUpgrade>,
    talk: impl FnOnce(TokioIo<Upgraded>) -> Talk + Send + 'static,
) -> Option<Response<Body>>
where
    Talk: Future<Output = std::io::Result<()>> + Send,
{
    let key = visit.head.headers.get(header::SEC_WEBSOCKET_KEY)?;
    let (upgrade, accept) = (upgrade?, frames::accept_key(key.as_bytes()));
    let mut orders = visit.about.orders.clone();
    tokio::spawn(async move {
        let relayed = async {
            let upgraded = upgrade.await.map_err(std::io::Error::other)?;
            talk(TokioIo::new(upgraded)).await
        };
        tokio::select! {
            result = relayed => if let Err(error) = result {
                tracing::debug!(%error, "WebSocket ended");
            },
            () = until_cut(&mut orders) => {}
        }
    });
    visit.about.ear.stop();
    let mut response = Reply::new(101)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", &accept)
        .into_response();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    Some(response)
}

/// Whether a request asks for a WebSocket.
pub(crate) fn is_wanted(visit: &Visit) -> bool {
    visit.head.method == http::Method::GET
        && visit
            .head
            .headers
            .get(header::UPGRADE)
            .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

async fn relay(mut visit: Visit, mut socket: TokioIo<Upgraded>, silent: bool) -> std::io::Result<()> {
    let mut reader = Reader::default();
    loop {
        let message = match reader.read(&mut socket).await {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return frames::write_close(&mut socket, 1002).await;
            }
            other => other?,
        };
        match message {
            Message::Close(code) => return frames::write_close(&mut socket, code.unwrap_or(1000)).await,
            Message::Ping(payload) => frames::write_pong(&mut socket, &payload).await?,
            Message::Other | Message::Binary(_) => {}
            Message::Text(text) => {
                visit.ticket.update(|recorded| recorded.frames.push(text.clone()));
                if silent {
                    continue;
                }
                // The switches may have changed since the socket was opened.
                visit.behaviour = hold(&visit.site.behaviour).clone();
                if !create(&visit, &mut socket, &text).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// Answers one `response.create`. False when the connection is to be cut.
async fn create(visit: &Visit, socket: &mut TokioIo<Upgraded>, text: &str) -> std::io::Result<bool> {
    let message: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    if message.get("type").and_then(Value::as_str) != Some("response.create") {
        let error = refused(400, "invalid_request_error", "invalid_request", "expected response.create");
        frames::write_text(socket, &error).await?;
        return Ok(true);
    }
    if let Some(error) = refusal(&visit.behaviour) {
        frames::write_text(socket, &error).await?;
        return Ok(true);
    }
    // Some clients nest the request, some do not.
    let request = message.get("response").and_then(Value::as_object).unwrap_or(&message);
    let ask = Ask::from_object(Handling::Responses, request, text.as_bytes());
    let mut player = answer::play(visit, &ask);
    tokio::time::sleep(visit.behaviour.stream.before_headers).await;
    while let Some(event) = player.next().await {
        let Ok(event) = event else { return Ok(false) };
        frames::write_text(socket, &event.data).await?;
    }
    Ok(true)
}

fn refusal(behaviour: &Behaviour) -> Option<String> {
    match &behaviour.websocket_refusal {
        Some((status, kind, code, text)) => Some(refused(*status, kind, code, text)),
        None if behaviour.budget_exceeded => {
            Some(refused(403, "insufficient_quota", "insufficient_quota", "AI budget exceeded."))
        }
        None if behaviour.rate_limited => Some(refused(
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            "You've been rate limited. Please try again later.",
        )),
        None => None,
    }
}

fn refused(status: u16, kind: &str, code: &str, text: &str) -> String {
    let error = json!({ "type": kind, "code": code, "message": text, "param": null });
    json!({ "type": "error", "status": status, "error": error }).to_string()
}
