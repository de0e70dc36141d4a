//! T14: a web page in a browser that uses this proxy does not get the token through it.

use crate::sockets::greeting;
use crate::stage::Stage;
use crate::{H1, H2, MESSAGES, RESPONSES};

const PAGES: [&str; 8] = [
    "origin: https://evil.example",
    "origin: http://localhost:3000",
    "Origin: HTTPS://api.anthropic.com",
    "origin: null",
    "sec-fetch-site: cross-site",
    "sec-fetch-site: same-site",
    "sec-fetch-site: Cross-Site",
    "sec-fetch-site: made-up",
];
const PROGRAMS: [&str; 5] = [
    "origin: vscode-file://vscode-app",
    "origin: vscode-webview://abc",
    "origin: tauri://localhost",
    "sec-fetch-site: none",
    "sec-fetch-site: same-origin",
];

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_pages_call_goes_to_the_real_host_as_it_came() {
    for (provider, path, body) in [
        ("anthropic", "/v1/messages?beta=true", MESSAGES),
        ("openai", "/v1/responses", RESPONSES),
        ("chatgpt", "/backend-api/codex/responses", RESPONSES),
        ("copilot", "/chat/completions", RESPONSES),
    ] {
        let stage = Stage::set(provider, "").await;
        for protocols in [H1, H2] {
            for field in PAGES {
                let own = "authorization: Bearer own";
                let answer = stage.http(protocols).await.ask("POST", path, &[field, own], body).await;
                assert_eq!((answer.status, answer.error()), (200, None), "{field}");
                let seen = stage.only_the_host_saw();
                assert_eq!((seen.target.as_str(), seen.body_text().as_str()), (path, body));
                let (name, value) = field.split_once(": ").unwrap();
                assert_eq!(
                    (seen.header(name), seen.header("authorization")),
                    (Some(value), Some("Bearer own"))
                );
                assert!(!answer.fields.iter().any(|(name, _)| name.starts_with("access-control-")));
            }
            // One of two is enough, and so is one line of two.
            for fields in [
                ["sec-fetch-site: none", "origin: https://evil.example"],
                ["origin: vscode-file://x", "origin: https://evil.example"],
                ["sec-fetch-site: none", "sec-fetch-site: cross-site"],
            ] {
                assert_eq!(stage.http(protocols).await.ask("POST", path, &fields, body).await.status, 200);
                stage.only_the_host_saw();
            }
            // A preflight is the real host's to answer.
            let preflight = ["origin: https://evil.example", "access-control-request-method: POST"];
            for fields in [&preflight[..], &[]] {
                assert_eq!(stage.http(protocols).await.ask("OPTIONS", path, fields, "").await.status, 200);
                assert_eq!(stage.only_the_host_saw().method, "OPTIONS");
            }
            for field in PROGRAMS {
                let own = "authorization: Bearer tid=1";
                let answer = stage.http(protocols).await.ask("POST", path, &[field, own], body).await;
                assert_eq!(answer.status, 200, "{field} {}", answer.text());
                stage.only_the_gateway_saw();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_pages_websocket_goes_to_the_real_host() {
    let stage = Stage::set("openai", "").await;
    for field in PAGES {
        let mut inside = stage.inside(H1).await;
        inside.send(greeting(&stage.target, "/v1/responses", &[field]));
        assert_eq!(inside.answer().status, 101, "{field}");
        stage.only_the_host_saw();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_with_refuse_it_goes_nowhere() {
    let stage = Stage::set("anthropic", "unmatched = \"refuse\"").await;
    for protocols in [H1, H2] {
        for field in PAGES {
            for method in ["POST", "GET", "OPTIONS"] {
                let answer = stage.http(protocols).await.ask(method, "/v1/messages", &[field], "").await;
                assert_eq!((answer.status, answer.error()), (403, Some("path-refused")), "{field}");
                assert_eq!(answer.json()["type"], "error");
                assert!(!answer.fields.iter().any(|(name, _)| name.starts_with("access-control-")));
            }
        }
    }
    stage.nobody_saw("pages");
}
