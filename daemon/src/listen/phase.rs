//! What a connection is doing, so that a head that does not end and an idle connection are closed in time, and a stream
//! that is alive never is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// From the first byte of a head to its last.
const HEAD: Duration = Duration::from_secs(10);
/// Between two requests, and before the first.
const IDLE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of the next request is here.
    Idle(Instant),
    /// Some of its head is.
    Head(Instant),
    /// So many requests are being answered.
    Busy(u32),
}

/// The phase of one connection.
#[derive(Debug)]
pub struct Phase {
    state: Mutex<State>,
    changed: Notify,
}

impl Phase {
    /// A connection that was just accepted.
    pub fn new() -> Self {
        Self { state: Mutex::new(State::Idle(Instant::now())), changed: Notify::new() }
    }

    /// A request's head is complete; its answer ends with the value returned.
    pub fn busy(phase: &Arc<Self>) -> Busy {
        let mut state = phase.lock();
        *state = match *state {
            State::Busy(requests) => State::Busy(requests + 1),
            _ => State::Busy(1),
        };
        Busy(phase.clone())
    }

    /// Ends when the connection has waited too long for what it waits for.
    pub async fn too_slow(&self) {
        loop {
            let changed = self.changed.notified();
            let deadline = match *self.lock() {
                State::Idle(since) => Some(since + IDLE),
                State::Head(since) => Some(since + HEAD),
                State::Busy(_) => None,
            };
            match deadline {
                Some(deadline) if Instant::now() >= deadline => return,
                Some(deadline) => tokio::select! {
                    () = sleep_until(deadline) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    fn received(&self) {
        let mut state = self.lock();
        if let State::Idle(_) = *state {
            *state = State::Head(Instant::now());
            drop(state);
            self.changed.notify_waiters();
        }
    }

    fn done(&self) {
        let mut state = self.lock();
        *state = match *state {
            State::Busy(requests @ 2..) => State::Busy(requests - 1),
            _ => State::Idle(Instant::now()),
        };
        let idle = matches!(*state, State::Idle(_));
        drop(state);
        if idle {
            self.changed.notify_waiters();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Busy(Arc<Phase>);

impl Busy {
    /// The same until the body was sent or dropped.
    pub fn until_end_of<B>(self, body: B) -> Timed<B> {
        Timed { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// A body whose end is the end of a request.
pub struct Timed<B> {
    body: B,
    _busy: Busy,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Timed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that notices when something arrives.
pub struct Watched {
    stream: TcpStream,
    phase: Arc<Phase>,
}

impl Watched {
    /// Watches a connection.
    pub fn new(stream: TcpStream, phase: Arc<Phase>) -> Self {
        Self { stream, phase }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.phase.received();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
