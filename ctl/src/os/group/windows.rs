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

/// Returns when whoever is at the console wants us to end.
pub(crate) async fn asked_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
