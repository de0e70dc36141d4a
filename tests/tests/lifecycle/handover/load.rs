//! Again and again, while tools do everything that tools do.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aigw_tests::load;

use super::*;

/// Says so when it is dropped, by a failure, too.
#[derive(Default)]
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Files that a process has open.
fn files_of(pid: u64) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Resident memory of a process, in KiB.
fn memory_of(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Handovers of the test in the ordinary suite; `AIGW_HANDOVERS` asks for more.
fn rounds() -> u32 {
    std::env::var("AIGW_HANDOVERS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_refused_and_nothing_breaks_however_often_it_hands_over() {
    let mut line = Line::new(load::setup()).await;
    let (address, key) = (line.scene.address().to_owned(), line.scene.key.clone());
    let home = line.home().to_owned();
    let mut pids = vec![line.pid()];
    let (mut first, mut longest) = (0, Duration::ZERO);
    let begun = Instant::now();
    let (tally, ()) = load::during(&address, &key, |tally| {
        std::thread::scope(|scope| {
            let (over, home) = (Over::default(), &home);
            let watched = over.0.clone();
            scope.spawn(move || {
                while !watched.load(Ordering::Relaxed) {
                    if lock_is_free(home) {
                        tally.wrong("the lock was free");
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            for round in 0..rounds() {
                let asked = Instant::now();
                let told = line.hand_over(&["restart"]);
                longest = longest.max(asked.elapsed());
                let pid = told["to"]["pid"].as_u64().unwrap();
                assert!(!pids.contains(&pid));
                pids.push(pid);
                if round == 0 {
                    first = files_of(pid);
                }
                // Small requests have been answered since.
                let before = tally.small();
                eventually("requests go on", || (tally.small() > before + 1).then_some(()));
            }
            drop(over);
        });
    });
    let took = begun.elapsed();
    let last = pids.pop().unwrap();
    let (memory, rounds) = (memory_of(last), rounds());
    writeln!(
        std::io::stderr(),
        "{rounds} handovers in {took:.1?} (the longest {longest:.1?}): {tally}; {memory} KiB in the end"
    )
    .unwrap();
    tally.is_well();
    // One daemon is left, with no more open than the first successor had while it served.
    assert_eq!(line.scene.daemon.ended().code(), Some(0), "{}", line.scene.machine.log());
    pids.iter().for_each(|pid| ends(*pid));
    assert_eq!(line.pid(), last);
    eventually("what it had for tools is closed", || (files_of(last) <= first).then_some(()));
    line.works();
    assert_eq!(line.scene.machine.ask(&["stop"])["stopped"], true);
    ends(last);
    assert!(lock_is_free(&home));
    assert!(!home.join("run/control.sock").exists());
}
