//! Named pipes: rights for this user only, which the kernel enforces, so there is nothing left to ask about a client.
//! Anybody may make a pipe of any name, though: whose it is, the client asks.

use std::io;
use std::os::windows::io::AsHandle;
use std::path::Path;

use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::os::windows::local_socket::ListenerOptionsExt;
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use widestring::U16CString;

use crate::os::account::{closed, me, of_handle, owned_by, private_pipe};

pub(super) fn create(options: ListenerOptions<'_>, _: &Path) -> io::Result<Listener> {
    // By default a pipe of an elevated process would belong to all administrators.
    let ours = U16CString::from_str(private_pipe(&me()?)).map_err(io::Error::other)?;
    options.security_descriptor(SecurityDescriptor::deserialize(&ours)?).create_tokio()
}

/// Nobody makes one for us.
pub(super) enum Adopted {}

pub(super) fn adopt(listener: Adopted, _: &Path) -> io::Result<Listener> {
    match listener {}
}

/// Nothing is given to another process.
#[derive(Debug)]
pub struct Handle(());

pub(super) fn handle_of_listener(_: &Listener) -> io::Result<Handle> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn handle_of(_: &Stream) -> io::Result<Handle> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn stream_of(_: Handle) -> io::Result<Stream> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn peer_is_owner(_: &Stream) -> bool {
    true
}

pub(super) fn made_by_owner(stream: &Stream, _: &Path) -> bool {
    let Stream::NamedPipe(pipe) = stream;
    let ours = || {
        let (pipe, me) = (of_handle(pipe.as_handle())?, me()?);
        owned_by(&pipe, &me).and_then(|()| closed(&pipe, &me)).map_err(io::Error::other)
    };
    ours().is_ok()
}

pub(super) fn check(_: &Path) -> io::Result<()> {
    Ok(())
}
