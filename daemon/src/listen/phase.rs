//! What a connection is doing, so that a head that does not end and an idle connection are closed in time, a stream that
//! is alive never is, and a client that is still sending gets to read our last answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// From the first byte of a head to its last.
const HEAD: Duration = Duration::from_secs(10);
/// Between two requests, and before the first.
const IDLE: Duration = Duration::from_secs(60);
/// From our last word to the client's.
const LINGER: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of the next request is here.
    Idle(Instant),
    /// Some of its head is.
    Head(Instant),
    /// So many requests are being answered.
    Busy(u32),
    /// We have closed our side, and the client has not closed its own.
    Closing(Instant),
}

/// The phase of one connection.
#[derive(Debug)]
pub struct Phase {
    state: Mutex<State>,
    changed: Notify,
    lingers: AtomicBool,
}

impl Phase {
    /// A connection that was just accepted.
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State::Idle(Instant::now())),
            changed: Notify::new(),
            lingers: AtomicBool::new(true),
        }
    }

    /// From now on our side closes without a look at the client's: the connection speaks another protocol, or the daemon
    /// is about to end.
    pub fn never_linger(&self) {
        self.lingers.store(false, Ordering::Relaxed);
    }

    /// A request's head is complete; its answer ends with the value returned.
    pub fn busy(phase: &Arc<Self>) -> Busy {
        phase.change(|state| match state {
            State::Busy(requests) => State::Busy(requests + 1),
            _ => State::Busy(1),
        });
        Busy(phase.clone())
    }

    /// Ends when the connection has waited too long for what it waits for.
    pub async fn too_slow(&self) {
        loop {
            let changed = self.changed.notified();
            let deadline = match *self.lock() {
                State::Idle(since) => Some(since + IDLE),
                State::Head(since) => Some(since + HEAD),
                State::Closing(since) => Some(since + LINGER),
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

    /// Whether nothing is being answered.
    pub fn is_idle(&self) -> bool {
        !matches!(*self.lock(), State::Busy(_))
    }

    fn received(&self) {
        self.change(|state| match state {
            State::Idle(_) => State::Head(Instant::now()),
            other => other,
        });
    }

    fn done(&self) {
        self.change(|state| match state {
            State::Busy(requests @ 2..) => State::Busy(requests - 1),
            State::Closing(since) => State::Closing(since),
            _ => State::Idle(Instant::now()),
        });
    }

    fn closing(&self) {
        self.change(|state| match state {
            State::Closing(since) => State::Closing(since),
            _ => State::Closing(Instant::now()),
        });
    }

    fn change(&self, next: impl FnOnce(State) -> State) {
        let mut state = self.lock();
        let old = *state;
        *state = next(old);
        let changed = *state != old;
        drop(state);
        if changed {
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

/// A connection that notices when something arrives, and closes with grace.
pub struct Watched<S> {
    stream: S,
    phase: Arc<Phase>,
}

impl<S> Watched<S> {
    /// Watches a connection.
    pub fn new(stream: S, phase: Arc<Phase>) -> Self {
        Self { stream, phase }
    }

    /// The connection itself.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes our side, then reads on until the client closes its own: with bytes unread, closing would be a reset, which
    /// takes from a client that is still sending the answer that it has not read.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.phase.lingers.load(Ordering::Relaxed) {
            self.phase.closing();
            let mut unwanted = [0; 16 * 1024];
            let mut read = ReadBuf::new(&mut unwanted);
            while ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)).is_ok()
                && !read.filled().is_empty()
            {
                read.clear();
            }
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a connection lives on from here.
    async fn lives(phase: &Phase) -> Duration {
        let begun = Instant::now();
        phase.too_slow().await;
        begun.elapsed()
    }

    async fn wait(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn h9_an_idle_connection_has_a_minute_and_a_head_ten_seconds() {
        let phase = Arc::new(Phase::new());
        assert_eq!(lives(&phase).await.as_secs(), 60);

        let phase = Arc::new(Phase::new());
        wait(50).await;
        phase.received();
        wait(9).await;
        // More of it gives no more time.
        phase.received();
        assert_eq!(lives(&phase).await.as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_answered_has_all_the_time_it_needs_and_a_minute_begins_after_it() {
        let phase = Arc::new(Phase::new());
        phase.received();
        let busy = Phase::busy(&phase);
        let day = Duration::from_secs(86_400);
        assert!(tokio::time::timeout(day, phase.too_slow()).await.is_err());
        // An upload comes in meanwhile.
        phase.received();
        assert!(tokio::time::timeout(day, phase.too_slow()).await.is_err());
        drop(busy);
        assert_eq!(lives(&phase).await.as_secs(), 60);
        // A second request begins as the first did.
        phase.received();
        assert_eq!(lives(&phase).await.as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_waited_for_moves_with_the_phase() {
        let phase = Arc::new(Phase::new());
        let waiting = tokio::spawn({
            let phase = phase.clone();
            async move { lives(&phase).await }
        });
        wait(30).await;
        phase.received();
        assert_eq!(waiting.await.unwrap().as_secs(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_close_is_left_after_ten_seconds() {
        let phase = Arc::new(Phase::new());
        let busy = Phase::busy(&phase);
        phase.closing();
        wait(4).await;
        phase.received();
        phase.closing();
        drop(busy);
        assert_eq!(lives(&phase).await.as_secs(), 6);
    }
}
