//! What the gateway saw: every request, how its body ended and how the answer ended.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::body::{Body, Cut};
use crate::hold;
use crate::opened::ThroughProxy;
use crate::server::Connection;
use crate::upstream::Upstream;
use crate::wire_head::WireHead;

/// One request as seen, and what became of it so far.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Arrival order, from 1.
    pub order: u64,
    /// Which accepted connection it came on, from 1.
    pub connection: u64,
    /// Whether that connection was TLS.
    pub tls: bool,
    /// Whether it was HTTP/2.
    pub http2: bool,
    /// The name the client asked for in the TLS greeting.
    pub server_name: Option<String>,
    /// When its head had arrived.
    pub arrived: Instant,
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The path with the deployment's own path and the mount removed: `/anthropic/v1/messages`.
    pub path: String,
    /// Which part of the site it was for.
    pub plane: Plane,
    /// Header lines in order; names as they were written in HTTP/1.1.
    pub headers: Vec<(String, String)>,
    /// The start of the body, up to [`crate::Setup::body_kept`] bytes.
    pub body: Vec<u8>,
    /// The length of the whole body so far.
    pub body_len: u64,
    /// SHA-256 of the whole body in hexadecimal, once it ended.
    pub body_sha256: String,
    /// How the body ended.
    pub body_end: BodyEnd,
    /// The status answered.
    pub status: Option<u16>,
    /// How the answer ended.
    pub response_end: ResponseEnd,
    /// What would have gone to the provider; `None` when the request did not get that far.
    pub upstream: Option<Upstream>,
    /// How it came through the deployment's proxy; `None` when it came directly.
    pub proxied: Option<ThroughProxy>,
    /// Text frames received after an upgrade to WebSocket.
    pub frames: Vec<String>,
}

impl Recorded {
    /// What is known before anything of a request is.
    pub(crate) fn on(about: &Connection, plane: Plane) -> Self {
        Recorded {
            order: 0,
            connection: about.number,
            tls: about.tls,
            http2: false,
            server_name: about.server_name.clone(),
            arrived: Instant::now(),
            method: String::new(),
            target: String::new(),
            path: String::new(),
            plane,
            headers: Vec::new(),
            body: Vec::new(),
            body_len: 0,
            body_sha256: String::new(),
            body_end: BodyEnd::Arriving,
            status: None,
            response_end: ResponseEnd::Pending,
            upstream: None,
            proxied: None,
            frames: Vec::new(),
        }
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// Every header of that name, in order.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let same = |(own, _): &&(String, String)| own.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The kept part of the body as text.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the client went away before it had the whole answer.
    pub fn cancelled(&self) -> bool {
        matches!(self.response_end, ResponseEnd::Cancelled { .. })
    }
}

/// The parts of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Provider routes.
    Provider,
    /// Sessions, models, clients and providers under the gateway's prefix.
    Management,
    /// Everything else: login, tokens, health, and paths that do not exist.
    Ordinary,
    /// No deployment but an [`crate::Origin`].
    Origin,
    /// Bytes that are no HTTP: see [`crate::Transport::Echo`]. The body is what was received.
    Bytes,
    /// Came through the proxy, which sent it on to the real host: its provider is not served any more.
    Onward,
}

/// How a request body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// It is still arriving.
    Arriving,
    /// As it should.
    Complete,
    /// The client broke it off.
    Aborted,
    /// The gateway did not want the rest.
    Unread,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseEnd {
    /// It has not yet.
    Pending,
    /// It was handed over completely.
    Complete,
    /// The gateway cut it on purpose.
    Cut,
    /// The client went away (or the gateway was stopped) this long after the request arrived.
    Cancelled {
        /// Time since [`Recorded::arrived`].
        after: Duration,
    },
}

/// All requests, and a way to wait for more.
pub(crate) struct Log {
    entries: Mutex<Entries>,
    changed: watch::Sender<u64>,
    body_kept: usize,
}

#[derive(Default)]
struct Entries {
    arrived: u64,
    kept: Vec<Recorded>,
}

impl Log {
    pub(crate) fn new(body_kept: usize) -> Self {
        Log { entries: Mutex::default(), changed: watch::channel(0).0, body_kept }
    }

