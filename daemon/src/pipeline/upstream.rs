//! The pooled way to a gateway: sends a request once, or once more when it is certain that nothing of it was taken.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aigw_shared::config;
use aigw_shared::fault::{Fault, Kind};
use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::body::{Slot, Upload};
use crate::dial::{DialError, Dialer, Here, Link, Offer, Pipe, Step, Wanted};

/// Gateways and load balancers close idle connections after a minute or more; we let go first, so that no request
/// meets one that is closing.
const IDLE: Duration = Duration::from_secs(50);
/// HTTP/2 flow control for one answer. A slow client holds back no more than this.
const STREAM_WINDOW: u32 = 256 * 1024;
/// And for all of them together: so many slow clients do not hold back a quick one.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
/// The largest head of an answer.
pub const MAX_HEAD: u32 = 256 * 1024;
/// So many interim answers may come before the real one.
const MAX_INTERIM: usize = 100;
/// An HTTP/2 connection that carries streams shows a sign of life so often, and is given up after a missed one.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The first wait before a connection is tried again; each further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The way to one gateway.
pub struct Upstream {
    pool: Mutex<Pool>,
    dialer: Dialer,
    wait: Duration,
}

/// Connections that were made in one edition of the network around us.
struct Pool {
    edition: u64,
    client: Client<Dialer, Outgoing>,
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
    pub fn new(gateway: &config::Gateway, here: Here) -> Self {
        Self::over(Dialer::new(gateway, here), gateway.wait)
    }

    /// Over these connections. A request waits so long for one.
    pub fn over(dialer: Dialer, wait: Duration) -> Self {
        let pool = Mutex::new(Pool { edition: dialer.edition(), client: client(&dialer) });
        Self { pool, dialer, wait }
    }

    /// With connections that are known to lead somewhere, or none. What runs on the others goes on there while it can.
    fn client(&self) -> Client<Dialer, Outgoing> {
        let edition = self.dialer.edition();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.edition < edition {
            *pool = Pool { edition, client: client(&self.dialer) };
        }
        pool.client.clone()
    }

    /// The way to this URL one step after the other, up to the first that fails.
    pub async fn walk(&self, uri: &Uri) -> Vec<Step> {
        self.dialer.walk(uri).await
    }

    /// Sends the request that `build` makes. While there is no connection, tries again for a short time; after that, once
    /// more if the gateway says that it took nothing.
    ///
    /// # Errors
    /// Why there is no answer, and whether anything was sent.
    pub async fn send(&self, build: impl Fn() -> Request<Outgoing>) -> Result<Response<Incoming>, Fault> {
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        let mut repeated = false;
        loop {
            let mut request = build();
            let interim_storm = interim_storm(&mut request);
            let upload = match request.body() {
                Outgoing::Relay(upload) => Some(upload.slot().clone()),
                Outgoing::Own(_) => None,
            };
            let answered = tokio::select! {
                // First, since the real answer may be right behind.
                biased;
                () = interim_storm => return Err(invalid_answer("too many interim answers")),
                answered = self.client().request(request) => answered,
            };
            let error = match answered {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let reached = reached(&error);
            let broke_off = upload.as_ref().is_some_and(Slot::broke_off);
            let fault = no_answer(&error, reached, broke_off);
            let left = self.wait.saturating_sub(begun.elapsed());
            let again = match reached {
                Reached::Nobody => may_pass(fault.kind) && !left.is_zero(),
                Reached::DeafEars => !std::mem::replace(&mut repeated, true),
                Reached::Gateway => false,
            };
            if !again || upload.is_some_and(|slot| !slot.is_repeatable()) {
                return Err(fault);
            }
            if reached == Reached::Nobody {
                tokio::time::sleep(wait.min(left)).await;
                wait = LONGEST_WAIT.min(wait * 2);
            }
        }
    }

    /// The next connection reads the files of the gateway's settings again.
    pub fn read_files_again(&self) {
        self.dialer.read_files_again();
    }

    /// A tunnel to this host through the gateway's own proxy.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn through(
        &self,
        proxy: &config::UpstreamProxy,
        wanted: &Wanted<'_>,
    ) -> Result<Pipe, DialError> {
        self.dialer.through(proxy, wanted).await
    }

