//! What a connection is made of: TCP, or something through a proxy, and TLS over either.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// As much as TLS gives in a few records. A peer that sends without end fills more than a hundred reads before anybody
/// else has a turn to stop it.
const MAX_READ: usize = 64 * 1024;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection to a host, before anything is said on it.
#[derive(Debug)]
pub enum Pipe {
    /// TCP, and nothing read from it yet.
    Tcp(TcpStream),
    /// Something else, most often the TLS of a proxy.
    Through(Through),
}

/// What a proxy made.
pub struct Through {
    /// What came together with the proxy's answer and is the host's already.
    ahead: Bytes,
    stream: Box<dyn Duplex>,
}

impl Pipe {
    /// With the bytes that were read too far.
    pub fn after(self, ahead: Bytes) -> Self {
        match self {
            pipe if ahead.is_empty() => pipe,
            pipe => Self::Through(Through { ahead, stream: Box::new(pipe) }),
        }
    }

    /// Over TLS.
    pub fn over(stream: TlsStream<TcpStream>) -> Self {
        Self::Through(Through { ahead: Bytes::new(), stream: Box::new(stream) })
    }

    fn stream(&mut self) -> Pin<&mut dyn Duplex> {
        match self {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Through(through) => Pin::new(&mut through.stream),
        }
    }
}

impl fmt::Debug for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Through({} bytes ahead)", self.ahead.len())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let pipe = self.get_mut();
        if let Self::Through(through) = pipe
            && !through.ahead.is_empty()
        {
            let length = through.ahead.len().min(buf.remaining());
            buf.put_slice(&through.ahead[..length]);
            through.ahead.advance(length);
            return Poll::Ready(Ok(()));
        }
        pipe.stream().poll_read(cx, buf)
    }
}

/// A connection that HTTP is spoken on.
#[derive(Debug)]
pub enum Link {
    /// Plain HTTP: to a gateway on a loopback address only (the configuration allows no other).
    Plain(Pipe),
    /// Plain HTTP to a proxy, which wants to be told the whole URL.
    Forwarding(Pipe),
    /// HTTPS.
    Tls(Box<TlsStream<Pipe>>),
}

impl Link {
    fn stream(&mut self) -> Pin<&mut dyn Duplex> {
        match self {
            Self::Plain(pipe) | Self::Forwarding(pipe) => Pin::new(pipe),
            Self::Tls(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let link = self.get_mut();
        if matches!(link, Self::Tls(_)) {
            return link.stream().poll_read(cx, buf);
        }
        let room = buf.remaining().min(MAX_READ);
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(link.stream().poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

macro_rules! writes {
    ($($stream:ty)*) => {$(
        impl AsyncWrite for $stream {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.get_mut().stream().poll_write(cx, buf)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().stream().poll_flush(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().stream().poll_shutdown(cx)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().stream().poll_write_vectored(cx, bufs)
            }

            // TCP and TLS both do.
            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    )*};
}

writes! { Pipe Link }

impl Connection for Link {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            Self::Forwarding(_) => Connected::new().proxy(true),
            _ => Connected::new(),
        }
    }
}
