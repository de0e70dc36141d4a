//! The listener and its connections: accept, TLS, HTTP, and the ways a connection can be ended from outside.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::behaviour::Transport;
use crate::front::{self, Site};
use crate::opened::Opened;
use crate::proxy::{self, Proxy};
use crate::transport;
use crate::wire_head::{Overheard, WireHead};

/// Orders to all connections. Each is a count, so that one given twice is noticed twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Finish what is under way, then close; the idle ones close at once.
    pub(crate) drain: u64,
    /// Close now.
    pub(crate) cut: u64,
    /// Close now and accept no more.
    pub(crate) stop: bool,
}

/// What is known about the connection a request came on.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) tls: bool,
    pub(crate) server_name: Option<String>,
    pub(crate) peer: SocketAddr,
    pub(crate) ear: WireHead,
    pub(crate) requests: Arc<AtomicUsize>,
    /// Told when this connection should finish.
    pub(crate) enough: watch::Sender<bool>,
    pub(crate) orders: watch::Receiver<Orders>,
    /// The CONNECT around it.
    pub(crate) opened: Option<Arc<Opened>>,
}

/// What a listener leads to.
#[derive(Clone)]
pub(crate) enum Door {
    Site,
    Proxy(Arc<Proxy>),
}

/// A bound and accepting listener. Dropping it stops everything.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    orders: watch::Sender<Orders>,
    accepting: JoinHandle<()>,
}

/// Binds and starts to accept.
pub(crate) async fn start(
    site: Arc<Site>,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    door: Door,
) -> io::Result<Running> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let orders = watch::Sender::new(Orders::default());
    let accepting = tokio::spawn(accept(site, listener, tls, door, orders.clone()));
    Ok(Running { address, orders, accepting })
}

impl Running {
    pub(crate) fn drain(&self) {
        self.orders.send_modify(|orders| orders.drain += 1);
    }

    pub(crate) fn cut(&self) {
        self.orders.send_modify(|orders| orders.cut += 1);
    }

    /// Stops; when this returns the port is free and every connection closed.
    pub(crate) async fn stop(mut self) {
        self.orders.send_modify(|orders| orders.stop = true);
        // An error would mean that the task is gone already.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Owns the listener and all connections, so that aborting it ends them together.
async fn accept(
    site: Arc<Site>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    door: Door,
    orders: watch::Sender<Orders>,
) {
    let mut connections = JoinSet::new();
    let cut = orders.clone();
    // Upgraded connections live in tasks of their own; they go by this order.
    let _on_stop = OnDrop(move || cut.send_modify(|orders| orders.cut += 1));
    let mut stop = orders.subscribe();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => Some(accepted),
            _ = stop.wait_for(|orders| orders.stop) => None,
        };
        let Some(accepted) = accepted else {
            drop(listener);
            connections.shutdown().await;
            return;
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                // Most likely out of file descriptors: let others finish.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        let number = site.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let about = Connection {
            number,
            tls: tls.is_some(),
            server_name: None,
            peer,
            ear: WireHead::default(),
            requests: Arc::default(),
            enough: watch::Sender::new(false),
            orders: orders.subscribe(),
            opened: None,
        };
        connections.spawn(connection(Arc::clone(&site), stream, about, tls.clone(), door.clone()));
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Returns when connections are to be closed now.
pub(crate) async fn until_cut(orders: &mut watch::Receiver<Orders>) {
    let before = orders.borrow_and_update().cut;
    // An error means that the server is gone, which is the same order.
    let _ = orders.wait_for(|orders| orders.cut != before).await;
}

async fn connection(
    site: Arc<Site>,
    stream: TcpStream,
    mut about: Connection,
    tls: Option<TlsAcceptor>,
    door: Door,
) {
    // Small events must leave at once; a socket that refuses is only slower.
    let _ = stream.set_nodelay(true);
    let number = about.number;
    let mut orders = about.orders.clone();
    let served = async {
        match site.behaviour().transport {
            Transport::Serve => {}
            other => return transport::play(&site, other, stream, &about).await,
        }
        match tls {
            None => lead(door, site, stream, about).await,
            Some(acceptor) => match acceptor.accept(stream).await {
                Ok(stream) => {
                    about.server_name = stream.get_ref().1.server_name().map(str::to_owned);
                    lead(door, site, stream, about).await;
                }
                Err(error) => tracing::debug!(number, %error, "TLS greeting failed"),
            },
        }
    };
    tokio::select! {
        () = served => {}
        () = until_cut(&mut orders) => {}
    }
}

async fn lead<S>(door: Door, site: Arc<Site>, stream: S, about: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    match door {
        Door::Site => serve(site, stream, about).await,
        Door::Proxy(proxy) => {
            let number = about.number;
            if let Err(error) = proxy::serve(site, proxy, stream, about).await {
                tracing::debug!(number, %error, "proxy connection ended");
            }
        }
    }
}

/// Speaks HTTP: only version 1 inside the proxy.
pub(crate) async fn serve<S>(site: Arc<Site>, stream: S, about: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Overheard::new(stream, about.ear.clone()));
    let mut orders = about.orders.clone();
    let mut enough = about.enough.subscribe();
    let (number, proxied) = (about.number, about.opened.is_some());
    let service = service_fn(move |request: http::Request<Incoming>| {
        front::answer(Arc::clone(&site), about.clone(), request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new()).preserve_header_case(true);
    if proxied {
        builder = builder.http1_only();
    }
    builder.http1().max_headers(512);
    builder.http2().max_header_list_size(512 * 1024).max_concurrent_streams(1000);
    let mut http = pin!(builder.serve_connection_with_upgrades(io, service));
    let drained = orders.borrow().drain;
    let mut told = false;
    loop {
        tokio::select! {
            result = http.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(number, %error, "connection ended");
                }
                return;
            }
            _ = async {
                tokio::select! {
                    _ = orders.wait_for(|orders| orders.drain != drained) => {}
                    _ = enough.wait_for(|enough| *enough) => {}
                }
            }, if !told => {
                told = true;
                http.as_mut().graceful_shutdown();
            }
        }
    }
}
