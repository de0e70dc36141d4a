//! The plain structs that messages carry. Points in time are seconds since 1970 UTC, lengths of time are seconds.
//!
//! None may use serde's `tag`, `untagged`, `flatten` or `skip_serializing_if`: the wire format has no field names.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::secret::{Secret, wire};

/// Who the daemon is. Frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of the program, such as `0.1.0`.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Newest version of the conversation it speaks.
    pub protocol: u16,
}

/// The state of the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program.
    pub build: Build,
    /// Addresses that answer, IPv4 first.
    pub listen: Vec<String>,
    /// How long it has been running.
    pub uptime_s: u64,
    /// Resident memory, in bytes; 0 when the system does not tell.
    pub rss_bytes: u64,
    /// CPU time used, in seconds.
    pub cpu_s: f64,
    /// AI requests finished.
    pub requests: u64,
    /// Tunnels finished.
    pub tunnels: u64,
    /// The gateways.
    pub gateways: Vec<GatewayStatus>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The state of one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its URL, if it has one.
    pub url: Option<String>,
    /// `coder`, `coder-standalone` or `generic`.
    pub kind: String,
    /// The API prefix that was found to work.
    pub prefix: Option<String>,
    /// Whether requests go here when they name none.
    pub default: bool,
    /// What the last check found; `None` before the first.
    pub reachable: Option<bool>,
    /// Who is logged in.
    pub user: Option<String>,
    /// The token, if there is one.
    pub token: Option<TokenStatus>,
}

/// What may be shown of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// At most four characters.
    pub fingerprint: String,
    /// When the deployment will stop taking it, if it said.
    pub expires_at: Option<i64>,
    /// What it may do, if the deployment said.
    pub scope: Option<String>,
}

/// Which gateway a login is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginQuery {
    /// The deployment, unless the configuration names it.
    pub url: Option<String>,
    /// The gateway's name in the configuration; the default one's if absent.
    pub name: Option<String>,
}

/// What a login needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginNeeds {
    /// The gateway's name.
    pub name: String,
    /// Where the person gets a token, or `None` for a gateway that takes keys.
    pub token_page: Option<String>,
    /// Providers that each want a key (generic gateways).
    pub providers: Vec<String>,
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Which gateway.
    pub gateway: LoginQuery,
    /// Certificates to trust besides the system's, as an absolute path.
    pub ca_file: Option<String>,
    /// What to keep.
    pub credentials: Vec<Credential>,
}

/// One secret of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The provider whose key it is; `None` for the deployment's token.
    pub provider: Option<String>,
    /// The secret itself.
    #[serde(with = "wire")]
    pub secret: Secret,
}

/// A login that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The gateway's name.
    pub name: String,
    /// Its URL.
    pub url: Option<String>,
    /// Who that is.
    pub user: Option<String>,
    /// When the token ends.
    pub expires_at: Option<i64>,
    /// The API prefix that works.
    pub prefix: Option<String>,
    /// Whether the other side confirmed the credential; `false` where it has no way to ask.
    pub checked: bool,
}

/// Which local key is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessQuery {
    /// Its name; made if it is new.
    pub key: String,
}

/// What a tool needs to come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Addresses that answer, IPv4 first.
    pub listen: Vec<String>,
    /// The local key.
    #[serde(with = "wire")]
    pub key: Secret,
}

/// One local key in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its name.
    pub name: String,
    /// Raised by each revocation.
    pub generation: u32,
    /// When it was first asked for.
    pub created_at: Option<i64>,
    /// When it last opened the door.
    pub last_used_at: Option<i64>,
    /// When it stops working by itself.
    pub expires_at: Option<i64>,
    /// The gateway it is bound to.
    pub gateway: Option<String>,
}

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// One row a setting.
    pub rows: Vec<SettingRow>,
    /// Why the newest configuration is not in force, if it is not.
    pub refused: Option<String>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Its dotted key.
    pub key: String,
    /// Its value, without secrets.
    pub value: String,
    /// Where it comes from.
    pub origin: String,
    /// What said otherwise and lost.
    pub overrides: Vec<String>,
    /// Whether a managed policy holds it.
    pub locked: bool,
}
