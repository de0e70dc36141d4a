//! macOS and Windows: the process that has the socket, and its user. One that cannot be looked at, as the machine's own
//! services, is another user's.

use std::net::SocketAddr;

use aigw_shared::os::sockets;

use super::Owner;

/// Whether processes can be looked at.
pub struct Lookup(bool);

impl Lookup {
    pub(super) fn candidates() -> Vec<Self> {
        vec![Self(true)]
    }

    pub(super) fn none() -> Self {
        Self(false)
    }

    /// Whether the system tells at all.
    pub fn tells(&self) -> bool {
        self.0
    }

    /// The owner of the socket that is bound to `peer` and connected to `ours`.
    pub fn owner(&self, peer: SocketAddr, ours: SocketAddr) -> Owner {
        match sockets::holder(peer, ours) {
            _ if !self.0 => Owner::Unknown,
            Some(process) if sockets::is_ours(process) => Owner::Us,
            _ => Owner::Other,
        }
    }

    /// The program that has that socket, in words.
    pub fn program(&self, peer: SocketAddr, ours: SocketAddr) -> Option<String> {
        sockets::holder(peer, ours).filter(|_| self.0).and_then(sockets::name_of)
    }
}
