//! Who we are, and the mode of a file.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
pub(crate) use system::{is_root, mode_of, set_mode, sync_folder};
#[cfg(windows)]
use windows as system;
