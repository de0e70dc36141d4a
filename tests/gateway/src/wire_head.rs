//! Header lines of HTTP/1.1 requests as they were written: hyper gives out names in lower case and groups equal ones,
//! but what a client sent, and in which order, is what tests ask about. So this listens in below hyper.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::hold;

/// More than any head hyper accepts.
const KEPT: usize = 512 * 1024;

/// The bytes read since the last request's body ended.
#[derive(Clone, Default)]
pub(crate) struct WireHead(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    deaf: bool,
}

impl WireHead {
    /// The header lines of the request hyper has just parsed, unless they could not be followed.
    pub(crate) fn take(&self, method: &str, has_body: bool) -> Option<Vec<(String, String)>> {
        let mut state = hold(&self.0);
        let bytes = std::mem::take(&mut state.bytes);
        state.deaf = has_body;
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let end = start + find(&bytes[start..], b"\r\n\r\n")?;
        if !has_body {
            state.bytes = bytes[end + 4..].to_vec();
        }
        let head = String::from_utf8_lossy(&bytes[start..end]);
        let mut lines = head.split("\r\n");
        lines.next()?.strip_prefix(method)?.strip_prefix(' ')?;
        lines
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect()
    }

    /// The body has ended: what comes next is a head again.
    pub(crate) fn listen(&self) {
        hold(&self.0).deaf = false;
    }

    /// HTTP/2, or an upgraded connection: there is nothing to be found here.
    pub(crate) fn stop(&self) {
        let mut state = hold(&self.0);
        (state.deaf, state.bytes) = (true, Vec::new());
    }

    fn heard(&self, bytes: &[u8]) {
        let mut state = hold(&self.0);
        if !state.deaf && state.bytes.len() + bytes.len() <= KEPT {
            state.bytes.extend_from_slice(bytes);
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A connection whose incoming bytes are overheard.
pub(crate) struct Overheard<S> {
    inner: S,
    ear: WireHead,
}

impl<S> Overheard<S> {
    pub(crate) fn new(inner: S, ear: WireHead) -> Self {
        Overheard { inner, ear }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Some(new) = buf.filled().get(before..) {
            self.ear.heard(new);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
