//! Windows keeps owners and access lists where only unsafe code can ask for them. The user's profile is closed by
//! default; the machine's folder is as safe as its administrator made it.

use std::fs::File;
use std::io;
use std::path::Path;

pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() { Ok(()) } else { Err(io::Error::other("not a folder")) }
}

pub(crate) fn claim_folder(path: &Path) -> io::Result<()> {
    check_folder(path)
}

/// Opens the policy; `None` when it does not exist.
pub(crate) fn open_managed(path: &Path) -> Result<Option<File>, String> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// A file in the user's own profile is closed to others by what it inherits.
pub(crate) fn check_file(_: &Path) -> io::Result<()> {
    Ok(())
}
