//! The place that the system has for its user's secrets. A call may wait for a person who unlocks it, or for ever: it
//! belongs on a thread of its own.

#[cfg(all(unix, not(target_os = "macos")))]
mod secret_service;
#[cfg(all(unix, not(target_os = "macos")))]
use secret_service as system;
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod native;
#[cfg(not(all(unix, not(target_os = "macos"))))]
use native as system;

/// What it is called here, `get`, `put` and `remove` for one item, and the most bytes of an item.
pub use system::{MAX, NAME, get, put, remove};

/// What all items of ours have in common.
const SERVICE: &str = "aigw";

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is none, or nobody to ask for it.
    Absent,
    /// It is locked, and nobody unlocked it.
    Locked,
    /// Something else, in its own words.
    Failed(String),
}