    /// A connection of its own that speaks HTTP/1.1, for a WebSocket.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial_http1(&self, uri: http::Uri) -> Result<Link, DialError> {
        self.dialer.offering(Offer::Http1).dial(uri).await
    }
}

fn client(dialer: &Dialer) -> Client<Dialer, Outgoing> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(MAX_HEAD)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http1_max_headers(256)
        .http1_max_buf_size(MAX_HEAD as usize)
        .build(dialer.clone())
}

/// Ends when more than [`MAX_INTERIM`] interim answers to this request have come.
fn interim_storm(request: &mut Request<Outgoing>) -> impl Future<Output = ()> + use<> {
    let (count, storm) = (AtomicUsize::new(0), CancellationToken::new());
    let ended = storm.clone().cancelled_owned();
    hyper::ext::on_informational(request, move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == MAX_INTERIM {
            storm.cancel();
        }
    });
    ended
}

fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |error: &&(dyn StdError + 'static)| (*error).source())
}

impl From<&DialError> for Fault {
    fn from(error: &DialError) -> Self {
        let kind = match error {
            DialError::Name(_) | DialError::Connect { .. } | DialError::Timeout { .. } => {
                Kind::GatewayUnreachable
            }
            DialError::Certificate { .. } | DialError::Tls { .. } => Kind::GatewayUntrusted,
            DialError::Loop(_) => Kind::Loop,
            DialError::File(_) => Kind::BadConfiguration,
            DialError::Stopped(fault) => return fault.clone(),
        };
        Self::new(kind, error.to_string())
    }
}

/// Whether the way to the gateway may be there in a moment.
fn may_pass(kind: Kind) -> bool {
    matches!(kind, Kind::GatewayUnreachable | Kind::UpstreamProxyUnavailable)
}

/// How far a request came that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// No connection, or none that it was written to.
    Nobody,
    /// The gateway, which says that it did not look at it (RFC 9113 sections 6.8 and 8.7).
    DeafEars,
    /// The gateway, for all we know.
    Gateway,
}

fn reached(error: &Error) -> Reached {
    let hyper = chain(error).find_map(|error| error.downcast_ref::<hyper::Error>());
    let h2 = chain(error).find_map(|error| error.downcast_ref::<h2::Error>());
    let unprocessed = |error: &h2::Error| {
        error.is_remote()
            && (error.reason() == Some(h2::Reason::REFUSED_STREAM)
                || (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)))
    };
    // What the pool gave up by itself never came as far as hyper; what hyper calls canceled it never wrote.
    if error.is_connect() || hyper.is_none_or(hyper::Error::is_canceled) {
        Reached::Nobody
    } else if h2.is_some_and(unprocessed) {
        Reached::DeafEars
    } else {
        Reached::Gateway
    }
}

fn invalid_answer(what: &str) -> Fault {
    let what = format!("the gateway took the request and gave no valid answer: {what}");
    Fault::new(Kind::UpstreamFailed, what)
}

fn no_answer(error: &Error, reached: Reached, client_broke_off: bool) -> Fault {
    if let Some(dial) = chain(error).find_map(|error| error.downcast_ref::<DialError>()) {
        return dial.into();
    }
    let hung_up = chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::UnexpectedEof);
    let what = match chain(error).last() {
        Some(last) if !hung_up => last.to_string(),
        _ => "it hung up".to_owned(),
    };
    match reached {
        Reached::Nobody => {
            Fault::new(Kind::GatewayUnreachable, format!("the gateway cannot be reached: {what}"))
        }
        Reached::DeafEars => {
            Fault::new(Kind::GatewayUnreachable, format!("the gateway took nothing of the request: {what}"))
        }
        Reached::Gateway if client_broke_off => Fault::new(Kind::BadRequest, "the request's body broke off"),
        Reached::Gateway => invalid_answer(&what),
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
