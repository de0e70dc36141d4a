//! Whose a file is, and who else can write it.

#[cfg(unix)]
mod rules;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
pub(crate) use system::{check_file, check_folder, claim_folder};
#[cfg(unix)]
pub(crate) use unix::open_managed;
#[cfg(windows)]
use windows as system;
