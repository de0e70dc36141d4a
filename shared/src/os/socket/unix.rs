//! Unix sockets: mode 0600 in a 0700 folder, and the peer's uid from the kernel.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use rustix::process::getuid;

pub(super) fn create(options: ListenerOptions<'_>) -> io::Result<Listener> {
    options.create_tokio()
}

pub(super) fn peer_is_owner(stream: &Stream) -> bool {
    stream.peer_creds().ok().and_then(|creds| creds.euid()) == Some(getuid().as_raw())
}

pub(super) fn made_by_owner(place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok_and(|meta| meta.uid() == getuid().as_raw())
}
