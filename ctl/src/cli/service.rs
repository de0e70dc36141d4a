//! `service` and what can be done with it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;

const RESTART: &str = "\
On Windows, and where launchd runs it, aigwd is stopped and started: connections wait or are refused for a moment.

Example:
  aigwctl service restart --drain forever";

/// How long what is running may go on in the old daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// As long as it likes.
    Forever,
    /// Seconds.
    Seconds(u64),
}

impl Drain {
    /// In seconds, if there is a limit.
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::Forever => None,
            Self::Seconds(seconds) => Some(seconds),
        }
    }
}

impl FromStr for Drain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "forever" => Ok(Self::Forever),
            _ => text
                .parse()
                .map(Self::Seconds)
                .map_err(|_| "neither a number of seconds nor `forever`".to_owned()),
        }
    }
}

/// `service`
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Write its files, start it now and with every login
    #[command(after_help = "Example:\n  aigwctl service install --dry-run")]
    Install {
        /// Show the steps and the files, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Run without a login, too, from the machine's start on (Linux)
        #[arg(long)]
        linger: bool,
        /// As root: a service of the machine that runs as this user, for hosts without people (Linux, macOS)
        #[arg(long, value_name = "USER", conflicts_with = "linger")]
        system: Option<String>,
    },
    /// Stop it, and take its files away
    #[command(after_help = "Example:\n  aigwctl service uninstall")]
    Uninstall {
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// As root: the service of the machine that runs as this user
        #[arg(long, value_name = "USER")]
        system: Option<String>,
    },
    /// Start it
    #[command(after_help = "Example:\n  aigwctl service start")]
    Start {
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop it, until the next login
    #[command(after_help = "Example:\n  aigwctl service stop")]
    Stop {
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Let the running aigwd hand over to a new one, which no tool notices (also without a service)
    #[command(after_help = RESTART)]
    Restart {
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// How long the old one finishes what it has begun: seconds, or `forever`
        #[arg(long, value_name = "SECONDS", default_value = "30")]
        drain: Drain,
    },
    /// The same, to another program: an aigwd of another version
    #[command(after_help = "Example:\n  aigwctl service upgrade /opt/aigw-0.2/bin/aigwd")]
    Upgrade {
        /// The program
        program: PathBuf,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// How long the old one finishes what it has begun: seconds, or `forever`
        #[arg(long, value_name = "SECONDS", default_value = "30")]
        drain: Drain,
    },
    /// Say whether it is installed and runs
    #[command(after_help = "Example:\n  aigwctl service status --json")]
    Status,
    /// Show what aigwd has written
    #[command(after_help = "Example:\n  aigwctl service logs -f")]
    Logs {
        /// Show what comes, too
        #[arg(short, long)]
        follow: bool,
        /// So many lines of what is there
        #[arg(short = 'n', long, value_name = "LINES", default_value_t = 200)]
        lines: u32,
    },
}
