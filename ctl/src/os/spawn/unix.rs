//! Modes, and a process group of its own: Ctrl-C and a closing terminal reach the group in the foreground only.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

pub(super) fn append_private(log: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(log)
}

pub(super) fn detach(command: &mut Command) {
    command.process_group(0);
}
