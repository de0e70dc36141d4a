//! The ordinary API: login checks, token making, and what must not leak.

use std::time::Duration;

use crate::client::{Answer, ask, send};
use crate::{HOUR, started};
use aigw_gateway::{Era, History, MANAGEMENT_MARK, Practice, Scopes, Spend};

async fn call(gateway: &Practice, token: &str, line: &str, body: &str) -> Answer {
    send(gateway, line, &[("coder-session-token", token)], body.to_owned()).await
}

#[tokio::test]
async fn who_am_i_and_why_not() {
    let (gateway, token) = started().await;
    let me = "GET /api/v2/users/me";
    let answer = call(&gateway, &token, me, "").await;
    assert_eq!((answer.status, &answer.json()["username"]), (200, &"ada".into()));
    for (bad, detail) in [
        ("", "Cookie \"coder_session_token\" or query parameter must be provided."),
        ("nonsense", "Invalid API key format: incorrect amount of API key parts, expected 2"),
        ("aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", "API key is invalid."),
        (&format!("{}-{}", &token[..10], "b".repeat(22)), "API key secret is invalid."),
    ] {
        let answer = call(&gateway, bad, me, "").await;
        assert_eq!((answer.status, &answer.json()["detail"]), (401, &detail.into()));
        let text = "You are signed out or your session has expired. Please sign in again to continue.";
        assert_eq!(answer.json()["message"], text);
    }
    // Cookie before query before header.
    let cookie = format!("a=b; coder_session_token={token}");
    let headers = [("cookie", cookie.as_str()), ("coder-session-token", "nonsense")];
    assert_eq!(send(&gateway, "GET /api/v2/users/me?coder_session_token=x", &headers, "").await.status, 200);
    let line = format!("GET /api/v2/users/me?coder_session_token={token}");
    assert_eq!(send(&gateway, &line, &headers[1..], "").await.status, 200);
    gateway.suspend_user("ada");
    let answer = call(&gateway, &token, me, "").await;
    assert!(answer.json()["message"].as_str().unwrap().starts_with("User is not active"));
    gateway.advance_clock(HOUR);
    let answer = call(&gateway, &token, me, "").await;
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("API key expired at \""));
}

#[tokio::test]
async fn only_the_ordinary_api_extends_a_session() {
    let (gateway, _) = started().await;
    let token = gateway.issue_token("ada", 24 * HOUR);
    let first = gateway.token_expiry(&token).unwrap();
    gateway.advance_clock(2 * HOUR);
    ask(&gateway, &token, "GET /api/v2/ai-gateway/openai/v1/models", "").await;
    assert_eq!(gateway.token_expiry(&token), Some(first));
    call(&gateway, &token, "GET /api/v2/users/me", "").await;
    assert!(gateway.token_expiry(&token).unwrap() > first + Duration::from_secs(7000));
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.max_token_lifetime = 48 * HOUR);
    let tokens = "/api/v2/users/me/keys/tokens";
    let body = |hours: u64, name: &str| {
        format!(r#"{{"lifetime":{},"scope":"all","token_name":"{name}"}}"#, hours * 3_600_000_000_000)
    };
    let longest = call(&gateway, &token, &format!("GET {tokens}/tokenconfig"), "").await.json();
    assert_eq!(longest["max_token_lifetime"], 48 * 3_600_000_000_000_u64);
    let made = call(&gateway, &token, &format!("POST {tokens}"), &body(48, "aigw-host")).await;
    assert_eq!(made.status, 201);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let too_long = call(&gateway, &token, &format!("POST {tokens}"), &body(49, "other")).await;
    assert_eq!(too_long.status, 400);
    let twice = call(&gateway, &token, &format!("POST {tokens}"), &body(1, "aigw-host")).await;
    assert_eq!(twice.status, 409);
    let list = call(&gateway, &key, &format!("GET {tokens}"), "").await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["lifetime_seconds"], 48 * 3600);
    let by_name = call(&gateway, &key, &format!("GET {tokens}/aigw-host"), "").await.json();
    let by_id = call(&gateway, &key, &format!("GET /api/v2/users/me/keys/{}", &key[..10]), "").await.json();
    assert_eq!(by_name["id"], by_id["id"]);
    let session = call(&gateway, &token, "POST /api/v2/users/me/keys", "").await.json();
    assert_eq!(session["key"].as_str().unwrap().len(), 33);
    let removed = call(&gateway, &key, &format!("DELETE /api/v2/users/me/keys/{}", &key[..10]), "").await;
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    assert_eq!(call(&gateway, &key, "GET /api/v2/users/me", "").await.status, 401);
}

#[tokio::test]
async fn the_rest_of_the_site() {
    let (gateway, token) = started().await;
    let build = send(&gateway, "GET /api/v2/buildinfo", &[], "").await.json();
    assert!(build["version"].as_str().unwrap().starts_with('v'));
    let features = call(&gateway, &token, "GET /api/v2/entitlements", "").await.json();
    assert_eq!(features["features"]["aibridge"]["entitlement"], "entitled");
    let spend = call(&gateway, &token, "GET /api/v2/users/me/ai/spend", "").await.json();
    assert_eq!(spend["current_spend_micros"], 12_340_000);
    for path in
        ["sessions", "sessions/00000000-0000-4000-8000-0000000000aa", "models", "clients", "providers"]
    {
        let line = format!("GET /api/v2/ai-gateway/{path}");
        assert!(call(&gateway, &token, &line, "").await.body.contains(MANAGEMENT_MARK), "{path}");
        // A token in the provider routes' header is no login here.
        assert_eq!(ask(&gateway, &token, &line, "").await.status, 401, "{path}");
    }
    let page = send(&gateway, "GET /cli-auth", &[], "").await.body;
    let shown = page.split("<code id=\"token\">").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(call(&gateway, shown, "GET /api/v2/users/me", "").await.status, 200);
}

