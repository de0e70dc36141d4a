//! macOS and Windows: among the sockets of all processes that may be looked at. On macOS those are this user's.

use std::net::IpAddr;

use super::Owner;
use crate::os::sockets::{self, Socket};

pub(super) fn of(port: u16, address: Option<IpAddr>) -> Option<Owner> {
    let there = |at: IpAddr| address.is_none_or(|address| at == address || at.is_unspecified());
    let listens =
        |socket: &Socket| socket.remote.is_none() && socket.local.port() == port && there(socket.local.ip());
    let mut found = sockets::all(&listens);
    found.sort_by_key(|socket| sockets::is_ours(socket.process));
    let process = found.first()?.process;
    let words = sockets::name_of(process).unwrap_or_else(|| format!("process {process} of another user"));
    Some(Owner { is_us: sockets::is_ours(process), words })
}
