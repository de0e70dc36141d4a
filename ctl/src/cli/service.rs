//! `service` and what can be done with it.

use clap::Subcommand;

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
    },
    /// Stop it, and take its files away
    #[command(after_help = "Example:\n  aigwctl service uninstall")]
    Uninstall {
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
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
    /// Stop and start it; whoever connects meanwhile waits
    #[command(after_help = "Example:\n  aigwctl service restart")]
    Restart {
        /// Show the steps, and do nothing
        #[arg(long)]
        dry_run: bool,
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
    },
}
