//! Response bodies: fixed, streamed, or broken off on purpose.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

/// Any response body.
pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;

/// The error that makes hyper break a response off: no last chunk in HTTP/1.1, a reset in HTTP/2.
#[derive(Debug)]
pub(crate) struct Cut;

impl Cut {
    /// To be given as a body's error after a moment, or hyper would throw away what it has not yet written.
    pub(crate) async fn after_what_was_sent() -> Self {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Cut
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("response cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// A body known as a whole.
pub(crate) fn fixed(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body made while it is being read.
pub(crate) fn streamed(pieces: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static) -> Body {
    use futures_util::StreamExt;
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}
