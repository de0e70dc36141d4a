//! Where the other program is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Failure, Fault, Kind};

/// The program beside this one, else the first in the search path.
pub(crate) fn aigwd() -> Result<PathBuf, Failure> {
    let name = format!("aigwd{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().ok();
    let real = own.as_ref().and_then(|path| path.canonicalize().ok());
    let beside = [own, real].into_iter().flatten().filter_map(|path| path.parent().map(Path::to_path_buf));
    let search = std::env::var_os("PATH").unwrap_or_default();
    first_with(beside.chain(std::env::split_paths(&search)), OsStr::new(&name)).ok_or_else(|| {
        Fault::new(Kind::Impossible, format!("{name} is neither beside aigwctl nor in PATH"))
            .cure_with("install aigwd beside aigwctl")
            .into()
    })
}

/// One that the user names, so that it is found from any folder.
pub(crate) fn given(path: &Path) -> Result<PathBuf, Failure> {
    let usable = std::path::absolute(path).ok().filter(|path| path.is_file());
    usable.ok_or_else(|| {
        Fault::new(Kind::Impossible, format!("{} cannot be run: it is no file", path.display()))
            .cure_with("install aigwd beside aigwctl")
            .into()
    })
}

/// Relative folders in the search path are skipped: a program of that name may lie in any project.
fn first_with(mut folders: impl Iterator<Item = PathBuf>, name: &OsStr) -> Option<PathBuf> {
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_absolute() && path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_not_taken_from_the_working_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("it"), "").unwrap();
        let name = OsStr::new("it");
        let folders = [PathBuf::from("."), PathBuf::new(), folder.path().to_path_buf()];
        assert_eq!(first_with(folders.into_iter(), name), Some(folder.path().join("it")));
    }
}
