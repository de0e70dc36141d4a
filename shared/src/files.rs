//! Files that are whole or not there, and seen by nobody else: written under another name and renamed, with mode
//! 0600 from the start, in folders of mode 0700.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::NamedTempFile;

use crate::fault::{Fault, Kind};
use crate::os::{dirs, owner};

/// Replaces a file in one step, with mode 0600. A symbolic link stays, and what it leads to is replaced.
///
/// # Errors
/// When the folder is missing or full, or is not ours to write to; the file is then as it was.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Fault> {
    Draft::of(path, content)?.put()
}

/// A file's new content, on the disk and not yet in its place. Whoever changes several files writes all of them first:
/// a full disk then leaves all as they were. Dropping it takes it away.
pub struct Draft {
    file: NamedTempFile,
    target: PathBuf,
}

impl Draft {
    /// Where it lies until then.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes it beside the file that it will replace.
    ///
    /// # Errors
    /// When the folder is missing or full, or is not ours to write to.
    pub fn of(path: &Path, content: &[u8]) -> Result<Self, Fault> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let write = || {
            // `tempfile` creates it with mode 0600.
            let mut file = tempfile::Builder::new().prefix(".aigw-").tempfile_in(folder_of(&target))?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = write().map_err(|error| fault(path, "cannot be written", &error))?;
        Ok(Self { file, target })
    }

    /// Puts it in its place, in one step.
    ///
    /// # Errors
    /// When the file cannot be replaced; it is then as it was.
    pub fn put(self) -> Result<(), Fault> {
        let Self { file, target } = self;
        let replace = || {
            file.persist(&target).map_err(|error| error.error)?;
            dirs::sync_folder(folder_of(&target))
        };
        replace().map_err(|error| fault(&target, "cannot be written", &error))
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder of mode 0700, and its parents where they are missing. One that exists has to be ours, and is closed
/// to others.
///
/// # Errors
/// When it cannot be made, or belongs to somebody else.
pub fn create_private_dir(path: &Path) -> Result<(), Fault> {
    dirs::create_private(path).map_err(|error| fault(path, "cannot be made", &error))?;
    owner::claim_folder(path).map_err(|error| fault(path, "cannot be used", &error))
}

/// Checks that a file is ours and closed to everybody else.
///
/// # Errors
/// What is wrong with it.
pub fn check_private(path: &Path) -> Result<(), Fault> {
    owner::check_file(path).map_err(|error| fault(path, "cannot be used", &error))
}

/// Checks that a folder is ours and closed to everybody else, without closing it.
///
/// # Errors
/// What is wrong with it.
pub fn check_private_dir(path: &Path) -> Result<(), Fault> {
    owner::check_folder(path).map_err(|error| fault(path, "cannot be used", &error))
}

/// The content of a file of at most `max` bytes; `None` when there is no such file.
///
/// # Errors
/// When it cannot be read, is longer, or is no plain file.
pub fn read_limited(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Fault> {
    let read = || {
        // Asked before it is opened: opening a pipe would wait for its other end.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        read_open(File::open(path)?, max)
    };
    match read() {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, "cannot be read", &error)),
    }
}

/// The content of an open file of at most `max` bytes.
pub(crate) fn read_open(file: File, max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(max + 1).read_to_end(&mut content)?;
    if content.len() as u64 > max {
        return Err(io::Error::other(format!("longer than {max} bytes")));
    }
    Ok(content)
}

/// Renames a damaged file to `NAME.damaged-<unix time>`, so that a new one can be begun and nothing is lost.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path) -> Result<PathBuf, Fault> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = |second: u64| {
        let mut name = OsString::from(path.file_name().unwrap_or_default());
        name.push(format!(".damaged-{second}"));
        path.with_file_name(name)
    };
    let free =
        (now..).map(name).find(|aside| fs::symlink_metadata(aside).is_err()).unwrap_or_else(|| name(now));
    fs::rename(path, &free).map_err(|error| fault(path, "cannot be set aside", &error))?;
    Ok(free)
}

fn fault(path: &Path, what: &str, error: &io::Error) -> Fault {
    Fault::new(Kind::File, format!("{} {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_link_to_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_limited(&path, 3).unwrap().unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(write_private(&folder.path().join("no/a"), b"").unwrap_err().kind, Kind::File);
    }

    #[test]
    fn reading_stops_at_the_limit_and_nothing_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(read_limited(&path, 1).unwrap().is_none());
        write_private(&path, b"12").unwrap();
        assert!(read_limited(&path, 1).unwrap_err().what.contains("longer than 1 bytes"));
        assert!(read_limited(folder.path(), 1).unwrap_err().what.contains("not a plain file"));
    }

    #[test]
    fn damaged_files_are_kept_under_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let aside: Vec<_> = ["1", "2"]
            .iter()
            .map(|text| {
                write_private(&path, text.as_bytes()).unwrap();
                set_aside(&path).unwrap()
            })
            .collect();
        assert!(!path.exists());
        assert_ne!(aside[0], aside[1]);
        assert!(aside[0].file_name().unwrap().to_str().unwrap().starts_with("ledger.damaged-1"));
        assert_eq!(fs::read(&aside[1]).unwrap(), b"2");
        assert!(set_aside(&path).is_err());
    }
}
