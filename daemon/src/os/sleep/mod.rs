//! How long the machine has slept. What was connected before is then likely gone, without a word.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as system;

use std::time::Duration;

/// How much longer a clock that counts sleep has run than one that does not. Only differences between two answers mean
/// anything.
pub fn so_far() -> Duration {
    system::so_far()
}
