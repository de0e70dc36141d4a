//! What can be asked, and what can be answered. Append below; never reorder, never change a released variant.

use serde::{Deserialize, Serialize};

use super::payload::{
    Access, AccessQuery, Account, BrowserLogin, Build, ByokKeys, ByokQuery, CaAction, CaRequest, CaStatus,
    CaTrust, ExplainQuery, Explanation, GatewayChange, GatewayChanged, HandOver, KeyRow, LoggedIn, LoggedOut,
    Login, LoginBegun, LoginNeeds, LoginQuery, ProofSeen, ProviderModels, Reach, SessionRow, SessionsQuery,
    Settings, Status,
};
use crate::fault::Failure;

/// From `aigwctl` to `aigwd`.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Who are you? Frozen.
    Describe,
    /// Drain and end. Frozen.
    Stop,
    /// Read the configuration again. Frozen.
    Reload,
    /// Everything that `status` shows.
    Status,
    /// What a login at this gateway would need.
    LoginNeeds(LoginQuery),
    /// Check a token with the deployment, and keep it.
    Login(Login),
    /// Forget the token of the named gateway (of the default one if none is named).
    Logout(Option<String>),
    /// A local key and the addresses to use it at.
    Access(AccessQuery),
    /// The list of local keys.
    Keys,
    /// Make every key of this name invalid, for ever.
    RevokeKey(String),
    /// The settings in force, each with its origin.
    Settings,
    /// Something about this machine's CA.
    Ca(CaAction),
    /// What would happen to a request.
    Explain(ExplainQuery),
    /// Replace this machine's token for the named gateway (the default one if none is named) now.
    RenewLogin(Option<String>),
    /// Begin a login with the browser. It belongs to this connection, and is given up with it.
    BeginLogin(BrowserLogin),
    /// Wait until the login that was begun here has ended.
    FinishLogin,
    /// Change the gateways in the user's settings.
    Gateway(GatewayChange),
    /// List, set or forget the user's own provider keys.
    Byok(ByokQuery),
    /// What the deployments say of the accounts that are logged in.
    Accounts,
    /// Recent sessions of the user at a gateway.
    Sessions(SessionsQuery),
    /// How every gateway is reached, step by step. They are asked now.
    Reach,
    /// A local key that is valid while this connection lasts, bound to the named gateway (to none if none is named), and
    /// the addresses to use it at. It is in no list.
    LendKey(Option<String>),
    /// The models that the providers of the named gateway list (of the default one if none is named).
    Models(Option<String>),
    /// The same for a proof: whatever comes with the key is answered by the daemon itself, and written down.
    LendProofKey,
    /// What came with the key that was lent here for a proof.
    Proof,
    /// Let tools go to their vendors' own hosts (`true`), or to the gateway again.
    Pause(bool),
    /// Start the successor, hand it everything over, finish what is running, and end.
    HandOver(HandOver),
    /// Log from this level on, until the settings are read again.
    LogLevel(String),
}

/// From `aigwd` to `aigwctl`.
#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    /// It is done; there is nothing to say. Frozen.
    Done,
    /// Answer to `Describe`. Frozen.
    Described(Build),
    /// It did not work. Frozen.
    Failed(Failure),
    /// Answer to `Status`.
    Status(Box<Status>),
    /// Answer to `LoginNeeds`.
    LoginNeeds(LoginNeeds),
    /// Answer to `Login`.
    LoggedIn(LoggedIn),
    /// Answer to `Access`, `LendKey` and `LendProofKey`.
    Access(Access),
    /// Answer to `Keys`.
    Keys(Vec<KeyRow>),
    /// Answer to `Settings`.
    Settings(Settings),
    /// Answer to `Ca`: how it is, or has become.
    Ca(Box<CaStatus>),
    /// Answer to `Ca` that asked for a request to a company's CA.
    CaRequest(CaRequest),
    /// Answer to `Ca` that asked for the files which tools trust.
    CaTrust(CaTrust),
    /// Answer to `Explain`.
    Explained(Explanation),
    /// Answer to `Logout`.
    LoggedOut(LoggedOut),
    /// Answer to `BeginLogin`.
    LoginBegun(LoginBegun),
    /// Answer to `Gateway`.
    GatewayChanged(GatewayChanged),
    /// Answer to `Byok`.
    Byok(ByokKeys),
    /// Answer to `Accounts`.
    Accounts(Vec<Account>),
    /// Answer to `Sessions`, newest first.
    Sessions(Vec<SessionRow>),
    /// Answer to `Reach`.
    Reached(Vec<Reach>),
    /// Answer to `Models`, in the order of the providers' names.
    Models(Vec<ProviderModels>),
    /// Answer to `Proof`.
    Proof(ProofSeen),
    /// Answer to `HandOver`: who serves now.
    HandedOver(Build),
}

impl Request {
    /// Whether it is answered even to a version with which we have nothing in common.
    pub fn is_frozen(&self) -> bool {
        matches!(self, Self::Describe | Self::Stop | Self::Reload)
    }
}
