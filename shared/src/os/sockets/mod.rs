//! Which process has which TCP socket, where the system says so by process. Linux says by user: see
//! [`super::listener`], and `peer` in the daemon.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(any(windows, test))]
mod table;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use std::net::SocketAddr;

/// One end of a connection, or a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Where it is bound. An address of IPv4 is one, whatever the socket is.
    pub local: SocketAddr,
    /// Where it is connected to; a listener is not.
    pub remote: Option<SocketAddr>,
    /// The process that has it.
    pub process: u32,
}

/// The process that has the socket bound to `local` and connected to `remote`, if it can be seen.
#[cfg(not(target_os = "linux"))]
pub fn holder(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let flat = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (local, remote) = (flat(local), flat(remote));
    let wanted = |socket: &Socket| socket.local == local && socket.remote == Some(remote);
    system::first(&wanted).map(|socket| socket.process)
}

/// All that are wanted, of those that can be seen.
#[cfg(not(target_os = "linux"))]
pub(crate) fn all(wanted: &dyn Fn(&Socket) -> bool) -> Vec<Socket> {
    system::all(wanted)
}

/// Whether a process runs as this user.
#[cfg(not(target_os = "linux"))]
pub fn is_ours(process: u32) -> bool {
    system::is_ours(process)
}

/// A process in words.
#[cfg(not(target_os = "linux"))]
pub fn name_of(process: u32) -> Option<String> {
    system::name_of(process).map(|name| format!("{name} (process {process})"))
}
