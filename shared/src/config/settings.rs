//! The settings in their final types: built once by [`super::load`], nothing left to interpret.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::proxy::Leaving;
use super::value::{Cidr, Headers, InterceptHost, Version};
use crate::key::KeySpec;
use crate::provider::Dialect;

/// A setting that is one word out of a few; the first one is the default.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_word:literal,
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $(#[$first_doc])* #[default] $first, $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every value there is.
            pub const ALL: &'static [Self] = &[Self::$first, $(Self::$variant,)*];

            /// The word used for it in `config.toml`.
            pub fn word(self) -> &'static str {
                match self { Self::$first => $first_word, $(Self::$variant => $word,)* }
            }

            /// The value that a word of `config.toml` stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }
    };
}

words! {
    /// What kind of gateway it is.
    GatewayKind {
        /// The AI gateway inside a Coder deployment.
        Coder = "coder",
        /// Coder's gateway as a program of its own; logins go to the deployment at `coder_url`.
        CoderStandalone = "coder-standalone",
        /// Any other one; each provider has an address of its own.
        Generic = "generic",
    }
}

words! {
    /// How the token is shown to a generic gateway.
    CredentialForm {
        /// `Authorization: Bearer`.
        Bearer = "bearer",
        /// Anthropic's header.
        XApiKey = "x-api-key",
        /// Google's header.
        XGoogApiKey = "x-goog-api-key",
        /// Not at all.
        None = "none",
    }
}

words! {
    /// Whose key pays at the provider.
    Mode {
        /// The gateway's.
        Central = "central",
        /// The tool's own, sent along.
        Byok = "byok",
        /// The tool's own when it shows one.
        Auto = "auto",
    }
}

words! {
    /// What becomes of an intercepted request that is no AI call.
    Unmatched {
        /// It goes to the host that it was meant for.
        Origin = "origin",
        /// It is refused.
        Refuse = "refuse",
    }
}

words! {
    /// The way of an intercepted request.
    Via {
        /// Rewritten to a route of the gateway.
        Gateway = "gateway",
        /// Through the gateway's own proxy, as it came.
        GatewayProxy = "gateway-proxy",
    }
}

words! {
    /// What to do when a tool does not trust our certificate.
    OnUntrusted {
        /// Say so.
        Report = "report",
        /// Say so, and let its next connections through unread.
        Tunnel = "tunnel",
    }
}

words! {
    /// Where a login is kept.
    StoreKind {
        /// In a file that only its user can read.
        File = "file",
        /// In the system's keyring.
        Keyring = "keyring",
        /// In the daemon alone, until it ends.
        Memory = "memory",
    }
}

words! {
    /// The least severe messages that are logged.
    LogLevel {
        /// What happens, and what goes wrong.
        Info = "info",
        /// Nothing.
        Off = "off",
        /// What failed.
        Error = "error",
        /// What looks odd, too.
        Warn = "warn",
        /// Each decision.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

words! {
    /// Where the log goes.
    LogTo {
        /// Into the journal if that is where standard error leads, else to standard error.
        Auto = "auto",
        /// To standard error.
        Stderr = "stderr",
        /// Into files of our own, in the state folder.
        File = "file",
    }
}

words! {
    /// How a log line looks.
    LogFormat {
        /// Text on a terminal and in the journal, JSON elsewhere.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// For programs.
        Json = "json",
    }
}

/// All settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The port, and who may use it.
    pub listen: Listen,
    /// The gateways, by name.
    pub gateways: BTreeMap<String, Gateway>,
    /// As set; [`Config::default_gateway`] is what it means.
    pub(super) default_gateway: Option<String>,
    /// Hosts whose TLS is opened.
    pub intercept: Intercept,
    /// Connections that are passed on unread.
    pub tunnel: Tunnel,
    /// Streams of events.
    pub stream: StreamSettings,
    /// Logins.
    pub login: LoginSettings,
    /// The log.
    pub log: Log,
    /// What the user may do.
    pub policy: PolicySettings,
}

impl Config {
    /// The gateway meant when none is named: the one that is set, else the one named `default`, else the only one.
    /// A set name without a gateway gives none at all: no request goes where nobody said.
    pub fn default_gateway(&self) -> Option<&Gateway> {
        match &self.default_gateway {
            Some(name) => self.gateways.get(name),
            None => self.gateways.get("default").or_else(|| {
                let mut all = self.gateways.values();
                all.next().filter(|_| all.next().is_none())
            }),
        }
    }
}

/// `[listen]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listen {
    /// The port of both doors, on loopback; 0 lets the system choose.
    pub port: u16,
    /// Requests need no local key.
    pub keyless: bool,
    /// Other users of this machine may connect.
    pub share: bool,
    /// The local keys that are valid.
    pub keys: Vec<KeySpec>,
    /// `keys` was set by somebody, rather than being the default.
    pub keys_set: bool,
}

