//! A command that has our terminal, our place in the foreground and our signals, until it ends.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

pub(crate) use system::to_its_end;
