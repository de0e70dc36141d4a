//! The authorization server: a client registers, a person allows it, tokens come, change and go.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use aigw_gateway::{OAuth, Practice, Registration, Scopes};

use crate::client::{Answer, ask, send};
use crate::{HOUR, started};

const CALLBACK: &str = "http://127.0.0.1:49152/callback";
const VERIFIER: &str = "practice-verifier-practice-verifier-practice";

async fn deployment() -> Practice {
    let (gateway, _) = started().await;
    gateway.change(|b| b.oauth = Some(OAuth::default()));
    gateway
}

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn post(gateway: &Practice, path: &str, pairs: &[(&str, &str)]) -> Answer {
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    send(gateway, &format!("POST {path}"), &kind, form(pairs)).await
}

async fn register(gateway: &Practice, method: &str) -> Answer {
    let body = json!({
        "client_name": "aigw <test>", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method,
    });
    send(gateway, "POST /oauth2/register", &[("content-type", "application/json")], body.to_string()).await
}

fn query<'a>(client: &'a str, challenge: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("state", "st&te"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// Where the browser is sent, taken apart.
fn sent_back(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 302, "{}", answer.body);
    let url = Url::parse(answer.header("location")).unwrap();
    assert!(url.as_str().starts_with(&format!("{CALLBACK}?")), "{url}");
    url.query_pairs().into_owned().collect()
}

async fn allow(gateway: &Practice, client: &str) -> String {
    let target = format!("/oauth2/authorize?{}", form(&query(client, &challenge())));
    let page = send(gateway, &format!("GET {target}"), &[], "").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for part in ["id=\"allow\"", "id=\"deny\"", "<b id=\"user\">ada</b>", "aigw &lt;test&gt;"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let back = sent_back(&post(gateway, &target, &[("decision", "allow")]).await);
    assert_eq!(back["state"], "st&te");
    back["code"].clone()
}

fn redeeming<'a>(client: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

async fn refresh(gateway: &Practice, client: &str, token: &Value) -> Answer {
    let pairs =
        [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token.as_str().unwrap())];
    post(gateway, "/oauth2/tokens", &pairs).await
}

async fn me(gateway: &Practice, token: &Value) -> u16 {
    send(gateway, "GET /api/v2/users/me", &[("coder-session-token", token.as_str().unwrap())], "")
        .await
        .status
}

#[tokio::test]
async fn without_an_authorization_server_nothing_is_there() {
    let (gateway, _) = started().await;
    for line in
        ["GET /.well-known/oauth-authorization-server", "GET /oauth2/authorize", "POST /oauth2/tokens"]
    {
        assert_eq!(send(&gateway, line, &[], "").await.status, 404, "{line}");
    }
}

#[tokio::test]
async fn what_it_tells_of_itself() {
    let gateway = deployment().await;
    let ask =
        || async { send(&gateway, "GET /.well-known/oauth-authorization-server", &[], "").await.json() };
    let document = ask().await;
    assert_eq!(document["registration_endpoint"], "http://coder.example.test/oauth2/register");
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["scopes_supported"], json!(Scopes::NARROW.names));
    gateway.change(|b| {
        let oauth = b.oauth.as_mut().unwrap();
        oauth.registration = Registration::Absent;
        oauth.advertised_at = Some("https://elsewhere.test".to_owned());
        oauth.auth_methods = vec!["client_secret_post".to_owned()];
    });
    let document = ask().await;
    assert_eq!(document.get("registration_endpoint"), None);
    assert_eq!(document["token_endpoint"], "https://elsewhere.test/oauth2/tokens");
    assert_eq!(register(&gateway, "client_secret_post").await.status, 404);
    gateway.change(|b| b.oauth.as_mut().unwrap().registration = Registration::Refused);
    assert_eq!(register(&gateway, "client_secret_post").await.status, 403);
    gateway.change(|b| b.oauth.as_mut().unwrap().registration = Registration::Open);
    let answer = register(&gateway, "none").await;
    assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_client_metadata".into()));
}

#[tokio::test]
async fn a_public_client_logs_a_person_in() {
    let gateway = deployment().await;
    let client = register(&gateway, "none").await.json();
    assert_eq!(client.get("client_secret"), None);
    let client = client["client_id"].as_str().unwrap();
    let code = allow(&gateway, client).await;
    let answer = post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.body);
    let first = answer.json();
    assert_eq!((&first["token_type"], &first["expires_in"]), (&"Bearer".into(), &3600.into()));
    assert_eq!(me(&gateway, &first["access_token"]).await, 200);
    let token = first["access_token"].as_str().unwrap();
    assert_eq!(ask(&gateway, token, "GET /api/v2/ai-gateway/openai/v1/models", "").await.status, 200);
    assert_eq!(gateway.tokens_alive("ada").len(), 2);

    // A refresh ends the token before it.
    let second = refresh(&gateway, client, &first["refresh_token"]).await.json();
    assert_eq!(me(&gateway, &first["access_token"]).await, 401);
    assert_eq!(me(&gateway, &second["access_token"]).await, 200);
    assert_eq!(gateway.refused_tokens(), 1);
    // An access token that has expired can be refreshed.
    gateway.advance_clock(HOUR);
    assert_eq!(me(&gateway, &second["access_token"]).await, 401);
    let third = refresh(&gateway, client, &second["refresh_token"]).await.json();
    assert_eq!(me(&gateway, &third["access_token"]).await, 200);
    // A refresh token that comes back ends everything.
    let again = refresh(&gateway, client, &first["refresh_token"]).await;
    assert_eq!((again.status, &again.json()["error"]), (400, &"invalid_grant".into()));
    assert_eq!(me(&gateway, &third["access_token"]).await, 401);
    assert_eq!(refresh(&gateway, client, &third["refresh_token"]).await.status, 400);
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_client_address_and_verifier() {
    let gateway = deployment().await;
    let registered = [register(&gateway, "none").await.json(), register(&gateway, "none").await.json()];
    let [client, other] = registered.each_ref().map(|client| client["client_id"].as_str().unwrap());
    for (name, value) in [
        ("client_id", other),
        ("redirect_uri", "http://127.0.0.1:49153/callback"),
        ("code_verifier", "another-verifier-another-verifier-another-one"),
    ] {
        let code = allow(&gateway, client).await;
        let mut pairs = redeeming(client, &code);
        pairs.iter_mut().find(|(own, _)| *own == name).unwrap().1 = value;
        let answer = post(&gateway, "/oauth2/tokens", &pairs).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_grant".into()), "{name}");
        // A wrong attempt uses it up.
        assert_eq!(post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await.status, 400);
    }
    let code = allow(&gateway, client).await;
    let good = post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await.json();
    assert_eq!(me(&gateway, &good["access_token"]).await, 200);
    assert_eq!(post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await.status, 400);
    assert_eq!(me(&gateway, &good["access_token"]).await, 401);

    let code = allow(&gateway, client).await;
    gateway.advance_clock(HOUR);
    assert_eq!(post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await.status, 400);
}

