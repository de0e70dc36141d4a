//! Commands and flags. Every command shows an example in its `--help`.

mod ca;
mod course;
mod gateways;
mod service;

use std::ffi::OsString;
use std::path::PathBuf;

use aigw_shared::config::LogLevel;
use clap::{Parser, Subcommand};

pub use self::ca::{Ca, CaInstall, CaUninstall};
pub use self::course::{Down, Up};
pub use self::gateways::{Byok, Gateway, GatewayAdd, Login};
pub use self::service::{Drain, Service};
pub use crate::commands::bug_report::Arguments as BugReport;
pub use crate::commands::doctor::Arguments as Doctor;
pub use crate::os::trust::Family;
use crate::shell::Shell;
pub use crate::tools::{Mode, Pays};

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  failed
   2  a command line that makes no sense
  64  bad configuration
  69  the daemon is not running
  70  this tool or this system cannot do it
  75  the gateway cannot be reached
  76  aigwctl and aigwd have no protocol version in common
  77  not logged in, refused, or forbidden by policy
 126, 127 and those of the command itself: see `aigwctl run --help`

Example:
  aigwctl start
  aigwctl login https://coder.example.com
  eval \"$(aigwctl env)\"";

/// Talks to aigwd, which holds your login and forwards your AI tools to the company's gateway.
#[derive(Debug, Parser)]
#[command(name = "aigwctl", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do; without it, the state and the next step are shown.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything at once: start aigwd, log in, set up the tools that are here, and look whether all is well
    #[command(after_help = "Examples:\n  \
        aigwctl up https://coder.example.com\n  \
        aigwctl up https://coder.example.com --token-stdin --yes < token\n\n\
        What is done already is left as it is, so that running it again goes on where it stopped.")]
    Up(Up),
    /// The reverse of `up`: tools as they were, trust and login gone, aigwd stopped
    #[command(after_help = "Examples:\n  aigwctl down --dry-run\n  aigwctl down --purge")]
    Down(Down),
    /// Let tools go to their vendors' own hosts for a while
    #[command(after_help = "Example:\n  aigwctl pause && claude; aigwctl resume")]
    Pause,
    /// End a pause: the tools that were set up come to aigwd again
    #[command(after_help = "Example:\n  aigwctl resume")]
    Resume,
    /// Give aigwd a token (or provider keys) for a gateway
    #[command(after_help = "Examples:\n  \
        aigwctl login https://coder.example.com\n  \
        aigwctl login --token-stdin coder.example.com < token\n  \
        aigwctl login --from-env                                  in a Coder workspace\n  \
        printf 'openai=%s\\n' \"$KEY\" | aigwctl login --name lab --token-stdin")]
    Login(Login),
    /// Make aigwd forget the token of a gateway
    #[command(after_help = "Example:\n  aigwctl logout")]
    Logout {
        /// The gateway's name in the configuration [default: the default one]
        name: Option<String>,
    },
    /// Show the daemon, the gateways and what is wrong
    #[command(after_help = "Example:\n  aigwctl status --json | jq .gateways[0].user")]
    Status,
    /// Look at everything that a tool needs, and say what mends what is wrong
    #[command(after_help = "Examples:\n  \
        aigwctl doctor\n  \
        aigwctl doctor --fix\n  \
        aigwctl doctor --tool claude-code                         prove it: nothing of it reaches a gateway")]
    Doctor(Doctor),
    /// Write what is known of this installation into one file, without secrets and names, to send to whoever mends aigw
    #[command(after_help = "Example:\n  aigwctl bug-report --output report.json")]
    BugReport(BugReport),
    /// Print the variables that point a tool at aigwd
    #[command(after_help = "Examples:\n  \
        eval \"$(aigwctl env)\"                                     sh, bash, zsh\n  \
        aigwctl env | source                                      fish\n  \
        aigwctl env | Out-String | Invoke-Expression              PowerShell\n\n\
        These lines hold a local key. It opens aigwd on this machine and nothing else.")]
    Env(Env),
    /// Run a command with everything set for it alone
    #[command(after_help = "Examples:\n  \
        aigwctl run -- claude -p 'say hi'\n  \
        aigwctl run --mode proxy -- copilot\n\n\
        Its local key is valid while it runs. The exit code is the command's own, 128 and the signal's number if a signal \n\
        ended it, 127 if there is no such command, 126 if it cannot be run.")]
    Run(Run),
    /// Point AI tools at aigwd, in their own settings files
    #[command(after_help = "Examples:\n  \
        aigwctl setup                                             what is here, and what each would get\n  \
        aigwctl setup claude-code codex\n  \
        aigwctl setup claude-code --mode proxy --pays own\n  \
        aigwctl setup --detected --dry-run\n\n\
        Only the keys that are named are changed. `aigwctl undo` puts back what was there, byte for byte.")]
    Setup(Setup),
    /// Put the settings of AI tools back as they were before `setup`
    #[command(after_help = "Examples:\n  \
        aigwctl undo codex\n  \
        aigwctl undo --all --dry-run\n\n\
        What somebody has changed since stays as it is.")]
    Undo(Undo),
    /// List, revoke or derive local keys
    #[command(after_help = "Example:\n  aigwctl keys")]
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        action: Option<Keys>,
    },
    /// List, add, choose, show or remove gateways
    #[command(after_help = "Examples:\n  \
        aigwctl gateway list\n  \
        aigwctl gateway add work https://coder.example.com && aigwctl login --name work\n  \
        aigwctl gateway use work")]
    Gateway {
        /// What to do with them.
        #[command(subcommand)]
        action: Option<Gateway>,
    },
    /// Use your own key for a provider, through the gateway
    #[command(after_help = "Examples:\n  \
        aigwctl byok set anthropic\n  \
        printf %s \"$KEY\" | aigwctl byok set openai --stdin\n  \
        aigwctl byok unset anthropic")]
    Byok {
        /// What to do with them.
        #[command(subcommand)]
        action: Option<Byok>,
        /// The gateway's name in the configuration [default: the default one]
        #[arg(long, value_name = "NAME", global = true)]
        gateway: Option<String>,
    },
    /// List your recent sessions at the gateway
    #[command(after_help = "Example:\n  aigwctl sessions --limit 5")]
    Sessions {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Show the last prompt of each, too
        #[arg(long)]
        prompts: bool,
        /// The gateway's name in the configuration [default: the default one]
        #[arg(long, value_name = "NAME")]
        gateway: Option<String>,
    },
    /// List the models that the gateway's providers offer
    #[command(after_help = "Example:\n  aigwctl models")]
    Models {
        /// The gateway's name in the configuration [default: the default one]
        #[arg(long, value_name = "NAME")]
        gateway: Option<String>,
    },
    /// Show the settings in force and where each comes from
    #[command(after_help = "Example:\n  aigwctl config show")]
    Config {
        /// What to do with them.
        #[command(subcommand)]
        action: Config,
    },
    /// Show, renew or explain this machine's CA, with which the proxy opens TLS
    #[command(after_help = "Example:\n  aigwctl ca status")]
    Ca {
        /// What to do with it.
        #[command(subcommand)]
        action: Option<Ca>,
    },
    /// Say what would happen to a request, and why
    #[command(after_help = "Examples:\n  \
        aigwctl explain https://api.anthropic.com/v1/messages\n  \
        aigwctl explain https://chatgpt.com/backend-api/me --method GET\n  \
        aigwctl explain registry.npmjs.org:443")]
    Explain(Explain),
    /// Start aigwd in the background, where no service does it
    #[command(after_help = "Example:\n  aigwctl start")]
    Start {
        /// The aigwd to run [default: the one beside aigwctl, then the one in PATH]
        #[arg(long, value_name = "FILE", hide = true)]
        aigwd: Option<PathBuf>,
    },
    /// Let aigwd finish what it is doing, and end it
    #[command(after_help = "Example:\n  aigwctl stop")]
    Stop,
    /// Have aigwd run whenever you are logged in
    #[command(after_help = "Examples:\n  \
        aigwctl service install --dry-run\n  \
        aigwctl service install\n  \
        aigwctl service logs -f")]
    Service {
        /// What to do with it.
        #[command(subcommand)]
        action: Service,
    },
    /// Make aigwd read its configuration again
    #[command(after_help = "Example:\n  aigwctl reload")]
    Reload,
    /// Have aigwd log more or less, until it reads its configuration again
    #[command(after_help = "Example:\n  aigwctl log-level debug")]
    LogLevel {
        /// From which level on
        #[arg(value_parser = LogLevel::ALL.iter().map(|level| level.word()).collect::<Vec<_>>())]
        level: String,
    },
    /// Show the versions of both programs and their protocols
    #[command(after_help = "Example:\n  aigwctl version")]
    Version,
    /// Print a completion script
    #[command(
        after_help = "Example:\n  aigwctl completions bash > ~/.local/share/bash-completion/completions/aigwctl"
    )]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  aigwctl man | man -l -")]
    Man {
        /// Write a page for each command into this folder, as packages have them
        #[arg(long, value_name = "FOLDER", hide = true)]
        out: Option<PathBuf>,
    },
}

