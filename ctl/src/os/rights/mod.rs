//! Who we are, and the mode of a file.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
pub(crate) use system::{is_root, mode_of, only_root_writes, set_mode, sync_folder, user};
#[cfg(windows)]
use windows as system;