#[tokio::test]
async fn a_client_with_a_secret_shows_it_in_its_own_way() {
    let gateway = deployment().await;
    let client = register(&gateway, "client_secret_post").await.json();
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    for (shown, status) in [(None, 401), (Some("wrong"), 401), (Some(secret), 200)] {
        let code = allow(&gateway, id).await;
        let mut pairs = redeeming(id, &code);
        pairs.extend(shown.map(|secret| ("client_secret", secret)));
        let answer = post(&gateway, "/oauth2/tokens", &pairs).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 200 {
            let token = answer.json()["access_token"].clone();
            let mut pairs = vec![("token", token.as_str().unwrap()), ("client_id", id)];
            assert_eq!(post(&gateway, "/oauth2/revoke", &pairs).await.status, 401);
            assert_eq!(me(&gateway, &token).await, 200);
            pairs.push(("client_secret", secret));
            assert_eq!(post(&gateway, "/oauth2/revoke", &pairs).await.status, 200);
            assert_eq!(me(&gateway, &token).await, 401);
        }
    }
}

#[tokio::test]
async fn who_may_not_be_allowed() {
    let gateway = deployment().await;
    let registered = register(&gateway, "none").await.json();
    let client = registered["client_id"].as_str().unwrap();
    let challenge = challenge();
    let open = async |name: &str, value: &str| {
        let mut pairs = query(client, &challenge);
        pairs.retain(|(own, _)| *own != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
        send(&gateway, &format!("GET /oauth2/authorize?{}", form(&pairs)), &[], "").await
    };
    // No browser is sent anywhere before client and address are known.
    for (name, value) in [
        ("client_id", "somebody"),
        ("redirect_uri", "http://127.0.0.1:49153/callback"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("redirect_uri", "http://127.0.0.1:49152/callback/"),
        ("redirect_uri", ""),
        ("prompt", "login"),
    ] {
        let answer = open(name, value).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{name}={value}");
    }
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "all made:up", "invalid_scope"),
    ] {
        let back = sent_back(&open(name, value).await);
        assert_eq!((back["error"].as_str(), back["state"].as_str()), (error, "st&te"), "{name}={value}");
    }
    let target = format!("/oauth2/authorize?{}", form(&query(client, &challenge)));
    let back = sent_back(&post(&gateway, &target, &[("decision", "deny")]).await);
    assert_eq!((back["error"].as_str(), back.get("code")), ("access_denied", None));
    // Addresses that a browser should not be sent to.
    for uri in ["http://coder.test/callback", "https://coder.test/#part", "javascript:alert(1)", "callback"] {
        let body = json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "none" }).to_string();
        assert_eq!(send(&gateway, "POST /oauth2/register", &[], body).await.status, 400, "{uri}");
    }
}

#[tokio::test]
async fn a_scope_asked_for_is_the_scope_given() {
    let gateway = deployment().await;
    let registered = register(&gateway, "none").await.json();
    let client = registered["client_id"].as_str().unwrap();
    let challenge = challenge();
    let mut pairs = query(client, &challenge);
    pairs.push(("scope", "user:read_personal"));
    let target = format!("/oauth2/authorize?{}", form(&pairs));
    let code = sent_back(&post(&gateway, &target, &[("decision", "allow")]).await)["code"].clone();
    let given = post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await.json();
    assert_eq!(given["scope"], "user:read_personal");
    assert_eq!(me(&gateway, &given["access_token"]).await, 200);
    let token = given["access_token"].as_str().unwrap();
    assert_eq!(ask(&gateway, token, "GET /api/v2/ai-gateway/openai/v1/models", "").await.status, 403);
}

#[tokio::test]
async fn a_client_can_leave() {
    let gateway = deployment().await;
    let registered = register(&gateway, "none").await.json();
    let client = registered["client_id"].as_str().unwrap();
    let code = allow(&gateway, client).await;
    let given = post(&gateway, "/oauth2/tokens", &redeeming(client, &code)).await.json();
    let line = format!("DELETE /oauth2/clients/{client}");
    assert_eq!(send(&gateway, &line, &[("authorization", "Bearer wrong")], "").await.status, 401);
    assert_eq!(gateway.oauth_clients(), 1);
    let own = format!("Bearer {}", registered["registration_access_token"].as_str().unwrap());
    assert_eq!(send(&gateway, &line, &[("authorization", &own)], "").await.status, 204);
    assert_eq!(gateway.oauth_clients(), 0);
    assert_eq!(me(&gateway, &given["access_token"]).await, 401);
}
