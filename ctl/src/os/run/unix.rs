//! The command stays in our process group: what the terminal tells the group (Ctrl-C, Ctrl-Z, a new size) reaches it without
//! us. What somebody sends to us alone is passed on.

use std::fs::File;
use std::io;
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, waitpid};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Signals that would end us, and whether a terminal sends them to the whole group in its foreground.
const PASSED_ON: [(Signal, bool); 6] = [
    (Signal::TERM, false),
    (Signal::HUP, false),
    (Signal::USR1, false),
    (Signal::USR2, false),
    (Signal::INT, true),
    (Signal::QUIT, true),
];

/// Starts it and waits. Returned is its exit code, or 128 and the number of the signal that ended it, as shells have it.
pub(crate) async fn to_its_end(command: &mut Command) -> io::Result<i32> {
    // Before there is a child that could be left alone.
    let mut changed = signal(SignalKind::child())?;
    let mut heard = heard()?;
    let child = Pid::from_child(&command.spawn()?);
    loop {
        if let Some((_, status)) = waitpid(Some(child), WaitOptions::NOHANG | WaitOptions::UNTRACED)? {
            if let Some(code) = status.exit_status() {
                return Ok(code);
            }
            if let Some(number) = status.terminating_signal() {
                return Ok(128 + number);
            }
            // It has stopped itself to give the terminal back, which the shell takes when we stop as well.
            if in_foreground() {
                let _ = kill_process(getpid(), Signal::STOP);
            }
        }
        tokio::select! {
            _ = changed.recv() => {}
            Some((signal, from_terminal)) = heard.recv() => {
                // Otherwise the child has had it already.
                if !(from_terminal && in_foreground()) {
                    let _ = kill_process(child, signal);
                }
            }
        }
    }
}

/// Signals as they come. Those that we were told to ignore (`nohup`) stay so, for the command too.
fn heard() -> io::Result<mpsc::Receiver<(Signal, bool)>> {
    let (to, heard) = mpsc::channel(PASSED_ON.len());
    let ignored = ignored();
    for (number, from_terminal) in PASSED_ON {
        if ignored & (1 << (number.as_raw() - 1)) != 0 {
            continue;
        }
        let mut signals = signal(SignalKind::from_raw(number.as_raw()))?;
        let to = to.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && to.send((number, from_terminal)).await.is_ok() {}
        });
    }
    Ok(heard)
}

/// One bit for each ignored signal, the lowest for the first. Only Linux tells without unsafe code.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// Whether our group has a terminal's foreground.
fn in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}
