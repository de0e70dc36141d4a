//! Streams of events (SSE) whose end or silence we tell of: where the stream can be read by anybody, and between two events
//! only. All other bytes of it are the gateway's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aigw_shared::provider::Dialect;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::time::{Instant, Sleep, sleep};

use super::explain;

/// A comment, which readers of events skip (WHATWG HTML, 9.2.6).
const PING: &[u8] = b": ping\n\n";

/// What a stream's reader understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `event: error`, with an error of Anthropic's.
    Anthropic,
    /// Data without a name.
    Chat,
    /// `event: error`, with an event of the Responses API.
    Responses,
}

impl Form {
    /// Of a route.
    pub fn of(dialect: Dialect, path: &str) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic,
            Dialect::OpenAi if path.ends_with("/responses") => Self::Responses,
            Dialect::OpenAi => Self::Chat,
        }
    }
}

/// How far a stream is.
pub struct Events {
    form: Form,
    /// The newest bytes. A stream begins between two events.
    tail: [u8; 3],
    silence: Option<Box<Silence>>,
}

struct Silence {
    lasts: Duration,
    over: Pin<Box<Sleep>>,
}

impl Events {
    /// Of an answer with these fields, if it is a stream to which something can be added. `ping` is the silence after which
    /// that is done.
    pub fn of(fields: &HeaderMap, form: Form, ping: Duration) -> Option<Self> {
        let kind = fields.get(CONTENT_TYPE)?.as_bytes();
        let is_events = kind.len() >= 17 && kind[..17].eq_ignore_ascii_case(b"text/event-stream");
        if !is_events || [CONTENT_ENCODING, CONTENT_LENGTH].iter().any(|name| fields.contains_key(name)) {
            return None;
        }
        let silence =
            (!ping.is_zero()).then(|| Box::new(Silence { lasts: ping, over: Box::pin(sleep(ping)) }));
        Some(Self { form, tail: *b"\n\n\n", silence })
    }

    /// These bytes went by.
    pub fn saw(&mut self, bytes: &[u8]) {
        for byte in &bytes[bytes.len().saturating_sub(3)..] {
            self.tail = [self.tail[1], self.tail[2], *byte];
        }
        if let Some(silence) = &mut self.silence {
            silence.over.as_mut().reset(Instant::now() + silence.lasts);
        }
    }

    /// Whether the last event is complete: a line without a letter ends it. Lines end with LF, CR or both.
    fn is_between(&self) -> bool {
        let before = match self.tail {
            [before, b'\r', b'\n'] => before,
            [_, before, b'\n' | b'\r'] => before,
            _ => return false,
        };
        matches!(before, b'\n' | b'\r')
    }

    /// What is said when the gateway breaks off.
    pub fn last_words(&self) -> Option<Bytes> {
        self.is_between().then(|| explain::broken_off(self.form).into())
    }

    /// What is said when the gateway has said nothing for long.
    pub fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let between = self.is_between();
        let Some(silence) = self.silence.as_mut().filter(|_| between) else { return Poll::Pending };
        ready!(silence.over.as_mut().poll(cx));
        silence.over.as_mut().reset(Instant::now() + silence.lasts);
        Poll::Ready(Bytes::from_static(PING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(parts: &[&str]) -> bool {
        let mut events = Events { form: Form::Chat, tail: *b"\n\n\n", silence: None };
        parts.iter().for_each(|part| events.saw(part.as_bytes()));
        events.is_between()
    }

    #[test]
    fn an_event_ends_with_an_empty_line_however_lines_end() {
        for whole in ["", "data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", "data: a\n\r\n", ":\n\n"] {
            assert!(after(&[whole]), "{whole:?}");
            let bytes: Vec<String> = whole.chars().map(String::from).collect();
            assert!(after(&bytes.iter().map(String::as_str).collect::<Vec<_>>()), "{whole:?}");
        }
        for part in
            ["d", "data: a", "data: a\n", "data: a\r\n", "data: a\r", "event: x\ndata: a\n", "\n\nd\n"]
        {
            assert!(!after(&[part]), "{part:?}");
            assert!(!after(&["data: a\n\n", part]), "{part:?}");
        }
        assert!(
            after(&["data: a\r", "\n\r", "\n"])
                && after(&["data: a\n", "\n"])
                && !after(&["data: a\r", "\n"])
        );
    }
}
