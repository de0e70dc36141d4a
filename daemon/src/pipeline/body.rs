//! The bodies that travel: a client's on its way to the gateway, and an answer's on its way back. Frames pass as they
//! come; trailers end here.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::canned::Script;
use super::events::Events;
use super::record::Exchange;

/// The most of a body that is kept until the gateway has answered. A longer one can be sent once only.
const REPEATABLE: usize = 1024 * 1024;
/// The most that is read and thrown away of a body nobody wants, so that its sender gets to read our answer.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// And the longest that is done.
const LINGER: Duration = Duration::from_secs(10);
/// Who sends nothing for so long has stopped, or waits to be told to begin (`Expect: 100-continue`).
const QUIET: Duration = Duration::from_secs(2);
/// From the gateway's break to ours.
const TOLD_AFTER: Duration = Duration::from_millis(20);

/// A client's body, and what was read of it: until the gateway answers, the request can be sent once more.
#[derive(Clone)]
pub struct Slot(Arc<Mutex<Source>>, TaskTracker);

struct Source {
    /// Gone when it has ended.
    body: Option<Incoming>,
    hint: SizeHint,
    /// Its beginning, as far as it was read; gone when that is too long to be kept, or the body broke off.
    begun: Option<Vec<Bytes>>,
    kept: usize,
    /// The newest attempt to send it. Older ones may linger in a dying connection, and get nothing more.
    attempt: u32,
    /// The newest attempt is over.
    idle: bool,
    /// The gateway has answered: there is no further attempt.
    settled: bool,
    /// It ended before its end.
    broke_off: bool,
}

impl Slot {
    /// Puts a body there.
    pub fn new(body: Incoming, tasks: TaskTracker) -> Self {
        let hint = body.size_hint();
        let (body, begun) = (Some(body), Some(Vec::new()));
        let (idle, settled, broke_off) = (true, false, false);
        let source = Source { body, hint, begun, kept: 0, attempt: 0, idle, settled, broke_off };
        Self(Arc::new(Mutex::new(source)), tasks)
    }

    /// The body for one attempt to send it, from its beginning.
    pub fn upload(&self) -> Upload {
        let mut source = self.lock();
        source.attempt += 1;
        source.idle = false;
        let hint = source.hint;
        Upload { slot: self.clone(), attempt: source.attempt, hint, frames: 0, bytes: 0, ended: false }
    }

    /// Whether there can be another attempt.
    pub fn is_repeatable(&self) -> bool {
        self.lock().begun.is_some()
    }

    /// Whether the client left, or sent what is no body, before it had sent all of it.
    pub fn broke_off(&self) -> bool {
        self.lock().broke_off
    }

    /// The gateway has answered. The attempt that it answered goes on as long as it likes.
    pub fn settle(&self) {
        let mut source = self.lock();
        source.settled = true;
        if source.idle {
            drop(source);
            self.discard();
        }
    }

    /// Reads the body to its end and throws it away, within limits: closing the connection on a client that is still
    /// sending would take our answer from it.
    pub fn discard(&self) {
        if let Some(body) = self.lock().body.take() {
            discard(body, &self.1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn keep(&mut self, bytes: &Bytes) {
        self.kept += bytes.len();
        match &mut self.begun {
            Some(begun) if self.kept <= REPEATABLE && !self.settled => begun.push(bytes.clone()),
            _ => self.begun = None,
        }
    }
}

/// See [`Slot::discard`].
fn discard(mut body: Incoming, tasks: &TaskTracker) {
    if body.is_end_stream() {
        return;
    }
    tasks.spawn(async move {
        let reading = async {
            let mut left = LINGER_BYTES;
            while let Ok(Some(Ok(frame))) = timeout(QUIET, body.frame()).await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    break;
                }
            }
        };
        let _ = timeout(LINGER, reading).await;
    });
}

/// One attempt to send a client's body.
pub struct Upload {
    slot: Slot,
    attempt: u32,
    hint: SizeHint,
    frames: usize,
    bytes: u64,
    ended: bool,
}

impl Upload {
    /// Where the body lies.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let slot = self.slot.clone();
        let mut source = slot.lock();
        if source.attempt != self.attempt {
            return Poll::Pending;
        }
        let again = source.begun.as_ref().and_then(|begun| begun.get(self.frames)).cloned();
        let bytes = match (again, &mut source.body) {
            (Some(bytes), _) => bytes,
            (None, None) => return Poll::Ready(None),
            (None, Some(body)) => {
                let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
                let data = frame.map(|frame| frame.map(Frame::into_data));
                let Some(Ok(Ok(bytes))) = data else {
                    // Trailers are not passed on (they could name a length or a credential).
                    source.body = None;
                    self.ended = true;
                    return Poll::Ready(data.and_then(Result::err).map(|error| {
                        source.begun = None;
                        source.broke_off = true;
                        Err(error)
                    }));
                };
                source.keep(&bytes);
                bytes
            }
        };
        self.frames += 1;
        self.bytes += bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.hint.exact() == Some(self.bytes)
    }

