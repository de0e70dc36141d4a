//! The few lines of WebSocket framing that the Responses socket needs.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest message taken from a client.
const LARGEST: usize = 32 << 20;

/// What a peer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    /// With the status code, if there was one.
    Close(Option<u16>),
    /// A pong.
    Other,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The value of `Sec-WebSocket-Accept` for a key.
pub(crate) fn accept_key(key: &[u8]) -> String {
    use base64::Engine;
    let salted = [key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat();
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &salted);
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Reads from a client, putting fragments together.
#[derive(Default)]
pub(crate) struct Reader {
    /// The opcode and the bytes of an unfinished message.
    started: Option<(u8, Vec<u8>)>,
}

impl Reader {
    pub(crate) async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
        loop {
            let (last, opcode, payload) = frame(stream).await?;
            match opcode {
                PING => return Ok(Message::Ping(payload)),
                PONG => return Ok(Message::Other),
                CLOSE => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Ok(Message::Close(code));
                }
                _ => {}
            }
            let (opcode, mut whole) = match (opcode, self.started.take()) {
                (CONTINUATION, Some(started)) => started,
                (CONTINUATION, None) | (_, Some(_)) => return Err(malformed("fragments out of order")),
                (opcode, None) => (opcode, Vec::new()),
            };
            whole.extend_from_slice(&payload);
            if whole.len() > LARGEST {
                return Err(malformed("message too long"));
            }
            if !last {
                self.started = Some((opcode, whole));
                continue;
            }
            return match opcode {
                TEXT => {
                    String::from_utf8(whole).map(Message::Text).map_err(|_| malformed("text is not UTF-8"))
                }
                BINARY => Ok(Message::Binary(whole)),
                _ => Err(malformed("unknown opcode")),
            };
        }
    }
}

async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(bool, u8, Vec<u8>)> {
    let [first, second] = array(stream).await?;
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(malformed("reserved bits, or not masked"));
    }
    let length = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(array(stream).await?)),
        127 => u64::from_be_bytes(array(stream).await?),
        short => u64::from(short),
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= LARGEST);
    let length = length.ok_or_else(|| malformed("frame too long"))?;
    let mask: [u8; 4] = array(stream).await?;
    // Grows with what arrives, not with what a header claims.
    let mut payload = Vec::new();
    stream.take(length as u64).read_to_end(&mut payload).await?;
    if payload.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok((first & 0x80 != 0, first & 0x0f, payload))
}

async fn array<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(crate) async fn write_text(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    write(stream, TEXT, text.as_bytes()).await
}

pub(crate) async fn write_binary(stream: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> io::Result<()> {
    write(stream, BINARY, payload).await
}

pub(crate) async fn write_pong(stream: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> io::Result<()> {
    write(stream, PONG, payload).await
}

pub(crate) async fn write_close(stream: &mut (impl AsyncWrite + Unpin), code: u16) -> io::Result<()> {
    write(stream, CLOSE, &code.to_be_bytes()).await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), opcode: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..=125), _) => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_key_of_the_standard() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn fragments_become_one_message_around_a_ping() {
        let mut bytes: &[u8] = &[
            0x01, 0x82, 0, 0, 0, 0, b'h', b'e', // first fragment
            0x89, 0x80, 1, 2, 3, 4, // ping
            0x80, 0x83, 1, 1, 1, 1, b'm', b'm', b'n', // last fragment, masked
        ];
        let mut reader = Reader::default();
        assert_eq!(reader.read(&mut bytes).await.unwrap(), Message::Ping(Vec::new()));
        assert_eq!(reader.read(&mut bytes).await.unwrap(), Message::Text("hello".to_owned()));
        assert!(reader.read(&mut bytes).await.is_err());
    }
}
