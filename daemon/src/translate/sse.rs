//! Server-sent events out of a stream of bytes that is cut anywhere
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use serde_json::Value;

/// No event of a model API is longer. Reasoning comes encrypted in one piece, and may be large.
const LONGEST: usize = 16 * 1024 * 1024;

/// Collects bytes up to the end of an event.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    data: Vec<u8>,
    /// The last byte ended a line, and a line feed that follows belongs to it.
    after_return: bool,
}

/// An event is too long, or its data is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled;

impl Parser {
    /// Takes more bytes, and gives the data of each event that ends in them.
    ///
    /// # Errors
    /// When this cannot be such a stream.
    pub fn feed(&mut self, bytes: &[u8], mut event: impl FnMut(Value)) -> Result<(), Garbled> {
        for &byte in bytes {
            let line_feed_of_return = std::mem::take(&mut self.after_return) && byte == b'\n';
            match byte {
                b'\n' if line_feed_of_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    if let Some(value) = self.end_of_line()? {
                        event(value);
                    }
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > LONGEST {
                return Err(Garbled);
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> Result<Option<Value>, Garbled> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            // OpenAI's chat ends so.
            if data.is_empty() || data == b"[DONE]" {
                return Ok(None);
            }
            return serde_json::from_slice(&data).map(Some).map_err(|_| Garbled);
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
        Ok(None)
    }
}
