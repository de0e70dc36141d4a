//! Whose machine it is: where tools' files are on this system, and which tools are here.

use std::path::{Path, PathBuf};

use super::packaged::{self, Home, Package};
use super::{Settings, Tool};

/// Where a user's tools are looked for.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) home: PathBuf,
    pub(crate) system: System,
    pub(crate) path: Vec<PathBuf>,
    /// Whether this is Linux inside Windows.
    pub(crate) in_wsl: bool,
    /// Where the tool that is looked at has its files, if it was installed in a way that moves them.
    pub(crate) own_home: Option<Home>,
    /// Variables that move a tool's files.
    pub(crate) variable: fn(&str) -> Option<PathBuf>,
    /// What the user's shell reads at its start, if a tool that takes variables alone is to have them there.
    pub(crate) shell_file: Option<PathBuf>,
}

/// Systems that have places of their own for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    MacOs,
    Windows,
}

impl System {
    fn here() -> Self {
        match std::env::consts::OS {
            "macos" => Self::MacOs,
            "windows" => Self::Windows,
            _ => Self::Linux,
        }
    }
}

/// Where a file may be, below the user's home. Of several, the one that is there counts, then the one whose folder is, then
/// the first.
pub(crate) struct Places {
    pub(crate) linux: &'static [&'static str],
    pub(crate) macos: &'static [&'static str],
    pub(crate) windows: &'static [&'static str],
}

impl Places {
    /// The same on all systems.
    pub(crate) const fn everywhere(files: &'static [&'static str]) -> Self {
        Self { linux: files, macos: files, windows: files }
    }

    fn on(&self, system: System) -> &'static [&'static str] {
        match system {
            System::Linux => self.linux,
            System::MacOs => self.macos,
            System::Windows => self.windows,
        }
    }
}

/// The home and the programs of whoever is here.
pub(crate) fn desk(home: &Path) -> Desk {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Desk {
        home: home.to_owned(),
        system: System::here(),
        path: std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect(),
        in_wsl: packaged::is_wsl(
            &std::fs::read_to_string("/proc/version").unwrap_or_default(),
            std::env::var("WSL_DISTRO_NAME").ok().as_deref(),
        ),
        own_home: None,
        variable: |name| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute()),
        shell_file: None,
    }
}

/// What this shell, by its path, reads at its start, below the home.
pub(crate) fn shell_file(shell: &str) -> Option<&'static str> {
    let files = [
        ("bash", ".bashrc"),
        ("zsh", ".zshrc"),
        ("fish", ".config/fish/config.fish"),
        ("sh", ".profile"),
        ("dash", ".profile"),
        ("ksh", ".profile"),
    ];
    let name = shell.rsplit('/').next()?;
    files.iter().find(|(known, _)| *known == name).map(|(_, file)| *file)
}

impl Desk {
    /// A file below the home, or in the folder that the first of these variables names which is set.
    pub(super) fn at(&self, file: &str, moved: &[(&str, &str)]) -> PathBuf {
        if let Some(there) = self.own_home.as_ref().and_then(|home| home.at(file)) {
            return there;
        }
        let moved = moved.iter().find_map(|(variable, folder)| {
            let below = file.strip_prefix(folder)?.strip_prefix('/')?;
            Some((self.variable)(variable)?.join(below))
        });
        moved.unwrap_or_else(|| self.home.join(file))
    }
}

impl Tool {
    /// What shows that it is here.
    pub(crate) fn found(&self, desk: &Desk) -> Option<PathBuf> {
        let folder = |name: &&str| Some(desk.home.join(name)).filter(|folder| folder.is_dir());
        self.program(desk).or_else(|| self.folders.iter().find_map(folder)).or_else(|| desk.flatpak(self.id))
    }

    /// Its program. One of Windows has its files there.
    pub(crate) fn program(&self, desk: &Desk) -> Option<PathBuf> {
        let is_program = |file: &PathBuf| {
            let foreign = packaged::package(file, desk.in_wsl) == Some(Package::Windows);
            let here = || ["exe", "cmd"].iter().any(|ending| file.with_extension(ending).is_file());
            !foreign && (file.is_file() || here())
        };
        let program = |name: &&str| desk.path.iter().map(|folder| folder.join(name)).find(is_program);
        self.programs.iter().find_map(program)
    }
}

impl Settings {
    /// Where it is.
    pub(crate) fn place(&self, desk: &Desk) -> PathBuf {
        let all: Vec<_> = self.places.on(desk.system).iter().map(|file| desk.at(file, self.moved)).collect();
        let is_there = |file: &&PathBuf| file.symlink_metadata().is_ok();
        let has_folder = |file: &&PathBuf| file.parent().is_some_and(Path::is_dir);
        let chosen = all.iter().find(is_there).or_else(|| all.iter().find(has_folder)).or(all.first());
        // A tool that has no file on this system gets none, as its row says.
        chosen.cloned().unwrap_or_default()
    }

    /// This one, or the older one that is in its place.
    pub(super) fn in_use(&'static self, desk: &Desk) -> &'static Self {
        let is_there = |settings: &Self| settings.place(desk).symlink_metadata().is_ok();
        self.older.filter(|older| is_there(older) && !is_there(self)).unwrap_or(self)
    }
}
