//! What one aigwd gives to the next that it starts: words, and handles of what is open. Only Unix can give those.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
use other as system;

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::Path;

use aigw_shared::os::socket::Adopted;
pub use aigw_shared::os::socket::Handle;
pub use system::Link;

/// Starts the successor with these words on its command line, apart from our terminal, and with a link to us. The number is
/// that of its process.
///
/// # Errors
/// When it cannot be run, or the system can hand nothing over.
pub fn start(program: &Path, words: impl Iterator<Item = std::ffi::OsString>) -> io::Result<(Link, u32)> {
    system::start(program, words)
}

/// Ends a successor that came to nothing.
pub fn kill(pid: u32) {
    system::kill(pid);
}

/// The link to the daemon that has started us.
///
/// # Errors
/// When nobody of that kind has.
pub fn inherited() -> io::Result<Link> {
    system::inherited()
}

/// That this program may be run in our place: it is a program, and nobody but us and root could have put it there.
///
/// # Errors
/// What is wrong with it.
pub fn check(program: &Path) -> io::Result<()> {
    system::check(program)
}

/// A handle of a listener for tools.
///
/// # Errors
/// When the system has none to give.
pub fn of_tcp(listener: &tokio::net::TcpListener) -> io::Result<Handle> {
    system::of_tcp(listener)
}

/// A handle of a file, which has its locks.
///
/// # Errors
/// When the system has none to give.
pub fn of_file(file: &File) -> io::Result<Handle> {
    system::of_file(file)
}

/// The same handle once more.
///
/// # Errors
/// When the system has none to give.
pub fn again(handle: &Handle) -> io::Result<Handle> {
    system::again(handle)
}

/// The listener for tools of a handle.
///
/// # Errors
/// When the system hands none over.
pub fn tcp(handle: Handle) -> io::Result<TcpListener> {
    system::tcp(handle)
}

/// The control socket of a handle.
///
/// # Errors
/// When it is something else.
pub fn control(handle: Handle) -> io::Result<Adopted> {
    system::control(handle)
}

/// The file of a handle, if it is the one in this place.
///
/// # Errors
/// When it is another.
pub fn file(handle: Handle, place: &Path) -> io::Result<File> {
    system::file(handle, place)
}
