//! Door 2: requests of tools that were given us as their proxy. Who may come in, and then which of three things it is: an
//! intercepted host, a blind tunnel, or plain HTTP for somebody else.

use std::sync::Arc;

use aigw_shared::config::{self, GatewayKind, OnUntrusted, Via};
use aigw_shared::fault::{Fault, Kind};
use http::uri::Authority;
use http::{Method, Response};
use hyper::upgrade::OnUpgrade;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::http::Io;
use super::intercept::Inside;
use super::rewound::Rewound;
use super::{intercept, plain, tunnel};
use crate::app::{App, Current};
use crate::dial::{Pipe, Wanted};
use crate::gateway::Gateway;
use crate::keys::Admission;
use crate::observe::distrust::Witness;
use crate::pipeline::admit::{self, Rules};
use crate::pipeline::body::Answer;
use crate::pipeline::hosts::Host;
use crate::pipeline::inbound::{Caller, Inbound};

/// What a tunnel leads to.
pub enum Way {
    /// To us, as this host.
    Intercepted(Arc<Host>),
    /// To the proxy of this gateway, unread.
    Relayed(Arc<Gateway>),
    /// To the host itself, for this reason.
    Tunnel(&'static str),
}

/// Answers a request, or says why it stops here.
pub async fn request(
    app: &Arc<App>,
    mut inbound: Inbound,
    rules: &Rules<'_>,
) -> Result<Response<Answer>, Fault> {
    admit::proxy(&inbound.parts)?;
    let admission = admit::proxy_caller(&mut inbound.parts, inbound.caller.owner, rules)?;
    if let Some(fault) = &app.current().closed {
        return Err(fault.clone());
    }
    if inbound.parts.method != Method::CONNECT {
        return plain::forward(app, inbound, &admission).await;
    }
    let missing = || Fault::new(Kind::BadRequest, "CONNECT needs a host and a port, and nothing else");
    let authority = inbound.parts.uri.authority().ok_or_else(missing)?.clone();
    let upgrade = inbound.parts.extensions.remove::<OnUpgrade>().ok_or_else(missing)?;
    open(app, &authority, upgrade, inbound.caller, admission).await
}

/// 200, once it is certain that there is something behind it.
async fn open(
    app: &Arc<App>,
    authority: &Authority,
    upgrade: OnUpgrade,
    caller: Caller,
    admission: Admission,
) -> Result<Response<Answer>, Fault> {
    let (host, port) = admit::host_and_port(authority, 0);
    let way = certified(app, way(app, &host, port, admission.gateway.as_deref()))?;
    if let Some(proof) = &admission.proof
        && !matches!(way, (Way::Intercepted(_), _))
    {
        return Err(proof.leads_nowhere_else(&host, port));
    }
    match way {
        (Way::Intercepted(host), Some(tls)) => {
            let app = app.clone();
            // Before the 200: who does not trust us hangs up soon after it.
            let ends = (caller.peer, caller.local);
            let witness = match &admission.proof {
                Some(proof) => Witness::of_proof(proof.tunnel(&host.name, port)),
                None => app.distrust.watch(&app, &host.name, &admission.name, ends),
            };
            let witness = Arc::new(witness);
            app.clone().tasks.spawn(async move {
                let Some(client) = opened(upgrade).await else { return };
                intercept::serve(&app, client, Inside { host, caller, admission, witness }, tls).await;
            });
        }
        (Way::Relayed(gateway), _) => {
            app.await_login(&gateway).await?;
            tunnelled(app, upgrade, caller, gateway.relay(&host, port).await?)
        }
        _ => {
            let outbound = app.current().outbound.clone();
            let block_private = admission.container;
            let pipe = outbound.tunnel(&Wanted { host: &host, port, block_private }).await?;
            tunnelled(app, upgrade, caller, pipe);
        }
    }
    Ok(Response::new(Answer::empty()))
}

/// Copies both ways, once the client has our 200.
fn tunnelled(app: &Arc<App>, upgrade: OnUpgrade, caller: Caller, pipe: Pipe) {
    let app = app.clone();
    app.clone().tasks.spawn(async move {
        let Some(client) = opened(upgrade).await else { return };
        match pipe {
            Pipe::Tcp(server) => tunnel::join(&app, client, server).await,
            server @ Pipe::Through(_) => tunnel::join_streams(&app, client, server).await,
        }
        drop(caller);
    });
}

/// Which of them it is.
pub fn way(app: &App, host: &str, port: u16, gateway: Option<&str>) -> Way {
    let current = app.current();
    let relayed = named(&current, gateway).filter(|gateway| {
        current.config.intercept.via == Via::GatewayProxy && gateway.kind != GatewayKind::Generic
    });
    let Some(host) = row(&current, host, port, gateway) else {
        return Way::Tunnel("it is no host that is intercepted");
    };
    if app.paused().is_some() && !host.by_policy {
        return Way::Tunnel("aigw is paused: `aigwctl resume`");
    }
    if let Some(gateway) = relayed.and_then(|gateway| current.gateways.get(&gateway.name)) {
        return Way::Relayed(gateway.clone());
    }
    let lets_through = current.config.intercept.on_untrusted == OnUntrusted::Tunnel && !host.by_policy;
    if lets_through && app.distrust.is_known(&host.name) {
        return Way::Tunnel("a tool did not trust our certificate, and `intercept.on_untrusted` is `tunnel`");
    }
    Way::Intercepted(host)
}

/// The row of the table for a host, for callers of this gateway.
pub fn row(current: &Current, host: &str, port: u16, gateway: Option<&str>) -> Option<Arc<Host>> {
    current.hosts.find(host, port, named(current, gateway))
}

/// The gateway that a key is bound to, else the default one.
fn named<'a>(current: &'a Current, gateway: Option<&str>) -> Option<&'a config::Gateway> {
    match gateway {
        Some(name) => current.config.gateways.get(name),
        None => current.config.default_gateway(),
    }
}

/// The same with what it takes to be that host.
fn certified(app: &App, way: Way) -> Result<(Way, Option<Arc<ServerConfig>>), Fault> {
    let Way::Intercepted(host) = &way else { return Ok((way, None)) };
    match app.ca.serve(&host.name, host.h2, || app.ca_names()) {
        Ok(tls) => Ok((way, Some(tls))),
        // The finding about it says what to do; until then the tool works as it did before.
        Err(fault) if fault.kind == Kind::CaOutgrown && !host.by_policy => {
            Ok((Way::Tunnel("the CA cannot sign for it yet"), None))
        }
        Err(fault) => Err(fault),
    }
}

/// The client's connection after our 200, and what it has sent already.
async fn opened(upgrade: OnUpgrade) -> Option<Rewound> {
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<Io<TcpStream>>().ok()?;
    Some(Rewound { ahead: parts.read_buf, stream: parts.io.into_inner().into_inner() })
}
