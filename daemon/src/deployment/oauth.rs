//! The deployment as an OAuth2 authorization server (RFC 6749, 7009, 7591, 7592, 7636, 8414): what it offers, and the few
//! calls of a client that registers itself for one login.

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use super::{ask, away, get};
use crate::credentials::oauth::Client;
use crate::gateway::{Gateway, trimmed};

const FORM: &str = "application/x-www-form-urlencoded";
/// A deployment's own words are shown up to here.
const WORDS: usize = 200;

/// Whether a person can be sent to the deployment with a browser.
#[derive(Debug)]
pub enum Offer {
    /// Yes.
    Server(Box<Server>),
    /// There is no authorization server, or it takes no clients that it does not know.
    Absent,
    /// There is one, and it cannot be used; why.
    Unusable(String),
}

/// An authorization server, all of whose endpoints are the deployment's own.
#[derive(Debug)]
pub struct Server {
    authorize: Url,
    token: Url,
    register: Url,
    revoke: Option<Url>,
    /// The client has no secret.
    public: bool,
}

/// The document by which it describes itself.
#[derive(Deserialize)]
struct Document {
    issuer: Url,
    authorization_endpoint: Url,
    token_endpoint: Url,
    registration_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What the deployment offers.
///
/// # Errors
/// When nobody answers.
pub async fn offer(gateway: &Gateway) -> Result<Offer, Fault> {
    let base = gateway.coder_url()?;
    let url = format!("{}/.well-known/oauth-authorization-server", trimmed(base));
    let (status, body) = get(gateway, &url, &[]).await?;
    if status.is_server_error() {
        return Err(away(&url, status));
    }
    // A deployment that knows nothing of this path shows its web page there.
    let document = (status == StatusCode::OK).then(|| serde_json::from_slice::<Document>(&body).ok());
    Ok(document.flatten().map_or(Offer::Absent, |document| read(base, document)))
}

fn read(base: &Url, document: Document) -> Offer {
    let Some(register) = document.registration_endpoint else { return Offer::Absent };
    let endpoints = [&document.issuer, &document.authorization_endpoint, &document.token_endpoint, &register];
    for url in endpoints.into_iter().chain(&document.revocation_endpoint) {
        // A code, a secret or a token would go there.
        if !is_own(base, url) {
            let theirs = url.origin().ascii_serialization();
            let own = base.origin().ascii_serialization();
            return Offer::Unusable(format!("it names addresses at {theirs} for that, and this is {own}"));
        }
    }
    let has = |list: &[String], wanted: &str| list.iter().any(|one| one == wanted);
    let methods = &document.token_endpoint_auth_methods_supported;
    let public = has(methods, "none");
    if !has(&document.code_challenge_methods_supported, "S256") {
        return Offer::Unusable("it does not know PKCE with S256".to_owned());
    }
    if !public && !has(methods, "client_secret_post") {
        return Offer::Unusable("it takes neither public clients nor a secret in a form".to_owned());
    }
    Offer::Server(Box::new(Server {
        authorize: document.authorization_endpoint,
        token: document.token_endpoint,
        register,
        revoke: document.revocation_endpoint,
        public,
    }))
}

/// Whether an address is the deployment's own, so that a secret of it may go there.
fn is_own(base: &Url, url: &Url) -> bool {
    url.origin() == base.origin() && url.username().is_empty() && url.password().is_none()
}

impl Server {
    /// The page on which the person says yes or no.
    pub fn page(&self, client: &Client, redirect_uri: &str, state: &str, verifier: &Secret) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.reveal()));
        let mut page = self.authorize.clone();
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        page.into()
    }
}

/// Registers a client for one login. `Err(Ok(words))`: it is not taken.
///
/// # Errors
/// When nobody answers.
pub async fn register(
    gateway: &Gateway,
    server: &Server,
    name: &str,
    redirect_uri: &str,
) -> Result<Result<Client, String>, Fault> {
    #[derive(Deserialize)]
    struct Registered {
        client_id: String,
        client_secret: Option<String>,
        registration_access_token: Option<String>,
        registration_client_uri: Option<Url>,
    }
    let order = json!({
        "client_name": name,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": if server.public { "none" } else { "client_secret_post" },
    });
    let body = Some(("application/json", Bytes::from(order.to_string())));
    let (status, body) = ask(gateway, Method::POST, server.register.as_str(), &[], body).await?;
    if status.is_server_error() {
        return Err(away(server.register.as_str(), status));
    }
    if !status.is_success() {
        return Ok(Err(format!("it registers no client: {}", said(status, &body, &[]))));
    }
    let Ok(it) = serde_json::from_slice::<Registered>(&body) else {
        return Ok(Err("its answer to a registration makes no sense".to_owned()));
    };
    let secret = it.client_secret.map(Secret::new).filter(|secret| !secret.is_empty());
    if secret.is_none() && !server.public {
        return Ok(Err("it gave no secret for the client that it registered".to_owned()));
    }
    let base = gateway.coder_url()?;
    Ok(Ok(Client {
        id: it.client_id,
        name: name.to_owned(),
        // A public client proves itself with nothing, even if it was given something.
        secret: secret.filter(|_| !server.public),
        token_url: server.token.to_string(),
        revoke_url: server.revoke.as_ref().map(Url::to_string),
        own_url: it.registration_client_uri.filter(|url| is_own(base, url)).map(String::from),
        own_token: it.registration_access_token.map(Secret::new),
    }))
}

