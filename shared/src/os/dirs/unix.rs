//! What Linux and macOS have in common: modes, and sockets whose paths are short.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::paths::SocketPlace;

/// Longest path of a socket, in bytes. The kernels end at 104 (macOS) and 108 (Linux), a closing zero included.
const SOCKET_PATH_LEN: usize = 100;

/// The socket's place: in the runtime folder, or in the first of the short folders where its path fits.
pub(crate) fn control(runtime: &Path, hash: &str, short: &[PathBuf]) -> SocketPlace {
    let fits = |folder: &PathBuf| folder.join("control.sock").as_os_str().as_bytes().len() <= SOCKET_PATH_LEN;
    let plain = runtime.to_owned();
    let elsewhere = || short.iter().map(|folder| folder.join(format!("aigw-{hash}"))).find(fits);
    let folder = Some(plain.clone()).filter(fits).or_else(elsewhere).unwrap_or_else(|| plain.clone());
    SocketPlace {
        address: folder.join("control.sock"),
        pointer: (folder != plain).then(|| plain.join("socket")),
        folder,
    }
}

/// Makes a folder and its missing parents, closed from the first moment on.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Without it a power cut may undo a rename.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::fault::Kind;
    use crate::paths::Paths;

    fn socket(variables: &[(&str, &Path)]) -> SocketPlace {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        Paths::from_environment(&lookup).unwrap().socket()
    }

    fn long(folder: &str) -> PathBuf {
        Path::new(folder).join("h".repeat(90))
    }

    #[test]
    fn a_socket_with_a_long_path_goes_to_a_short_folder() {
        let runtime = ("XDG_RUNTIME_DIR", Path::new("/run/user/1000"));
        let place = socket(&[("AIGW_HOME", Path::new("/srv/ada")), runtime]);
        assert_eq!(place.address, Path::new("/srv/ada/run/control.sock"));
        assert_eq!(place.pointer, None);

        let home = long("/a");
        let place = socket(&[("AIGW_HOME", &home), runtime]);
        assert!(place.folder.to_str().unwrap().starts_with("/run/user/1000/aigw-"), "{place:?}");
        assert_eq!(place.address, place.folder.join("control.sock"));
        assert_eq!(place.pointer, Some(home.join("run/socket")));

        let place =
            socket(&[("AIGW_HOME", &home), ("XDG_RUNTIME_DIR", Path::new("run")), ("TMPDIR", &long("/t"))]);
        assert!(place.folder.to_str().unwrap().starts_with("/tmp/aigw-"), "{place:?}");
        assert_ne!(place.address, socket(&[("AIGW_HOME", &long("/b"))]).address);
    }

    #[test]
    fn the_daemon_leaves_word_where_the_socket_is() {
        let scratch = tempfile::tempdir().unwrap();
        let home = long(scratch.path().to_str().unwrap());
        let place = socket(&[("AIGW_HOME", &home), ("TMPDIR", scratch.path())]);
        assert_eq!(place.check().unwrap_err().kind, Kind::DaemonNotRunning);
        place.prepare().unwrap();
        place.check().unwrap();
        let word = std::fs::read_to_string(home.join("run/socket")).unwrap();
        assert_eq!(Path::new(word.trim_end()), place.address);
    }
}
