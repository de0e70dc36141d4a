//! HTTP written by hand: exactly these bytes are sent, and whatever comes back is looked at.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use base64::Engine;
use serde_json::Value;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status, 0 if the connection was closed without one.
    pub status: u16,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body, without its chunk framing.
    pub body: Vec<u8>,
    /// Whether the framing was complete.
    pub whole: bool,
}

impl Answer {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Our own failure kind.
    pub fn error(&self) -> Option<&str> {
        self.field("x-aigw-error")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Self(stream)
    }

    /// Sends these bytes. A closed connection is no failure here: the answer tells.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// Sends the end of the stream.
    pub fn end(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// The socket itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.0
    }

    /// Reads one answer to a request of this method.
    pub fn answer_to(&mut self, method: &str) -> Answer {
        let mut reader = Reader { stream: &mut self.0, bytes: Vec::new() };
        reader.answer(method)
    }

    /// Reads one answer.
    pub fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Asks for a tunnel with a key (and further lines, such as `origin: https://page.test`), and reads the answer.
    /// After a 200 this connection is the tunnel, and not a byte of it was taken; after a refusal it is what the
    /// daemon made of it.
    pub fn tunnel(&mut self, target: &str, key: Option<&str>, more: &[&str]) -> Answer {
        self.send(connect(target, key, more));
        let mut head = Vec::new();
        // Byte by byte, so that what follows stays where it is.
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read_exact(&mut byte) {
                Ok(()) => head.push(byte[0]),
                Err(_) => return Answer::none(),
            }
        }
        let mut reader = Reader { stream: &mut self.0, bytes: head };
        let opened = reader.bytes.get(9..12) == Some(b"200".as_slice());
        if opened { reader.head().unwrap_or_else(Answer::none) } else { reader.answer("CONNECT") }
    }

    /// The socket, for a client that speaks something else on it.
    pub fn into_stream(self) -> TcpStream {
        self.0
    }

    /// Reads the head of an answer and leaves the body, of which what came along is returned.
    pub fn head(&mut self) -> (Answer, Vec<u8>) {
        let mut reader = Reader { stream: &mut self.0, bytes: Vec::new() };
        let head = reader.head().unwrap_or_else(Answer::none);
        (head, reader.bytes)
    }

    /// Everything until the connection is closed.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }
}

/// Sends one whole message on a connection of its own, and reads the answer.
pub fn exchange(address: &str, message: impl AsRef<[u8]>) -> Answer {
    let message = message.as_ref();
    let method =
        message.split(|b| *b == b' ').next().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    let mut raw = Raw::connect(address);
    raw.send(message);
    raw.answer_to(&method)
}

/// A well-formed CONNECT: `connect("api.anthropic.com:443", Some(&key), &[])`.
pub fn connect(target: &str, key: Option<&str>, more: &[&str]) -> String {
    let login = key.map(|key| format!("proxy-authorization: {}\r\n", login(key))).unwrap_or_default();
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{login}{more}\r\n")
}

/// A key as `Proxy-Authorization` has it.
pub fn login(key: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("aigw:{key}")))
}

/// Opens a tunnel with a key: `tunnel(scene.address(), "api.anthropic.com:443", Some(&scene.key))`.
///
/// # Errors
/// The refusal.
pub fn tunnel(address: &str, target: &str, key: Option<&str>) -> Result<Raw, Answer> {
    let mut raw = Raw::connect(address);
    let answer = raw.tunnel(target, key, &[]);
    if answer.status == 200 { Ok(raw) } else { Err(answer) }
}

/// Reads one answer from any stream.
pub fn answer_from(stream: &mut impl Read, method: &str) -> Answer {
    Reader { stream, bytes: Vec::new() }.answer(method)
}

/// A well-formed request with a key and a body.
pub fn post(address: &str, path: &str, key: &str, more: &[&str], body: &str) -> String {
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A well-formed request with a key.
pub fn get(address: &str, path: &str, key: &str, more: &[&str]) -> String {
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\n{more}\r\n")
}

impl Answer {
    fn none() -> Self {
        Self { status: 0, fields: Vec::new(), body: Vec::new(), whole: false }
    }
}

struct Reader<'a, S> {
    stream: &'a mut S,
    bytes: Vec<u8>,
}

impl<S: Read> Reader<'_, S> {
    fn answer(&mut self, method: &str) -> Answer {
        loop {
            let Some(mut answer) = self.head() else { return Answer::none() };
            if answer.status == 100 {
                continue;
            }
            let bodiless = method == "HEAD" || answer.status / 100 == 1 || matches!(answer.status, 204 | 304);
            let chunked = answer.field("transfer-encoding").is_some_and(|coding| coding == "chunked");
            let length = answer.field("content-length").and_then(|length| length.parse().ok());
            answer.whole = match (bodiless, chunked, length) {
                (true, ..) => true,
                (_, true, _) => self.chunks(&mut answer.body),
                (_, _, Some(length)) => self.take(length).map(|bytes| answer.body = bytes).is_some(),
                _ => {
                    while self.more() {}
                    answer.body = std::mem::take(&mut self.bytes);
                    true
                }
            };
            return answer;
        }
    }

    fn head(&mut self) -> Option<Answer> {
        let end = self.find(b"\r\n\r\n")?;
        let head = self.take(end + 4)?;
        let text = String::from_utf8_lossy(&head);
        let mut lines = text.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields =
            fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Answer { status, fields, body: Vec::new(), whole: false })
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(line) = self.find(b"\r\n").and_then(|end| self.take(end + 2)) else { return false };
            let size = String::from_utf8_lossy(&line);
            let Ok(size) = usize::from_str_radix(size.trim().split(';').next().unwrap_or_default(), 16)
            else {
                return false;
            };
            let Some(chunk) = self.take(size + 2) else {
                body.append(&mut self.bytes);
                return false;
            };
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return true;
            }
        }
    }

    fn find(&mut self, what: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.bytes.windows(what.len()).position(|window| window == what) {
                return Some(at);
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.bytes.len() < length {
            if !self.more() {
                return None;
            }
        }
        let rest = self.bytes.split_off(length);
        Some(std::mem::replace(&mut self.bytes, rest))
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.bytes.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}

/// A masked text frame of a WebSocket, as clients send it (RFC 6455, section 5.2).
///
/// # Panics
/// When the text is longer than 125 bytes.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = vec![0x81, 0x80 | u8::try_from(text.len()).expect("a short text")];
    bytes.extend(mask);
    bytes.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
