//! What has left its group behind, found by the environment that it was started with.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A process that was told to end is gone after so many looks.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Ends every process whose home this is, and waits for their end: some tools leave a server behind.
pub(crate) fn end_at(home: &Path) {
    let variable = [b"HOME=", home.as_os_str().as_bytes()].concat();
    for _ in 0..LOOKS {
        let left = of(&variable);
        if left.is_empty() {
            return;
        }
        for process in left {
            let _ = kill_process(process, Signal::KILL);
        }
        sleep(PAUSE);
    }
}

fn of(variable: &[u8]) -> Vec<Pid> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_there = |entry: &fs::DirEntry| {
        // One of another user, or that has ended, says nothing.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == variable)
    };
    let process = |entry: fs::DirEntry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?);
    all.filter(|entry| entry.file_name().as_bytes().first().is_some_and(u8::is_ascii_digit))
        .filter(is_there)
        .filter_map(process)
        .collect()
}
