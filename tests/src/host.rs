//! A whole host: a real systemd as process 1 in namespaces of its own, with two users who have service managers, journals
//! and the two programs. It takes half a second to boot, and everything is gone with it. Needs root, and of Debian the packages
//! systemd, dbus, libpam-systemd and iproute2.
//!
//! ```no_run
//! use aigw_tests::host::{ADA, Host};
//! let host = Host::boot("target/debug/aigwd", "target/debug/aigwctl");
//! host.log_on(ADA);
//! host.ok(ADA, "aigwctl service install");
//! host.enter(); // From here on, this thread and those that it begins connect to the host's loopback.
//! ```

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::machine::told;

/// Somebody at the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The login.
    pub name: &'static str,
    /// The number of user and group.
    pub uid: u32,
}

/// The administrator.
pub const ROOT: User = User { name: "root", uid: 0 };
/// A user with a home.
pub const ADA: User = User { name: "ada", uid: 1001 };
/// Another.
pub const BOB: User = User { name: "bob", uid: 1002 };

/// The namespaces, and what holds them.
pub struct Host {
    holder: Child,
    /// The number outside of its process 1.
    init: u32,
    _folder: TempDir,
}

impl Host {
    /// Boots it, with copies of these programs in `/opt/aigw`.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn boot(aigwd: &str, aigwctl: &str) -> Self {
        assert!(rustix::process::getuid().is_root(), "a host can be made by root only");
        let folder = tempfile::Builder::new().prefix("aigw-host").tempdir().expect("a scratch folder");
        let open = |path: &Path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
        };
        let (root, programs) = (folder.path().join("root"), folder.path().join("programs"));
        for path in [&root, &programs] {
            fs::create_dir(path).expect("a folder");
            open(path);
        }
        open(folder.path());
        for (built, name) in [(aigwd, "aigwd"), (aigwctl, "aigwctl")] {
            // By another process: one that a test starts at this moment would hold ours open, and it could not be run.
            let done = Command::new("install").args(["-m", "755", built]).arg(programs.join(name)).status();
            assert!(done.expect("install runs").success());
        }
        let script = folder.path().join("host.sh");
        fs::write(&script, include_str!("host.sh")).expect("a file");
        let log = folder.path().join("log");
        let holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "sh"])
            .args([&script, &root, &programs])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("setpriv runs");
        let mut host = Self { holder, init: 0, _folder: folder };
        let ended = |host: &mut Self| {
            if let Some(status) = host.holder.try_wait().expect("a child") {
                panic!("no host: {status}\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
        };
        host.init = eventually("process 1 is there", || {
            ended(&mut host);
            let pid = host.holder.id();
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            let child: u32 = children.trim().parse().ok()?;
            let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
            (name.trim() == "systemd").then_some(child)
        });
        eventually("the host is up", || {
            ended(&mut host);
            host.sh(ROOT, "systemctl is-active -q multi-user.target").status.success().then_some(())
        });
        host
    }

    /// Starts the user's service manager, as a login does.
    ///
    /// # Panics
    /// When it does not start.
    pub fn log_on(&self, user: User) {
        self.ok(ROOT, &format!("systemctl start user@{}", user.uid));
    }

    /// Ends it, with all its services, as the end of the last session does.
    ///
    /// # Panics
    /// When it does not end.
    pub fn log_off(&self, user: User) {
        self.ok(ROOT, &format!("systemctl stop user@{}", user.uid));
    }

    /// These words of a shell, as this user, in an environment of a login and nothing more.
    pub fn command(&self, user: User, script: &str) -> Command {
        let User { name, uid } = user;
        let home = if uid == 0 { "/root".to_owned() } else { format!("/home/{name}") };
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.init.to_string(), "-m", "-p", "-n", "-C", "-u", "-i", "--"])
            .args(["setpriv", "--reuid", &uid.to_string(), "--regid", &uid.to_string(), "--clear-groups"])
            .args(["env", "-i", "PATH=/opt/aigw:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "NO_COLOR=1"])
            .args([format!("HOME={home}"), format!("USER={name}"), format!("LOGNAME={name}")])
            .arg(format!("XDG_RUNTIME_DIR=/run/user/{uid}"))
            .args(["sh", "-c", &format!("cd; {script}")])
            .stdin(Stdio::null());
        command
    }

    /// Runs them.
    ///
    /// # Panics
    /// When there is no `nsenter`.
    pub fn sh(&self, user: User, script: &str) -> Output {
        self.command(user, script).output().expect("nsenter runs")
    }

    /// What they print. They must succeed.
    ///
    /// # Panics
    /// When they do not.
    #[track_caller]
    pub fn ok(&self, user: User, script: &str) -> String {
        let output = self.sh(user, script);
        assert!(output.status.success(), "{script}: {}", told(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// One property of a unit of this user's, or of the system's for root.
    #[track_caller]
    pub fn property(&self, user: User, unit: &str, name: &str) -> String {
        let whose = if user == ROOT { "" } else { "--user" };
        self.ok(user, &format!("systemctl {whose} show --value -p {name} {unit}"))
    }

    /// Where a file of the host is, seen from outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    /// Takes this thread, and those that it begins from now on, into the host's network.
    ///
    /// # Panics
    /// When the kernel does not let us.
    pub fn enter(&self) {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.init)).expect("its network");
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&network), Some(LinkNameSpaceType::Network))
            .expect("root may enter it");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Its process 1 goes with it, and all the others with that.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let find = format!(
            "cd \"$(findmnt -nro TARGET -t cgroup2 | head -n 1)\" && find aigw-host-{} -depth -type d -exec rmdir {{}} +",
            self.holder.id()
        );
        for _ in 0..100 {
            // The kernel needs a moment until the groups of what was killed are empty.
            let swept = Command::new("sh").args(["-c", &find]).stderr(Stdio::null()).status();
            if swept.is_ok_and(|status| status.success()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
