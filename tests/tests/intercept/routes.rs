//! Which request goes where, and what of it.

use std::time::Duration;

use aigw_gateway::{Ending, Manner, OriginSetup, Reply, Setup};
use aigw_tests::inside::read;
use aigw_tests::machine;
use aigw_tests::scene::Scene;

use crate::stage::{Stage, credentials, until};
use crate::{H1, H2, MESSAGES, RESPONSES};

const ANTHROPIC: &str = "api.anthropic.com";
const OPENAI: &str = "api.openai.com";
const CHATGPT: &str = "chatgpt.com";
const INDIVIDUAL: &str = "api.individual.githubcopilot.com";
const BUSINESS: &str = "api.business.githubcopilot.com";
const ENTERPRISE: &str = "api.enterprise.githubcopilot.com";

async fn scene() -> Scene {
    Scene::set(machine!(), Setup { tls: true, http2: false, ..Setup::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ai_call_of_a_known_host_reaches_its_route_with_the_right_credential() {
    let scene = scene().await;
    let own = "Bearer eyJhbGciOi.eyJzdWIi.c2ln";
    for (host, method, path, body, there) in [
        (ANTHROPIC, "POST", "/v1/messages?beta=true", MESSAGES, "/anthropic/v1/messages?beta=true"),
        (
            ANTHROPIC,
            "POST",
            "/v1/messages/count_tokens?beta=true",
            "{}",
            "/anthropic/v1/messages/count_tokens?beta=true",
        ),
        (ANTHROPIC, "GET", "/v1/models?limit=1&x=a%2Fb", "", "/anthropic/v1/models?limit=1&x=a%2Fb"),
        (OPENAI, "POST", "/v1/responses", RESPONSES, "/openai/v1/responses"),
        (OPENAI, "POST", "/v1/chat/completions", RESPONSES, "/openai/v1/chat/completions"),
        (OPENAI, "GET", "/v1/models/gpt-5", "", "/openai/v1/models/gpt-5"),
        (OPENAI, "GET", "/v1/responses/r_1?include=a", "", "/openai/v1/responses/r_1?include=a"),
        (CHATGPT, "POST", "/backend-api/codex/responses", RESPONSES, "/chatgpt/v1/responses"),
        (
            CHATGPT,
            "GET",
            "/backend-api/codex/models?client_version=1",
            "",
            "/chatgpt/v1/models?client_version=1",
        ),
        (INDIVIDUAL, "POST", "/chat/completions", RESPONSES, "/copilot/chat/completions"),
        (INDIVIDUAL, "GET", "/models", "", "/copilot/models"),
        (BUSINESS, "POST", "/responses", RESPONSES, "/copilot-business/responses"),
        (ENTERPRISE, "POST", "/v1/messages", MESSAGES, "/copilot-enterprise/v1/messages"),
    ] {
        for protocols in [H1, H2] {
            scene.gateway.forget_requests();
            let mut http = scene.inside(host, protocols).await.http().await;
            let fields = [
                "user-agent: claude-cli/2.1 (external, cli)",
                "anthropic-beta: a-2025,b-2025",
                "x-claude-code-session-id: s-1",
                "session_id: s-2",
                "x-empty:",
                "x-many: 1",
                "x-many: 2",
                "x-api-key: sk-ant-own",
                &format!("authorization: {own}"),
            ];
            let answer = http.ask(method, path, &fields, body).await;
            assert_eq!((answer.status, answer.whole), (200, true), "{host}{path} {}", answer.text());
            let seen = scene.only_request();
            assert_eq!(seen.target, format!("/api/v2/ai-gateway{there}"), "{host}{path}");
            assert_eq!((seen.method.as_str(), seen.body_text().as_str()), (method, body));
            let expected = match host {
                ANTHROPIC | OPENAI => vec![format!("authorization: Bearer {}", scene.token)],
                _ => vec![
                    format!("authorization: {own}"),
                    "x-api-key: sk-ant-own".to_owned(),
                    format!("x-coder-ai-governance-token: {}", scene.token),
                ],
            };
            assert_eq!(credentials(&seen), expected, "{host}{path}");
            for field in &fields[..5] {
                let (name, value) = field.split_once(':').unwrap();
                assert_eq!(seen.headers(name), [value.trim()], "{host}{path} {field}");
            }
            assert_eq!(seen.headers("x-many"), ["1", "2"]);
            assert_eq!(seen.headers("host"), [scene.gateway.address().to_string()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_own_logins_says_sign_in_where_there_is_none() {
    let scene = scene().await;
    for (host, path) in [
        (CHATGPT, "/backend-api/codex/responses"),
        (INDIVIDUAL, "/chat/completions"),
        (BUSINESS, "/responses"),
        (ENTERPRISE, "/v1/messages"),
    ] {
        let local = format!("authorization: Bearer {}", scene.key);
        for fields in [&[][..], &[local.as_str()]] {
            let mut http = scene.inside(host, H2).await.http().await;
            let answer = http.ask("POST", path, fields, "{}").await;
            let status = if host == CHATGPT { 403 } else { 400 };
            assert_eq!((answer.status, answer.error()), (status, Some("tool-not-signed-in")), "{host}");
            assert_eq!(answer.json()["type"] == "error", path == "/v1/messages", "{host}");
        }
    }
    assert!(scene.gateway.provider_requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ai_call_reaches_the_real_host_as_it_came() {
    let key_and_query = |key: &str| format!("/api/oauth/profile?a=b%20c&d=&key={key}&e");
    for provider in ["anthropic", "openai", "chatgpt", "copilot"] {
        let stage = Stage::set(provider, "").await;
        for protocols in [H1, H2] {
            let fields = [
                "user-agent: tool/1",
                "accept: */*",
                "authorization: Bearer sk-ant-oat01-own",
                "cookie: session=1",
                "x-forwarded-for: 10.0.0.1",
                "accept-encoding: gzip, br",
                "x-many: 1",
                "x-many: 2",
            ];
            let key = &stage.scene.key;
            // What names us goes, wherever it stands.
            let ours = [
                format!("proxy-authorization: {}", aigw_tests::raw::login(key)),
                format!("x-api-key: {key}"),
                format!("x-goog-api-key: {key}"),
            ];
            let sent: Vec<_> = fields.iter().copied().chain(ours.iter().map(String::as_str)).collect();
            let mut http = stage.http(protocols).await;
            let answer = http.ask("POST", &key_and_query(key), &sent, "a body\n").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.json()["origin"], "origin");
            let seen = stage.only_the_host_saw();
            assert_eq!(seen.target, "/api/oauth/profile?a=b%20c&d=&e");
            assert_eq!((seen.method.as_str(), seen.body_text().as_str()), ("POST", "a body\n"));
            assert_eq!(seen.server_name.as_deref(), Some("localhost"));
            let mut lines: Vec<_> = seen
                .headers
                .iter()
                .filter(|(name, _)| !name.starts_with(':') && !name.eq_ignore_ascii_case("host"))
                .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
                .collect();
            lines.sort();
            let mut expected: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
            expected.push("content-length: 7".to_owned());
            expected.sort();
            assert_eq!(lines, expected, "{provider} {protocols:?}");
            let whole = format!("{seen:?}");
            assert!(!whole.contains(key.as_str()) && !whole.contains(&stage.scene.token), "{whole}");
        }
    }
}

/// Proxy-Authorization that is none of ours belongs to nobody behind us either.
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_proxy_login_goes_no_further() {
    let stage = Stage::set("anthropic", "").await;
    let mut http = stage.http(H1).await;
    let fields = ["proxy-authorization: Basic YTpi", "connection: x-private, close", "x-private: 1"];
    assert_eq!(http.ask("GET", "/api/hello", &fields, "").await.status, 200);
    let seen = stage.only_the_host_saw();
    assert_eq!((seen.header("proxy-authorization"), seen.header("x-private")), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_length_reaches_the_real_host_with_any_method() {
    let stage = Stage::set("anthropic", "").await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        let mut inside = stage.inside(H1).await;
        let head =
            format!("{method} /api/files HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked", stage.target);
        inside.send(format!("{head}\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
        assert_eq!(inside.answer().status, 200, "{method}");
        assert_eq!(stage.only_the_host_saw().body_text(), "abcde", "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_on_one_connection() {
    let stage = Stage::set("anthropic", "").await;
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        for _ in 0..3 {
            let own = "authorization: Bearer sk-ant-oat01-own";
            let answer = http.ask("POST", "/v1/messages", &[own], MESSAGES).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.text().contains("message_stop"));
            let seen = stage.only_the_gateway_saw();
            assert_eq!(credentials(&seen), [format!("authorization: Bearer {}", stage.scene.token)]);

            let answer = http.ask("POST", "/api/event_logging/batch", &[own], "{}").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(credentials(&stage.only_the_host_saw()), [own]);
        }
    }
    // At the same time, too.
    stage.origin.at("/api/events", Manner::Events { count: 2, gap: Duration::from_secs(600) });
    let mut http = stage.http(H2).await;
    let mut held = http.begin("GET", "/api/events", &[], "").await.unwrap();
    assert!(until(held.body_mut(), "\"event\":0").await);
    assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
    let connections: Vec<_> = stage.origin.requests().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_are_made() {
    let stage = Stage::set("anthropic", "").await;
    stage.scene.gateway.change(|behaviour| {
        behaviour.stream.ending = Ending::Silence;
        behaviour.stream.ping_after = Duration::from_secs(600);
    });
    stage.origin.at("/api/events", Manner::Events { count: 2, gap: Duration::from_secs(600) });
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        let mut response = http.begin("POST", "/v1/messages", &[], MESSAGES).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(until(response.body_mut(), "Hello").await, "{protocols:?}");
        let mut http = stage.http(protocols).await;
        let mut response = http.begin("GET", "/api/events", &[], "").await.unwrap();
        assert!(until(response.body_mut(), "\"event\":0").await, "{protocols:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_back_as_they_were() {
    let stage = Stage::set("anthropic", "").await;
    let reply = Reply::new(418)
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("content-encoding", "x-odd")
        .header("request-id", "req_1")
        .header("anthropic-ratelimit-requests-remaining", "7")
        .body(&b"\x00\xff raw"[..]);
    stage.origin.otherwise(Manner::Reply(reply));
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        let response = http.begin("GET", "/api/odd", &[], "").await.unwrap();
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().cloned().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        let answer = read(response).await;
        assert_eq!((answer.status, answer.body.as_slice()), (418, &b"\x00\xff raw"[..]));
        assert_eq!(answer.field("content-encoding"), Some("x-odd"));
        assert_eq!(answer.field("request-id"), Some("req_1"));
        assert_eq!(answer.error(), None);
        for ours in ["x-github-request-id", "connection", "x-aigw-error"] {
            assert_eq!(answer.field(ours), None, "{ours}");
        }
    }
    // A redirect is the tool's to follow.
    stage.origin.otherwise(Manner::Reply(Reply::new(302).header("location", "https://elsewhere.test/")));
    stage.origin.forget_requests();
    let answer = stage.http(H1).await.ask("GET", "/api/moved", &[], "").await;
    assert_eq!((answer.status, answer.field("location")), (302, Some("https://elsewhere.test/")));
    stage.only_the_host_saw();
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_length_of_a_body_that_is_not_there() {
    let origin = OriginSetup { http2: false, ..OriginSetup::default() };
    let stage = Stage::with(origin, Setup::default(), "anthropic", "").await;
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        for (path, fields, status) in [
            ("/api/x", &[][..], 200),
            ("/v1/models", &[], 200),
            // Words of ours are no other.
            ("/v1/models", &["x-api-key: aigw_env_wrong"], 403),
        ] {
            let answer = http.ask("HEAD", path, fields, "").await;
            assert_eq!((answer.status, answer.whole), (status, true), "{protocols:?} {path} {answer:?}");
            assert!(answer.body.is_empty());
            let length = answer.field("content-length");
            assert!(
                length.is_some_and(|length| length != "0") || path == "/v1/models" && status == 200,
                "{answer:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_refuse_nothing_but_ai_calls_leaves() {
    for (provider, anthropic, path) in
        [("anthropic", true, "/v1/messages"), ("openai", false, "/v1/responses")]
    {
        let stage = Stage::set(provider, "unmatched = \"refuse\"").await;
        for protocols in [H1, H2] {
            for (method, path) in [
                ("POST", "/api/event_logging/batch"),
                ("GET", "/"),
                ("OPTIONS", path),
                ("DELETE", "/v1/files/x"),
            ] {
                let mut http = stage.http(protocols).await;
                let answer = http.ask(method, path, &["authorization: Bearer own"], "").await;
                assert_eq!((answer.status, answer.error()), (403, Some("path-refused")), "{method} {path}");
                assert_eq!(answer.json()["type"] == "error", anthropic, "{provider} {}", answer.text());
                assert_eq!(answer.field("x-should-retry"), Some("false"));
            }
            stage.nobody_saw(provider);
            let answer = stage.http(protocols).await.ask("POST", path, &[], MESSAGES).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            stage.only_the_gateway_saw();
        }
    }
}

/// F7: a path that climbs out of its route reaches no other one at the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn f7_no_path_leaves_its_route() {
    let stage = Stage::set("openai", "").await;
    for path in [
        "/v1/models/../../../users/me",
        "/v1/models/%2e%2e/%2e%2e/%2e%2e/users/me",
        "/v1/models/..%2f..%2f..%2fusers/me",
        "/v1/models/..;/..;/x",
        "/v1/responses/r/../../../../coder/x",
        "//v1/models",
        "/V1/models",
        "/v1/modelsX",
        "/v1%2fmodels",
    ] {
        for protocols in [H1, H2] {
            stage.scene.gateway.forget_requests();
            let answer = stage.http(protocols).await.ask("GET", path, &[], "").await;
            assert_ne!(answer.status, 0, "{path}");
            for seen in stage.scene.gateway.requests() {
                assert!(seen.target.starts_with("/api/v2/ai-gateway/openai/v1/"), "{path} {}", seen.target);
                let target = seen.target.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
                assert!(!target.contains(".."), "{path} {}", seen.target);
            }
        }
    }
}
