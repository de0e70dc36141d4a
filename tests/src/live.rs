//! An answer that is read as it comes, so that a test can act between two events of a stream.

use std::io::{ErrorKind, Read};

use crate::raw::{Answer, Raw};

/// The connection, and what has come so far.
pub struct Live {
    raw: Raw,
    /// Status and fields.
    pub head: Answer,
    bytes: Vec<u8>,
}

impl Live {
    /// Reads the head. Returns when that is there.
    pub fn of(mut raw: Raw) -> Self {
        let (head, bytes) = raw.head();
        Self { raw, head, bytes }
    }

    /// Reads until this text has come. False when the connection ends before.
    ///
    /// # Panics
    /// When nothing happens at all.
    pub fn until(&mut self, text: &str) -> bool {
        while !self.has(text) {
            if !self.more() {
                return false;
            }
        }
        true
    }

    /// Whether this text has come.
    pub fn has(&self, text: &str) -> bool {
        self.bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Reads to the end of a chunked body: true when it has its last chunk, false when the connection ends without.
    ///
    /// # Panics
    /// When nothing happens at all.
    pub fn ends_well(&mut self) -> bool {
        loop {
            if self.bytes.ends_with(b"\r\n0\r\n\r\n") {
                return true;
            }
            if !self.more() {
                return false;
            }
        }
    }

    /// Looks only at what comes from now on.
    pub fn forget(&mut self) {
        self.bytes.clear();
    }

    /// Sends something on, where the connection has become another kind.
    pub fn send(&mut self, bytes: &[u8]) {
        self.raw.send(bytes);
    }

    /// The connection, as a client leaves it.
    pub fn leave(self) -> Raw {
        self.raw
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.raw.stream().read(&mut buffer) {
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                panic!("neither more nor an end: {}", String::from_utf8_lossy(&self.bytes));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.bytes.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}
