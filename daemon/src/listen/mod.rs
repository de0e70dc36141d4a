//! The port: accepting connections, serving HTTP on them, closing them with grace.

pub mod connect;
pub mod forward;
mod http;
mod intercept;
mod phase;
pub mod plain;
mod rewound;
mod tunnel;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::os::listener;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::observe::health::Health;
use crate::pipeline::admit::{self, Target};
use crate::pipeline::body::Answer;
use crate::pipeline::inbound::{Caller, Inbound};
use crate::pipeline::{explain, route};

/// After a failed accept: most often there are no file descriptors left, and there will be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Files that connections leave to everything else.
const RESERVED_FILES: u64 = 64;
/// So often a port that is free on both addresses is looked for.
const FREE_PORTS: usize = 16;
/// So many at once are told that there is no room; others are just closed.
const TURNED_AWAY: usize = 24;
/// Closing on a client that is still sending would take our words from it.
const LINGER: Duration = Duration::from_secs(1);

/// Takes the port on both loopback addresses. IPv6 may be missing on the machine; a taken port is not passed over.
///
/// # Errors
/// `PortTaken` when somebody has it.
pub async fn bind(port: u16) -> Result<Vec<TcpListener>, Fault> {
    // A free port of IPv4 may be taken on IPv6; then the system is asked for another.
    for _ in 0..if port == 0 { FREE_PORTS } else { 0 } {
        if let Ok(listeners) = bind_both(port).await {
            return Ok(listeners);
        }
    }
    bind_both(port).await
}

/// Listens where a service manager does for us. A port that is not the configured one is a finding: it is the manager's
/// to change.
///
/// # Errors
/// When one cannot be used.
pub fn adopt(
    handed: Vec<std::net::TcpListener>,
    port: u16,
    health: &Health,
) -> Result<Vec<TcpListener>, Fault> {
    let unusable = |error: io::Error| {
        Fault::new(Kind::PortTaken, format!("a socket that was handed over cannot be used: {error}"))
    };
    let mut listeners = Vec::new();
    for listener in handed {
        let address = listener.local_addr().map_err(unusable)?;
        if port != 0 && address.port() != port {
            health.note("service", port_differs(address.port(), port));
        }
        listener.set_nonblocking(true).map_err(unusable)?;
        listeners.push(TcpListener::from_std(listener).map_err(unusable)?);
    }
    Ok(listeners)
}

fn port_differs(kept: u16, configured: u16) -> Finding {
    let text = format!("the service's sockets listen on port {kept}, and listen.port says {configured}");
    Finding::new("service-port", Severity::Warning, text, "aigwctl service install")
}

async fn bind_both(port: u16) -> Result<Vec<TcpListener>, Fault> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| taken(port, &error))?;
    let port = v4.local_addr().map_err(|error| taken(port, &error))?.port();
    let mut listeners = vec![v4];
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(v6) => listeners.push(v6),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(taken(port, &error)),
        Err(error) => tracing::debug!(%error, "no IPv6 loopback"),
    }
    Ok(listeners)
}

fn taken(port: u16, error: &io::Error) -> Fault {
    if error.kind() != io::ErrorKind::AddrInUse {
        return Fault::new(Kind::PortTaken, format!("port {port} cannot be used: {error}"));
    }
    let owner = listener::of(port).map_or_else(|| "another program".to_owned(), |owner| owner.words);
    Fault::new(Kind::PortTaken, format!("port {port} is taken by {owner}"))
}

/// How many connections there may be, at all listeners together.
#[derive(Clone)]
pub struct Room {
    served: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

impl Room {
    /// Of a process that may have so many files: each connection needs one for the client and one for the gateway.
    pub fn of(files: u64) -> Self {
        let connections = (files.saturating_sub(RESERVED_FILES) / 2).clamp(16, Semaphore::MAX_PERMITS as u64);
        let connections = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        let permits = |count| Arc::new(Semaphore::new(count));
        Self { served: permits(connections), turned_away: permits(TURNED_AWAY) }
    }
}

/// Accepts connections until the daemon drains, or its successor does.
pub async fn serve(app: Arc<App>, listener: TcpListener, room: Room) {
    let mut succession = app.succession.watch();
    loop {
        let state = *succession.borrow_and_update();
        if state.has_left() {
            return;
        }
        let accepted = tokio::select! {
            accepted = listener.accept(), if state.accepts_tools() => accepted,
            _ = succession.changed() => continue,
            () = app.draining.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Ok(permit) = room.served.clone().try_acquire_owned() {
                    greet(&app, stream, peer, permit);
                } else if let Ok(permit) = room.turned_away.clone().try_acquire_owned() {
                    app.tasks.spawn(turn_away(stream, permit));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Asks whose connection it is, now: later its owner may have closed it.
fn greet(app: &Arc<App>, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
    let Ok(local) = stream.local_addr() else { return };
    let caller = Caller { owner: app.peers.owner(peer, local), peer, local, _place: Arc::new(permit) };
    let _ = stream.set_nodelay(true);
    let app = app.clone();
    app.clone().tasks.spawn(async move {
        http::serve_http1(&app, stream, |request| request_on(app.clone(), request, caller.clone())).await;
    });
}

async fn turn_away(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nx-aigw-error: overloaded\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let answer = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await?;
        while stream.read(&mut [0; 1024]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = tokio::time::timeout(LINGER, answer).await;
}

/// One request: which door it wants, and whether it may come in.
async fn request_on(app: Arc<App>, request: Request<Incoming>, caller: Caller) -> Response<Answer> {
    let (parts, body) = request.into_parts();
    let dialect = route::guess_dialect(parts.uri.path());
    let rules = app.rules(caller.local);
    let inbound = Inbound { caller, parts, body };
    let answer = match admit::target(&inbound.parts, rules.listener) {
        Ok(Target::Ours) => forward::request(&app, inbound, &rules).await,
        Ok(Target::Proxy) => connect::request(&app, inbound, &rules).await,
        Err(fault) => Err(fault),
    };
    answer.unwrap_or_else(|fault| explain::refuse(&fault, dialect))
}
