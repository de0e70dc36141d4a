//! The tree below a process, which `taskkill` knows.

use std::process::Stdio;

use tokio::process::Command;

/// Nothing has to be prepared.
pub(crate) fn apart(_command: &mut Command) {}

/// Ends the process and what it has started.
pub(crate) fn end(process: u32) {
    let mut command = std::process::Command::new("taskkill");
    command.args(["/T", "/F", "/PID", &process.to_string()]);
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
