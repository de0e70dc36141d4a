//! WebSockets, which Codex tries first. They are relayed where the gateway speaks them; where it does not, the tool is
//! told so at once with 426, on which it uses HTTPS (404 costs it seven seconds, 400 the whole turn).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::Dialect;
use http::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::body::Answer;
use super::record::Exchange;
use super::{Call, explain, headers};
use crate::app::App;
use crate::dial::Link;

/// A gateway that speaks WebSocket says so in this time.
const ANSWER: Duration = Duration::from_secs(2);

/// Answers that will stay so: not those about the login, the load or the way.
const FOR_GOOD: [u16; 6] = [400, 404, 405, 426, 500, 501];

/// A client's wish to speak WebSocket.
pub struct Wanted {
    /// The connection, once it was answered.
    pub upgrade: OnUpgrade,
    /// The fields that belong to the opening.
    pub headers: HeaderMap,
}

/// The wish, if the request has one that we serve: a WebSocket of OpenAI's Responses API. Other upgrades are not passed
/// on, and the request goes its usual way.
pub fn wanted(parts: &mut Parts) -> Option<Wanted> {
    if !headers::wants_websocket(parts) || !parts.uri.path().ends_with("/responses") {
        return None;
    }
    let mut fields = HeaderMap::new();
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
        fields.insert(name.clone(), parts.headers.get(&name)?.clone());
    }
    let upgrade = parts.extensions.remove::<OnUpgrade>()?;
    Some(Wanted { upgrade, headers: fields })
}

/// Opens the gateway's side and joins both, or says that there is none. Whatever stands in the way, a missing login
/// among it, is told when the tool comes again by HTTPS.
pub async fn relay(
    app: &Arc<App>,
    call: impl Future<Output = Result<Call, Fault>>,
    wanted: Wanted,
    dialect: Dialect,
) -> Response<Answer> {
    let opening = async {
        let call = call.await.map_err(|fault| fault.what)?;
        let exchange = Exchange::begin(app.counters.clone(), &call.route.provider).using(call.held.clone());
        let response = open(&call, &wanted.headers).await?;
        Ok::<_, String>((response, exchange))
    };
    let opened = timeout(ANSWER, opening).await;
    let (mut response, mut exchange) =
        match opened.unwrap_or_else(|_| Err("the gateway did not answer the WebSocket in time".to_owned())) {
            Ok(opened) => opened,
            Err(what) => return explain::reply(&Fault::new(Kind::NoWebSocket, what), dialect),
        };
    exchange.answered(response.status());
    exchange.passes();
    let theirs = hyper::upgrade::on(&mut response);
    app.tasks.spawn(join(wanted.upgrade, theirs, exchange, app.clone()));

    switched(response)
}

/// The 101 for the client.
pub fn switched(response: Response<Incoming>) -> Response<Answer> {
    let (mut parts, _) = response.into_parts();
    headers::clean_response(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    Response::from_parts(parts, Answer::empty())
}

/// The gateway's consent, or why there is none.
async fn open(call: &Call, websocket: &HeaderMap) -> Result<Response<Incoming>, String> {
    if call.gateway.refuses_websocket() {
        return Err("the gateway has no WebSocket".to_owned());
    }
    let mut fields = call.headers.clone();
    fields.extend(websocket.clone());
    let link = call.gateway.upstream.dial_http1(call.uri.clone()).await.map_err(|error| error.to_string())?;
    let response = greet(link, &call.uri, fields).await?;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    if FOR_GOOD.contains(&status.as_u16()) {
        call.gateway.refused_websocket();
    }
    Err(format!("the gateway answered the WebSocket with {}", status.as_u16()))
}

/// The handshake, on a connection of its own: HTTP/2 connections of the pool cannot change their protocol.
pub async fn greet(link: Link, uri: &Uri, fields: HeaderMap) -> Result<Response<Incoming>, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(link)).await.map_err(|error: hyper::Error| error.to_string())?;
    // Ends with the WebSocket, or with the refusal.
    tokio::spawn(connection.with_upgrades());

    let mut request = Request::new(Empty::<bytes::Bytes>::new());
    *request.uri_mut() =
        uri.path_and_query().map_or("/", |path| path.as_str()).parse().map_err(|_| "bad path".to_owned())?;
    *request.headers_mut() = fields;
    let fields = request.headers_mut();
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    fields.insert(http::header::HOST, HeaderValue::from_str(authority).map_err(|error| error.to_string())?);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// Copies both ways until one side ends, or the daemon's grace does.
pub async fn join(ours: OnUpgrade, theirs: OnUpgrade, mut exchange: Exchange, app: Arc<App>) {
    let both = async { Ok::<(Upgraded, Upgraded), hyper::Error>((ours.await?, theirs.await?)) };
    let Ok((ours, theirs)) = both.await else { return };
    let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
    let copied = tokio::select! {
        copied = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => copied,
        () = app.ended.cancelled() => return,
    };
    if let Ok((_, back)) = copied {
        exchange.saw(usize::try_from(back).unwrap_or(usize::MAX));
        exchange.ended();
    }
}
