//! Whether what is connected can still be trusted to lead anywhere: after a sleep, and after a change of the network, it cannot.
//! Found out when a connection is about to be used, so that an idle daemon is not woken for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::os::{network, sleep};

/// A shorter sleep harms no connection.
const NAP: Duration = Duration::from_secs(5);

/// The editions of the world around us, which begin with each such change.
pub struct Changes {
    network: network::Watch,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    edition: u64,
    slept: Duration,
}

impl Changes {
    /// From now on.
    pub fn begin() -> Self {
        let seen = Seen { edition: 0, slept: sleep::so_far() };
        Self { network: network::Watch::begin(), seen: Mutex::new(seen) }
    }

    /// The number of the present one. A connection of an earlier one is not to be used again.
    pub fn edition(&self) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = self.network.has_changed();
        let slept = seen.wakes(sleep::so_far());
        if moved || slept {
            seen.edition += 1;
            tracing::info!(moved, slept, "what is connected is given up");
        }
        seen.edition
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::begin()
    }
}

impl Seen {
    /// Whether the machine has slept since it was last asked, where it has slept so long by now.
    fn wakes(&mut self, slept: Duration) -> bool {
        let before = std::mem::replace(&mut self.slept, slept);
        slept.saturating_sub(before) > NAP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_counts_once_and_a_nap_or_a_clock_set_back_does_not() {
        let mut seen = Seen { edition: 0, slept: Duration::from_secs(100) };
        let wakes = [(100, false), (103, false), (3703, true), (3703, false), (10, false), (3000, true)];
        for (slept, counts) in wakes {
            assert_eq!(seen.wakes(Duration::from_secs(slept)), counts, "{slept}");
        }
    }

    #[test]
    fn nothing_changes_by_itself() {
        let changes = Changes::begin();
        assert_eq!(changes.edition(), changes.edition());
    }
}
