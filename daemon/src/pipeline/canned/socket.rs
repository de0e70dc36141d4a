//! The same words over a WebSocket, as OpenAI's Responses API has it: each text that comes asks for one answer, each event
//! is a text that goes.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};

use super::{Ask, GAP, responses};
use crate::app::App;
use crate::observe::proof::Visit;
use crate::pipeline::body::Answer;
use crate::pipeline::websocket::Wanted;

/// Opens it.
pub(super) fn open(app: &Arc<App>, wanted: Wanted, visit: Visit) -> Response<Answer> {
    let Wanted { upgrade, headers } = wanted;
    let key = headers.get(SEC_WEBSOCKET_KEY).map_or(&b""[..], HeaderValue::as_bytes);
    let accept = derive_accept_key(key);
    visit.answered(StatusCode::SWITCHING_PROTOCOLS);
    let here = app.clone();
    app.tasks.spawn(async move {
        tokio::select! {
            ended = talk(upgrade, &visit) => if let Err(error) = ended {
                tracing::debug!(%error, "the WebSocket of a proof broke off");
            },
            () = here.ended.cancelled() => {}
        }
    });
    let mut response = Response::new(Answer::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = response.headers_mut();
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is a valid field.
    fields.extend(HeaderValue::try_from(accept).map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
    response
}

async fn talk(upgrade: OnUpgrade, visit: &Visit) -> Result<(), tungstenite::Error> {
    let Ok(upgraded) = upgrade.await else { return Ok(()) };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        // Some clients nest the request, some do not.
        let body = if message["response"].is_object() { message["response"].clone() } else { message };
        for event in responses::events(&Ask::of(body)) {
            if event.word {
                sleep(GAP).await;
                visit.wrote();
            }
            socket.send(Message::text(event.data)).await?;
        }
        visit.whole();
    }
    Ok(())
}
