//! What is said about gateways, and logins at them.

use std::path::PathBuf;

use clap::Subcommand;

/// `login`
#[derive(Debug, Default, clap::Args)]
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
    /// Nobody is there to open a page or to paste a token.
    #[arg(skip)]
    pub unattended: bool,
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
