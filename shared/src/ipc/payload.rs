//! The plain structs that messages carry. Points in time are seconds since 1970 UTC, lengths of time are seconds.
//!
//! None may use serde's `tag`, `untagged`, `flatten` or `skip_serializing_if`: the wire format has no field names.

mod deployments;
mod proof;

pub use deployments::*;
pub use proof::*;
use serde::{Deserialize, Serialize};

use crate::fault::Failure;
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

/// How the daemon makes room for its successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The successor's program, an absolute path; the daemon's own, as it is on the disk now, if none is named.
    pub program: Option<String>,
    /// How long what is running may go on in the old daemon, in seconds; as long as it likes if nothing is said.
    pub drain_s: Option<u64>,
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
    /// Where the login is kept: `file`, `keyring` or `memory`. There while there is one, or one that could not be read yet.
    pub store: Option<String>,
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
    /// Its name at the deployment, if it was made for this machine.
    pub name: Option<String>,
    /// `own`, `oauth`, `session` or `given`: how it is kept from ending.
    pub lasting: String,
    /// When it is replaced.
    pub renews_at: Option<i64>,
}

/// Which gateway a login is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginQuery {
    /// The deployment, unless the configuration names it.
    pub url: Option<String>,
    /// The gateway's name in the configuration; the default one's if absent.
    pub name: Option<String>,
    /// Where to keep it: `file`, `keyring` or `memory`; if absent, where the last one was kept.
    pub store: Option<String>,
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
    /// It is another program's: a token is made with it, and it is not kept itself.
    pub borrowed: bool,
}

/// A login with the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserLogin {
    /// Which gateway.
    pub gateway: LoginQuery,
    /// Certificates to trust besides the system's, as an absolute path.
    pub ca_file: Option<String>,
}

/// Whether a login with the browser has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginBegun {
    /// The page to open; `None` when the deployment has no such way.
    pub page: Option<String>,
    /// Why it has not, where it seemed to.
    pub why_not: Option<String>,
    /// How long the person may take, in seconds.
    pub patience_s: u64,
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
    /// The token that is used from now on; none at a gateway that takes keys.
    pub token: Option<TokenStatus>,
    /// Why no token was made for this machine, in the deployment's words.
    pub no_own_token: Option<String>,
    /// Where it is kept.
    pub store: String,
}

/// A login that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedOut {
    /// The gateway's name.
    pub name: String,
    /// Name of this machine's token, which the deployment has forgotten too.
    pub deleted: Option<String>,
    /// Name of this machine's token, which could not be deleted there.
    pub left: Option<String>,
}

/// Which local key is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessQuery {
    /// Its name; made if it is new.
    pub key: String,
    /// The gateway that a new one is bound to.
    pub gateway: Option<String>,
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

/// What is wanted of this machine's CA. It is made if there is none, except by `Import` and `Request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaAction {
    /// How it is.
    Status,
    /// Make a new one beside it.
    Rotate,
    /// Let the new one take over, and forget the old one.
    Finish,
    /// A request for a company's CA to sign.
    Request,
    /// What the company's CA answered: certificates in PEM.
    Import(String),
    /// The files that tools trust. These files of certificates the caller had in its environment.
    Trust(Vec<CaGiven>),
}

/// A file of certificates that a program was told to trust before we came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaGiven {
    /// The absolute path.
    pub path: String,
    /// Whether it adds to what a program trusts anyway; otherwise it replaces that.
    pub adds: bool,
}

/// This machine's CA. Never its private key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaStatus {
    /// File of the root certificate, which is what tools trust.
    pub root_cert: String,
    /// File of the certificate that signs, and of those between it and the root.
    pub intermediate_cert: String,
    /// File of its private key, readable by this user only.
    pub intermediate_key: String,
    /// File with the system's roots, the user's own and ours.
    pub bundle: String,
    /// The root certificate in PEM.
    pub root_pem: String,
    /// The certificate that signs, and those between it and the root, in PEM.
    pub intermediate_pem: String,
    /// SHA-256 of the root, as trust stores show it: `AB:CD:...`.
    pub fingerprint_sha256: String,
    /// When the certificate that signs ends.
    pub not_after: i64,
    /// Names that it can sign for; each covers what is below it.
    pub permitted: Vec<String>,
    /// Whether a company's CA has signed it, so that no trust store needs ours.
    pub company: bool,
    /// The root that will take over, while that is not done. To be trusted already.
    pub next: Option<NextRoot>,
    /// The root of the deployment's own proxy, while calls go through that. It is not ours, and may sign for anything.
    pub relayed: Option<NextRoot>,
    /// Configured hosts that it cannot sign for.
    pub outgrown: Vec<String>,
    /// Why it does not sign now, if it does not.
    pub trouble: Option<String>,
    /// SHA-256 of earlier roots, which no store needs any more.
    pub retired: Vec<String>,
}

/// The root that will take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRoot {
    /// File of the root certificate.
    pub root_cert: String,
    /// The root certificate in PEM.
    pub root_pem: String,
    /// SHA-256 of the root, as trust stores show it.
    pub fingerprint_sha256: String,
}

/// A request for a company's CA to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaRequest {
    /// PKCS #10, in PEM.
    pub pem: String,
    /// The names in it.
    pub permitted: Vec<String>,
}

/// The files that tools trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaTrust {
    /// For what adds to the roots that a program has: ours, and those the user added before.
    pub added: String,
    /// For what replaces them: the system's, the user's own and ours.
    pub bundle: String,
}

/// A request that was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainQuery {
    /// Where it would go: `https://`, `http://`, or `HOST:PORT` for a tunnel.
    pub url: String,
    /// Its method.
    pub method: String,
    /// Fields that it would have.
    pub headers: Vec<(String, String)>,
    /// The gateway that its key is bound to, if any.
    pub gateway: Option<String>,
}

/// What would happen to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// `gateway`, `host`, `tunnel`, `plain` or `refused`.
    pub outcome: String,
    /// What is decided one after the other, and why.
    pub steps: Vec<ExplainStep>,
    /// Why it is refused, if it is.
    pub refusal: Option<Failure>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainStep {
    /// What is decided.
    pub what: String,
    /// Why.
    pub why: String,
}
