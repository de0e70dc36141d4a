//! An answer that is translated on its way: whatever the gateway has sent is written on at once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::super::body::Answer;
use crate::translate::gemini::stream::{End, Step, Translation};

/// Before the words of a failure: they have to arrive by themselves, and hyper joins what is written at once.
const APART: Duration = Duration::from_millis(20);
/// How long the end of the gateway's answer may take after its last event.
const END: Duration = Duration::from_secs(2);

/// The answer under way.
pub struct Translated {
    /// The gateway's; gone after its last event.
    inner: Option<Answer>,
    translation: Translation,
    /// Not yet given on.
    bytes: Vec<u8>,
    last_words: Option<(Bytes, Pin<Box<Sleep>>)>,
    tasks: TaskTracker,
}

impl Translated {
    /// Of this answer.
    pub fn new(inner: Answer, translation: Translation, tasks: TaskTracker) -> Self {
        Self { inner: Some(inner), translation, bytes: Vec::new(), last_words: None, tasks }
    }

    /// Waits until the answer has begun, or for all of it. How it has ended, if it has: what failed by then can still be
    /// told by a status.
    pub async fn begin(&mut self, whole: bool) -> Option<End> {
        loop {
            let inner = self.inner.as_mut()?;
            let step = match inner.frame().await {
                Some(Ok(frame)) => self.translation.feed(&frame.into_data().unwrap_or_default()),
                Some(Err(_)) | None => self.translation.cut(),
            };
            let begun = self.translation.has_begun();
            if let Some(end) = self.take(step, begun && !whole) {
                return Some(end);
            }
            if begun && !whole {
                return None;
            }
        }
    }

    /// Keeps what a step brought. A failure is returned, unless it has to be told in the stream.
    fn take(&mut self, step: Step, in_stream: bool) -> Option<End> {
        self.bytes.extend(step.bytes);
        let end = step.end?;
        self.finish();
        match end {
            End::Failed(failure) if in_stream => {
                let words = self.translation.last_words(&failure);
                self.last_words = Some((words.into(), Box::pin(sleep(APART))));
                None
            }
            end => Some(end),
        }
    }

    /// Reads the gateway's answer to its end, so that its connection can be used again.
    fn finish(&mut self) {
        if let Some(mut inner) = self.inner.take() {
            self.tasks.spawn(async move {
                let reading = async { while let Some(Ok(_)) = inner.frame().await {} };
                let _ = timeout(END, reading).await;
            });
        }
    }

    /// The next bytes for the client.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if !self.bytes.is_empty() {
                return Poll::Ready(Some(std::mem::take(&mut self.bytes).into()));
            }
            if let Some((_, moment)) = &mut self.last_words {
                ready!(moment.as_mut().poll(cx));
                return Poll::Ready(self.last_words.take().map(|(words, _)| words));
            }
            let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
            let frame = ready!(hyper::body::Body::poll_frame(Pin::new(inner), cx));
            let step = match frame {
                Some(Ok(frame)) => self.translation.feed(&frame.into_data().unwrap_or_default()),
                Some(Err(_)) | None => self.translation.cut(),
            };
            self.take(step, true);
        }
    }
}
