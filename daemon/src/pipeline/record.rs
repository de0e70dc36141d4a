//! One exchange, from its first byte to its last, written down when it is over: a stream that is cut counts too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::StatusCode;

use crate::credentials::lease::InForce;

/// What the daemon counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// AI requests that are over.
    pub requests: AtomicU64,
    /// Tunnels that are over.
    pub tunnels: AtomicU64,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing of the gateway's answer went to the client: it left before, or got words of ours.
    Unanswered,
    /// The client left before it was over.
    Left,
    /// All of it was relayed.
    Whole,
    /// The gateway broke off.
    Cut,
}

/// A request on its way, and its answer. Dropping it is what ends it.
pub struct Exchange {
    counters: Arc<Counters>,
    counted: bool,
    begun: Instant,
    provider: String,
    status: StatusCode,
    bytes: u64,
    end: End,
    _held: Option<Arc<InForce>>,
}

impl Exchange {
    /// Begins now.
    pub fn begin(counters: Arc<Counters>, provider: &str) -> Self {
        Self {
            counters,
            counted: true,
            begun: Instant::now(),
            provider: provider.to_owned(),
            status: StatusCode::OK,
            bytes: 0,
            end: End::Unanswered,
            _held: None,
        }
    }

    /// It uses this credential until it ends.
    pub fn using(mut self, held: Arc<InForce>) -> Self {
        self._held = Some(held);
        self
    }

    /// The same for a request that is no AI call, and is not counted as one.
    pub fn onward(counters: Arc<Counters>, host: &str) -> Self {
        let mut exchange = Self::begin(counters, host);
        exchange.counted = false;
        exchange
    }

    /// The head of the answer is there.
    pub fn answered(&mut self, status: StatusCode) {
        self.status = status;
    }

    /// The answer goes to the client as it is.
    pub fn passes(&mut self) {
        self.end = End::Left;
    }

    /// Some bytes of the answer passed.
    pub fn saw(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// The answer is complete.
    pub fn ended(&mut self) {
        self.end = End::Whole;
    }

    /// The gateway broke off.
    pub fn cut(&mut self, error: &hyper::Error) {
        self.end = End::Cut;
        tracing::debug!(provider = self.provider, %error, "the gateway broke off its answer");
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.counted {
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(
            provider = self.provider,
            status = self.status.as_u16(),
            bytes = self.bytes,
            ms = self.begun.elapsed().as_millis() as u64,
            end = ?self.end,
            "exchange"
        );
    }
}
