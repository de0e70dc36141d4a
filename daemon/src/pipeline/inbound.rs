//! A request as a door hands it over: who asks, for what, through which door.

use http::request::Parts;
use hyper::body::Incoming;

use crate::os::peer::Owner;

/// The way a request came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// A tool with a base URL.
    Forward,
}

/// Who is at the other end of the connection, asked once when it was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whose process it is.
    pub owner: Owner,
}

/// One request before anything was decided about it.
pub struct Inbound {
    /// The door.
    pub door: Door,
    /// The asker.
    pub caller: Caller,
    /// The request line and fields, as received.
    pub parts: Parts,
    /// The body, not read yet.
    pub body: Incoming,
}
