//! Values to bytes and back. The only file that names bincode, so that another format is one small change away.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest payload of a frame, and the most that decoding may allocate: nine hostile bytes could claim any length.
pub const MAX_LEN: usize = 1024 * 1024;

/// Bytes that are no value of the expected type.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Cannot be written.
    #[error("message cannot be encoded: {0}")]
    Encode(#[from] bincode::error::EncodeError),
    /// Cannot be read.
    #[error("message cannot be decoded: {0}")]
    Decode(#[from] bincode::error::DecodeError),
    /// A value, and then more.
    #[error("message has {0} bytes too many")]
    Trailing(usize),
}

fn format() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_LEN>()
}

/// The bytes of a value.
///
/// # Errors
/// When the value uses a feature of serde that the format lacks; a test encodes every message.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    Ok(bincode::serde::encode_to_vec(value, format())?)
}

/// The value that exactly these bytes stand for.
///
/// # Errors
/// When they stand for none, or some are left over.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, format())?;
    if used == bytes.len() { Ok(value) } else { Err(CodecError::Trailing(bytes.len() - used)) }
}