    pub(crate) fn begin(self: &Arc<Self>, mut recorded: Recorded) -> Ticket {
        let mut entries = hold(&self.entries);
        entries.arrived += 1;
        recorded.order = entries.arrived;
        let ticket = Ticket { log: Arc::clone(self), order: recorded.order };
        entries.kept.push(recorded);
        drop(entries);
        self.changed.send_modify(|count| *count += 1);
        ticket
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&[Recorded]) -> T) -> T {
        look(&hold(&self.entries).kept)
    }

    /// Takes out what has ended on both sides.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        let mut entries = hold(&self.entries);
        let is_over = |one: &mut Recorded| {
            one.body_end != BodyEnd::Arriving && one.response_end != ResponseEnd::Pending
        };
        entries.kept.extract_if(.., is_over).collect()
    }

    pub(crate) fn forget(&self) {
        hold(&self.entries).kept.clear();
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// One request's place in the log.
#[derive(Clone)]
pub(crate) struct Ticket {
    log: Arc<Log>,
    order: u64,
}

impl Ticket {
    /// Changes the entry, if it has not been forgotten meanwhile.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Recorded)) {
        let mut entries = hold(&self.log.entries);
        if let Ok(at) = entries.kept.binary_search_by_key(&self.order, |recorded| recorded.order) {
            change(&mut entries.kept[at]);
        }
        drop(entries);
        self.log.changed.send_modify(|count| *count += 1);
    }

    /// Looks at the entry, if it has not been forgotten meanwhile.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Recorded) -> T) -> Option<T> {
        let entries = hold(&self.log.entries);
        let at = entries.kept.binary_search_by_key(&self.order, |recorded| recorded.order).ok()?;
        Some(look(&entries.kept[at]))
    }

    /// Writes down bytes that are no HTTP.
    pub(crate) fn received(&self, bytes: &[u8]) {
        let kept = self.log.body_kept;
        self.update(|recorded| {
            recorded.body_len += bytes.len() as u64;
            let room = kept.saturating_sub(recorded.body.len()).min(bytes.len());
            recorded.body.extend_from_slice(&bytes[..room]);
        });
    }

    /// Reads a body to its end, writing down what arrives. At most `wanted` bytes are taken; with
    /// [`NOTHING`] all of them, and none returned.
    pub(crate) async fn read(
        &self,
        body: &mut Incoming,
        ear: &WireHead,
        wanted: u64,
    ) -> Result<Bytes, Unfinished> {
        let mut ending = ReadGuard { ticket: self, hasher: Sha256::new(), end: BodyEnd::Aborted };
        let mut whole = Vec::new();
        // Asked before every frame: hyper may not announce the end of a body whose request is already answered.
        while !body.is_end_stream() {
            let data = match body.frame().await {
                None => break,
                Some(Err(_)) => return Err(Unfinished::Aborted),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            ending.hasher.update(&data);
            self.received(&data);
            if wanted == NOTHING {
                continue;
            }
            whole.extend_from_slice(&data);
            if whole.len() as u64 > wanted {
                ending.end = BodyEnd::Unread;
                return Err(Unfinished::TooLarge);
            }
        }
        ending.end = BodyEnd::Complete;
        drop(ending);
        ear.listen();
        Ok(whole.into())
    }
}

/// For [`Ticket::read`]: take the whole body, return none of it.
pub(crate) const NOTHING: u64 = u64::MAX;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    Aborted,
    TooLarge,
}

/// Writes down how the body ended, also when the reading is dropped because the client left.
struct ReadGuard<'a> {
    ticket: &'a Ticket,
    hasher: Sha256,
    end: BodyEnd,
}

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        let hash = hex(&std::mem::take(&mut self.hasher).finalize());
        let end = self.end;
        self.ticket.update(|recorded| {
            recorded.body_end = end;
            recorded.body_sha256 = if end == BodyEnd::Complete { hash } else { String::new() };
        });
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes down how the answer ended. Travels with the request, then inside the response body.
pub(crate) struct Outcome {
    ticket: Ticket,
    known: bool,
}

impl Outcome {
    pub(crate) fn new(ticket: Ticket) -> Self {
        Outcome { ticket, known: false }
    }

    pub(crate) fn end(&mut self, end: ResponseEnd) {
        if !self.known {
            self.known = true;
            self.ticket.update(|recorded| recorded.response_end = end);
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if !self.known {
            self.ticket.update(|recorded| {
                recorded.response_end = ResponseEnd::Cancelled { after: recorded.arrived.elapsed() };
            });
        }
    }
}

/// A response body that reports how it ended and keeps something alive until then.
pub(crate) struct Watched<Keep> {
    inner: Body,
    outcome: Outcome,
    _keep: Keep,
}

impl<Keep> Watched<Keep> {
    /// `bodiless` for answers to HEAD, whose body nobody will ask for.
    pub(crate) fn new(inner: Body, mut outcome: Outcome, bodiless: bool, keep: Keep) -> Self {
        if bodiless || inner.is_end_stream() {
            outcome.end(ResponseEnd::Complete);
        }
        Watched { inner, outcome, _keep: keep }
    }
}

impl<Keep: Unpin> HttpBody for Watched<Keep> {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Err(Cut))) => self.outcome.end(ResponseEnd::Cut),
            Poll::Ready(None) => self.outcome.end(ResponseEnd::Complete),
            Poll::Ready(Some(Ok(_))) if self.inner.is_end_stream() => self.outcome.end(ResponseEnd::Complete),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
