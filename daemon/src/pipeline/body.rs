//! The bodies that travel: a client's on its way to the gateway, and an answer's on its way back. Frames pass as they
//! come; trailers end here.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio_util::task::TaskTracker;

use super::record::Exchange;

/// The most that is read and thrown away of a body nobody wants, so that its sender gets to read our answer.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// And the longest that is done.
const LINGER: Duration = Duration::from_secs(10);

/// A client's body in a place where it stays until the gateway takes the first of it. As long as it lies there, the
/// request can be sent once more.
#[derive(Clone)]
pub struct Slot(Arc<Mutex<Option<Incoming>>>, TaskTracker);

impl Slot {
    /// Puts a body there.
    pub fn new(body: Incoming, tasks: TaskTracker) -> Self {
        Self(Arc::new(Mutex::new(Some(body))), tasks)
    }

    /// The body for one attempt to send it.
    pub fn upload(&self) -> Upload {
        let hint = match &*self.lock() {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        };
        Upload { slot: self.clone(), taken: None, hint, ended: false }
    }

    /// Whether nobody has asked for its first byte.
    pub fn is_untouched(&self) -> bool {
        self.lock().is_some()
    }

    /// Reads the body to its end and throws it away, within limits: closing the connection on a client that is still
    /// sending would take our answer from it.
    pub fn discard(&self) {
        if let Some(body) = self.lock().take() {
            discard(body, &self.1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Slot::discard`].
pub fn discard(mut body: Incoming, tasks: &TaskTracker) {
    if body.is_end_stream() {
        return;
    }
    tasks.spawn(async move {
        let reading = async {
            let mut left = LINGER_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, reading).await;
    });
}

/// One attempt to send a client's body.
pub struct Upload {
    slot: Slot,
    taken: Option<Incoming>,
    hint: SizeHint,
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
        if self.taken.is_none() && !self.ended {
            let taken = self.slot.lock().take();
            self.taken = taken;
        }
        let Some(body) = &mut self.taken else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        match frame {
            Some(Ok(frame)) if frame.is_data() => Poll::Ready(Some(Ok(frame))),
            // Trailers are not passed on (they could name a length or a credential).
            Some(Ok(_)) | None => {
                self.ended = true;
                self.taken = None;
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                self.ended = true;
                self.taken = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.hint.exact() == Some(0))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.taken {
            Some(body) => body.size_hint(),
            None if self.ended => SizeHint::with_exact(0),
            None => self.hint.clone(),
        }
    }
}

impl Drop for Upload {
    /// The gateway answered before it had everything (a body above its limit): the client still has to be read.
    fn drop(&mut self) {
        if let Some(body) = self.taken.take() {
            discard(body, &self.slot.1);
        }
    }
}

/// What goes back to the client.
pub enum Answer {
    /// Words of our own.
    Own(Option<Bytes>),
    /// The gateway's, as it comes. Owns the exchange, which so ends with it, cut or whole.
    Relay {
        /// What was read ahead, to see what it is.
        ahead: Option<Bytes>,
        /// The rest.
        body: Incoming,
        /// What is written down when it is over.
        exchange: Exchange,
    },
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
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay { ahead: ahead @ Some(_), .. } => {
                Poll::Ready(ahead.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Relay { ahead: None, body, exchange } => {
                match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                    Some(Ok(frame)) if frame.is_data() => {
                        exchange.saw(frame.data_ref().map_or(0, Bytes::len));
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Ok(_)) | None => {
                        exchange.ended();
                        Poll::Ready(None)
                    }
                    Some(Err(error)) => {
                        exchange.cut(&error);
                        Poll::Ready(Some(Err(error)))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Relay { ahead, body, .. } => ahead.is_none() && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay { ahead: None, body, .. } => body.size_hint(),
            // Its length stands in the fields, if anywhere.
            Self::Relay { .. } => SizeHint::default(),
        }
    }
}
