//! What is said about `up` and `down`.

use std::path::PathBuf;

use crate::tools::Pays;

/// `up`
#[derive(Debug, clap::Args)]
pub struct Up {
    /// The deployment, such as coder.example.com [default: the one in the policy or the configuration]
    pub url: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Who pays for tools that are signed in to a plan of your own: without this you are asked, and `--yes` is the company
    #[arg(long, value_enum)]
    pub pays: Option<Pays>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Certificates (PEM) to trust besides the system's, for a gateway with a private CA
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print the address of the login's page instead of opening it
    #[arg(long)]
    pub no_open: bool,
    /// Read the token from stdin
    #[arg(long)]
    pub token_stdin: bool,
    /// Use the login in the environment: CODER_URL and CODER_SESSION_TOKEN, or what a template set for tools
    #[arg(long, conflicts_with = "token_stdin")]
    pub from_env: bool,
    /// The aigwd to run [default: the one beside aigwctl, then the one in PATH]
    #[arg(long, value_name = "FILE", hide = true)]
    pub aigwd: Option<PathBuf>,
}

/// `down`
#[derive(Debug, clap::Args)]
pub struct Down {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Remove aigw's own settings, CA, secret and log, too
    #[arg(long)]
    pub purge: bool,
    /// The aigwd to run, where one is needed to log out [default: the one beside aigwctl, then the one in PATH]
    #[arg(long, value_name = "FILE", hide = true)]
    pub aigwd: Option<PathBuf>,
}
