//! Plays a scripted stream: one event after the other, paced, pinged, and ended as the behaviour says.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::behaviour::{Ending, Stream};
use crate::body::Cut;

/// One server-sent event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Empty for dialects that do not name their events.
    pub(crate) name: &'static str,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn to_sse(&self) -> Bytes {
        match self.name {
            "" => format!("data: {}\n\n", self.data).into(),
            name => format!("event: {name}\ndata: {}\n\n", self.data).into(),
        }
    }
}

/// Makes an event from the number of a piece and the piece.
type MakeDelta = Box<dyn FnMut(usize, &str) -> Event + Send>;
/// Makes the last events from the number of pieces said and all of them together.
type MakeClosing = Box<dyn FnOnce(usize, &str) -> Vec<Event> + Send>;
/// Makes the last events of a failing stream from the number of pieces said.
type MakeFailure = Box<dyn FnOnce(usize) -> Vec<Event> + Send>;

/// A stream in some dialect. The middle is made piece by piece, so that it may be very long.
pub(crate) struct Script {
    pub(crate) opening: Vec<Event>,
    /// Said in turn, `count` in all.
    pub(crate) pieces: Vec<String>,
    pub(crate) count: usize,
    pub(crate) delta: MakeDelta,
    pub(crate) closing: MakeClosing,
    pub(crate) failure: MakeFailure,
    /// What is sent after a long silence.
    pub(crate) ping: Option<Event>,
}

/// A script being played.
pub(crate) struct Player {
    queue: VecDeque<Event>,
    /// Gone once its last events are in the queue.
    rest: Option<Script>,
    style: Stream,
    waiting: Duration,
    said: usize,
    text: String,
}

impl Player {
    pub(crate) fn new(mut script: Script, style: Stream) -> Self {
        let queue = std::mem::take(&mut script.opening).into();
        Player { queue, rest: Some(script), style, waiting: Duration::ZERO, said: 0, text: String::new() }
    }

    /// The next event when its time has come; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Event, Cut>> {
        while !self.waiting.is_zero() {
            let ping = self.rest.as_ref().and_then(|script| script.ping.clone());
            let nap = if ping.is_some() { self.waiting.min(self.style.ping_after) } else { self.waiting };
            tokio::time::sleep(nap).await;
            // A silence of zero length between pings would never end.
            self.waiting = self.waiting.saturating_sub(nap.max(Duration::from_millis(1)));
            if let (Some(ping), false) = (ping, self.waiting.is_zero()) {
                return Some(Ok(ping));
            }
        }
        self.waiting = self.style.gap;
        if let Some(event) = self.queue.pop_front() {
            return Some(Ok(event));
        }
        let script = self.rest.as_mut()?;
        let ending = self.style.ending;
        let enough = match ending {
            Ending::Complete => script.count,
            Ending::Endless => usize::MAX,
            _ => self.style.ending_after.min(script.count),
        };
        if self.said < enough {
            let piece = &script.pieces[self.said % script.pieces.len()];
            let event = (script.delta)(self.said, piece);
            if ending == Ending::Complete {
                self.text.push_str(piece);
            }
            self.said += 1;
            return Some(Ok(event));
        }
        match ending {
            Ending::Silence => {
                let Some(ping) = script.ping.clone() else { return std::future::pending().await };
                tokio::time::sleep(self.style.ping_after).await;
                return Some(Ok(ping));
            }
            Ending::Cut => {
                self.rest = None;
                return Some(Err(Cut::after_what_was_sent().await));
            }
            _ => {}
        }
        let script = self.rest.take()?;
        self.queue = match ending {
            Ending::Error | Ending::Failed => (script.failure)(self.said).into(),
            _ => (script.closing)(self.said, &self.text).into(),
        };
        self.queue.pop_front().map(Ok)
    }
}
