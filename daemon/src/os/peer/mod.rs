//! Who owns the other end of a connection on loopback. A port there is open to every user of the machine.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod process;
#[cfg(not(target_os = "linux"))]
use process as system;

/// What the system says of a connection's other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Us, or root.
    Us,
    /// Another user, or nobody: a socket that its owner has closed belongs to no one any more.
    Other,
    /// The system does not tell.
    Unknown,
}

/// The way this system tells, found once at start.
pub use system::Lookup;

impl Lookup {
    /// Finds the way that works here, by trying it on a connection of our own.
    pub fn find() -> Self {
        Self::candidates().into_iter().find(Self::works).unwrap_or_else(Self::none)
    }

    fn works(&self) -> bool {
        let probe = || -> std::io::Result<Owner> {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
            let client = std::net::TcpStream::connect(listener.local_addr()?)?;
            let (_server, peer) = listener.accept()?;
            Ok(self.owner(peer, client.peer_addr()?))
        };
        probe().is_ok_and(|owner| owner == Owner::Us)
    }
}
