//! aigwd as a service: the steps that install it, take it away, start and stop it. One service manager a file, all with the
//! same functions; they only plan, and are compiled everywhere and tested on each Unix.

mod launchd;
mod systemd;
// Windows would join the paths of the other systems by its own sign.
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod windows;

use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aigw_shared::fault::{Failure, Fault, Kind};

use crate::os::{rights, settings_folder};
use crate::steps::{Bytes, Step};
use crate::{daemon, program};

/// Variables that say where aigw's files are. A service manager does not know what a shell has set.
const FOLDERS: [&str; 4] = ["AIGW_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"];

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
    /// `$XDG_CONFIG_HOME`, the home on macOS, our own folder on Windows.
    pub(crate) settings: PathBuf,
    /// The program that runs.
    pub(crate) aigwd: PathBuf,
    /// Those of [`FOLDERS`] that are set.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Where `aigwctl` asks.
    pub(crate) control: PathBuf,
    pub(crate) port: u16,
    /// Whether `::1` can be listened on.
    pub(crate) has_ipv6: bool,
    /// The user's number, on Windows the SID.
    pub(crate) user: String,
}

/// A host's service for one of its users, which nobody's login starts and no login ends.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) manager: Manager,
    pub(crate) user: String,
    pub(crate) aigwd: PathBuf,
    pub(crate) port: u16,
    /// Other users of the machine have one, too.
    pub(crate) has_others: bool,
}

/// What may be done with a service that is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Start,
    Stop,
    Restart,
}

/// How it is, as the service manager says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// It is started with the next login.
    pub(crate) enabled: bool,
    /// A word of the manager's: `active`, `failed`, `running`.
    pub(crate) words: String,
    /// How often it was started again after it had failed.
    pub(crate) restarts: Option<u32>,
    /// Somebody keeps the port, and starts aigwd when a program connects.
    pub(crate) listens: bool,
}

impl Manager {
    /// That of this system.
    pub(crate) fn here() -> Self {
        match std::env::consts::OS {
            "windows" => Self::TaskScheduler,
            "macos" => Self::Launchd,
            _ => Self::Systemd,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::TaskScheduler => "Task Scheduler",
        }
    }

    /// The command that answers when this user has a manager, and fails when not.
    fn question(self) -> Option<Command> {
        let (program, words) = match self {
            Self::Systemd => {
                ("systemctl", vec!["--user".to_owned(), "show".to_owned(), "--property=Version".to_owned()])
            }
            Self::Launchd => ("/bin/launchctl", vec!["print".to_owned(), format!("gui/{}", rights::user())]),
            Self::TaskScheduler => return None,
        };
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Some(command)
    }

    /// Whether this user has one that answers.
    pub(crate) fn answers(self) -> bool {
        self.question().is_none_or(|mut question| question.status().is_ok_and(|status| status.success()))
    }

    /// That it does not.
    pub(crate) fn absent(self) -> Fault {
        Fault::new(Kind::Impossible, format!("no {} of this user answers", self.name())).cure_with(
            "log in as this user instead of by su or sudo; or start aigwd by hand: `aigwctl start`; on a host without people, \
             as root: `aigwctl service install --system USER`",
        )
    }
}

impl Place {
    /// This machine and user, with the service listening on this port. `aigwd` is the program, if it is not the usual one.
    ///
    /// # Errors
    /// When the user has no home.
    pub(crate) fn here(port: u16, aigwd: Option<&Path>) -> Result<Self, Failure> {
        let paths = daemon::paths()?;
        let manager = Manager::here();
        let settings = match manager {
            Manager::Systemd => settings_folder(),
            Manager::Launchd => paths.user_home.clone(),
            Manager::TaskScheduler => Some(paths.state.clone()),
        };
        let settings =
            settings.ok_or_else(|| Fault::new(Kind::BadConfiguration, "this user has no home folder"))?;
        let set = |name| Some((name, crate::os::variable(name).filter(|value| !value.is_empty())?));
        Ok(Self {
            manager,
            settings,
            // Who only looks has no need of it.
            aigwd: aigwd.map_or_else(|| program::aigwd().unwrap_or_default(), Path::to_owned),
            environment: FOLDERS.into_iter().filter_map(set).collect(),
            control: paths.socket().address,
            port,
            has_ipv6: TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok(),
            user: rights::user(),
        })
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.files().first().is_some_and(|(file, _)| file.is_file())
    }

