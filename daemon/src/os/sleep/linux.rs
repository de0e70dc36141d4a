//! Linux has both clocks, and nobody can set either.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

pub(super) fn so_far() -> Duration {
    read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}
