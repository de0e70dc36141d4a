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

/// A control socket that somebody else has made for us, and keeps.
pub struct Adopted(system::Adopted);

impl Adopted {
    /// From what was handed over.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    #[cfg(unix)]
    pub fn new(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// Listens, if it is in this place and closed to others. To be asked within a runtime.
    ///
    /// # Errors
    /// When it is not.
    pub fn listen(self, place: &Path) -> io::Result<Listener> {
        system::adopt(self.0, place)
    }
}

/// What another process can be given of a socket, where the system can give such things.
pub use system::Handle;

/// A handle of the listener, for a process that listens on after us.
///
/// # Errors
/// When the system has none to give.
pub fn handle_of_listener(listener: &Listener) -> io::Result<Handle> {
    system::handle_of_listener(listener)
}

/// The same of a connection.
///
/// # Errors
/// When the system has none to give.
pub fn handle_of(stream: &Stream) -> io::Result<Handle> {
    system::handle_of(stream)
}

/// The connection of a handle. To be asked within a runtime.
///
/// # Errors
/// When it is of something else.
pub fn stream_of(handle: Handle) -> io::Result<Stream> {
    system::stream_of(handle)
}

/// The socket stays where it is when this listener is dropped: another process listens there.
pub fn leave_in_place(listener: &mut Listener) {
    listener.do_not_reclaim_name_on_drop();
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
    system::peer_is_owner(stream) && system::made_by_owner(stream, place)
}

/// That the socket itself is ours and closed to others, whatever folder it is in.
///
/// # Errors
/// When it is not, or is not there.
pub fn check(place: &Path) -> io::Result<()> {
    system::check(place)
}