    /// Its files, with what belongs into them.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        match self.manager {
            Manager::Systemd => systemd::files(self),
            Manager::Launchd => launchd::files(self),
            Manager::TaskScheduler => windows::files(self),
        }
    }

    /// What the manager makes in the user's folders by itself.
    pub(crate) fn made_by_manager(&self) -> Vec<PathBuf> {
        match self.manager {
            Manager::Systemd => systemd::links(self).to_vec(),
            Manager::Launchd | Manager::TaskScheduler => Vec::new(),
        }
    }

    /// Writes its files, and has it started now and with every login.
    pub(crate) fn install(&self) -> Vec<Step> {
        let then = match self.manager {
            Manager::Systemd => systemd::install(),
            Manager::Launchd => launchd::install(self),
            Manager::TaskScheduler => windows::install(self),
        };
        self.files().iter().map(|(file, text)| write(file, text)).chain(then).collect()
    }

    /// Stops it, and takes its files away; of a manager that does not answer, only its files.
    pub(crate) fn uninstall(&self, answers: bool) -> Vec<Step> {
        let (first, then) = match self.manager {
            Manager::Systemd => systemd::uninstall(self, answers),
            Manager::Launchd => launchd::uninstall(self),
            Manager::TaskScheduler => windows::uninstall(self),
        };
        let removed = self.files().into_iter().map(|(file, _)| Step::Remove { file });
        first.into_iter().chain(removed).chain(then).collect()
    }

    /// Has it started, stopped, or both.
    pub(crate) fn act(&self, act: Act) -> Vec<Step> {
        match self.manager {
            Manager::Systemd => systemd::act(act),
            Manager::Launchd => launchd::act(self, act),
            Manager::TaskScheduler => windows::act(self, act),
        }
    }

    /// Has the user's services run without a login, too; or no more.
    ///
    /// # Errors
    /// Where there is no such thing.
    pub(crate) fn linger(&self, on: bool) -> Result<Step, Failure> {
        match self.manager {
            Manager::Systemd => Ok(systemd::linger(&self.user, on)),
            Manager::Launchd | Manager::TaskScheduler => {
                Err(Fault::new(Kind::Impossible, "services of a user run while that user is logged in, here")
                    .cure_with("leave out --linger; without a login: `aigwctl service install --system USER`")
                    .into())
            }
        }
    }

    /// Whether the user's services run without a login.
    pub(crate) fn lingers(&self) -> bool {
        let user = crate::os::variable("USER").unwrap_or_default();
        self.manager == Manager::Systemd
            && !user.is_empty()
            && Path::new("/var/lib/systemd/linger").join(user).exists()
    }

    /// The question for [`State`], as program and words.
    fn question(&self) -> (&'static str, Vec<String>) {
        match self.manager {
            Manager::Systemd => systemd::question(),
            Manager::Launchd => launchd::question(self),
            Manager::TaskScheduler => windows::question(self),
        }
    }

    /// How it is. Asking does not start it.
    pub(crate) fn state(&self) -> State {
        let (program, words) = self.question();
        let output = Command::new(program).args(words).stdin(Stdio::null()).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            return State::default();
        };
        let said = String::from_utf8_lossy(&output.stdout);
        match self.manager {
            Manager::Systemd => systemd::read(&said),
            Manager::Launchd => launchd::read(&said),
            Manager::TaskScheduler => windows::read(),
        }
    }

    /// The program that shows the last lines that aigwd has written: of the journal, if the service is there and has one; else
    /// of the log.
    pub(crate) fn logs(&self, journal: bool, follow: bool, lines: u32, log: &Path) -> Vec<String> {
        let log = log.display().to_string();
        let lines = lines.to_string();
        let words: &[&str] = match (self.manager, journal, follow) {
            (Manager::Systemd, true, true) => {
                &["journalctl", "--user", "--no-pager", "-u", "aigwd.service", "-n", &lines, "-f"]
            }
            (Manager::Systemd, true, false) => {
                &["journalctl", "--user", "--no-pager", "-u", "aigwd.service", "-n", &lines]
            }
            (Manager::TaskScheduler, _, _) => {
                let wait = if follow { " -Wait" } else { "" };
                let log = log.replace('\'', "''");
                let show = format!("Get-Content -Tail {lines}{wait} -LiteralPath '{log}'");
                return ["powershell", "-NoProfile", "-Command", &show].map(str::to_owned).to_vec();
            }
            // By name: the file is replaced when it has become large.
            (_, _, true) => &["tail", "-n", &lines, "-F", &log],
            (_, _, false) => &["tail", "-n", &lines, &log],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

impl Host {
    /// That of this machine.
    pub(crate) fn here(user: &str, aigwd: PathBuf, port: u16) -> Self {
        Self {
            manager: Manager::here(),
            user: user.to_owned(),
            aigwd,
            port,
            has_others: systemd::has_others(user),
        }
    }

    /// Writes its files, and has it started now and with the machine.
    ///
    /// # Errors
    /// Where there is no such thing.
    pub(crate) fn install(&self) -> Result<Vec<Step>, Failure> {
        match self.manager {
            Manager::Systemd => Ok(systemd::host_install(self)),
            Manager::Launchd => Ok(launchd::host_install(self)),
            Manager::TaskScheduler => Err(no_host()),
        }
    }

    /// Takes it away. What it keeps for its user stays.
    ///
    /// # Errors
    /// Where there is no such thing.
    pub(crate) fn uninstall(&self) -> Result<Vec<Step>, Failure> {
        match self.manager {
            Manager::Systemd => Ok(systemd::host_uninstall(self)),
            Manager::Launchd => Ok(launchd::host_uninstall(self)),
            Manager::TaskScheduler => Err(no_host()),
        }
    }

    /// Its settings and state: `AIGW_HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        let all = match self.manager {
            Manager::Launchd => "/Library/Application Support/aigw",
            Manager::Systemd | Manager::TaskScheduler => "/var/lib/aigw",
        };
        Path::new(all).join(&self.user)
    }
}

fn no_host() -> Failure {
    Fault::new(
        Kind::Impossible,
        "a service of the machine has neither a user's credential store nor the pipe of a user's session",
    )
    .cure_with("log in as that user, and run `aigwctl service install`")
    .into()
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
    Step::Write { file: file.to_owned(), content: Bytes(text.into()), mode: Some(0o644) }
}
