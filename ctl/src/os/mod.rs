//! What differs between operating systems, one concern a folder, one system a file.

pub(crate) mod rights;
pub(crate) mod spawn;
pub(crate) mod trust;

use crate::shell::Shell;

/// The shell of the person at the keyboard.
pub(crate) fn shell_in_use() -> Shell {
    let usual = if cfg!(windows) { Shell::Powershell } else { Shell::Sh };
    Shell::of(variable("SHELL").as_deref(), usual)
}

/// A variable of the environment, if it is text.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
