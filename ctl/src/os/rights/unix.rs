//! Uids and mode bits.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this file and its folders are root's, and no other may write them.
pub(crate) fn only_root_writes(file: &Path) -> bool {
    let is_roots = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|now| now.uid() == 0 && now.permissions().mode() & 0o022 == 0)
    };
    std::fs::canonicalize(file).is_ok_and(|real| real.ancestors().all(is_roots))
}

/// The number of this user.
pub(crate) fn user() -> String {
    rustix::process::getuid().to_string()
}

pub(crate) fn mode_of(file: &Metadata) -> Option<u32> {
    Some(file.permissions().mode() & 0o7777)
}

pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

/// Without it a power cut may undo a rename.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
