//! Windows: settings roam, state does not; the control endpoint is a pipe, which no folder holds.
//!
//! The machine's folder is spelled out, because `%ProgramData%` is a variable and no variable may move the policy.

use std::io;
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use super::Standard;
use crate::os::owner;
use crate::paths::SocketPlace;

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

/// Closes every folder that it makes: what is not in the user's profile inherits rights for all.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match std::fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.and_then(|()| owner::claim_folder(folder))?,
        }
    }
    Ok(())
}

/// A rename is on the disk with the file.
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
