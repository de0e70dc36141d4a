//! Where each system keeps a program's files, and how folders are made there.

use std::path::PathBuf;

#[cfg(not(any(target_os = "macos", windows)))]
mod linux;
#[cfg(not(any(target_os = "macos", windows)))]
use linux as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

#[cfg(unix)]
mod unix;
pub(crate) use system::{SYSTEM_CONFIG, standard};
#[cfg(windows)]
pub(crate) use system::{control, create_private, sync_folder};
#[cfg(unix)]
pub(crate) use unix::{control, create_private, sync_folder};

/// A user's folders.
pub(crate) struct Standard {
    pub(crate) home: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) cache: PathBuf,
    /// For what does not outlive the session, where the system has such a folder.
    pub(crate) runtime: Option<PathBuf>,
}
