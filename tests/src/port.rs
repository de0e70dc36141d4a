//! Ports that nobody else takes, for what has to be written down before somebody listens there.

use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Mutex;

/// Below what the system gives out by itself (from 32768 on Linux): a port that was just let go there may be another test's.
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// What this process has, which it holds until it ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of loopback where nobody listens, and which this gives to nobody else as long as this process lives.
///
/// # Panics
/// When there is none.
pub fn reserved() -> u16 {
    // Where all tests of a build lie.
    let program = std::env::current_exe().expect("a program");
    let folder = program.parent().expect("it lies in a folder").join("reserved-ports");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut held = HELD.lock().expect("the list");
    for port in RANGE {
        let file = File::create(folder.join(port.to_string())).expect("a file");
        if file.try_lock().is_ok() && is_free(port) {
            held.push(file);
            return port;
        }
    }
    panic!("all of {RANGE:?} are taken");
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
}
