//! A process group.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

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

/// Returns when somebody wants us to end: whoever is at the terminal, or closes it, or the system.
pub(crate) async fn asked_to_end() {
    let heard = |kind| signal(kind).ok();
    let (mut int, mut term, mut hup) =
        (heard(SignalKind::interrupt()), heard(SignalKind::terminate()), heard(SignalKind::hangup()));
    tokio::select! {
        Some(()) = async { int.as_mut()?.recv().await } => {}
        Some(()) = async { term.as_mut()?.recv().await } => {}
        Some(()) = async { hup.as_mut()?.recv().await } => {}
        else => std::future::pending().await,
    }
}
