//! Whose credential pays: the deployment's, or the tool's own where the route is one of those.

use aigw_gateway::{Credential, Recorded, WebSocket};
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::tls;

const RESPONSES: &str = r#"{"model":"gpt-5","input":"hi"}"#;
/// A deployment's token, of nobody here.
const STRAY: &str = "zzzzzzzzzz-0123456789abcdefghijkl";

/// What is in the fields that say who pays. Absent ones are left out.
fn credentials(seen: &Recorded) -> Vec<String> {
    let mut all: Vec<String> = seen
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| {
            ["authorization", "api-key", "cookie", "chatgpt", "token", "goog", "x-aigw-key"]
                .iter()
                .any(|part| name.contains(part))
        })
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    all.sort();
    all
}

async fn scene(modes: &str) -> Scene {
    let machine = machine!();
    machine.configure(modes);
    Scene::set(machine, tls()).await
}

/// Asks with the local key in a field of its own, so that all others are the tool's.
fn ask(scene: &Scene, path: &str, fields: &[&str], body: &str) -> raw::Answer {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    raw::exchange(
        scene.address(),
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nx-aigw-key: {}\r\n{fields}content-length: {}\r\n\r\n{body}",
            scene.address(),
            scene.key,
            body.len()
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_central_mode_sends_our_token_and_nothing_that_the_client_brought() {
    let scene = scene("").await;
    let fields = [
        "authorization: Bearer sk-own",
        "authorization: Basic YTpi",
        "x-api-key: sk-ant-own",
        "api-key: azure",
        "x-goog-api-key: AIza",
        "x-goog-user-project: p",
        "chatgpt-account-id: account",
        "coder-session-token: a",
        "x-coder-ai-governance-token: b",
        "x-coder-token: c",
        "x-coder-session-token: d",
        "x-aigw-anything: e",
        "cookie: session=1",
        "proxy-authorization: Basic YTpi",
    ];
    let path = format!("/openai/v1/responses?key={}&beta=true", scene.key);
    let answer = ask(&scene, &path, &fields, RESPONSES);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = scene.only_request();
    assert_eq!(credentials(&seen), [format!("authorization: Bearer {}", scene.token)]);
    assert!(seen.target.ends_with("/openai/v1/responses?beta=true"), "{}", seen.target);
    assert_eq!(seen.upstream.unwrap().credential, Credential::Centralized);
    assert!(!scene.machine.findings().contains(&"tool-holds-token".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn byok_keeps_the_tools_credential_beside_our_token() {
    let scene =
        scene("[gateway.default.providers.openai]\nmode = \"byok\"\n[gateway.default.providers.anthropic]\nmode = \"byok\"\n")
            .await;
    let governance = format!("x-coder-ai-governance-token: {}", scene.token);
    for (path, fields, arrive) in [
        ("/openai/v1/responses", vec!["authorization: Bearer sk-own"], vec!["authorization: Bearer sk-own"]),
        // An own key is what the tool shows, whatever it looks like.
        (
            "/openai/v1/responses",
            vec!["authorization: Bearer placeholder"],
            vec!["authorization: Bearer placeholder"],
        ),
        ("/anthropic/v1/messages", vec!["x-api-key: sk-ant-own"], vec!["x-api-key: sk-ant-own"]),
        // Both Authorization and x-api-key left: both pass.
        (
            "/anthropic/v1/messages",
            vec!["authorization: Bearer sk-ant-oat01", "x-api-key: sk-ant-own"],
            vec!["authorization: Bearer sk-ant-oat01", "x-api-key: sk-ant-own"],
        ),
        (
            "/openai/v1/responses",
            vec![
                "authorization: Bearer eyJhbGciOi.eyJzdWIi.sig",
                "chatgpt-account-id: account",
                "cookie: a=b",
            ],
            vec!["authorization: Bearer eyJhbGciOi.eyJzdWIi.sig", "chatgpt-account-id: account"],
        ),
    ] {
        scene.gateway.forget_requests();
        let body = if path.contains("anthropic") { crate::MESSAGES } else { RESPONSES };
        let answer = ask(&scene, path, &fields, body);
        assert_eq!(answer.status, 200, "{fields:?}: {}", answer.text());
        let mut expected: Vec<String> = arrive.into_iter().map(str::to_owned).collect();
        expected.push(governance.clone());
        expected.sort();
        let seen = scene.only_request();
        assert_eq!(credentials(&seen), expected);
        assert_eq!(seen.upstream.unwrap().credential, Credential::Byok);
    }
    // Without a credential of its own the tool is served from the central key, in the central form.
    scene.gateway.forget_requests();
    assert_eq!(ask(&scene, "/openai/v1/responses", &["chatgpt-account-id: a"], RESPONSES).status, 200);
    assert_eq!(credentials(&scene.only_request()), [format!("authorization: Bearer {}", scene.token)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_tells_a_real_credential_from_a_placeholder() {
    let scene = scene("[gateway.default.providers.openai]\nmode = \"auto\"\n").await;
    for (credential, own) in [
        ("sk-ant-api03-x", true),
        ("sk-ant-oat01-x", true),
        ("sk-proj-x", true),
        ("eyJhbGciOi.eyJzdWIi.c2ln", true),
        ("ghu_x", true),
        ("gho_x", true),
        ("ghp_x", true),
        ("ghs_x", true),
        ("github_pat_x", true),
        ("tid=1;exp=2", true),
        ("placeholder", false),
        ("eyJhbGciOi.eyJzdWIi", false),
        ("eyJhbGciOi.eyJzdWIi.c2ln.x", false),
        ("SK-x", false),
        (STRAY, false),
    ] {
        scene.gateway.forget_requests();
        let field = format!("authorization: Bearer {credential}");
        let answer = ask(&scene, "/openai/v1/responses", &[&field], RESPONSES);
        assert_eq!(answer.status, 200, "{credential}: {}", answer.text());
        let expected = if own {
            vec![field, format!("x-coder-ai-governance-token: {}", scene.token)]
        } else {
            vec![format!("authorization: Bearer {}", scene.token)]
        };
        assert_eq!(credentials(&scene.only_request()), expected, "{credential}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copilot_and_chatgpt_work_with_the_tools_own_login_only() {
    // Even where somebody says otherwise.
    let scene = scene("[gateway.default.providers.copilot]\nmode = \"central\"\n").await;
    for (path, login) in [
        ("/copilot/chat/completions", "authorization: Bearer tid=1"),
        ("/copilot-business/responses", "authorization: Bearer ghu_x"),
        ("/copilot-enterprise/responses", "authorization: Bearer ghu_x"),
        ("/chatgpt/v1/responses", "authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln"),
    ] {
        scene.gateway.forget_requests();
        let account = "chatgpt-account-id: account";
        let answer = ask(&scene, path, &[login, account], RESPONSES);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let governance = format!("x-coder-ai-governance-token: {}", scene.token);
        assert_eq!(credentials(&scene.only_request()), [login, account, &governance]);

        scene.gateway.forget_requests();
        for nothing in
            [vec![], vec![account], vec!["authorization: Bearer zzzzzzzzzz-0123456789abcdefghijkl"]]
        {
            let answer = ask(&scene, path, &nothing, RESPONSES);
            assert_eq!(
                (answer.status, answer.error()),
                (403, Some("tool-not-signed-in")),
                "{path} {nothing:?}"
            );
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("ign in with the tool"), "{message}");
        }
        assert!(scene.gateway.provider_requests().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployments_token_from_a_tool_is_dropped_and_told_of() {
    for (mode, field) in [
        ("central", format!("authorization: Bearer {STRAY}")),
        ("central", format!("x-api-key: {STRAY}")),
        ("central", format!("x-coder-ai-governance-token: {STRAY}")),
        ("central", format!("coder-session-token: {STRAY}")),
        ("byok", format!("authorization: bearer  {STRAY}")),
        ("auto", format!("x-api-key: {STRAY}")),
    ] {
        let scene = scene(&format!("[gateway.default.providers.openai]\nmode = \"{mode}\"\n")).await;
        assert!(!scene.machine.findings().contains(&"tool-holds-token".to_owned()));
        let answer = ask(&scene, "/openai/v1/responses", &[&field], RESPONSES);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            credentials(&scene.only_request()),
            [format!("authorization: Bearer {}", scene.token)],
            "{mode}"
        );
        assert!(scene.machine.findings().contains(&"tool-holds-token".to_owned()), "{mode} {field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_that_we_hold_is_no_own_key_whatever_it_looks_like() {
    let scene = scene("[gateway.default.providers.openai]\nmode = \"byok\"\n").await;
    let own = format!("authorization: Bearer {}", scene.token);
    let key = "x-api-key: sk-own";
    assert_eq!(ask(&scene, "/openai/v1/responses", &[&own, key], RESPONSES).status, 200);
    let governance = format!("x-coder-ai-governance-token: {}", scene.token);
    assert_eq!(credentials(&scene.only_request()), [key, &governance]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_the_same_credentials_as_a_request() {
    let scene = scene("[gateway.default.providers.openai]\nmode = \"byok\"\n").await;
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    for (fields, expected) in [
        (
            vec!["authorization: Bearer sk-own"],
            vec![
                "authorization: Bearer sk-own".to_owned(),
                format!("x-coder-ai-governance-token: {}", scene.token),
            ],
        ),
        (vec!["cookie: a=b"], vec![format!("authorization: Bearer {}", scene.token)]),
    ] {
        scene.gateway.forget_requests();
        let answer = crate::websocket::ask(&scene, "/openai/v1/responses", &fields);
        assert_eq!(answer.status, 101);
        assert_eq!(credentials(&scene.only_request()), expected);
    }
}