/// A token with these scopes, or the refusal.
async fn minted(gateway: &Practice, token: &str, scopes: &str) -> Result<String, Answer> {
    let answer = call(gateway, token, "POST /api/v2/users/me/keys/tokens", &format!("{{{scopes}}}")).await;
    match answer.status {
        201 => Ok(answer.json()["key"].as_str().unwrap().to_owned()),
        _ => Err(answer),
    }
}

#[tokio::test]
async fn scopes_decide_what_a_token_may_do() {
    let (gateway, token) = started().await;
    let models = "GET /api/v2/ai-gateway/openai/v1/models";
    let sessions = "GET /api/v2/ai-gateway/sessions";
    let (me, keys) = ("GET /api/v2/users/me", "GET /api/v2/users/me/keys/tokens");
    for (scopes, expected) in [
        (r#""scope":"all""#, [200, 200, 200, 200]),
        ("", [200, 200, 200, 200]),
        (r#""scope":"application_connect""#, [403, 403, 403, 403]),
        (r#""scopes":["user:read_personal","aibridge_interception:create"]"#, [200, 403, 200, 403]),
        (r#""scopes":["api_key:*","aibridge_interception:create"]"#, [403, 200, 200, 403]),
        (r#""scopes":["aibridge_interception:*"]"#, [403, 403, 200, 200]),
    ] {
        let key = minted(&gateway, &token, scopes).await.ok().unwrap();
        let seen = [
            call(&gateway, &key, me, "").await.status,
            call(&gateway, &key, keys, "").await.status,
            ask(&gateway, &key, models, "").await.status,
            call(&gateway, &key, sessions, "").await.status,
        ];
        assert_eq!(seen, expected, "{scopes}");
    }
    let unknown = minted(&gateway, &token, r#""scopes":["all","made:up"]"#).await.err().unwrap();
    assert_eq!(unknown.status, 400);
    assert!(unknown.json()["detail"].as_str().unwrap().contains("made:up"));

    // A release from before knows two words, and passes over a list.
    gateway.change(|b| b.scopes = Scopes::OLD);
    assert_eq!(minted(&gateway, &token, r#""scope":"user:read""#).await.err().unwrap().status, 400);
    let key = minted(&gateway, &token, r#""scopes":["user:read"]"#).await.ok().unwrap();
    assert_eq!(call(&gateway, &key, me, "").await.status, 200);
    let alive = gateway.tokens_alive("ada");
    assert_eq!(alive.last().unwrap().scopes, ["all"]);
    assert_eq!(alive.last().unwrap().id, key[..10]);

    // There the provider routes ask for no scope.
    let key = minted(&gateway, &token, r#""scope":"application_connect""#).await.ok().unwrap();
    assert_eq!(ask(&gateway, &key, models, "").await.status, 200);
    assert_eq!(call(&gateway, &key, me, "").await.status, 403);

    gateway.change(|b| b.minting_refused = true);
    assert_eq!(minted(&gateway, &token, "").await.err().unwrap().status, 403);
}

#[tokio::test]
async fn spend_with_and_without_a_budget() {
    let (gateway, token) = started().await;
    let spend = async || call(&gateway, &token, "GET /api/v2/users/me/ai/spend", "").await;
    assert_eq!(spend().await.json()["effective_budget"]["spend_limit_micros"], 100_000_000);
    gateway.change(|b| (b.spend, b.spend_cents) = (Spend::NoBudget, 7));
    let answer = spend().await.json();
    assert_eq!((answer.get("effective_budget"), &answer["current_spend_micros"]), (None, &70_000.into()));
    gateway.change(|b| b.spend = Spend::Absent);
    assert_eq!(spend().await.status, 404);
    gateway.change(|b| (b.spend, b.era) = (Spend::OfBudget, Era::Old));
    assert_eq!(spend().await.status, 404);
    gateway.change(|b| b.not_entitled = true);
    assert_eq!(spend().await.status, 403);
}

#[tokio::test]
async fn sessions_come_in_pages_and_older_releases_have_interceptions() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.history_length = 5);
    let page = async |what: &str, field: &str| {
        let answer = call(&gateway, &token, &format!("GET /api/v2/aibridge/{what}"), "").await.json();
        assert_eq!(answer["count"], 5);
        let rows = answer[field].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = page("sessions?q=initiator:me", "sessions").await;
    assert_eq!(all.len(), 5);
    let next = format!("sessions?limit=2&after_session_id={}", all[1]);
    assert_eq!(page(&next, "sessions").await, all[2..4]);
    assert_eq!(page("sessions?offset=4&limit=2", "sessions").await, all[4..]);
    assert_eq!(page(&format!("sessions?after_session_id={}", all[4]), "sessions").await.len(), 0);
    gateway.change(|b| b.history = History::Interceptions);
    assert_eq!(call(&gateway, &token, "GET /api/v2/aibridge/sessions", "").await.status, 404);
    assert_eq!(page("interceptions?limit=3", "results").await, all[..3]);
}
