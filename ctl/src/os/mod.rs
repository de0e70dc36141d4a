//! What differs between operating systems, one concern a folder, one system a file.

pub(crate) mod group;
pub(crate) mod rights;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod spawn;
pub(crate) mod trust;

use std::path::PathBuf;

use crate::shell::Shell;

/// The shell of the person at the keyboard.
pub(crate) fn shell_in_use() -> Shell {
    let usual = if cfg!(windows) { Shell::Powershell } else { Shell::Sh };
    Shell::of(variable("SHELL").as_deref(), usual)
}

/// The folder in which the programs of this user keep their settings.
pub(crate) fn settings_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        folder("APPDATA")
    } else if cfg!(target_os = "macos") {
        Some(folder("HOME")?.join("Library/Application Support"))
    } else {
        folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))
    }
}

/// A variable of the environment, if it is text.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
