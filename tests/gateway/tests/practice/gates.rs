//! Gate order and the exact refusals.

use aigw_gateway::{Behaviour, Era, Mounts, Practice, ProviderFault, Reply, Setup};

use crate::client::{Answer, ask, send};
use crate::{HOUR, started};

const CHAT: &str = "POST /api/v2/ai-gateway/openai/v1/chat/completions";

fn check(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
}

/// Closes every gate, then opens one after the other: each time the next one must refuse.
#[tokio::test]
async fn gates_refuse_in_order() {
    let (gateway, token) = started().await;
    let byok: &[(&str, &str)] = &[("x-coder-ai-governance-token", "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb")];
    gateway.change(|b| {
        b.not_entitled = true;
        b.not_mounted = true;
        b.at_capacity = true;
        b.rate_limited = true;
        b.byok_off = true;
        b.control_plane_away = true;
        b.budget_exceeded = true;
        b.body_cap = 1 << 20;
    });
    let large = || vec![b' '; (1 << 20) + 1];
    check(
        &send(&gateway, CHAT, byok, "{}").await,
        403,
        r#"{"message":"AI Gateway is a Premium feature. Contact sales!"}"#,
    );
    gateway.change(|b| b.not_entitled = false);
    check(&send(&gateway, CHAT, byok, "{}").await, 404, r#"{"message":"aibridged handler not mounted"}"#);
    gateway.change(|b| b.not_mounted = false);
    let text = r#"{"message":"AI Gateway is currently at capacity. Please try again later."}"#;
    check(&send(&gateway, CHAT, byok, "{}").await, 503, text);
    gateway.change(|b| b.at_capacity = false);
    let limited = send(&gateway, CHAT, byok, "{}").await;
    check(&limited, 429, r#"{"message":"You've been rate limited. Please try again later."}"#);
    assert_eq!(limited.header("retry-after"), "1");
    gateway.change(|b| b.rate_limited = false);
    let refused = send(&gateway, CHAT, byok, "{}").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["message"], "Bring Your Own Key (BYOK) mode is not enabled.");
    let detail = "Contact your administrator to enable it with --ai-gateway-allow-byok.";
    assert_eq!(refused.json()["detail"], detail);
    gateway.change(|b| b.byok_off = false);
    let nobody = send(&gateway, CHAT, &[], "{}").await;
    check(&nobody, 400, "no authentication key provided\n");
    assert_eq!(nobody.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(nobody.header("x-content-type-options"), "nosniff");
    check(&send(&gateway, CHAT, byok, "{}").await, 503, "could not connect to coderd\n");
    gateway.change(|b| b.control_plane_away = false);
    check(&send(&gateway, CHAT, byok, "{}").await, 403, "unauthorized\n");
    let text = "AI budget of US$100.00 exceeded. Please contact an administrator for more details.\n";
    check(&ask(&gateway, &token, CHAT, "{}").await, 403, text);
    gateway.change(|b| b.budget_exceeded = false);
    let unknown = CHAT.replace("chat/completions", "embeddings");
    let bearer = format!("Bearer {token}");
    let answer = send(&gateway, &unknown, &[("authorization", &bearer)], large()).await;
    check(&answer, 413, "Request body too large. The maximum allowed request body size is 1MiB.\n");
    let text = "route not supported: POST /openai/v1/embeddings\n";
    check(&ask(&gateway, &token, &unknown, "{}").await, 404, text);
    check(
        &ask(&gateway, &token, CHAT, "not json").await,
        500,
        "failed to create \"/openai/v1/chat/completions\" interceptor\n",
    );
    assert_eq!(ask(&gateway, &token, CHAT, "{}").await.status, 200);
}

#[tokio::test]
async fn thirty_three_mebibytes_are_too_many() {
    let (gateway, token) = started().await;
    let bearer = format!("Bearer {token}");
    let answer = send(&gateway, CHAT, &[("authorization", &bearer)], vec![b' '; 33 << 20]).await;
    check(&answer, 413, "Request body too large. The maximum allowed request body size is 32MiB.\n");
}

#[tokio::test]
async fn every_bad_token_is_unauthorized() {
    let (gateway, token) = started().await;
    let (revoked, orphan) = (gateway.issue_token("ada", HOUR), gateway.issue_token("bob", HOUR));
    gateway.revoke(&revoked);
    gateway.delete_user("bob");
    for bad in ["sk-ant-api03-key", "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", &revoked, &orphan] {
        check(&ask(&gateway, bad, CHAT, "{}").await, 403, "unauthorized\n");
    }
    assert_eq!(send(&gateway, CHAT, &[("x-api-key", &token)], "{}").await.status, 200);
    // The ordinary API's header is not looked at here.
    let answer = send(&gateway, CHAT, &[("coder-session-token", &token)], "{}").await;
    check(&answer, 400, "no authentication key provided\n");
    gateway.advance_clock(HOUR);
    check(&ask(&gateway, &token, CHAT, "{}").await, 403, "unauthorized\n");
}

#[tokio::test]
async fn firewall_headers_come_in_pairs() {
    let (gateway, token) = started().await;
    let bearer = format!("Bearer {token}");
    let (session, sequence) = ("x-coder-agent-firewall-session-id", "x-coder-agent-firewall-sequence-number");
    let id = "0b8a6c1e-1111-4222-8333-444455556666";
    for (pair, status) in [
        (vec![(session, id), (sequence, "7")], 200),
        (vec![(session, id)], 400),
        (vec![(session, id), (sequence, "-1")], 400),
        (vec![(session, "x"), (sequence, "7")], 400),
    ] {
        let headers: Vec<_> = pair.into_iter().chain([("authorization", bearer.as_str())]).collect();
        assert_eq!(send(&gateway, CHAT, &headers, "{}").await.status, status);
    }
}

#[tokio::test]
async fn rate_limit_counts_per_second_and_token() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.rate_limit = 2);
    let mut statuses = Vec::new();
    // A window may end in between, but not twice.
    for _ in 0..7 {
        statuses.push(ask(&gateway, &token, CHAT, "{}").await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    gateway.advance_clock(std::time::Duration::from_secs(2));
    assert_eq!(ask(&gateway, &token, CHAT, "{}").await.status, 200);
}

#[tokio::test]
async fn providers_can_fail_before_the_stream() {
    let (gateway, token) = started().await;
    let messages = "POST /api/v2/aibridge/anthropic/v1/messages";
    let models = "GET /api/v2/aibridge/anthropic/v1/models";
    let status = ProviderFault::Status(529, "overloaded_error".to_owned(), "Overloaded".to_owned());
    for (fault, line, expected, kind) in [
        (ProviderFault::KeyRejected, messages, 401, "authentication_error"),
        (ProviderFault::KeyRejected, models, 401, "authentication_error"),
        (ProviderFault::KeysFailed, messages, 502, "api_error"),
        (ProviderFault::KeysRateLimited, messages, 429, "rate_limit_error"),
        (ProviderFault::BreakerOpen(30), messages, 503, "overloaded_error"),
        (ProviderFault::BreakerOpen(30), CHAT, 503, "server_error"),
        (status, messages, 529, "overloaded_error"),
    ] {
        gateway.change(|b| b.provider_fault = Some(fault.clone()));
        let answer = ask(&gateway, &token, line, "{}").await;
        assert_eq!(answer.status, expected, "{fault:?}");
        assert_eq!(answer.json()["error"]["type"], kind, "{fault:?}");
        let retry = if let ProviderFault::BreakerOpen(_) = fault { "30" } else { "1" };
        assert!(["", retry].contains(&answer.header("retry-after")), "{fault:?}");
    }
    gateway.change(|b| b.provider_fault = Some(ProviderFault::Unreachable));
    check(&ask(&gateway, &token, models, "").await, 502, "upstream proxy error\n");
}

#[tokio::test]
async fn disabled_absent_and_keyless_providers() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.provider("openai").enabled = false);
    let text = "provider_disabled: AI provider \"openai\" is disabled\n";
    check(&ask(&gateway, &token, "GET /api/v2/ai-gateway/openai/anything", "").await, 503, text);
    gateway.change(|b| b.providers.retain(|provider| provider.name != "chatgpt"));
    let text = "route not supported: POST /chatgpt/v1/responses\n";
    check(&ask(&gateway, &token, "POST /api/v2/ai-gateway/chatgpt/v1/responses", "{}").await, 404, text);
    let text = "failed to create \"/copilot/chat/completions\" interceptor\n";
    check(&ask(&gateway, &token, "POST /api/v2/ai-gateway/copilot/chat/completions", "{}").await, 500, text);
}

