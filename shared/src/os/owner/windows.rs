//! Owners and lists of rights.

use std::io;
use std::path::Path;

use crate::os::account::{close_folder, closed, me, of_file, owned_by, private_folder};

/// Checks that a folder is ours and closed to others, without touching it.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    own_folder(path)?;
    check_closed(path)
}

/// Checks that a folder is ours, and closes it to others.
pub(crate) fn claim_folder(path: &Path) -> io::Result<()> {
    own_folder(path)?;
    check_closed(path).or_else(|_| close_folder(path, &private_folder(&me()?)))
}

/// Checks that a plain file is ours, and that nobody else can read or write it.
pub(crate) fn check_file(path: &Path) -> io::Result<()> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    owned_by(&of_file(path)?, &me()?).map_err(io::Error::other)?;
    check_closed(path)
}

fn own_folder(path: &Path) -> io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        return Err(io::Error::other("not a folder"));
    }
    owned_by(&of_file(path)?, &me()?).map_err(io::Error::other)
}

fn check_closed(path: &Path) -> io::Result<()> {
    closed(&of_file(path)?, &me()?).map_err(io::Error::other)
}
