//! A request as a door hands it over: who asks, and for what.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use crate::os::peer::Owner;

/// Who is at the other end of the connection, asked once when it was accepted.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose process it is.
    pub owner: Owner,
    /// Its end.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    /// Its place among the connections there may be, kept as long as anything of it lives.
    pub _place: Arc<OwnedSemaphorePermit>,
}

/// One request before anything was decided about it.
pub struct Inbound {
    /// The asker.
    pub caller: Caller,
    /// The request line and fields, as received.
    pub parts: Parts,
    /// The body, not read yet.
    pub body: Incoming,
}
