//! The token endpoint (RFC 6749, RFC 7636) and the revocation endpoint (RFC 7009).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::store::{Client, Lives};
use super::{OAuth, error, parameters};
use crate::front::Visit;
use crate::reply::Reply;

type Parameters = BTreeMap<String, String>;

/// A code or a refresh token for a pair.
pub(super) fn exchange(visit: &Visit, oauth: &OAuth, sent: &[u8]) -> Reply {
    let given = match form(visit, sent) {
        Ok(given) => given,
        Err(refusal) => return refusal,
    };
    let get = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    let grant = get("grant_type");
    let needed: &[&str] = match grant {
        "authorization_code" => &["code", "redirect_uri", "code_verifier"],
        "refresh_token" => &["refresh_token"],
        _ => return error(400, "unsupported_grant_type", "The grant type is missing or unsupported"),
    };
    if let Some(missing) = needed.iter().find(|name| get(name).is_empty()) {
        return error(400, "invalid_request", &format!("Missing required parameter: {missing}"));
    }
    let client = match authenticated(visit, &given) {
        Ok(client) => client,
        Err(refusal) => return refusal,
    };
    let (oauth_store, tokens) = (&visit.site.oauth, &visit.site.tokens);
    let lives = Lives { access: oauth.access_lifetime, refresh: oauth.refresh_lifetime };
    let (pair, fault) = if grant == "refresh_token" {
        let pair = oauth_store.refresh(get("refresh_token"), &client.id, tokens, lives);
        (pair, "The refresh token is invalid or expired")
    } else {
        let pair = oauth_store.redeem(get("code"), tokens, lives, |allowed| {
            allowed.client == client.id
                && allowed.redirect_uri == get("redirect_uri")
                && allowed.challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")))
        });
        (pair, "The authorization code is invalid or expired")
    };
    let Some(pair) = pair else { return error(400, "invalid_grant", fault) };
    let answer = json!({
        "access_token": pair.access,
        "token_type": "Bearer",
        "refresh_token": pair.refresh,
        "expires_in": oauth.access_lifetime.as_secs(),
        "scope": pair.scopes.join(" "),
    });
    Reply::json(200, &answer).header("cache-control", "no-store")
}

/// Ends what a token belongs to. Whether there was such a token is not told.
pub(super) fn revoke(visit: &Visit, sent: &[u8]) -> Reply {
    let given = match form(visit, sent) {
        Ok(given) => given,
        Err(refusal) => return refusal,
    };
    let Some(token) = given.get("token").filter(|token| !token.is_empty()) else {
        return error(400, "invalid_request", "missing token parameter");
    };
    match authenticated(visit, &given) {
        Ok(client) => {
            visit.site.oauth.revoke(token, &client.id, &visit.site.tokens);
            Reply::new(200)
        }
        Err(refusal) => refusal,
    }
}

fn form(visit: &Visit, sent: &[u8]) -> Result<Parameters, Reply> {
    let kind = visit.head.headers.get("content-type").and_then(|value| value.to_str().ok());
    if kind.is_none_or(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(error(400, "invalid_request", "The request is no form"));
    }
    parameters(sent).map_err(|name| error(400, "invalid_request", &format!("Twice: {name}")))
}

/// The client, in the way it registered for and in no other.
fn authenticated(visit: &Visit, given: &Parameters) -> Result<Client, Reply> {
    let basic = visit.head.headers.get("authorization").and_then(|value| value.to_str().ok());
    let basic = basic.and_then(|value| {
        let bytes = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    });
    let posted = given.get("client_secret").cloned();
    let (id, method, secret) = match (basic, posted) {
        (Some((id, secret)), None) => (Some(id), "client_secret_basic", Some(secret)),
        (None, Some(secret)) => (given.get("client_id").cloned(), "client_secret_post", Some(secret)),
        (None, None) => (given.get("client_id").cloned(), "none", None),
        (Some(_), Some(_)) => return Err(error(400, "invalid_request", "Two ways to name the client")),
    };
    id.and_then(|id| visit.site.oauth.client(&id))
        .filter(|client| client.auth_method == method && client.secret == secret)
        .ok_or_else(|| error(401, "invalid_client", "The client credentials are invalid"))
}
