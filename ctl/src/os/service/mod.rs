//! aigwd as a service of the user: the steps that install it, take it away, start and stop it. One service manager a file, all
//! with the same functions; they only plan, and are compiled and tested on every system.

mod launchd;
mod systemd;
mod windows;

use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use aigw_shared::fault::{Failure, Fault, Kind};

use crate::os::{rights, settings_folder};
use crate::steps::Step;
use crate::{daemon, program};

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
    /// This machine and user, with the service listening on this port.
    ///
    /// # Errors
    /// When aigwd is not found, or the user has no home.
    pub(crate) fn here(port: u16) -> Result<Self, Failure> {
        let paths = daemon::paths()?;
        let manager = match std::env::consts::OS {
            "windows" => Manager::TaskScheduler,
            "macos" => Manager::Launchd,
            _ => Manager::Systemd,
        };
        let settings = match manager {
            Manager::Systemd => settings_folder(),
            Manager::Launchd => paths.user_home.clone(),
            Manager::TaskScheduler => Some(paths.state.clone()),
        };
        let settings =
            settings.ok_or_else(|| Fault::new(Kind::BadConfiguration, "this user has no home folder"))?;
        Ok(Self {
            manager,
            settings,
            aigwd: program::aigwd()?,
            aigw_home: std::env::var_os("AIGW_HOME").filter(|home| !home.is_empty()).map(PathBuf::from),
            control: paths.socket().address,
            port,
            has_ipv6: TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok(),
            uid: rights::user(),
        })
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.mark().is_file()
    }

    /// Has the user's services run without a login, too.
    ///
    /// # Errors
    /// Where there is no such thing.
    pub(crate) fn linger(&self) -> Result<Step, Failure> {
        match self.manager {
            Manager::Systemd => Ok(Step::run(Path::new("loginctl"), &["enable-linger"])),
            Manager::Launchd | Manager::TaskScheduler => {
                Err(Fault::new(Kind::Impossible, "services of a user run while that user is logged in, here")
                    .cure_with("leave out --linger")
                    .into())
            }
        }
    }

    /// The program that shows what aigwd has written: the system's journal, or the end of the log.
    pub(crate) fn logs(&self, follow: bool, log: &Path) -> Command {
        let (program, mut words): (&str, Vec<String>) = match self.manager {
            Manager::Systemd => {
                ("journalctl", ["--user", "-u", "aigwd.service", "-n", "200"].map(str::to_owned).to_vec())
            }
            Manager::Launchd => ("tail", vec!["-n".into(), "200".into(), log.display().to_string()]),
            Manager::TaskScheduler => {
                let wait = if follow { " -Wait" } else { "" };
                let show = format!("Get-Content -Tail 200{wait} -LiteralPath $args[0]");
                ("powershell", vec!["-NoProfile".into(), "-Command".into(), show, log.display().to_string()])
            }
        };
        if follow && self.manager != Manager::TaskScheduler {
            words.insert(0, "-f".to_owned());
        }
        let mut command = Command::new(program);
        command.args(words);
        command
    }

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
    fn mark(&self) -> PathBuf {
        match self.manager {
            Manager::Systemd => systemd::unit(self),
            Manager::Launchd => launchd::plist(self),
            Manager::TaskScheduler => windows::task(self),
        }
    }
}

/// A step in words, with the text of a file that is written.
pub(crate) fn words(step: &Step) -> String {
    match step {
        Step::Write { content, .. } => {
            format!("{}\n{}", step.words(), String::from_utf8_lossy(&content.0).trim_end())
        }
        _ => step.words(),
    }
}

fn write(file: &Path, text: &str) -> Step {
    Step::Write { file: file.to_owned(), content: crate::steps::Bytes(text.into()), mode: Some(0o644) }
}
