//! Signals that ask the daemon to stop or to read its configuration again.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::Signals;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::Signals;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Drain and end; a second time: end at once.
    Stop,
    /// Read the configuration again.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has no signal for it; `aigwctl reload` asks"))]
    Reload,
}
