//! Windows: settings roam, state does not; the control endpoint is a pipe, which no folder holds.
//!
//! The machine's folder is spelled out, because `%ProgramData%` is a variable and no variable may move the policy.

use std::io;
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use super::Standard;
use crate::paths::SocketPlace;

pub(crate) const POLICY: &str = r"C:\ProgramData\aigw\policy.toml";
pub(crate) const SYSTEM_CONFIG: &str = r"C:\ProgramData\aigw\config.toml";

pub(crate) fn standard() -> Option<Standard> {
    let dirs = ProjectDirs::from("", "", "aigw")?;
    Some(Standard {
        home: BaseDirs::new()?.home_dir().to_owned(),
        config: dirs.config_dir().to_owned(),
        state: dirs.data_local_dir().to_owned(),
        cache: dirs.cache_dir().to_owned(),
        runtime: None,
    })
}

pub(crate) fn control(runtime: &Path, hash: &str, _short: &[PathBuf]) -> SocketPlace {
    SocketPlace {
        address: PathBuf::from(format!(r"\\.\pipe\aigw-{hash}")),
        folder: runtime.to_owned(),
        pointer: None,
    }
}

/// The user's profile is closed to others as it is.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// A rename is on the disk with the file.
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
