//! What is on an intercepted host and no AI call: it goes to the real host as it came, with the client's own credential,
//! and never with a token of ours.

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::body::{Answer, Slot};
use super::hosts::Host;
use super::record::Exchange;
use super::upstream::{Outgoing, Upstream};
use super::{headers, relay, websocket};
use crate::app::App;
use crate::dial::Outbound;
use crate::keys::Admission;

/// The pooled way to them.
pub struct RealHosts {
    open: Upstream,
    /// For callers who may not reach private addresses: they must not get a connection that others made.
    guarded: Upstream,
}

impl RealHosts {
    /// Over these connections.
    pub fn over(outbound: &Outbound) -> Self {
        let way = |block_private| Upstream::over(outbound.onward(block_private), Duration::ZERO);
        Self { open: way(false), guarded: way(true) }
    }

    fn of(&self, admission: &Admission) -> &Upstream {
        if admission.container { &self.guarded } else { &self.open }
    }
}

/// Relays a request to the host that it was meant for. Local keys are out of it already.
///
/// # Errors
/// When the host cannot be reached, or is not who it says.
pub async fn relay(
    app: &Arc<App>,
    host: &Host,
    admission: &Admission,
    mut parts: Parts,
    body: Incoming,
) -> Result<Response<Answer>, Fault> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("https://{}{path}", host.authority())
        .parse()
        .map_err(|_| Fault::new(Kind::BadRequest, "the path cannot be sent on"))?;
    let upgrade = headers::wants_websocket(&parts).then(|| parts.extensions.remove::<OnUpgrade>()).flatten();
    let mut fields = parts.headers;
    headers::clean_hops(&mut fields);
    let real_hosts = app.current().real_hosts.clone();
    let way = real_hosts.of(admission);
    let exchange = Exchange::onward(app.counters.clone(), &host.name);
    if let Some(upgrade) = upgrade {
        return open_websocket(app, way, uri, fields, upgrade, exchange).await;
    }
    let slot = Slot::new(body, app.tasks.clone());
    let build = || {
        let mut request = Request::new(Outgoing::Relay(slot.upload()));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = uri.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = fields.clone();
        request
    };
    match way.send(build).await {
        Ok(response) => {
            slot.settle();
            relay::through(response, exchange)
        }
        Err(fault) => {
            slot.discard();
            Err(of_host(&fault, &host.name))
        }
    }
}

/// What the way to the gateway says, said of another host.
fn of_host(fault: &Fault, host: &str) -> Fault {
    let what = fault.what.replace("the gateway", host);
    match fault.kind {
        Kind::GatewayUnreachable => Fault::new(Kind::TargetUnreachable, what),
        Kind::GatewayUntrusted => Fault::new(Kind::TargetUntrusted, what),
        Kind::UpstreamFailed => Fault::new(Kind::UpstreamFailed, what).cure_with("try again"),
        kind => Fault::new(kind, what).cure_with(fault.cure()),
    }
}

/// Any WebSocket, with all that both sides say about it.
async fn open_websocket(
    app: &Arc<App>,
    way: &Upstream,
    uri: Uri,
    mut fields: HeaderMap,
    upgrade: OnUpgrade,
    mut exchange: Exchange,
) -> Result<Response<Answer>, Fault> {
    let host = uri.host().unwrap_or_default().to_owned();
    let unreachable = |what: String| {
        Fault::new(Kind::UpstreamFailed, format!("{host} did not answer the WebSocket: {what}"))
            .cure_with("try again")
    };
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let link = way.dial_http1(uri.clone()).await.map_err(|error| error.of_target())?;
    let mut response = websocket::greet(link, &uri, fields).await.map_err(unreachable)?;
    exchange.answered(response.status());
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return relay::through(response, exchange);
    }
    exchange.passes();
    let theirs = hyper::upgrade::on(&mut response);
    app.tasks.spawn(websocket::join(upgrade, theirs, exchange, app.clone()));
    Ok(websocket::switched(response))
}
