//! Owners, modes, and what the kernel lets us do.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, OFlags, access};
use rustix::process::geteuid;

use super::rules::{Facts, judge, root_number};

/// Checks that a folder is ours and closed to others, without touching it.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    let mode = own_folder(path)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("others may enter it: its mode is {mode:03o}")));
    }
    Ok(())
}

/// Checks that a plain file is ours, and that nobody else can read or write it.
pub(crate) fn check_file(path: &Path) -> io::Result<()> {
    let file = fs::symlink_metadata(path)?;
    if !file.is_file() || file.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it is not a plain file of this user"));
    }
    let mode = file.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("others may read it: its mode is {mode:03o}")));
    }
    Ok(())
}

/// Checks that a folder is ours, and closes it to others.
pub(crate) fn claim_folder(path: &Path) -> io::Result<()> {
    if own_folder(path)?.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Both the link and what it leads to have to be ours: somebody else's link could lead to any folder of ours.
fn own_folder(path: &Path) -> io::Result<Metadata> {
    let (link, folder) = (fs::symlink_metadata(path)?, fs::metadata(path)?);
    let us = geteuid().as_raw();
    if let Some(other) = [link.uid(), folder.uid()].into_iter().find(|owner| *owner != us) {
        return Err(io::Error::other(format!("it belongs to user {other}")));
    }
    if !folder.is_dir() {
        return Err(io::Error::other("not a folder"));
    }
    Ok(folder)
}

/// Opens a file that only the administrator can have written. `None` when it does not exist; an error says why it
/// cannot be believed.
pub(crate) fn open_managed(path: &Path) -> Result<Option<File>, String> {
    let wrong = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(path, error)),
        Ok(_) => {}
    }
    // Configuration management likes links, so the folder of what it leads to counts, too.
    let real = fs::canonicalize(path).map_err(|error| wrong(path, error))?;
    for folder in [path.parent(), real.parent()].into_iter().flatten() {
        let metadata = fs::metadata(folder).map_err(|error| wrong(folder, error))?;
        judge_path(folder, &metadata)?;
    }
    // Without NONBLOCK opening a pipe would wait for its other end.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file =
        OpenOptions::new().read(true).custom_flags(flags).open(&real).map_err(|error| wrong(path, error))?;
    let metadata = file.metadata().map_err(|error| wrong(path, error))?;
    if !metadata.is_file() {
        return Err(format!("{} is no plain file", path.display()));
    }
    judge_path(&real, &metadata)?;
    Ok(Some(file))
}

fn judge_path(path: &Path, metadata: &Metadata) -> Result<(), String> {
    let read = |name: &str| fs::read_to_string(PathBuf::from("/proc").join(name)).ok();
    let overflow = read("sys/kernel/overflowuid").unwrap_or_default();
    let root = root_number(read("self/uid_map").as_deref(), &overflow);
    let facts = Facts {
        owner: metadata.uid(),
        mode: metadata.mode(),
        writable: access(path, Access::WRITE_OK).is_ok(),
    };
    judge(facts, root, geteuid().as_raw()).map_err(|why| format!("{} {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::{create_private_dir, write_private};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_and_folders_are_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        create_private_dir(&deep).unwrap();
        assert_eq!((mode(&folder.path().join("a")), mode(&deep)), (0o700, 0o700));
        set_mode(&deep, 0o755);
        assert!(check_folder(&deep).is_err());
        create_private_dir(&deep).unwrap();
        check_folder(&deep).unwrap();

        let file = deep.join("file");
        fs::write(&file, "").unwrap();
        set_mode(&file, 0o644);
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        write_private(&link, b"new").unwrap();
        assert_eq!((mode(&file), fs::read(&file).unwrap().as_slice()), (0o600, b"new".as_slice()));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(create_private_dir(&file).is_err());
    }

    /// The tests may run as root or not: what is ours is root's only in the first case.
    #[test]
    fn a_policy_is_believed_if_only_root_can_write_it() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.toml");
        assert!(open_managed(&policy).unwrap().is_none());
        fs::write(&policy, "").unwrap();
        set_mode(&policy, 0o644);
        set_mode(folder.path(), 0o755);
        assert_eq!(open_managed(&policy).is_ok(), geteuid().is_root());
        set_mode(&policy, 0o664);
        assert!(open_managed(&policy).is_err());
        set_mode(&policy, 0o644);
        set_mode(folder.path(), 0o775);
        assert!(open_managed(&policy).is_err());
        set_mode(folder.path(), 0o755);
        let link = folder.path().join("link.toml");
        symlink(folder.path().join("nowhere"), &link).unwrap();
        assert!(open_managed(&link).is_err(), "a link that leads nowhere is not the same as no policy");
    }
}
