//! The console tells every process on it of Ctrl-C, the command too: it decides, and we wait.

use std::io;
use std::process::Command;

/// Starts it and waits. Returned is its exit code.
pub(crate) async fn to_its_end(command: &mut Command) -> io::Result<i32> {
    // From here on, these do not end us.
    let _heard = (tokio::signal::windows::ctrl_c()?, tokio::signal::windows::ctrl_break()?);
    let mut child = command.spawn()?;
    let status = tokio::task::spawn_blocking(move || child.wait()).await.map_err(io::Error::other)??;
    Ok(status.code().unwrap_or(1))
}
