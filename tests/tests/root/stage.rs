//! A machine whose daemon sees mounts that nobody else sees, as root or another user, in a user namespace or not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use aigw_tests::machine::Machine;

use crate::programs::Programs;

/// The machine, and the folder of its programs and mounts.
pub struct Stage {
    pub machine: Machine,
    programs: Programs,
}

/// How the daemon is started.
#[derive(Default)]
pub struct How {
    /// As this user; root if none.
    pub user: Option<u32>,
    /// After these commands in a mount namespace; `$FOLDER` is [`Stage::folder`].
    pub mounts: &'static str,
    /// In a user namespace, made with these flags of `unshare`. Whoever is in there has another number than outside, so
    /// that `aigwctl` and this daemon do not hear each other.
    pub user_namespace: Option<&'static str>,
}

impl Stage {
    pub fn new(how: &How) -> Self {
        let programs = Programs::new();
        // The script starts itself again inside; what it then becomes keeps the process id.
        let words = format!(
            "[ \"$INSIDE\" ] || INSIDE=1 exec unshare -m --propagation private \"$0\" \"$@\"\n\
             unset INSIDE\nset -e\nFOLDER='{}'\n{}\nexec",
            programs.folder().display(),
            how.mounts
        );
        let machine = match (how.user, how.user_namespace) {
            (None, _) => programs.daemon_with(&words),
            (Some(user), None) => programs.of_user(user, &words),
            (Some(user), Some(flags)) => programs.daemon_with(&format!(
                "{words} setpriv --reuid {user} --regid {user} --clear-groups unshare -U {flags}"
            )),
        };
        if let Some(user) = how.user {
            give(machine.home(), user);
        }
        Self { machine, programs }
    }

    /// What `$FOLDER` is in [`How::mounts`].
    pub fn folder(&self) -> &Path {
        self.programs.folder()
    }
}

/// Makes a file or folder somebody's.
pub fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
}

/// Changes the mode of a file or folder.
pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
