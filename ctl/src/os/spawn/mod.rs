//! A program that goes on when we and the terminal have ended, and the log it writes to.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

/// Opens the log for more lines; only its owner may read it.
pub(crate) fn open_log(log: &Path) -> io::Result<File> {
    system::append_private(log)
}

/// Starts `aigwd run` with a log of its own, out of reach of this terminal's signals, without these variables.
pub(crate) fn detached(program: &Path, log: &File, without: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(program);
    for name in without {
        command.env_remove(name);
    }
    // What it says before that, and should it panic, goes there, too.
    command
        .args(["run", "--log-to", "file"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?);
    system::detach(&mut command);
    command.spawn()
}
