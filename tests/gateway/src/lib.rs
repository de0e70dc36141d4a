//! The practice gateway: an in-process fake of a Coder deployment with its AI Gateway, for trying things out and for
//! tests. It listens on loopback, keeps everything in memory, never calls a provider and remembers what it was sent.
//!
//! How a request flows, and which file to open:
//!
//! ```text
//! server (accept, TLS, connections) -> front (which part of the site?) -> coder_api   (login, tokens, management)
//!                                        |                             -> data_plane  (provider routes)
//!                                        record (what was seen)             gates -> routes -> answer/* or websocket
//! ```
//!
//! [`Practice`] starts and steers it, [`Behaviour`] says how it should misbehave, [`Recorded`] is what it saw.

mod answer;
mod behaviour;
mod body;
mod clock;
mod coder_api;
mod data_plane;
mod frames;
mod front;
mod gates;
mod practice;
mod record;
mod reply;
mod routes;
mod server;
mod tls;
mod tokens;
mod upstream;
mod websocket;
mod wire_head;

pub use behaviour::{
    Behaviour, Ending, Era, Mounts, Provider, ProviderFault, ProviderKind, Stream, ToolUse, Transport, Usage,
    WebSocket,
};
pub use coder_api::MANAGEMENT_MARK;
pub use practice::{Certificate, Practice, Setup};
pub use record::{BodyEnd, Plane, Recorded, ResponseEnd};
pub use reply::Reply;
pub use upstream::{CENTRAL_KEY, Credential, Upstream};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic elsewhere: what is kept here is plain data, and a test that fails should fail once.
pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
