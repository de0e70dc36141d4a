//! No modes. What we write goes to the user's own folders, and a rename is as safe as the system makes it.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use aigw_shared::os::account;

pub(crate) fn is_root() -> bool {
    false
}

/// Nobody is root.
pub(crate) fn only_root_writes(_: &Path) -> bool {
    false
}

/// The SID of this user.
pub(crate) fn user() -> String {
    account::user().unwrap_or_default()
}

pub(crate) fn mode_of(_: &Metadata) -> Option<u32> {
    None
}

pub(crate) fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
