//! Plain `http://` requests for somebody else, as a proxy forwards them: package indexes, captive portals, an intranet. No
//! token ever goes along.

use std::sync::Arc;

use aigw_shared::fault::{Fault, Kind};
use http::header::{CONNECTION, HOST, HeaderValue, PROXY_AUTHORIZATION, UPGRADE};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::app::App;
use crate::dial::Wanted;
use crate::keys::Admission;
use crate::pipeline::admit::{self, HTTP_PORT};
use crate::pipeline::body::{Answer, Slot};
use crate::pipeline::inbound::Inbound;
use crate::pipeline::record::Exchange;
use crate::pipeline::upstream::Outgoing;
use crate::pipeline::{headers, relay, websocket};

/// Sends the request where it is meant to go, on a connection of its own.
pub async fn forward(
    app: &Arc<App>,
    inbound: Inbound,
    admission: &Admission,
) -> Result<Response<Answer>, Fault> {
    let Inbound { mut parts, body, .. } = inbound;
    let bad = || Fault::new(Kind::BadRequest, "a proxy takes CONNECT, or a URL that begins with http://");
    let authority = parts.uri.authority().filter(|_| parts.uri.scheme() == Some(&Scheme::HTTP));
    let authority = authority.ok_or_else(bad)?.clone();
    let (host, port) = check(app, &authority)?;
    if let Some(proof) = &admission.proof {
        return Err(proof.leads_nowhere_else(&host, port));
    }
    let outbound = app.current().outbound.clone();
    let wanted = Wanted { host: &host, port, block_private: admission.container };
    let (pipe, forwarding) = outbound.plain(&wanted).await?;
    let broken = |error: hyper::Error| {
        Fault::new(Kind::UpstreamFailed, format!("{host} gave no valid answer: {error}"))
            .cure_with("try again")
    };

    let upgrade = headers::wants_websocket(&parts).then(|| parts.extensions.remove::<OnUpgrade>()).flatten();
    let mut fields = parts.headers;
    headers::clean_hops(&mut fields);
    if upgrade.is_some() {
        fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    fields.insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?);
    if let Some(login) = forwarding.as_ref().and_then(|forwarding| forwarding.authorization.clone()) {
        fields.insert(PROXY_AUTHORIZATION, login);
    }
    let slot = Slot::new(body, app.tasks.clone());
    let mut request = Request::new(Outgoing::Relay(slot.upload()));
    *request.method_mut() = parts.method;
    // A proxy on the way is told the whole URL.
    *request.uri_mut() = if forwarding.is_some() { parts.uri } else { origin_form(&parts.uri) };
    *request.headers_mut() = fields;

    let (mut sender, connection) = http1::handshake(TokioIo::new(pipe)).await.map_err(broken)?;
    // Ends with the answer, or what it was upgraded to.
    app.tasks.spawn(async move { drop(connection.with_upgrades().await) });
    let mut exchange = Exchange::onward(app.counters.clone(), &host);
    let mut response = sender.send_request(request).await.map_err(broken)?;
    slot.settle();
    if let Some(forwarding) =
        forwarding.filter(|_| response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED)
    {
        return Err(forwarding.login_refused(authority.as_str(), response.headers()));
    }
    match upgrade {
        Some(upgrade) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            exchange.passes();
            let theirs = hyper::upgrade::on(&mut response);
            app.tasks.spawn(websocket::join(upgrade, theirs, exchange, app.clone()));
            Ok(websocket::switched(response))
        }
        _ => relay::through(response, exchange),
    }
}

/// The host and port to ask in clear text.
///
/// # Errors
/// A provider's host is not asked so, and nobody's with a login in the URL.
pub fn check(app: &App, authority: &Authority) -> Result<(String, u16), Fault> {
    if authority.as_str().contains('@') {
        return Err(Fault::new(Kind::BadRequest, "the URL has a user name in it"));
    }
    let (host, port) = admit::host_and_port(authority, HTTP_PORT);
    if host.is_empty() {
        return Err(Fault::new(Kind::BadRequest, "the URL names no host"));
    }
    if app.current().hosts.has_name(&host) {
        return Err(Fault::new(Kind::PlainHttp, format!("{host} is asked over https only")));
    }
    Ok((host, port))
}

fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse().unwrap_or(Uri::from_static("/"))
}
