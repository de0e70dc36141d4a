//! A request as a door hands it over: who asks, and for what.

use http::request::Parts;
use hyper::body::Incoming;

use crate::os::peer::Owner;

/// Who is at the other end of the connection, asked once when it was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whose process it is.
    pub owner: Owner,
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
