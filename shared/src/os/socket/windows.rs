//! Named pipes: a security descriptor that names the owner only. The kernel enforces it, so there is nothing left to
//! ask about a peer.

use std::io;
use std::path::Path;

use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::os::windows::local_socket::ListenerOptionsExt;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use widestring::u16cstr;

pub(super) fn create(options: ListenerOptions<'_>, _: &Path) -> io::Result<Listener> {
    // Protected; full access for the pipe's owner, nothing for anyone else.
    let owner_only = SecurityDescriptor::deserialize(u16cstr!("D:P(A;;GA;;;OW)"))?;
    options.security_descriptor(owner_only).create_tokio()
}

pub(super) fn peer_is_owner(_: &Stream) -> bool {
    true
}

pub(super) fn made_by_owner(_: &Path) -> bool {
    true
}

pub(super) fn check(_: &Path) -> io::Result<()> {
    Ok(())
}