/// Takes a registration back, where the deployment knows how.
///
/// # Errors
/// When it may still be there.
pub async fn unregister(gateway: &Gateway, client: &Client) -> Result<(), Fault> {
    let (Some(url), Some(token)) = (&client.own_url, &client.own_token) else { return Ok(()) };
    let url = own(gateway, url)?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
        .map_err(|_| Fault::new(Kind::Internal, "a token of the deployment does not fit a field"))?;
    bearer.set_sensitive(true);
    let (status, _) = ask(gateway, Method::DELETE, url.as_str(), &[(AUTHORIZATION, bearer)], None).await?;
    if status.is_success() { Ok(()) } else { Err(away(url.as_str(), status)) }
}

/// What a code or a refresh token was exchanged for.
#[derive(Debug)]
pub struct Pair {
    /// The access token: an ordinary token of the deployment.
    pub access: Secret,
    /// For the next pair.
    pub refresh: Option<Secret>,
    /// How long the access token lives, in seconds, if the deployment said.
    pub lifetime_s: Option<u64>,
}

/// The pair for a code.
///
/// # Errors
/// When there is none.
pub async fn exchange(
    gateway: &Gateway,
    client: &Client,
    code: &Secret,
    verifier: &Secret,
    redirect_uri: &str,
) -> Result<Pair, Fault> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.reveal()),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier.reveal()),
    ];
    fetch(gateway, client, &form, &[code, verifier]).await?.map_err(|words| {
        Fault::new(
            Kind::GatewayRefused,
            format!("the deployment gave no token for what was allowed: {words}"),
        )
        .cure_with("run `aigwctl login` again")
    })
}

/// The next pair. `Err(Ok(words))`: this refresh token is not taken.
///
/// # Errors
/// When nobody answers.
pub async fn refresh(
    gateway: &Gateway,
    client: &Client,
    refresh: &Secret,
) -> Result<Result<Pair, String>, Fault> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.reveal())];
    fetch(gateway, client, &form, &[refresh]).await
}

async fn fetch(
    gateway: &Gateway,
    client: &Client,
    form: &[(&str, &str)],
    secrets: &[&Secret],
) -> Result<Result<Pair, String>, Fault> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        token_type: String,
        refresh_token: Option<String>,
        expires_in: Option<u64>,
    }
    let (status, body) = post(gateway, client, &client.token_url, form).await?;
    if !status.is_success() {
        let secrets: Vec<_> = secrets.iter().copied().chain(&client.secret).collect();
        return Ok(Err(said(status, &body, &secrets)));
    }
    // The parser's words could quote a token.
    let answer = serde_json::from_slice::<Answer>(&body)
        .ok()
        .filter(|answer| answer.token_type.eq_ignore_ascii_case("bearer") && !answer.access_token.is_empty())
        .ok_or_else(|| Fault::new(Kind::UpstreamFailed, "the deployment's tokens make no sense"))?;
    Ok(Ok(Pair {
        access: Secret::new(answer.access_token),
        refresh: answer.refresh_token.map(Secret::new).filter(|token| !token.is_empty()),
        lifetime_s: answer.expires_in.filter(|seconds| *seconds > 0),
    }))
}

/// Ends a refresh token and what belongs to it, or an access token.
///
/// # Errors
/// When it may still be good.
pub async fn revoke(gateway: &Gateway, client: &Client, token: &Secret) -> Result<(), Fault> {
    let Some(url) = &client.revoke_url else {
        return Err(Fault::new(Kind::GatewayRefused, "the deployment names no address to revoke tokens at"));
    };
    let (status, _) = post(gateway, client, url, &[("token", token.reveal())]).await?;
    if status.is_success() { Ok(()) } else { Err(away(url, status)) }
}

