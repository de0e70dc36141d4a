//! The machine whose stores are looked at: this one, or a folder that looks like one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::files;

use crate::daemon;
use crate::os::rights;

/// Whose stores there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    Macos,
    Windows,
}

/// Asks a program something: its standard output, if it succeeded.
type Look = Box<dyn Fn(&Path, &[&str]) -> Option<String>>;

/// Every path goes through here, so that a test can stand in for a whole machine.
pub(crate) struct Place {
    pub(crate) system: System,
    /// `/`, or where the machine's image is.
    pub(crate) base: PathBuf,
    pub(crate) home: PathBuf,
    /// `%APPDATA%`.
    pub(crate) roaming: Option<PathBuf>,
    /// `$JAVA_HOME`.
    pub(crate) java_home: Option<PathBuf>,
    /// Where programs are searched, in this order.
    pub(crate) search: Vec<PathBuf>,
    pub(crate) is_root: bool,
    /// Our own folder: copies of the roots that were installed, and the journal.
    pub(crate) records: PathBuf,
    pub(crate) look: Look,
}

impl Place {
    /// This machine, this user.
    pub(crate) fn here() -> Result<Self, Failure> {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let paths = daemon::paths()?;
        let (base, system) = match std::env::consts::OS {
            "windows" => (folder("SystemRoot").unwrap_or_else(|| "C:\\Windows".into()), System::Windows),
            "macos" => (PathBuf::from("/"), System::Macos),
            _ => (PathBuf::from("/"), System::Linux),
        };
        let is_root = rights::is_root();
        // Under sudo the home may be the user's, whose folders root must not litter.
        let records = if is_root && folder("AIGW_HOME").is_none() {
            of_machine(&base, system).join("trust")
        } else {
            paths.state.join("trust")
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut search: Vec<_> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        if system != System::Windows {
            // A user's PATH often lacks them, and what is in them is run as root only.
            search.extend(["usr/sbin", "sbin", "usr/bin"].map(|folder| base.join(folder)));
        }
        Ok(Self {
            system,
            base,
            home: folder("HOME").or(paths.user_home).unwrap_or_default(),
            roaming: folder("APPDATA"),
            java_home: folder("JAVA_HOME"),
            search,
            is_root,
            records,
            look: Box::new(look),
        })
    }

    /// Makes the folder of the records. Accounts of services have theirs beside root's, and have to get there.
    pub(crate) fn make_records(&self) -> Result<(), Fault> {
        let around = of_machine(&self.base, self.system);
        if self.records.parent() == Some(&around) {
            std::fs::create_dir_all(&around).map_err(|error| {
                Fault::new(Kind::File, format!("{} cannot be made: {error}", around.display()))
            })?;
        }
        files::create_private_dir(&self.records)
    }

    /// A path of the machine.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.base.join(path.trim_start_matches('/'))
    }

    /// Where a program is.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let name = match self.system {
            System::Windows => format!("{name}.exe"),
            _ => name.to_owned(),
        };
        self.search.iter().map(|folder| folder.join(&name)).find(|file| file.is_file())
    }
}

/// Where root keeps what belongs to no user.
fn of_machine(base: &Path, system: System) -> PathBuf {
    base.join(if system == System::Macos { "Library/Application Support/aigw" } else { "var/lib/aigw" })
}

fn look(program: &Path, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The folders in a folder, in order; none if there is no such folder.
pub(super) fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}
