//! Frames: a little-endian u32 length, and that many bytes. A length above the limit is refused before anything is
//! allocated for it.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::codec::MAX_LEN;

/// A connection that carries frames.
pub type Frames<S> = Framed<S, LengthDelimitedCodec>;

/// Frames on a connection whose greetings are done.
pub fn frames<S: AsyncRead + AsyncWrite>(stream: S) -> Frames<S> {
    LengthDelimitedCodec::builder()
        .little_endian()
        .length_field_type::<u32>()
        .max_frame_length(MAX_LEN)
        .new_framed(stream)
}
