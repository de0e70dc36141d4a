//! Paths: nothing leaves the prefix, the user's history stays where it is, and what tools get wrong leads to the right
//! route.

use aigw_tests::raw;

use crate::check::{below_prefix, get_path, malformed, next_is_fine, passes, stops};
use crate::scene;

#[tokio::test(flavor = "multi_thread")]
async fn f7_no_spelling_of_a_path_leaves_the_providers_prefix() {
    let scene = scene().await;
    for path in [
        "/anthropic/../sessions",
        "/anthropic/../../users/me",
        "/anthropic/..",
        "/anthropic/.",
        "/anthropic/./v1/messages",
        "/anthropic/%2e%2e/sessions",
        "/anthropic/%2E%2e/sessions",
        "/anthropic/.%2e/sessions",
        "/anthropic/..%2fsessions",
        "/anthropic/%2e%2e%2fsessions",
        "/anthropic/v1%2f..%2f..%2f..%2fsessions",
        "/anthropic/..;/sessions",
        "/anthropic/..;a=b/sessions",
        "/anthropic/%2e%2e;/sessions",
        "/anthropic/..\\sessions",
        "/anthropic\\..\\sessions",
        "/anthropic/..%5csessions",
        "/anthropic/%5c../sessions",
        "/anthropic/v1/messages%00",
        "/api/v2/aibridge/../users/me",
        "/api/v2/aibridge/anthropic/../../users/me",
        "/api/v2/aibridge/%2e%2e/users/me",
        "/api/v2/ai-gateway/openai/..%2f..%2fsessions",
        "/_g/default/anthropic/../sessions",
        "http://127.0.0.1:{port}/anthropic/../sessions",
    ] {
        stops(&scene, &get_path(path), 400, "bad-request", "dot segments");
    }
    for path in [
        "/",
        "//",
        "/anthropicX/v1/messages",
        "/Anthropic/v1/messages",
        "/anthropic%2fv1%2fmessages",
        "/%61nthropic/v1/messages",
        "/anthropic;x/v1/messages",
        "/anthropic./v1/messages",
        "/_anthropic/v1/messages",
        "/_aigw/status",
        "/_k",
        "/_g",
        "/api/v2/users/me",
        "/api/v2/buildinfo",
        "/api/v2/aibridge",
        "/api/v2/aibridgeX/anthropic/v1/messages",
        "/api/v2/aibridge/api/v2/aibridge/sessions",
        "/v1/messages",
        "/v1/chat/completions",
        "/v1beta/models/gemini:generateContent",
        "/api/v2/ai-gateway/%73essions",
    ] {
        stops(&scene, &get_path(path), 404, "no-such-route", "begin with a provider");
    }
    // A name that could be a provider's is the gateway's to judge, below its prefix.
    for path in ["/anthropicx/v1/messages", "/healthz/", "/readyz/x"] {
        scene.gateway.forget_requests();
        assert_eq!(scene.get(path, &[]).error(), Some("gateway-refused"), "{path}");
        assert_eq!(below_prefix(&scene.only_request()), path);
    }
    // Once decoded is enough: what is encoded twice is a name.
    let twice = "/openai/v1/models/%252e%252e%252fsessions";
    scene.gateway.forget_requests();
    assert_eq!(scene.get(twice, &[]).error(), None);
    assert_eq!(below_prefix(&scene.only_request()), twice);
    // Neither a fragment nor a blank is part of a target.
    passes(&scene, &get_path("/openai/v1/models#../../sessions"));
    for path in
        ["/openai/v1/models HTTP/1.1 x", "/openai/v1/\u{7f}models", "/openai/v1/mod\tels", "/openai/\u{1}"]
    {
        malformed(&scene, &get_path(path), &[400]);
    }
    // What is no ASCII and yet legible passes as a name, or not at all.
    malformed_or_inside(&scene, "/openai/v1/models/\u{ff}\u{fe}");
}

