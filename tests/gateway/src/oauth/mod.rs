//! The deployment as an OAuth2 authorization server: what it tells of itself, registration of clients, the page where a
//! person allows one, tokens and their end.
//!
//! As strict as the real one: redirect addresses are compared letter by letter, PKCE with S256 is a must, a parameter
//! that nobody knows is refused, and a refresh ends the access token before it.

mod authorize;
mod register;
mod store;
mod token;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use url::form_urlencoded;

pub(crate) use store::Store;

use crate::front::Visit;
use crate::reply::Reply;

/// How the authorization server behaves. [`crate::Behaviour::oauth`] without one means that there is none.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// `token_endpoint_auth_methods_supported`; a client can register for no other.
    pub auth_methods: Vec<String>,
    /// What becomes of a client that would register itself.
    pub registration: Registration,
    /// Where its endpoints are said to be, instead of below the deployment's own URL.
    pub advertised_at: Option<String>,
    /// Life of a code, by the gateway's clock.
    pub code_lifetime: Duration,
    /// Life of an access token.
    pub access_lifetime: Duration,
    /// Life of a refresh token.
    pub refresh_lifetime: Duration,
    /// Answers every request for tokens with this.
    pub answer_tokens: Option<Reply>,
    /// What an access token may do when the client named no scope.
    pub default_scope: String,
}

impl Default for OAuth {
    fn default() -> Self {
        OAuth {
            auth_methods: ["none", "client_secret_basic", "client_secret_post"].map(str::to_owned).into(),
            registration: Registration::Open,
            advertised_at: None,
            code_lifetime: Duration::from_secs(600),
            access_lifetime: Duration::from_secs(3600),
            refresh_lifetime: Duration::from_secs(30 * 24 * 3600),
            answer_tokens: None,
            default_scope: "all".to_owned(),
        }
    }
}

/// What becomes of a client that would register itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is taken.
    Open,
    /// It is told of the endpoint, and refused there (403).
    Refused,
    /// It is not told of the endpoint, which is not there.
    Absent,
}

/// Answers below `/oauth2`, and the discovery document.
pub(crate) fn answer(visit: &Visit, oauth: &OAuth, sent: &[u8]) -> Reply {
    let path: Vec<_> = visit.path.trim_start_matches('/').split('/').collect();
    match (visit.head.method.as_str(), path.as_slice()) {
        ("GET" | "HEAD", [".well-known", _]) => metadata(visit, oauth),
        ("POST", ["oauth2", "register"]) if oauth.registration != Registration::Absent => {
            register::register(visit, oauth, sent)
        }
        ("DELETE", ["oauth2", "clients", id]) => register::remove(visit, id),
        ("GET" | "HEAD", ["oauth2", "authorize"]) => authorize::page(visit, oauth),
        ("POST", ["oauth2", "authorize"]) => authorize::decided(visit, oauth, sent),
        ("POST", ["oauth2", "tokens"]) => {
            oauth.answer_tokens.clone().unwrap_or_else(|| token::exchange(visit, oauth, sent))
        }
        ("POST", ["oauth2", "revoke"]) => token::revoke(visit, sent),
        _ => Reply::coder(404, "Route not found.", None),
    }
}

fn metadata(visit: &Visit, oauth: &OAuth) -> Reply {
    let base = oauth.advertised_at.clone().unwrap_or_else(|| visit.url());
    let mut document = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/oauth2/authorize"),
        "token_endpoint": format!("{base}/oauth2/tokens"),
        "revocation_endpoint": format!("{base}/oauth2/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": visit.behaviour.scopes.names,
        "token_endpoint_auth_methods_supported": oauth.auth_methods,
    });
    if oauth.registration != Registration::Absent {
        document["registration_endpoint"] = format!("{base}/oauth2/register").into();
    }
    Reply::json(200, &document)
}

/// The form of RFC 6749, section 5.2.
fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": code, "error_description": description }))
        .header("cache-control", "no-store")
}

/// Parameters by name, each at most once. The error is the name that came twice.
fn parameters(text: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text) {
        if all.insert(name.clone().into_owned(), value.into_owned()).is_some() {
            return Err(name.into_owned());
        }
    }
    Ok(all)
}
