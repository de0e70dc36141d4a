//! Windows: nothing is handed over.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::Path;

use aigw_shared::os::socket::{Adopted, Handle};

/// There is none.
pub struct Link(Handle);

impl Link {
    pub async fn send(&self, _: &[u8], _: &[Handle]) -> io::Result<()> {
        impossible()
    }

    pub async fn receive(&self) -> io::Result<(Vec<u8>, Vec<Handle>)> {
        impossible()
    }

    pub fn handle(&self) -> io::Result<Handle> {
        again(&self.0)
    }

    pub fn of(handle: Handle) -> io::Result<Self> {
        Ok(Self(handle))
    }
}

fn impossible<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system lets no program hand its sockets to another"))
}

pub(super) fn start(_: &Path, _: impl Iterator<Item = OsString>) -> io::Result<(Link, u32)> {
    impossible()
}

pub(super) fn kill(_: u32) {}

pub(super) fn inherited() -> io::Result<Link> {
    impossible()
}

pub(super) fn check(_: &Path) -> io::Result<()> {
    impossible()
}

pub(super) fn of_tcp(_: &tokio::net::TcpListener) -> io::Result<Handle> {
    impossible()
}

pub(super) fn of_file(_: &File) -> io::Result<Handle> {
    impossible()
}

pub(super) fn again(_: &Handle) -> io::Result<Handle> {
    impossible()
}

pub(super) fn tcp(_: Handle) -> io::Result<TcpListener> {
    impossible()
}

pub(super) fn control(_: Handle) -> io::Result<Adopted> {
    impossible()
}

pub(super) fn file(_: Handle, _: &Path) -> io::Result<File> {
    impossible()
}
