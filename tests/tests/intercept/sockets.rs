//! WebSockets inside a tunnel.

use std::io::Read;

use aigw_gateway::{Certificate, OriginSetup, Setup, WebSocket};
use aigw_tests::inside::Inside;
use aigw_tests::raw::text_frame;

use crate::stage::{Stage, credentials};
use crate::{H1, H2};

const CREATE: &str = r#"{"type":"response.create","model":"gpt-5","input":"hi"}"#;

/// The opening of a WebSocket (RFC 6455 section 1.2).
pub fn greeting(target: &str, path: &str, more: &[&str]) -> String {
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    format!(
        "GET {path} HTTP/1.1\r\nhost: {target}\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

fn until(inside: &mut Inside, text: &str) {
    let mut seen = Vec::new();
    while !seen.windows(text.len()).any(|window| window == text.as_bytes()) {
        let mut buffer = [0; 4096];
        let length = inside.read(&mut buffer).expect("more frames");
        assert_ne!(length, 0, "ended before {text}: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..length]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_responses_path_it_is_the_gateways() {
    for (provider, path, there) in [
        ("openai", "/v1/responses?a=b", "/openai/v1/responses?a=b"),
        ("chatgpt", "/backend-api/codex/responses", "/chatgpt/v1/responses"),
        ("copilot", "/responses", "/copilot/responses"),
    ] {
        let stage = Stage::set(provider, "").await;
        stage.scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
        let mut inside = stage.inside(H1).await;
        let own = "authorization: Bearer tid=1";
        inside.send(greeting(&stage.target, path, &[own, "user-agent: codex_exec/0.169"]));
        let answer = inside.answer();
        assert_eq!(answer.status, 101, "{provider} {}", answer.text());
        assert_eq!(answer.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        inside.send(text_frame(CREATE));
        until(&mut inside, "response.completed");
        inside.send(text_frame(CREATE));
        until(&mut inside, "response.completed");
        let seen = stage.only_the_gateway_saw();
        assert!(seen.target.ends_with(there), "{}", seen.target);
        assert_eq!(seen.header("user-agent"), Some("codex_exec/0.169"));
        let ours = format!("x-coder-ai-governance-token: {}", stage.scene.token);
        let expected = match provider {
            "openai" => vec![format!("authorization: Bearer {}", stage.scene.token)],
            _ => vec![own.to_owned(), ours],
        };
        assert_eq!(credentials(&seen), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_them_is_426_and_the_same_connection_serves_the_call() {
    let stage = Stage::set("openai", "").await;
    let mut inside = stage.inside(H1).await;
    inside.send(greeting(&stage.target, "/v1/responses", &[]));
    let answer = inside.answer();
    assert_eq!((answer.status, answer.error()), (426, Some("no-websocket")), "{}", answer.text());
    assert!(answer.json()["error"]["message"].is_string());
    if answer.field("connection") != Some("close") {
        let head = format!("POST /v1/responses HTTP/1.1\r\nhost: {}\r\ncontent-length: ", stage.target);
        inside.send(format!("{head}{}\r\n\r\n{}", crate::RESPONSES.len(), crate::RESPONSES));
        assert_eq!(inside.answer().status, 200);
    }
    assert!(stage.origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_is_the_real_hosts() {
    for http2 in [true, false] {
        let origin = OriginSetup { http2, ..OriginSetup::default() };
        let stage = Stage::with(origin, Setup::default(), "anthropic", "").await;
        let mut inside = stage.inside(H1).await;
        let fields = [
            "authorization: Bearer own",
            "sec-websocket-protocol: chat, superchat",
            "sec-websocket-extensions: permessage-deflate; client_max_window_bits",
            "origin: https://page.test",
            "cookie: a=b",
        ];
        let key = format!("x-api-key: {}", stage.scene.key);
        let sent: Vec<_> = fields.iter().copied().chain([key.as_str()]).collect();
        // The first frame comes along with the opening.
        let mut first = greeting(&stage.target, "/api/ws?x=1", &sent).into_bytes();
        first.extend(text_frame("early"));
        inside.send(first);
        let head = head(&mut inside);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        assert!(
            lower.contains("upgrade: websocket\r\n") && lower.contains("connection: upgrade\r\n"),
            "{head}"
        );
        until(&mut inside, "early");
        for text in ["one", "two"] {
            inside.send(text_frame(text));
            until(&mut inside, text);
        }
        // A close, and the answer to it.
        inside.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
        let rest = inside.rest();
        assert_eq!(rest, [0x88, 2, 0x03, 0xe8], "{rest:?}");
        let seen = stage.only_the_host_saw();
        assert_eq!((seen.target.as_str(), seen.http2), ("/api/ws?x=1", false));
        assert_eq!(seen.frames, ["early", "one", "two"]);
        for field in fields {
            let (name, value) = field.split_once(": ").unwrap();
            assert_eq!(seen.headers(name), [value], "{name}");
        }
        assert_eq!(seen.headers("sec-websocket-key"), ["dGhlIHNhbXBsZSBub25jZQ=="]);
        assert_eq!((seen.headers("upgrade"), seen.headers("x-api-key")), (vec!["websocket"], vec![]));
        assert_eq!(seen.headers("host"), [stage.target.as_str()]);
    }
}

/// Up to the empty line, and not a byte more.
fn head(inside: &mut Inside) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        inside.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_real_host_says_to_it_instead_is_relayed() {
    let stage = Stage::set("anthropic", "").await;
    let reply = aigw_gateway::Reply::plain(401, "sign in").header("www-authenticate", "Bearer");
    stage.origin.at("/api/ws", aigw_gateway::Manner::Reply(reply));
    let mut inside = stage.inside(H1).await;
    inside.send(greeting(&stage.target, "/api/ws", &[]));
    let answer = inside.answer();
    assert_eq!((answer.status, answer.text().as_str(), answer.error()), (401, "sign in\n", None));
    assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
    // Without an opening there is no 101, whoever says so.
    stage.origin.at("/api/ws", aigw_gateway::Manner::Reply(aigw_gateway::Reply::new(101)));
    let answer = stage.http(H2).await.ask("GET", "/api/ws", &[], "").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_host_that_is_not_who_it_says_gets_no_opening() {
    for certificate in [Certificate::UntrustedRoot, Certificate::Expired] {
        let origin = OriginSetup { certificate, ..OriginSetup::default() };
        let stage = Stage::with(origin, Setup::default(), "anthropic", "").await;
        let mut inside = stage.inside(H1).await;
        inside.send(greeting(&stage.target, "/api/ws", &["authorization: Bearer own"]));
        let answer = inside.answer();
        assert_eq!((answer.status, answer.error()), (502, Some("target-untrusted")), "{}", answer.text());
        assert!(answer.text().contains("localhost"), "{}", answer.text());
        stage.nobody_saw("an opening");
    }
}

/// H12: nothing else changes the protocol.
#[tokio::test(flavor = "multi_thread")]
async fn h12_other_upgrades_are_not_passed_on() {
    let stage = Stage::set("openai", "").await;
    for (path, upgrade) in
        [("/v1/models", "h2c"), ("/api/x", "h2c"), ("/api/x", "foo/2"), ("/v1/models", "websocket")]
    {
        let mut inside = stage.inside(H1).await;
        let text = greeting(&stage.target, path, &["http2-settings: AAMAAABkAARAAAAAAAIAAAAA"]);
        inside.send(text.replace("upgrade: websocket", &format!("upgrade: {upgrade}")));
        let answer = inside.answer();
        assert_eq!(answer.status, 200, "{path} {upgrade} {}", answer.text());
        for seen in stage.scene.gateway.requests().iter().chain(&stage.origin.requests()) {
            for field in ["upgrade", "connection", "http2-settings"] {
                assert_eq!(seen.header(field), None, "{path} {upgrade}");
            }
        }
    }
}
