//! Linux: the kernel's table of sockets, and the files of processes.

use std::cmp::Reverse;
use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Owner;

/// State `TCP_LISTEN`, as the table prints it.
const LISTENS: &str = "0A";

/// The listener's line in the table, and the process that has that socket among its files. Those of other users, and
/// of a process that guards itself as we do, cannot be looked at: then the user has to do.
pub(super) fn of(port: u16, address: Option<IpAddr>) -> Option<Owner> {
    let us = rustix::process::getuid().as_raw();
    let place = format!(":{port:04X}");
    let is_there = |local: &str| {
        let at = local.strip_suffix(&place);
        at.is_some_and(|at| address.is_none_or(|address| printed(address).iter().any(|text| text == at)))
    };
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let found: Vec<(u32, &str)> = tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| {
            // Columns: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let listens = words.get(3) == Some(&LISTENS) && is_there(words.get(1)?);
            listens.then(|| Some((words.get(7)?.parse().ok()?, *words.get(9)?))).flatten()
        })
        .collect();
    let (uid, inode) = *found.iter().find(|(uid, _)| *uid != us).or(found.first())?;
    let words = holder(&format!("socket:[{inode}]")).unwrap_or_else(|| format!("a process of user {uid}"));
    Some(Owner { is_us: uid == us, words })
}

/// How the tables print this address, and those that stand for every address.
fn printed(address: IpAddr) -> Vec<String> {
    let words = |bytes: &[u8]| -> String {
        let word = |word: &[u8]| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        bytes.chunks_exact(4).map(|bytes| format!("{:08X}", word(bytes))).collect()
    };
    let text = |address: IpAddr| match address {
        IpAddr::V4(address) => words(&address.octets()),
        IpAddr::V6(address) => words(&address.octets()),
    };
    // A socket of IPv6 may be reached by IPv4, too.
    let all = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED), address];
    let mapped = match address {
        IpAddr::V4(address) => Some(IpAddr::from(address.to_ipv6_mapped())),
        IpAddr::V6(_) => None,
    };
    all.into_iter().chain(mapped).map(text).collect()
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
