//! Linux: the kernel's table of sockets, and the files of processes.

use std::cmp::Reverse;
use std::iter;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Owner;

/// State `TCP_LISTEN`, as the table prints it.
const LISTENS: &str = "0A";

/// The listener's line in the table, and the process that has that socket among its files. Those of other users, and
/// of a process that guards itself as we do, cannot be looked at: then the user has to do.
pub(super) fn of(port: u16) -> Option<Owner> {
    let us = rustix::process::getuid().as_raw();
    let suffix = format!(":{port:04X}");
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let found: Vec<(u32, &str)> = tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| {
            // Columns: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let listens = words.get(3) == Some(&LISTENS) && words.get(1)?.ends_with(&suffix);
            listens.then(|| Some((words.get(7)?.parse().ok()?, *words.get(9)?))).flatten()
        })
        .collect();
    let (uid, inode) = *found.iter().find(|(uid, _)| *uid != us).or(found.first())?;
    let words = holder(&format!("socket:[{inode}]")).unwrap_or_else(|| format!("a process of user {uid}"));
    Some(Owner { is_us: uid == us, words })
}

/// The process that has this among its files. A search through all of them costs milliseconds, in which a tool that
/// hangs up is gone. So whoever was found last is asked first, for a tool opens many connections; then the youngest.
///
/// A socket is called `socket:[4711]`.
pub fn holder(socket: &str) -> Option<String> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let youngest_first = || {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut pids: Vec<u32> =
            processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable_by_key(|pid| Reverse(*pid));
        pids
    };
    let mut pids = iter::once(LAST.load(Ordering::Relaxed)).chain(iter::once_with(youngest_first).flatten());
    let pid = pids.find(|pid| has(*pid, socket))?;
    LAST.store(pid, Ordering::Relaxed);
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("{} (process {pid})", name.trim()))
}

fn has(pid: u32, socket: &str) -> bool {
    let mut files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == socket))
}