/// `env`
#[derive(Debug, clap::Args)]
pub struct Env {
    /// For which shell [default: from $SHELL; PowerShell on Windows]
    #[arg(long)]
    pub shell: Option<Shell>,
    /// Name of the local key; made if it is new [default: env, or env-GATEWAY]
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// Bind the key to this gateway, so that its requests go there whatever the default is
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<String>,
    /// Also what this tool needs besides
    #[arg(long, value_name = "TOOL")]
    pub tool: Option<String>,
    /// The model for a tool that has to be given one [default: the tool's own variable, then one that the gateway offers]
    #[arg(long, value_name = "NAME", requires = "tool")]
    pub model: Option<String>,
    /// Proxy variables instead of base URLs
    #[arg(long)]
    pub proxy: bool,
    /// Print the lines that take the variables away again
    #[arg(long)]
    pub unset: bool,
}

/// `run`
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Which tool it is, for what this one needs besides [default: the one whose program it is]
    #[arg(long, value_name = "TOOL")]
    pub tool: Option<String>,
    /// What leads the command to aigwd: base URLs, or a proxy for what has none [default: what the tool is best served by]
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// The model for a tool that has to be given one [default: the tool's own variable, then one that the gateway offers]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Bind the key to this gateway, so that its requests go there whatever the default is
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<String>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `setup`
#[derive(Debug, Default, clap::Args)]
pub struct Setup {
    /// Which tools
    #[arg(value_name = "TOOL")]
    pub tools: Vec<String>,
    /// All that are found here
    #[arg(long, conflicts_with = "tools")]
    pub detected: bool,
    /// Through which door, where a tool can use both [default: the one it is best served by]
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Who pays for what the tool asks, where a plan of your own can: without this you are asked once, and `--yes` is the
    /// company
    #[arg(long, value_enum)]
    pub pays: Option<Pays>,
    /// Tell the tool of this model alone, which the deployment need not list; again for more
    #[arg(long = "model", value_name = "NAME")]
    pub models: Vec<String>,
    /// Put the variables of a tool that has no file of its own into what your shell reads at its start
    #[arg(long)]
    pub shell_rc: bool,
    /// Show what would change, as a unified diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print what belongs into each file, for whoever keeps these files elsewhere; write none of them. Also `coder-template`
    /// and `devcontainer`
    #[arg(long, requires = "tools", conflicts_with_all = ["dry_run", "yes", "detected"])]
    pub print: bool,
    /// Proxy variables for the whole desktop session, where a service starts aigwd on demand
    #[arg(long, conflicts_with_all = ["print", "detected"])]
    pub session_wide: bool,
}

