//! Who listens on a port of this machine, as far as the system tells.

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "linux")]
pub use linux::holder;
#[cfg(not(target_os = "linux"))]
mod process;
#[cfg(not(target_os = "linux"))]
use process as system;

/// Whoever listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Whether it is a process of this user.
    pub is_us: bool,
    /// The program and its process; the user where those cannot be looked at.
    pub words: String,
}

/// The listener on this port: another user's where there are several. `None` when there is none, or the system does not
/// tell.
pub fn of(port: u16) -> Option<Owner> {
    system::of(port, None)
}

/// The same for one address: whoever is reached there.
pub fn at(address: SocketAddr) -> Option<Owner> {
    system::of(address.port(), Some(address.ip()))
}
