//! A settings file on the disk: read with its links and mode, replaced in one step, with the folders that are missing.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;

use crate::os::rights;

/// A tool's settings, and no more.
const LIMIT: u64 = 8 * 1024 * 1024;

/// The text of a file; `None` when there is none.
///
/// # Errors
/// When it cannot be read, or is no text, or a link that leads nowhere.
pub(crate) fn read(file: &Path) -> Result<Option<String>, Fault> {
    let fault = |why: &str| Fault::new(Kind::File, format!("{} {why}", file.display()));
    let Some(content) = files::read_limited(file, LIMIT)? else {
        if fs::symlink_metadata(file).is_ok() {
            return Err(fault("is a link that leads nowhere").cure_with("mend the link, or remove it"));
        }
        return Ok(None);
    };
    let text =
        String::from_utf8(content).map_err(|_| fault("is not in UTF-8").cure_with("save it as UTF-8"))?;
    Ok(Some(text))
}

/// The folders above this file that are missing, outermost first.
pub(crate) fn missing_folders(file: &Path) -> Vec<PathBuf> {
    let folders = file.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    let mut missing: Vec<_> = folders.take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    missing.reverse();
    missing
}

/// Gives it this text, if it still has the one that was read. Links stay, and so does the mode; a new file and its folders are
/// private.
///
/// # Errors
/// When it has changed meanwhile, is read-only, or cannot be replaced; it is then as it was.
pub(crate) fn write(file: &Path, seen: Option<&str>, text: &str) -> Result<(), Fault> {
    if seen.is_none() {
        let folder = file.parent().unwrap_or(Path::new("."));
        if !folder.exists() {
            files::create_private_dir(folder)?;
        }
    }
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let fault = |why: String| Fault::new(Kind::File, format!("{} {why}", file.display()));
    let metadata = fs::metadata(&target).ok();
    if metadata.as_ref().is_some_and(|metadata| metadata.permissions().readonly()) {
        return Err(fault("is read-only".to_owned())
            .cure_with("make it writable, or change it where it is made: `aigwctl setup --print TOOL`"));
    }
    let replace = || -> io::Result<bool> {
        let folder = target.parent().unwrap_or(Path::new("."));
        sweep(&target);
        let mut file =
            tempfile::Builder::new().prefix(&draft_name(&target)).rand_bytes(0).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        if let Some(mode) = metadata.as_ref().and_then(rights::mode_of) {
            rights::set_mode(file.as_file(), mode)?;
        }
        file.as_file().sync_all()?;
        let now = fs::read(&target).ok();
        if now.as_deref() != seen.map(str::as_bytes) {
            return Ok(false);
        }
        file.persist(&target).map_err(|error| error.error)?;
        rights::sync_folder(folder)?;
        Ok(true)
    };
    match replace() {
        Ok(true) => Ok(()),
        Ok(false) => Err(fault("was changed at this moment by somebody else".to_owned())
            .cure_with("run the same command again")),
        Err(error) => Err(fault(format!("cannot be written: {error}"))),
    }
}

/// Takes it away.
///
/// # Errors
/// When it is there and stays.
pub(crate) fn remove(file: &Path) -> Result<(), Fault> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Fault::new(Kind::File, format!("{} cannot be removed: {error}", file.display())))
        }
        _ => Ok(()),
    }
}

/// Takes away what a run that was cut short may have left beside it.
pub(crate) fn sweep(file: &Path) {
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    // There is none nearly always.
    let _ = fs::remove_file(target.with_file_name(draft_name(&target)));
}

/// Removes those of these folders in which nothing is.
pub(crate) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        // What somebody has put something into stays.
        let _ = fs::remove_dir(folder);
    }
}

fn draft_name(target: &Path) -> String {
    format!(".{}.aigw-draft", target.file_name().unwrap_or_default().to_string_lossy())
}