async fn post(
    gateway: &Gateway,
    client: &Client,
    url: &str,
    form: &[(&str, &str)],
) -> Result<(StatusCode, Bytes), Fault> {
    let url = own(gateway, url)?;
    let body = Some((FORM, filled_in(client, form)));
    let (status, body) = ask(gateway, Method::POST, url.as_str(), &[], body).await?;
    if status.is_server_error() { Err(away(url.as_str(), status)) } else { Ok((status, body)) }
}

/// A form with what proves the client.
fn filled_in(client: &Client, form: &[(&str, &str)]) -> Bytes {
    let mut body = Serializer::new(String::new());
    body.extend_pairs(form).append_pair("client_id", &client.id);
    if let Some(secret) = &client.secret {
        body.append_pair("client_secret", secret.reveal());
    }
    body.finish().into()
}

/// An address that was kept, if it is the deployment's still.
fn own(gateway: &Gateway, url: &str) -> Result<Url, Fault> {
    let base = gateway.coder_url()?;
    Url::parse(url).ok().filter(|url| is_own(base, url)).ok_or_else(|| {
        Fault::new(Kind::BadConfiguration, format!("the stored login is not for {}", trimmed(base)))
            .cure_with("run `aigwctl login`")
    })
}

/// The deployment's words, unless they say a secret.
fn said(status: StatusCode, body: &[u8], secrets: &[&Secret]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: Option<String>,
        error_description: Option<String>,
        message: Option<String>,
    }
    let words = serde_json::from_slice::<Refusal>(body)
        .ok()
        .and_then(|it| it.error_description.or(it.error).or(it.message))
        .map(|words| in_short(&words));
    match words {
        Some(words) if !secrets.iter().any(|secret| words.contains(secret.reveal())) => words,
        _ => status.to_string(),
    }
}

/// Somebody else's words on one line, and not too many.
pub fn in_short(words: &str) -> String {
    let words: String = words.chars().filter(|letter| !letter.is_control()).take(WORDS).collect();
    words.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(change: impl FnOnce(&mut serde_json::Value)) -> Offer {
        let mut document = json!({
            "issuer": "https://coder.test",
            "authorization_endpoint": "https://coder.test/oauth2/authorize",
            "token_endpoint": "https://coder.test/oauth2/tokens",
            "registration_endpoint": "https://coder.test/oauth2/register",
            "revocation_endpoint": "https://coder.test/oauth2/revoke",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        });
        change(&mut document);
        let base = Url::parse("https://coder.test/sub").unwrap();
        read(&base, serde_json::from_value(document).unwrap())
    }

    #[test]
    fn every_address_has_to_be_the_deployments_own() {
        assert!(matches!(offered(|_| ()), Offer::Server(server) if !server.public));
        for name in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "registration_endpoint",
            "revocation_endpoint",
        ] {
            for url in [
                "https://coder.test.evil/oauth2",
                "https://evil.test/oauth2",
                "http://coder.test/oauth2",
                "https://coder.test:8443/oauth2",
                "https://ada@coder.test/oauth2",
            ] {
                let offer = offered(|document| document[name] = url.into());
                assert!(matches!(offer, Offer::Unusable(_)), "{name} {url} {offer:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_not() {
        assert!(matches!(offered(|it| it["registration_endpoint"] = json!(null)), Offer::Absent));
        for (name, value) in [
            ("code_challenge_methods_supported", json!(["plain"])),
            ("code_challenge_methods_supported", json!([])),
            ("token_endpoint_auth_methods_supported", json!(["client_secret_basic", "private_key_jwt"])),
        ] {
            let offer = offered(|it| it[name] = value.clone());
            assert!(matches!(offer, Offer::Unusable(_)), "{name} {value} {offer:?}");
        }
        let public =
            offered(|it| it["token_endpoint_auth_methods_supported"] = json!(["client_secret_post", "none"]));
        assert!(matches!(public, Offer::Server(server) if server.public));
    }

    #[test]
    fn words_that_hold_a_secret_are_not_said() {
        let secret = Secret::new("coder_hush_hush");
        let words = |text: &str| {
            let body = json!({ "error": "invalid_grant", "error_description": text }).to_string();
            said(StatusCode::BAD_REQUEST, body.as_bytes(), &[&secret])
        };
        assert_eq!(words("No such\ncode."), "No suchcode");
        assert_eq!(words("coder_hush_hush is spent"), "400 Bad Request");
        assert_eq!(said(StatusCode::FORBIDDEN, b"<html>", &[]), "403 Forbidden");
    }
}
