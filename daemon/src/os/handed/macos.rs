//! macOS: launchd's sockets, by the names that they have in our property list. What it does not keep may be handed over by
//! systemd's protocol, as on other systems.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::ptr;

use aigw_shared::os::socket::Adopted;

use super::{Handed, unix};

/// `ENOENT`: the property list has no such sockets. `ESRCH`: launchd has not started us.
const NOT_THERE: [c_int; 2] = [2, 3];

#[expect(unsafe_code, reason = "launchd gives its sockets by this call alone (launch_activate_socket(3))")]
mod system {
    use super::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub(super) fn launch_activate_socket(
            name: *const c_char,
            fds: *mut *mut c_int,
            count: *mut usize,
        ) -> c_int;
        pub(super) fn free(memory: *mut c_void);
    }
}

pub(super) fn take() -> io::Result<Handed> {
    let mut handed = Handed::default();
    for socket in of(c"tools")? {
        handed.tcp.push(TcpListener::from(socket));
    }
    for socket in of(c"control")? {
        handed.control = Some(Adopted::new(UnixListener::from(socket))?);
    }
    if handed.tcp.is_empty() && handed.control.is_none() { unix::take() } else { Ok(handed) }
}

/// The sockets of this name, which can be asked for once.
#[expect(
    unsafe_code,
    reason = "the answer is an array of file descriptors that we own from then on, in memory that we free"
)]
fn of(name: &CStr) -> io::Result<Vec<OwnedFd>> {
    let (mut fds, mut count): (*mut RawFd, usize) = (ptr::null_mut(), 0);
    // SAFETY: the name ends with a zero, and both places can be written.
    let error = unsafe { system::launch_activate_socket(name.as_ptr(), &raw mut fds, &raw mut count) };
    match error {
        0 => {}
        error if NOT_THERE.contains(&error) => return Ok(Vec::new()),
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    if fds.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: launchd says that there are so many, that nobody else has them, and that the array is freed by us.
    let sockets: Vec<OwnedFd> = unsafe {
        let sockets = (0..count).map(|place| OwnedFd::from_raw_fd(*fds.add(place))).collect();
        system::free(fds.cast::<c_void>());
        sockets
    };
    // Programs that we start have no use for them.
    for socket in &sockets {
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok(sockets)
}