/// `[gateway.NAME]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gateway {
    /// `[a-z0-9-]{1,32}`.
    pub name: String,
    /// Where it is; none before the login, or when each provider says it.
    pub url: Option<Url>,
    /// What kind of gateway it is.
    pub kind: GatewayKind,
    /// The deployment that logs in for a standalone gateway.
    pub coder_url: Option<Url>,
    /// The deployment's own AI proxy, which `intercept.via = "gateway-proxy"` goes through; on port 8888 of its host
    /// unless said.
    pub proxy_url: Option<Url>,
    /// Further roots to trust, in PEM.
    pub ca_file: Option<PathBuf>,
    /// A command that prints further headers.
    pub header_command: Option<String>,
    /// Headers sent along with each request.
    pub headers: Headers,
    /// Client certificate, in PEM.
    pub client_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    pub client_key: Option<PathBuf>,
    /// How long a request waits for a gateway that is not there.
    pub wait: Duration,
    /// How long a token lives that is made for this machine, unless the deployment wants less.
    pub token_lifetime: Duration,
    /// The proxy through which it is reached.
    pub leaving: Leaving,
    /// What is said about single providers.
    pub providers: BTreeMap<String, ProviderSettings>,
}

/// `[gateway.NAME.providers.P]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProviderSettings {
    /// Where its routes begin; always there with a generic gateway, never with another one.
    pub base_url: Option<Url>,
    /// What it speaks, where its name does not say.
    pub dialect: Option<Dialect>,
    /// How a generic gateway takes the token.
    pub credential: CredentialForm,
    /// Whose key pays.
    pub mode: Mode,
}

/// `[intercept]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intercept {
    /// Which hosts.
    pub hosts: Vec<InterceptHost>,
    /// Hosts of the built-in table that are left alone.
    pub except: Vec<String>,
    /// Hosts on which no HTTP/2 is offered.
    pub http1_only: Vec<String>,
    /// What becomes of a request that is no AI call.
    pub unmatched: Unmatched,
    /// The way of the others.
    pub via: Via,
    /// What to do about a tool that does not trust us.
    pub on_untrusted: OnUntrusted,
    /// Further roots to trust for the real hosts, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// `[tunnel]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tunnel {
    /// Private addresses are refused, except those of `allow_cidrs`.
    pub block_private: bool,
    /// Private networks that stay reachable.
    pub allow_cidrs: Vec<Cidr>,
    /// The only ports; any when empty.
    pub ports: Vec<u16>,
    /// The proxy through which this machine reaches others.
    pub leaving: Leaving,
}

/// `[stream]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StreamSettings {
    /// The silence after which a comment is written; none at all when zero.
    pub ping: Duration,
}

/// `[login]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoginSettings {
    /// Where a first login is kept, unless it says otherwise itself.
    pub store: StoreKind,
}

/// `[policy]`: made for a managed policy, and good for nothing elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicySettings {
    /// `aigwctl pause` is allowed.
    pub allow_pause: bool,
    /// An older aigwd forwards nothing.
    pub minimum_version: Option<Version>,
    /// What the administrator has to say to whoever is refused for that.
    pub message: Option<String>,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Log {
    /// From which level on.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
    /// Where to.
    pub to: LogTo,
    /// The size of a file of our own, in bytes.
    pub file_size: u64,
}