fn malformed_or_inside(scene: &aigw_tests::scene::Scene, path: &str) {
    scene.gateway.forget_requests();
    let answer = raw::exchange(scene.address(), crate::check::bytes(scene, &get_path(path)));
    match answer.status {
        400 => assert!(scene.gateway.requests().is_empty()),
        _ => assert!(below_prefix(&scene.only_request()).starts_with("/openai/v1/models/")),
    }
    next_is_fine(scene, path);
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_the_users_history_is_404_of_ours() {
    let scene = scene().await;
    for segment in ["sessions", "models", "clients", "providers", "interceptions", "proxy", "keys"] {
        for path in [
            format!("/{segment}"),
            format!("/{segment}/some/thing?q=initiator:me"),
            format!("//{segment}"),
            format!("/api/v2/aibridge/{segment}"),
            format!("/api/v2/ai-gateway/{segment}/x"),
            format!("/api/v2/ai-gateway//{segment}"),
            format!("//api//v2/aibridge/{segment}"),
            format!("/_k/{{key}}/{segment}"),
            format!("/_g/default/{segment}"),
        ] {
            stops(&scene, &get_path(&path), 404, "management-route", "management API");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_no_key_and_reveals_nothing() {
    let scene = scene().await;
    for (line, status) in [
        ("GET /healthz", 200),
        ("GET /readyz", 200),
        ("HEAD /healthz", 200),
        ("GET http://127.0.0.1:{port}/healthz", 200),
        ("GET /healthz?verbose=true", 200),
    ] {
        for key in ["", "x-api-key: {key}\r\n", "x-api-key: {wrong}\r\n"] {
            scene.gateway.forget_requests();
            let request = format!("{line} HTTP/1.1\r\nhost: {{host}}\r\n{key}\r\n");
            let answer = raw::exchange(scene.address(), crate::check::bytes(&scene, &request));
            assert_eq!((answer.status, answer.text().as_str()), (status, ""), "{line}");
            let fields: Vec<_> =
                answer.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            assert!(fields.iter().all(|field| field == "content-length: 0"), "{line} {fields:?}");
            assert!(scene.gateway.requests().is_empty());
            next_is_fine(&scene, line);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_suffixes_reach_the_right_route_and_are_told_of_with_the_right_url() {
    let scene = scene().await;
    let port = scene.daemon.port;
    let mut told = Vec::new();
    for (asked, arrives, base) in [
        ("/anthropic/messages", "/anthropic/v1/messages", "anthropic"),
        (
            "/anthropic/messages/count_tokens?beta=true",
            "/anthropic/v1/messages/count_tokens?beta=true",
            "anthropic",
        ),
        ("/anthropic/v1/v1/messages", "/anthropic/v1/messages", "anthropic"),
        ("/anthropic/models", "/anthropic/v1/models", "anthropic"),
        ("/anthropic//v1/messages", "/anthropic/v1/messages", "anthropic"),
        ("/openai/responses", "/openai/v1/responses", "openai/v1"),
        ("/openai/chat/completions", "/openai/v1/chat/completions", "openai/v1"),
        ("/openai/models", "/openai/v1/models", "openai/v1"),
        ("/openai/models/gpt-5", "/openai/v1/models/gpt-5", "openai/v1"),
        ("/openai/v1/v1/models", "/openai/v1/models", "openai/v1"),
        ("/api/v2/aibridge/openai/v1//models", "/openai/v1/models", "openai/v1"),
    ] {
        scene.gateway.forget_requests();
        let answer = scene.post(asked, &["content-type: application/json"], crate::MESSAGES);
        assert!(answer.error().is_none(), "{asked}: {}", answer.text());
        assert_eq!(below_prefix(&scene.only_request()), arrives, "{asked}");
        let path = asked.split('?').next().unwrap();
        told.push((path, format!("set its base URL to http://127.0.0.1:{port}/{base}")));
        // A second time, it is the same finding.
        scene.post(asked, &[], crate::MESSAGES);
    }
    let status = scene.machine.ask(&["status"]);
    let findings: Vec<_> =
        status["findings"].as_array().unwrap().iter().filter(|f| f["code"] == "tool-misdirected").collect();
    assert_eq!(findings.len(), told.len(), "{findings:#?}");
    for (path, cure) in told {
        let said = |finding: &&&serde_json::Value| {
            finding["text"].as_str().is_some_and(|text| text.contains(&format!("asked for {path},")))
        };
        let finding = findings.iter().find(said).unwrap_or_else(|| panic!("{path}: {findings:#?}"));
        assert_eq!(finding["cure"], cure, "{path}");
        assert_eq!(finding["severity"], "note");
    }
    // The right ones are nothing to tell of.
    for path in ["/anthropic/v1/messages", "/openai/v1/models", "/api/v2/aibridge/openai/v1/models"] {
        scene.post(path, &[], crate::MESSAGES);
    }
    assert_eq!(scene.machine.findings().len(), findings.len());
}
