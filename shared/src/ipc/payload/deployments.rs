//! What is said about deployments and the user's account there.

use serde::{Deserialize, Serialize};

use super::{Credential, LoggedOut};
use crate::fault::Failure;
use crate::secret::{Secret, wire};

/// A change to the gateways in the user's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayChange {
    /// Add one, or change what is said about it.
    Set(Box<GatewayDraft>),
    /// Requests that name none go to this one.
    Default(String),
    /// Log out of it, and forget it.
    Remove(String),
    /// Whose credential goes along to a provider.
    Pays(ProviderPays),
}

/// Whether a tool's own credential may go along to a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderPays {
    /// The gateway; the default one if none is named.
    pub gateway: Option<String>,
    /// The provider.
    pub provider: String,
    /// It may, where a tool shows one. Otherwise it may not any more, unless the setting says more than this one did.
    pub own: bool,
}

/// What is said about a gateway. What is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayDraft {
    /// Its name in the configuration.
    pub name: String,
    /// Settings by name, such as `url`.
    pub settings: Vec<(String, String)>,
    /// Fields for every request to it; their values are often secrets.
    pub headers: Vec<GatewayHeader>,
    /// Base URLs by provider (generic gateways).
    pub providers: Vec<(String, String)>,
}

/// A field for every request to a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(with = "wire")]
    pub value: Secret,
}

/// Something about the user's own provider keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByokQuery {
    /// The gateway's name; the default one's if absent.
    pub gateway: Option<String>,
    /// What to do.
    pub action: ByokAction,
}

/// What to do with the user's own provider keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ByokAction {
    /// Nothing: list them.
    List,
    /// Try this one, and use it.
    Set(Credential),
    /// Forget the one for this provider.
    Unset(String),
}

/// The user's own provider keys at a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByokKeys {
    /// The gateway's name.
    pub gateway: String,
    /// Providers, and at most four characters of their keys.
    pub keys: Vec<(String, String)>,
}

/// What a deployment says of its user's account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The gateway's name.
    pub gateway: String,
    /// Who that is.
    pub user: Option<String>,
    /// Version of the deployment.
    pub version: Option<String>,
    /// Its right to an AI gateway: `entitled`, `grace_period` or `not_entitled`.
    pub entitlement: Option<String>,
    /// Whether its AI gateway is switched on.
    pub enabled: Option<bool>,
    /// Spent in this period, in millionths of a US dollar.
    pub spent_micros: Option<i64>,
    /// The budget for this period, in millionths of a US dollar.
    pub budget_micros: Option<i64>,
    /// When the period ends.
    pub period_end: Option<i64>,
}

/// Which sessions are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsQuery {
    /// The gateway's name; the default one's if absent.
    pub gateway: Option<String>,
    /// How many.
    pub limit: u32,
    /// With the last prompt of each.
    pub prompts: bool,
}

/// What was done with the gateway in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The deployment's name for it.
    pub id: String,
    /// The tool, in the deployment's words.
    pub client: String,
    /// Models.
    pub models: Vec<String>,
    /// Providers.
    pub providers: Vec<String>,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it was last used.
    pub last_active_at: Option<i64>,
    /// Tokens that the models read.
    pub input_tokens: u64,
    /// Tokens that they wrote.
    pub output_tokens: u64,
    /// The last prompt, if it was asked for.
    pub prompt: Option<String>,
}

/// What a change to the gateways has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayChanged {
    /// The gateway.
    pub name: String,
    /// It was not there before; of what was set, that it was another before.
    pub new: bool,
    /// The login that went with it.
    pub logged_out: Option<LoggedOut>,
}

/// How a gateway is reached, as far as the way went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Its name in the configuration.
    pub gateway: String,
    /// One after the other; the first that fails is the last.
    pub steps: Vec<ReachStep>,
    /// By how many seconds the deployment's clock is ahead of ours, if it told.
    pub ahead_s: Option<i64>,
}

/// One step on the way to a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachStep {
    /// `name`, `tcp`, `tls`, `prefix`, `token`, `entitlement`, or `time` when it took too long.
    pub what: String,
    /// What was seen, in words; empty when it failed.
    pub saw: String,
    /// Why it failed, if it did.
    pub trouble: Option<Failure>,
}

/// The models that a provider lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderModels {
    /// The provider's name at the gateway.
    pub provider: String,
    /// Their ids; none if the gateway has no such provider.
    pub models: Vec<String>,
    /// Why it could not be asked, if it could not.
    pub trouble: Option<Failure>,
}
