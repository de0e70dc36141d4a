//! Unix sockets: mode 0600 in a 0700 folder, and the peer's uid from the kernel.

use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use rustix::process::getuid;

/// The folder and the daemon's umask keep others out from the first moment on. Only Linux could give a socket its mode
/// before it has a name.
pub(super) fn create(options: ListenerOptions<'_>, place: &Path) -> io::Result<Listener> {
    let listener = options.create_tokio()?;
    set_permissions(place, Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub(super) type Adopted = std::os::unix::net::UnixListener;

pub(super) fn adopt(listener: Adopted, place: &Path) -> io::Result<Listener> {
    let address = listener.local_addr()?;
    if address.as_pathname() != Some(place) {
        return Err(io::Error::other(format!("it is at {address:?}, and {} is expected", place.display())));
    }
    check(place)?;
    Ok(Listener::UdSocket(OwnedFd::from(listener).try_into()?))
}

/// A file descriptor.
pub type Handle = OwnedFd;

pub(super) fn handle_of_listener(listener: &Listener) -> io::Result<Handle> {
    let Listener::UdSocket(listener) = listener;
    listener.as_fd().try_clone_to_owned()
}

pub(super) fn handle_of(stream: &Stream) -> io::Result<Handle> {
    let Stream::UdSocket(stream) = stream;
    stream.as_fd().try_clone_to_owned()
}

pub(super) fn stream_of(handle: Handle) -> io::Result<Stream> {
    Ok(Stream::UdSocket(handle.try_into()?))
}

pub(super) fn peer_is_owner(stream: &Stream) -> bool {
    stream.peer_creds().ok().and_then(|creds| creds.euid()) == Some(getuid().as_raw())
}

pub(super) fn made_by_owner(_: &Stream, place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok_and(|meta| meta.uid() == getuid().as_raw())
}

pub(super) fn check(place: &Path) -> io::Result<()> {
    let meta = std::fs::symlink_metadata(place)?;
    let mode = meta.mode() & 0o777;
    if meta.uid() != getuid().as_raw() {
        return Err(io::Error::other(format!("it belongs to user {}", meta.uid())));
    }
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("others may use it: its mode is {mode:03o}")));
    }
    Ok(())
}
