//! A process group.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

/// The program will be in a group of its own.
pub(crate) fn apart(command: &mut Command) {
    command.process_group(0);
}

/// Ends everything in the group of this process.
pub(crate) fn end(process: u32) {
    if let Some(group) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}
