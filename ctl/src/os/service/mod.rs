//! aigwd as a service of the user: the steps that install it, take it away, start and stop it. One service manager a file, all
//! with the same functions; they only plan, and are compiled and tested on every system.

mod launchd;
mod systemd;
mod windows;

use std::path::{Path, PathBuf};

use crate::steps::Step;

/// Whose service manager it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    Systemd,
    Launchd,
    TaskScheduler,
}

/// Everything that a plan needs to know, so that a test can stand in for a whole machine.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) manager: Manager,
    /// `$XDG_CONFIG_HOME`, or the home on macOS and Windows.
    pub(crate) settings: PathBuf,
    /// The program that runs.
    pub(crate) aigwd: PathBuf,
    /// Our own folder, if `AIGW_HOME` names one.
    pub(crate) aigw_home: Option<PathBuf>,
    /// Where `aigwctl` asks.
    pub(crate) control: PathBuf,
    pub(crate) port: u16,
    /// Whether `::1` can be listened on.
    pub(crate) has_ipv6: bool,
    /// The user's number, on macOS.
    pub(crate) uid: u32,
}

/// What may be done with a service that is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Start,
    Stop,
    Restart,
}

impl Place {
    /// Writes its files, and has it started now and with every login.
    pub(crate) fn install(&self) -> Vec<Step> {
        match self.manager {
            Manager::Systemd => systemd::install(self),
            Manager::Launchd => launchd::install(self),
            Manager::TaskScheduler => windows::install(self),
        }
    }

    /// Stops it, and takes its files away.
    pub(crate) fn uninstall(&self) -> Vec<Step> {
        match self.manager {
            Manager::Systemd => systemd::uninstall(self),
            Manager::Launchd => launchd::uninstall(self),
            Manager::TaskScheduler => windows::uninstall(self),
        }
    }

    /// Has it started, stopped, or both.
    pub(crate) fn act(&self, act: Act) -> Vec<Step> {
        match self.manager {
            Manager::Systemd => systemd::act(act),
            Manager::Launchd => launchd::act(self, act),
            Manager::TaskScheduler => windows::act(act),
        }
    }

    /// The file whose presence says that it is installed.
    pub(crate) fn mark(&self) -> PathBuf {
        match self.manager {
            Manager::Systemd => systemd::unit(self),
            Manager::Launchd => launchd::plist(self),
            Manager::TaskScheduler => windows::task(self),
        }
    }
}

fn write(file: &Path, text: &str) -> Step {
    Step::Write { file: file.to_owned(), content: crate::steps::Bytes(text.into()), mode: Some(0o644) }
}
