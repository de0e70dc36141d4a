//! The deployment's API for its users' tokens: what one is, and making and deleting those of this machine.

use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::secret::Secret;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Message, ask, away, get, moment};
use crate::gateway::{Gateway, trimmed};
use crate::pipeline::credential;

/// What the deployment knows of a token.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TokenInfo {
    /// The first part of the token.
    #[serde(default)]
    pub id: String,
    /// Its name; empty for a session.
    #[serde(default)]
    pub token_name: String,
    expires_at: Option<String>,
    created_at: Option<String>,
    /// How long it lives from its last extension on, in seconds.
    #[serde(default)]
    pub lifetime_seconds: u64,
    scope: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

impl TokenInfo {
    /// When it ends, in seconds since 1970.
    pub fn ends(&self) -> Option<i64> {
        // Go writes its zero time, year 1, for a token that never ends.
        moment(self.expires_at.as_deref()?).filter(|at| *at > 0)
    }

    /// How long it lives by the deployment's own clock.
    pub fn lifetime(&self) -> Option<Duration> {
        let lived = self.ends()? - moment(self.created_at.as_deref()?)?;
        u64::try_from(lived).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
    }

    /// What it may do, in the deployment's words. Servers that know many scopes say the first one in `scope`, too.
    pub fn scope(&self) -> Option<String> {
        match &self.scopes[..] {
            [] => self.scope.clone(),
            all => Some(all.join(" ")),
        }
    }
}

/// How minting can end when the deployment answers.
#[derive(Debug)]
pub enum Minted {
    /// The new token.
    Token(Secret),
    /// Shorter lives only, or other scopes, or another name.
    NotLikeThis(String),
    /// No tokens for this user, in the deployment's words.
    Refused(String),
}

/// The first part of a token, which names it in the API.
pub fn id(token: &Secret) -> Option<&str> {
    let (id, _) = token.reveal().split_once('-')?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

/// What the deployment says about the token; nothing if it says nothing.
///
/// # Errors
/// When nobody answers.
pub async fn info(gateway: &Gateway, token: &Secret) -> Result<TokenInfo, Fault> {
    let Some(id) = id(token) else { return Ok(TokenInfo::default()) };
    let (status, body) = get(gateway, &keys(gateway, id)?, &[credential::session(token)?]).await?;
    let info = (status == StatusCode::OK).then(|| serde_json::from_slice(&body).ok()).flatten();
    Ok(info.unwrap_or_default())
}

/// The longest life that the deployment gives to a token, if it says.
///
/// # Errors
/// When nobody answers.
pub async fn longest_life(gateway: &Gateway, with: &Secret) -> Result<Option<Duration>, Fault> {
    #[derive(Deserialize)]
    struct Config {
        /// Nanoseconds.
        max_token_lifetime: u64,
    }
    let url = keys(gateway, "tokens/tokenconfig")?;
    let (status, body) = get(gateway, &url, &[credential::session(with)?]).await?;
    let config = (status == StatusCode::OK).then(|| serde_json::from_slice::<Config>(&body).ok()).flatten();
    Ok(config.map(|it| Duration::from_nanos(it.max_token_lifetime)).filter(|longest| !longest.is_zero()))
}

/// Makes a named token. Without scopes it may do all that its user may.
///
/// # Errors
/// When nobody answers, or it is not known whether one was made.
pub async fn mint(
    gateway: &Gateway,
    with: &Secret,
    name: &str,
    lifetime: Duration,
    scopes: &[&str],
) -> Result<Minted, Fault> {
    let mut order = json!({
        "token_name": name,
        "lifetime": u64::try_from(lifetime.as_nanos()).unwrap_or(u64::MAX),
    });
    match scopes {
        // Spelled as the oldest servers know it.
        [] => order["scope"] = Value::from("all"),
        scopes => order["scopes"] = Value::from(scopes),
    }
    let body = Some(("application/json", Bytes::from(order.to_string())));
    let url = keys(gateway, "tokens")?;
    let (status, body) = ask(gateway, Method::POST, &url, &[credential::session(with)?], body).await?;
    #[derive(Deserialize)]
    struct Made {
        key: String,
    }
    let said =
        || serde_json::from_slice::<Message>(&body).map_or_else(|_| status.to_string(), |it| it.text());
    match status {
        StatusCode::CREATED => match serde_json::from_slice::<Made>(&body) {
            Ok(made) => Ok(Minted::Token(Secret::new(made.key))),
            Err(_) => {
                Err(Fault::new(Kind::UpstreamFailed, "the deployment made a token and did not tell it"))
            }
        },
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            Ok(Minted::NotLikeThis(said()))
        }
        status if status.is_server_error() => Err(away(&url, status)),
        _ => Ok(Minted::Refused(said())),
    }
}

/// The user's named tokens.
///
/// # Errors
/// When nobody answers, or the token may not see them.
pub async fn list(gateway: &Gateway, with: &Secret) -> Result<Vec<TokenInfo>, Fault> {
    let url = keys(gateway, "tokens")?;
    let (status, body) = get(gateway, &url, &[credential::session(with)?]).await?;
    let list = (status == StatusCode::OK).then(|| serde_json::from_slice(&body).ok()).flatten();
    list.ok_or_else(|| Fault::new(Kind::UpstreamFailed, format!("{url} answers {status}")))
}

/// Deletes a token. One that is gone already is deleted.
///
/// # Errors
/// When it may still be there.
pub async fn delete(gateway: &Gateway, with: &Secret, id: &str) -> Result<(), Fault> {
    let url = keys(gateway, id)?;
    let (status, _) = ask(gateway, Method::DELETE, &url, &[credential::session(with)?], None).await?;
    match status {
        StatusCode::NOT_FOUND => Ok(()),
        status if status.is_success() => Ok(()),
        status => Err(Fault::new(Kind::UpstreamFailed, format!("{url} answers {status} to its deletion"))),
    }
}

fn keys(gateway: &Gateway, below: &str) -> Result<String, Fault> {
    Ok(format!("{}/api/v2/users/me/keys/{below}", trimmed(gateway.coder_url()?)))
}
