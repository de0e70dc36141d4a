//! The pooled way to a gateway: sends a request once, or once more when it is certain that nothing of it was taken.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aigw_shared::config;
use aigw_shared::fault::{Fault, Kind};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::Upload;
use crate::dial::{DialError, Dialer, Link, Offer};

/// Gateways and load balancers close idle connections after a minute or more; we let go first, so that no request
/// meets one that is closing.
const IDLE: Duration = Duration::from_secs(50);
/// HTTP/2 flow control for one answer. A slow client holds back no more than this.
const STREAM_WINDOW: u32 = 256 * 1024;
/// And for all of them together: so many slow clients do not hold back a quick one.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
/// The largest head of an answer.
const MAX_HEAD: u32 = 256 * 1024;
/// An HTTP/2 connection that carries streams shows a sign of life so often, and is given up after a missed one.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The first wait before a connection is tried again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The way to one gateway.
pub struct Upstream {
    client: Client<Dialer, Outgoing>,
    dialer: Dialer,
    wait: Duration,
}

/// What is sent: a client's body, or our own words.
pub enum Outgoing {
    /// Relayed.
    Relay(Upload),
    /// Ours.
    Own(Option<Bytes>),
}

impl Upstream {
    /// For a gateway of these settings.
    pub fn new(gateway: &config::Gateway, own: Arc<RwLock<Vec<SocketAddr>>>) -> Self {
        let dialer = Dialer::new(gateway, own);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(MAX_HEAD)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .http1_max_headers(256)
            .build(dialer.clone());
        Self { client, dialer, wait: gateway.wait }
    }

    /// Sends the request that `build` makes. While there is no connection, tries again for a short time; after that,
    /// only when hyper or the gateway says that it took nothing.
    ///
    /// # Errors
    /// Why there is no answer, and whether anything was sent.
    pub async fn send(&self, build: impl Fn() -> Request<Outgoing>) -> Result<Response<Incoming>, Fault> {
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        let mut repeated = false;
        loop {
            let request = build();
            let upload = match request.body() {
                Outgoing::Relay(upload) => Some(upload.slot().clone()),
                Outgoing::Own(_) => None,
            };
            let error = match self.client.request(request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let untouched = upload.is_none_or(|slot| slot.is_untouched());
            if error.is_connect() {
                let fault = no_connection(&error);
                // The pool may have lost its connection while another request was making one.
                if fault.kind != Kind::GatewayUnreachable || !untouched || begun.elapsed() + wait > self.wait
                {
                    return Err(fault);
                }
                tokio::time::sleep(wait).await;
                wait *= 2;
                continue;
            }
            let unprocessed = nothing_taken(&error);
            if unprocessed && untouched && !repeated {
                repeated = true;
                continue;
            }
            return Err(no_answer(&error, unprocessed));
        }
    }

    /// A connection of its own that speaks HTTP/1.1, for a WebSocket.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial_http1(&self, uri: http::Uri) -> Result<Link, DialError> {
        self.dialer.offering(Offer::Http1).dial(uri).await
    }
}

fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |error: &&(dyn StdError + 'static)| (*error).source())
}

/// Why there is no connection, in our words.
fn no_connection(error: &Error) -> Fault {
    match chain(error).find_map(|error| error.downcast_ref::<DialError>()) {
        Some(dial) => dial.into(),
        None => Fault::new(Kind::GatewayUnreachable, "the gateway cannot be reached"),
    }
}

impl From<&DialError> for Fault {
    fn from(error: &DialError) -> Self {
        let kind = match error {
            DialError::Name(_) | DialError::Connect { .. } | DialError::Timeout(_) => {
                Kind::GatewayUnreachable
            }
            DialError::Certificate { .. } | DialError::Tls { .. } => Kind::GatewayUntrusted,
            DialError::Loop(_) => Kind::Loop,
            DialError::File(_) => Kind::BadConfiguration,
        };
        Self::new(kind, error.to_string())
    }
}

/// hyper never wrote it, or HTTP/2 says that it was not processed (RFC 9113 sections 6.8 and 8.7).
fn nothing_taken(error: &Error) -> bool {
    chain(error).any(|error| {
        error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
            || error.downcast_ref::<h2::Error>().is_some_and(|error| {
                error.is_remote()
                    && (error.reason() == Some(h2::Reason::REFUSED_STREAM)
                        || (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)))
            })
    })
}

fn no_answer(error: &Error, unprocessed: bool) -> Fault {
    let client_broke_off = chain(error)
        .filter_map(|error| error.downcast_ref::<hyper::Error>())
        .any(|error| error.is_user() || error.is_body_write_aborted());
    let what = chain(error).last().map_or_else(String::new, ToString::to_string);
    if unprocessed {
        Fault::new(Kind::GatewayUnreachable, format!("the gateway took nothing of the request: {what}"))
    } else if client_broke_off {
        Fault::new(Kind::BadRequest, "the request's body broke off")
    } else {
        Fault::new(
            Kind::UpstreamFailed,
            format!("the gateway took the request and gave no valid answer: {what}"),
        )
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Relay(upload) => Pin::new(upload).poll_frame(cx),
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Relay(upload) => upload.is_end_stream(),
            Self::Own(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Relay(upload) => upload.size_hint(),
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}
