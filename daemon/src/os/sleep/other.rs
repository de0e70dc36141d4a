//! Elsewhere: the wall clock against a monotonic one that stands still in sleep. Somebody may set the wall clock, which costs no
//! more than a few new connections.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

pub(super) fn so_far() -> Duration {
    static BEGUN: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let (wall, monotonic) = BEGUN.get_or_init(|| (SystemTime::now(), Instant::now()));
    wall.elapsed().unwrap_or_default().saturating_sub(monotonic.elapsed())
}