    fn size_hint(&self) -> SizeHint {
        match self.hint.exact() {
            Some(all) => SizeHint::with_exact(all.saturating_sub(self.bytes)),
            None if self.ended => SizeHint::with_exact(0),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Upload {
    /// The gateway answered before it had everything (a body above its limit): the client still has to be read.
    fn drop(&mut self) {
        let mut source = self.slot.lock();
        if source.attempt == self.attempt {
            source.idle = true;
            if source.settled {
                drop(source);
                self.slot.discard();
            }
        }
    }
}

/// What goes back to the client.
pub enum Answer {
    /// Words of our own.
    Own(Option<Bytes>),
    /// Words of our own, one after the other.
    Canned(Box<Script>),
    /// The gateway's, as it comes. Owns the exchange, which so ends with it, cut or whole.
    Relay {
        /// What was read ahead, to see what it is.
        ahead: Option<Bytes>,
        /// The rest.
        body: Incoming,
        /// What is written down when it is over.
        exchange: Exchange,
        /// How far it is, if it is a stream of events.
        events: Option<Events>,
    },
    /// The gateway broke off. Told after a moment, or hyper would throw away what it has not yet written: a client that
    /// sees nothing of an answer may ask again.
    Broken(Option<hyper::Error>, Pin<Box<Sleep>>),
}

impl Answer {
    /// No body.
    pub fn empty() -> Self {
        Self::Own(None)
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Own(Some(text.into()))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let answer = self.get_mut();
        match answer {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Canned(script) => {
                script.poll_next(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Relay { ahead: ahead @ Some(_), .. } => {
                Poll::Ready(ahead.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Relay { ahead: None, body, exchange, events } => {
                let Poll::Ready(next) = Pin::new(&mut *body).poll_frame(cx) else {
                    let Some(events) = events else { return Poll::Pending };
                    return events.poll_ping(cx).map(|ping| Some(Ok(Frame::data(ping))));
                };
                match next {
                    Some(Ok(frame)) if frame.is_data() => {
                        let bytes = frame.data_ref().map_or(&[][..], |bytes| bytes);
                        exchange.saw(bytes.len());
                        if let Some(events) = events {
                            events.saw(bytes);
                        }
                        if body.is_end_stream() {
                            // hyper does not ask again.
                            exchange.ended();
                        }
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Ok(_)) | None => {
                        exchange.ended();
                        Poll::Ready(None)
                    }
                    Some(Err(error)) => {
                        exchange.cut(&error);
                        let words = events.as_ref().and_then(Events::last_words);
                        *answer = Self::Broken(Some(error), Box::pin(sleep(TOLD_AFTER)));
                        match words {
                            Some(words) => Poll::Ready(Some(Ok(Frame::data(words)))),
                            None => Pin::new(answer).poll_frame(cx),
                        }
                    }
                }
            }
            Self::Broken(error, moment) => {
                std::task::ready!(moment.as_mut().poll(cx));
                Poll::Ready(error.take().map(Err))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Canned(_) => false,
            Self::Relay { ahead, body, .. } => ahead.is_none() && body.is_end_stream(),
            Self::Broken(error, _) => error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay { ahead: None, body, .. } => body.size_hint(),
            // Its length stands in the fields, if anywhere.
            Self::Canned(_) | Self::Relay { .. } | Self::Broken(..) => SizeHint::default(),
        }
    }
}
