//! A blind tunnel: bytes go both ways, and nobody looks at them. Half-closes and resets reach the other side at once, and
//! a tunnel may be silent for hours. While nothing moves it holds no buffer.

use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio_util::io::InspectReader;

use super::rewound::Rewound;
use crate::app::App;
use crate::dial::Pipe;

/// What is read at once. One buffer serves all tunnels of a thread.
const BUFFER: usize = 256 * 1024;
/// After the daemon was asked to stop, a tunnel in which nothing moved for so long is closed.
const QUIET: Duration = Duration::from_secs(3);
/// TLS says goodbye, if there is room for it on the way.
const FAREWELL: Duration = Duration::from_secs(1);

thread_local! {
    static BUFFERS: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// Joins two TCP connections until both directions have ended.
pub async fn join(app: &App, client: Rewound, server: TcpStream) {
    let Rewound { ahead, stream: client } = client;
    let moved = AtomicU64::new(0);
    let ended = tokio::select! {
        ended = both(&client, &server, ahead.to_vec(), &moved) => ended,
        () = quiet_at_the_end(app, &moved) => Ok(()),
    };
    if let Err(error) = ended {
        // One side was reset; so is the other.
        let _ = (reset(&client), reset(&server));
        tracing::debug!(%error, "a tunnel broke");
    }
    app.counters.tunnels.fetch_add(1, Ordering::Relaxed);
}

async fn both(client: &TcpStream, server: &TcpStream, ahead: Vec<u8>, moved: &AtomicU64) -> io::Result<()> {
    let mut up = Pump::new(client, server, ahead, moved);
    let mut down = Pump::new(server, client, Vec::new(), moved);
    let (mut up_ended, mut down_ended) = (false, false);
    let mut client_breaks = pin!(client.ready(Interest::ERROR));
    let mut server_breaks = pin!(server.ready(Interest::ERROR));
    std::future::poll_fn(|cx| {
        up_ended = up_ended || up.poll(cx)?.is_ready();
        down_ended = down_ended || down.poll(cx)?.is_ready();
        if up_ended && down_ended {
            return Poll::Ready(Ok(()));
        }
        // Nobody reads any more from a side that has said all, and it may still break.
        let broken = (up_ended && client_breaks.as_mut().poll(cx).is_ready())
            || (down_ended && server_breaks.as_mut().poll(cx).is_ready());
        if broken { Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())) } else { Poll::Pending }
    })
    .await
}

/// What is closed from here on is a reset.
fn reset(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// The same where the way there is no plain TCP connection.
pub async fn join_streams(app: &App, client: Rewound, server: Pipe) {
    let moved = AtomicU64::new(0);
    let count = |bytes: &[u8]| {
        moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    };
    let (mut client, mut server) = (InspectReader::new(client, count), InspectReader::new(server, count));
    tokio::select! {
        copied = tokio::io::copy_bidirectional(&mut client, &mut server) => if let Err(error) = copied {
            let _ = reset(&client.into_inner().stream);
            tracing::debug!(%error, "a tunnel broke");
        },
        () = quiet_at_the_end(app, &moved) => {
            let farewell = async { (client.shutdown().await, server.shutdown().await) };
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
        }
    }
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    // The clock jumps to the next timer whenever nothing else is to do: any deadline would strike at once.
    #[tokio::test(start_paused = true)]
    async fn a_month_of_silence_ends_no_tunnel() {
        let ((mut tool, client), (server, mut host)) = (pair().await, pair().await);
        let moved = AtomicU64::new(0);
        let mut tunnel = pin!(both(&client, &server, b"ahead".to_vec(), &moved));
        let month = Duration::from_secs(30 * 86_400);
        assert!(timeout(month, tunnel.as_mut()).await.is_err());
        let talk = async {
            let mut word = [0; 9];
            tool.write_all(b"ping").await.unwrap();
            host.read_exact(&mut word).await.unwrap();
            assert_eq!(&word, b"aheadping");
            host.write_all(b"pong").await.unwrap();
            tool.read_exact(&mut word[..4]).await.unwrap();
            assert_eq!(&word[..4], b"pong");
            // Half of it is over, and that is no deadline either.
            tool.shutdown().await.unwrap();
            assert_eq!(host.read(&mut word).await.unwrap(), 0);
        };
        tokio::select! {
            ended = tunnel.as_mut() => panic!("it ended: {ended:?}"),
            () = talk => {}
        }
        assert!(timeout(month, tunnel.as_mut()).await.is_err());
        assert_eq!(moved.load(Ordering::Relaxed), 8);
        drop(host);
        tunnel.await.unwrap();
    }
}
