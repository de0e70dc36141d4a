//! Commands and flags. Every command shows an example in its `--help`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use crate::os::trust::Family;
use crate::shell::Shell;

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
    /// Make aigwd read its configuration again
    #[command(after_help = "Example:\n  aigwctl reload")]
    Reload,
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
    Man,
}

/// `login`
#[derive(Debug, clap::Args)]
pub struct Login {
    /// The deployment, such as coder.example.com [default: the one in the configuration]
    pub url: Option<String>,
    /// The gateway's name in the configuration
    #[arg(long)]
    pub name: Option<String>,
    /// Certificates (PEM) to trust besides the system's, for a gateway with a private CA
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print the address of the page instead of opening it
    #[arg(long)]
    pub no_open: bool,
    /// Copy a token from the deployment's page instead of allowing aigw in the browser
    #[arg(long, conflicts_with = "token_stdin")]
    pub paste: bool,
    /// Where to keep it: file (mode 0600), keyring (the system's), or memory (until aigwd ends) [default: where the last one
    /// was kept, then the setting login.store]
    #[arg(long, value_name = "PLACE", value_parser = ["file", "keyring", "memory"], hide_possible_values = true)]
    pub store: Option<String>,
    /// Read the token from stdin; for a gateway that takes keys, lines PROVIDER=KEY
    #[arg(long)]
    pub token_stdin: bool,
    /// Use the login in the environment: CODER_URL and CODER_SESSION_TOKEN, or what a template set for tools
    #[arg(long, conflicts_with = "token_stdin")]
    pub from_env: bool,
    /// Use the login of the Coder CLI, and no other way
    #[arg(long, conflicts_with_all = ["token_stdin", "from_env"])]
    pub from_coder_cli: bool,
    /// Do not look for a login of the Coder CLI
    #[arg(long, conflicts_with = "from_coder_cli")]
    pub no_import: bool,
    /// Replace this machine's token now; the old one is deleted when its last request has ended
    #[arg(long, conflicts_with_all = ["url", "ca_file", "no_open", "paste", "token_stdin", "from_env", "from_coder_cli", "no_import"])]
    pub renew: bool,
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
    /// What leads the command to aigwd: base URLs, or a proxy for what has none
    #[arg(long, value_enum, default_value_t = RunMode::BaseUrl)]
    pub mode: RunMode,
    /// Bind the key to this gateway, so that its requests go there whatever the default is
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<String>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// What `run` sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RunMode {
    /// Base URLs.
    BaseUrl,
    /// The proxy's variables.
    Proxy,
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

/// `gateway`
#[derive(Debug, Subcommand)]
pub enum Gateway {
    /// List them
    #[command(after_help = "Example:\n  aigwctl gateway list --json")]
    List,
    /// Add one, or change what is said about it
    #[command(after_help = "Examples:\n  \
        aigwctl gateway add work https://coder.example.com --ca-file /etc/ssl/company.pem\n  \
        aigwctl gateway add lab --kind generic --provider openai=https://litellm.example.com/v1\n  \
        aigwctl gateway add far https://coder.example.com --header-command 'get-access-headers coder'")]
    Add(Box<GatewayAdd>),
    /// Make it the one for requests that name none
    #[command(after_help = "Example:\n  aigwctl gateway use work")]
    Use {
        /// Its name
        name: String,
    },
    /// Log out of it, have the deployment forget this machine's token, and forget the gateway
    #[command(after_help = "Example:\n  aigwctl gateway remove work")]
    Remove {
        /// Its name
        name: String,
    },
    /// Show one: its state, and what is set about it
    #[command(after_help = "Example:\n  aigwctl gateway show work")]
    Show {
        /// Its name [default: the default one]
        name: Option<String>,
    },
}

/// `gateway add`
#[derive(Debug, clap::Args)]
pub struct GatewayAdd {
    /// Its name: lower-case letters, digits and hyphens
    pub name: String,
    /// Its address, such as coder.example.com
    pub url: Option<String>,
    /// coder, coder-standalone or generic
    #[arg(long)]
    pub kind: Option<String>,
    /// The deployment that logs in for a stand-alone gateway
    #[arg(long, value_name = "URL")]
    pub coder_url: Option<String>,
    /// The base URL of a provider of a generic gateway; may be repeated
    #[arg(long = "provider", value_name = "NAME=URL")]
    pub providers: Vec<String>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// A field for every request to it; may be repeated. Others may read it here: see --header-command
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<String>,
    /// A command that prints such fields, one NAME=VALUE a line, as CODER_HEADER_COMMAND does
    #[arg(long, value_name = "COMMAND")]
    pub header_command: Option<String>,
    /// The certificate (PEM) that this machine shows
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
}

/// `byok`
#[derive(Debug, Subcommand)]
pub enum Byok {
    /// List the providers that have one
    #[command(after_help = "Example:\n  aigwctl byok list --json")]
    List,
    /// Try a key with the gateway, keep it with the login, and use it from the next request on
    #[command(after_help = "Example:\n  aigwctl byok set anthropic")]
    Set {
        /// The provider's name at the gateway
        provider: String,
        /// Read the key from stdin
        #[arg(long)]
        stdin: bool,
    },
    /// Forget it: the deployment's key pays again
    #[command(after_help = "Example:\n  aigwctl byok unset anthropic")]
    Unset {
        /// The provider's name at the gateway
        provider: String,
    },
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Show the settings in force and where each comes from
    #[command(after_help = "Example:\n  aigwctl config show")]
    Show,
}

/// `ca`
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Show what this machine's CA can sign, where it is kept and which stores trust it
    #[command(after_help = "Example:\n  aigwctl ca status --json | jq -r .root_cert")]
    Status,
    /// Make the trust stores of this machine and user trust it
    #[command(after_help = "Examples:\n  \
        aigwctl ca install --dry-run\n  \
        aigwctl ca install\n  \
        aigwctl ca install --store java --java auto")]
    Install(CaInstall),
    /// Take it, and earlier ones, out of every trust store
    #[command(after_help = "Example:\n  aigwctl ca uninstall")]
    Uninstall(CaUninstall),
    /// Show its certificates in full
    #[command(after_help = "Example:\n  aigwctl ca show")]
    Show,
    /// Print the root certificate (PEM), for a trust store that aigwctl does not know
    #[command(after_help = "Example:\n  aigwctl ca export --out aigw-root.pem")]
    Export {
        /// Write it there instead of to stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a new CA beside the old one; later, let it take over
    #[command(
        after_help = "Example:\n  aigwctl ca rotate\n  aigwctl ca install\n  aigwctl ca rotate --finish"
    )]
    Rotate {
        /// The new one is trusted: let it take over, and forget the old one
        #[arg(long)]
        finish: bool,
    },
    /// Print a request (PKCS #10) for a company's own CA to sign; the key stays here
    #[command(after_help = "Example:\n  aigwctl ca request > csr.pem")]
    Request,
    /// Use what the company's CA has signed
    #[command(after_help = "Example:\n  aigwctl ca import chain.pem")]
    Import {
        /// The signed certificate and those of its signers, in this order (PEM)
        #[arg(value_name = "FILE")]
        chain: PathBuf,
    },
    /// Say on one page what this CA can and cannot do, for a security team
    #[command(after_help = "Example:\n  aigwctl ca explain")]
    Explain,
}

/// `ca install`
#[derive(Debug, clap::Args)]
pub struct CaInstall {
    /// Only stores of this kind; may be repeated [default: all]
    #[arg(long, value_name = "KIND")]
    pub store: Vec<Family>,
    /// Also this Java keystore, or `auto` for those of the JDKs here; may be repeated
    #[arg(long, value_name = "KEYSTORE|auto")]
    pub java: Vec<String>,
    /// macOS: the keychain of the machine too, not only the user's
    #[arg(long)]
    pub system: bool,
    /// The root certificate (PEM), instead of asking aigwd for it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub root_cert: Vec<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `ca uninstall`
#[derive(Debug, clap::Args)]
pub struct CaUninstall {
    /// Only stores of this kind; may be repeated [default: all]
    #[arg(long, value_name = "KIND")]
    pub store: Vec<Family>,
    /// Also this Java keystore; those that `ca install` has changed are known
    #[arg(long, value_name = "KEYSTORE|auto")]
    pub java: Vec<String>,
    /// The machine's keychain, which is looked at anyway
    #[arg(long, hide = true)]
    pub system: bool,
    /// The root with this SHA-256, instead of all that were installed from here; may be repeated
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
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
