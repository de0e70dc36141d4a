//! The control socket: how it is made, reached, and whose it is. The names and permissions differ by system.

use std::io;
use std::path::Path;

use interprocess::local_socket::tokio::prelude::*;
pub use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

/// Makes the socket, reachable by its owner only. A stale one in its place is replaced, so the caller holds the lock
/// that says there is no other daemon.
///
/// # Errors
/// When the place cannot be written to.
pub fn listen(place: &Path) -> io::Result<Listener> {
    let name = place.to_fs_name::<GenericFilePath>()?;
    system::create(ListenerOptions::new().name(name).try_overwrite(true), place)
}

/// Connects to the socket.
///
/// # Errors
/// When nobody listens there.
pub async fn connect(place: &Path) -> io::Result<Stream> {
    let name = place.to_fs_name::<GenericFilePath>()?;
    Stream::connect(name).await
}

/// The other side of an accepted connection runs as the user of this process. To be asked before its first byte is
/// read.
pub fn peer_is_owner(stream: &Stream) -> bool {
    system::peer_is_owner(stream)
}

/// What we connected to was made by the user of this process.
pub fn is_ours(stream: &Stream, place: &Path) -> bool {
    system::peer_is_owner(stream) && system::made_by_owner(place)
}

/// That the socket itself is ours and closed to others, whatever folder it is in.
///
/// # Errors
/// When it is not, or is not there.
pub fn check(place: &Path) -> io::Result<()> {
    system::check(place)
}
