//! A program with all that it starts, so that both can be ended together: some tools are launchers, or leave a server behind.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as processes;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as processes;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

pub(crate) use processes::end_at;
pub(crate) use system::{apart, asked_to_end, end};