/// `undo`
#[derive(Debug, Default, clap::Args)]
pub struct Undo {
    /// Which tools
    #[arg(value_name = "TOOL")]
    pub tools: Vec<String>,
    /// All that were set up
    #[arg(long, conflicts_with = "tools")]
    pub all: bool,
    /// Show what would change, as a unified diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `explain`
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// Where the request would go; HOST:PORT for a tunnel
    pub url: String,
    /// Its method
    #[arg(long, default_value = "POST")]
    pub method: String,
    /// A field that it would have, such as 'Origin: null'
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The gateway that its key is bound to
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<String>,
}

/// `keys`
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List the local keys
    #[command(after_help = "Example:\n  aigwctl keys list --json")]
    List,
    /// Make every key of this name invalid
    #[command(after_help = "Example:\n  aigwctl keys revoke claude-code")]
    Revoke {
        /// The key's name
        name: String,
    },
    /// Compute a key from a machine secret, without a daemon
    #[command(after_help = "Example:\n  aigwctl keys derive ci:2 --secret-file /run/secrets/aigw")]
    Derive {
        /// The key's name and, after a colon, its generation
        #[arg(value_name = "NAME[:GENERATION]")]
        spec: String,
        /// The machine secret: at least 32 bytes, as they are or in base64
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
    },
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Show the settings in force and where each comes from
    #[command(after_help = "Example:\n  aigwctl config show")]
    Show,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_help_has_an_example_and_the_first_one_the_exit_codes() {
        let mut top = Cli::command();
        top.build();
        let help = top.render_long_help().to_string();
        for code in ["0", "1", "2", "64", "69", "70", "75", "76", "77"] {
            assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}");
        }
        check(&top);
    }

    fn check(command: &clap::Command) {
        let help = command.clone().render_help().to_string();
        assert!(help.contains("Example"), "{} has no example", command.get_name());
        command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(check);
    }
}
