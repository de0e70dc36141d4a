//! Limits of the process: files created privately, no core dumps, as many open files as the system allows.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
use other as system;

/// Makes this process careful: what it creates is the owner's only, and its memory is not dumped. Returns how many
/// files it may have open.
pub fn apply() -> u64 {
    system::apply()
}
