//! The extended table of TCP sockets, read anew for each question: it has no way to ask for one.

use std::io;

use windows_sys::Win32::Foundation::ERROR_INSUFFICIENT_BUFFER;
use windows_sys::Win32::NetworkManagement::IpHelper::{GetExtendedTcpTable, TCP_TABLE_OWNER_PID_ALL};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

use super::{Socket, table};
pub(super) use crate::os::account::{is_ours, name_of};

pub(super) fn first(wanted: &dyn Fn(&Socket) -> bool) -> Option<Socket> {
    all(wanted).into_iter().next()
}

pub(super) fn all(wanted: &dyn Fn(&Socket) -> bool) -> Vec<Socket> {
    let [v4, v6] = [AF_INET, AF_INET6].map(|family| read(family.into()).unwrap_or_default());
    table::v4(&v4).chain(table::v6(&v6)).filter(wanted).collect()
}

#[expect(unsafe_code, reason = "Windows has a C function for it")]
fn read(family: u32) -> io::Result<Vec<u32>> {
    // Sockets come and go between asking for the length and for the content.
    let mut words = vec![0u32; 4096];
    for _ in 0..8 {
        let mut bytes = u32::try_from(size_of_val(words.as_slice())).map_err(io::Error::other)?;
        // SAFETY: the buffer has `bytes` bytes, aligned as the table's words.
        let code = unsafe {
            GetExtendedTcpTable(words.as_mut_ptr().cast(), &mut bytes, 0, family, TCP_TABLE_OWNER_PID_ALL, 0)
        };
        match code {
            0 => return Ok(words),
            ERROR_INSUFFICIENT_BUFFER => words = vec![0; bytes as usize / 4 + 1024],
            code => return Err(io::Error::from_raw_os_error(code.cast_signed())),
        }
    }
    Err(io::Error::other("the table grows faster than it can be read"))
}
