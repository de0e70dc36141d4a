//! Whether standard error leads to the system's journal, which then wants priorities and knows the time.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
use other as system;

/// Whether it does.
pub fn has_stderr() -> bool {
    system::has_stderr()
}
