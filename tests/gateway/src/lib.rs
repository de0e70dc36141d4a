//! The practice gateway: an in-process fake of a Coder deployment with its AI Gateway, for trying things out and for
//! tests. It listens on loopback, keeps everything in memory, never calls a provider and remembers what it was sent.
//!
//! How a request flows, and which file to open:
//!
//! ```text
//! server (accept, TLS, connections) -> front (which part of the site?) -> coder_api, management, oauth   (login, tokens)
//!                                        |                             -> data_plane  (provider routes)
//!                                        record (what was seen)             gates -> routes -> answer/* or websocket
//! ```
//!
//! A deployment's proxy (proxy, opened) opens CONNECTs for providers' hosts and lets what is inside flow the same way.
//!
//! [`Practice`] starts and steers it, [`Behaviour`] says how it should misbehave, [`Recorded`] is what it saw.
//! [`Origin`] is any other web server, and [`Corporate`] a company's proxy: what else stands around a tool.

mod answer;
mod behaviour;
mod body;
mod clock;
mod coder_api;
mod connect;
mod corporate;
mod data_plane;
mod frames;
mod front;
mod gates;
mod management;
mod oauth;
mod opened;
mod origin;
mod practice;
mod proxy;
mod record;
mod reply;
mod routes;
mod scopes;
mod server;
mod tls;
mod tokens;
mod transport;
mod upstream;
mod websocket;
mod wire_head;

pub use behaviour::{
    Behaviour, Ending, Era, Mounts, Provider, ProviderFault, ProviderKind, Stream, ToolUse, Transport, Usage,
    WebSocket,
};
pub use coder_api::Spend;
pub use connect::{Connect, Fate};
pub use corporate::{Corporate, CorporateManner, CorporateSetup};
pub use management::{History, MANAGEMENT_MARK};
pub use oauth::{OAuth, Registration};
pub use opened::ThroughProxy;
pub use origin::{Manner, Origin, OriginSetup, Script};
pub use practice::{Certificate, Practice, Setup};
pub use proxy::{ProxyBehaviour, ProxySetup};
pub use record::{BodyEnd, Plane, Recorded, ResponseEnd};
pub use reply::Reply;
pub use scopes::Scopes;
pub use tls::Identity;
pub use tokens::Alive;
pub use upstream::{CENTRAL_KEY, Credential, Upstream};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic elsewhere: what is kept here is plain data, and a test that fails should fail once.
pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
