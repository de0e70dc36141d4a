//! A blind tunnel: bytes go both ways, and nobody looks at them. Half-closes and resets reach the other side at once, and
//! a tunnel may be silent for hours. While nothing moves it holds no buffer.

use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rewound::Rewound;
use crate::app::App;

/// What is read at once. One buffer serves all tunnels of a thread.
const BUFFER: usize = 64 * 1024;
/// After the daemon was asked to stop, a tunnel in which nothing moved for so long is closed.
const QUIET: Duration = Duration::from_secs(3);

thread_local! {
    static BUFFERS: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// Joins two TCP connections until both directions have ended.
pub async fn join(app: &App, client: Rewound, server: TcpStream) {
    let Rewound { ahead, stream: client } = client;
    let moved = AtomicU64::new(0);
    let both = async {
        let mut up = Pump::new(&client, &server, ahead.to_vec(), &moved);
        let mut down = Pump::new(&server, &client, Vec::new(), &moved);
        let (mut up_ended, mut down_ended) = (false, false);
        std::future::poll_fn(|cx| {
            up_ended = up_ended || up.poll(cx)?.is_ready();
            down_ended = down_ended || down.poll(cx)?.is_ready();
            if up_ended && down_ended { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    };
    let ended: io::Result<()> = tokio::select! {
        ended = both => ended,
        () = quiet_at_the_end(app, &moved) => Ok(()),
    };
    if let Err(error) = ended {
        // One side was reset; so is the other.
        let _ = (
            SockRef::from(&client).set_linger(Some(Duration::ZERO)),
            SockRef::from(&server).set_linger(Some(Duration::ZERO)),
        );
        tracing::debug!(%error, "a tunnel broke");
    }
    app.counters.tunnels.fetch_add(1, Ordering::Relaxed);
}

/// The same where the way there is no plain TCP connection.
pub async fn join_streams<A, B>(app: &App, mut client: A, mut server: B)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        () = app.ended.cancelled() => {}
    }
    let _ = (client.shutdown().await, server.shutdown().await);
    app.counters.tunnels.fetch_add(1, Ordering::Relaxed);
}

/// Ends when the daemon was asked to stop and nothing moves, or its grace is over.
async fn quiet_at_the_end(app: &App, moved: &AtomicU64) {
    app.draining.cancelled().await;
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::select! {
            () = tokio::time::sleep(QUIET) => {}
            () = app.ended.cancelled() => return,
        }
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// One direction.
struct Pump<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    /// Read, and not taken by the other side yet.
    left: Vec<u8>,
    written: usize,
    moved: &'a AtomicU64,
}

impl<'a> Pump<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream, left: Vec<u8>, moved: &'a AtomicU64) -> Self {
        Self { from, to, left, written: 0, moved }
    }

    /// Ready when this direction has ended, and the other side was told.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_left(cx))?;
            ready!(self.from.poll_read_ready(cx))?;
            let read = BUFFERS.with_borrow_mut(|buffer| {
                let read = self.from.try_read(buffer)?;
                if read > 0 {
                    // Most often the other side takes all of it at once, and nothing has to be kept.
                    let taken = match self.to.try_write(&buffer[..read]) {
                        Ok(taken) => taken,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                        Err(error) => return Err(error),
                    };
                    self.left.extend_from_slice(&buffer[taken..read]);
                }
                Ok(read)
            });
            match read {
                Ok(0) => {
                    // It may be gone already.
                    let _ = SockRef::from(self.to).shutdown(Shutdown::Write);
                    return Poll::Ready(Ok(()));
                }
                Ok(read) => {
                    self.moved.fetch_add(read as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.left.len() {
            ready!(self.to.poll_write_ready(cx))?;
            match self.to.try_write(&self.left[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if self.written > 0 {
            self.left = Vec::new();
            self.written = 0;
        }
        Poll::Ready(Ok(()))
    }
}
