//! `aigwd` and `aigwctl` as another user, or in a namespace: scripts that become them, so that a `Machine` starts them as
//! it always does. And this thread as another user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use aigw_tests::machine::Machine;
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use tempfile::TempDir;

/// A user who is neither root nor the owner.
pub const OTHER: u32 = 65534;
/// One who may own a daemon.
pub const OWNER: u32 = 12345;

/// Each of these tests needs it, and says so instead of passing without.
pub fn need_root() {
    assert!(rustix::process::getuid().is_root(), "these tests need root: run them as uid 0");
}

/// Does this as another user: a thread of its own, since on Linux each thread has an identity.
pub fn as_user<T: Send>(uid: u32, work: impl FnOnce() -> T + Send) -> T {
    let other = move || {
        set_thread_groups(&[]).unwrap();
        set_thread_gid(Gid::from_raw(uid)).unwrap();
        set_thread_uid(Uid::from_raw(uid)).unwrap();
        work()
    };
    std::thread::scope(|scope| scope.spawn(other).join().unwrap())
}

/// A folder that every user can enter, with the two programs in it, and scripts in their place.
pub struct Programs(TempDir);

impl Programs {
    /// Copies of both, since the folder they were built in may be closed to others.
    pub fn new() -> Self {
        need_root();
        let folder = tempfile::Builder::new().prefix("aigw-root").tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let programs = Self(folder);
        for (name, built) in [
            ("real-aigwd", env!("CARGO_BIN_EXE_aigwd_under_test")),
            ("real-aigwctl", env!("CARGO_BIN_EXE_aigwctl_under_test")),
        ] {
            programs.install(Path::new(built), name);
        }
        programs
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// By another process: were it written by this one, a child that another test starts at that moment would hold it
    /// open, and it could not be run.
    fn install(&self, from: &Path, name: &str) {
        let done = Command::new("install").args(["-m", "755"]).arg(from).arg(self.path(name)).status();
        assert!(done.unwrap().success());
    }

    /// A script that becomes the program: these words of a shell, which end with `exec` and leave out the program.
    fn script(&self, name: &str, words: &str) {
        let real = self.path(&format!("real-{name}"));
        let text = self.path("text");
        fs::write(&text, format!("#!/bin/sh\n{words} '{}' \"$@\"\n", real.display())).unwrap();
        self.install(&text, name);
    }

    /// A machine whose daemon begins with these words.
    pub fn daemon_with(&self, words: &str) -> Machine {
        self.script("aigwd", words);
        Machine::new(self.path("aigwd").to_str().unwrap(), self.path("real-aigwctl").to_str().unwrap())
    }

    /// A machine of this user: home and both programs are his.
    pub fn of_user(&self, uid: u32, daemon_words: &str) -> Machine {
        let become_user = format!("setpriv --reuid {uid} --regid {uid} --clear-groups");
        self.script("aigwd", &format!("{daemon_words} {become_user}"));
        self.script("aigwctl", &format!("exec {become_user}"));
        let machine =
            Machine::new(self.path("aigwd").to_str().unwrap(), self.path("aigwctl").to_str().unwrap());
        chown(machine.home(), Some(uid), Some(uid)).unwrap();
        machine
    }
}