#[tokio::test]
async fn background_is_refused() {
    let (gateway, token) = started().await;
    let line = "POST /api/v2/ai-gateway/openai/v1/responses";
    let answer = ask(&gateway, &token, line, r#"{"background":true}"#).await;
    assert_eq!((answer.status, &answer.json()["code"]), (501, &"501".into()));
    gateway.change(|b| b.background_refused = false);
    assert_eq!(ask(&gateway, &token, line, r#"{"background":true}"#).await.status, 200);
}

#[tokio::test]
async fn mounts_come_and_go() {
    let setup = Setup { path: "/coder/".to_owned(), ..Setup::default() };
    let gateway = Practice::start(setup).await.unwrap();
    let token = gateway.issue_token("ada", HOUR);
    assert!(gateway.url().ends_with("/coder"));
    let new = "POST /coder/api/v2/ai-gateway/anthropic/v1/messages";
    let legacy = "POST /coder/api/v2/aibridge/anthropic/v1/messages";
    let root = "POST /coder/anthropic/v1/messages";
    let absent = r#"{"message":"Route not found."}"#;
    for (mounts, present, missing) in [
        (Mounts::coder(), [new, legacy].as_slice(), [root].as_slice()),
        (Mounts::coder_before_rename(), &[legacy], &[new, root]),
        (Mounts::stand_alone(), &[new, root], &[legacy, "GET /coder/api/v2/users/me"]),
        (Mounts::all(), &[new, legacy, root], &[]),
    ] {
        gateway.change(|b| b.mounts = mounts);
        for line in present {
            assert_eq!(ask(&gateway, &token, line, "{}").await.status, 200, "{mounts:?} {line}");
        }
        for line in missing {
            check(&ask(&gateway, &token, line, "{}").await, 404, absent);
        }
    }
    check(&ask(&gateway, &token, "GET /api/v2/buildinfo", "").await, 404, "404 page not found\n");
    check(&send(&gateway, "GET /coder/readyz", &[], "").await, 200, "");
    gateway.change(|b| b.control_plane_away = true);
    check(&send(&gateway, "GET /coder/readyz", &[], "").await, 503, "");
    check(&send(&gateway, "GET /coder/healthz", &[], "").await, 200, "");
}

#[tokio::test]
async fn scripted_answers_come_first_and_in_order() {
    let (gateway, token) = started().await;
    gateway.answer_next(1, Reply::load_balancer_502());
    gateway.answer_next(2, Reply::redirect("https://login.example.test/"));
    gateway.answer_next(1, Reply::new(207).header("x-odd", "yes").body("odd"));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(ask(&gateway, &token, CHAT, "{}").await.status);
    }
    assert_eq!(statuses, [502, 302, 302, 207, 200]);
    gateway.change(|b| b.answer_front = Some(Reply::load_balancer_502()));
    assert!(send(&gateway, "GET /api/v2/buildinfo", &[], "").await.body.starts_with("<html>"));
}

#[tokio::test]
async fn old_releases_speak_of_the_bridge() {
    let behaviour = Behaviour { era: Era::Old, at_capacity: true, ..Behaviour::default() };
    let gateway = Practice::start(Setup { behaviour, ..Setup::default() }).await.unwrap();
    let text = r#"{"message":"AI Bridge is currently at capacity. Please try again later."}"#;
    check(&ask(&gateway, "x", CHAT, "{}").await, 503, text);
}
