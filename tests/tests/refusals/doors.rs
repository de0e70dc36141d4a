//! One port, two doors: which form of a request's target leads to which.

use aigw_tests::raw::Raw;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::check::{below_prefix, bytes, malformed, passes, stops};
use crate::{MESSAGES, scene};

/// A request line and the lines that follow it.
fn request(line: &str, lines: &str) -> String {
    format!("{line} HTTP/1.1\r\n{lines}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_targets_that_nothing_here_answers_are_400_or_405() {
    let scene = scene().await;
    let own = "host: {host}\r\nx-api-key: {key}\r\n";
    for (line, status, error, rule) in [
        ("TRACE /anthropic/v1/messages", 405, "method-refused", "TRACE"),
        ("TRACE http://127.0.0.1:{port}/anthropic/v1/messages", 405, "method-refused", "TRACE"),
        ("OPTIONS *", 400, "bad-request", "target is neither"),
        ("GET *", 400, "bad-request", "target is neither"),
        ("GET example.com:443", 400, "bad-request", "target is neither"),
        ("POST 127.0.0.1:{port}", 400, "bad-request", "target is neither"),
        ("CONNECT /anthropic/v1/messages", 400, "bad-request", "CONNECT needs"),
        ("CONNECT example.com", 400, "bad-request", "CONNECT needs"),
        ("CONNECT example.com:", 400, "bad-request", "CONNECT needs"),
        ("CONNECT example.com:0", 400, "bad-request", "CONNECT needs"),
        ("CONNECT http://example.com:443/", 400, "bad-request", "CONNECT needs"),
        ("CONNECT *", 400, "bad-request", "CONNECT needs"),
        ("PROPFIND /openai/v1/models", 405, "method-refused", "method"),
        ("get /openai/v1/models", 405, "method-refused", "method"),
        ("PRI /openai/v1/models", 405, "method-refused", "method"),
    ] {
        stops(&scene, &request(line, own), status, error, rule);
    }
    // hyper knows no such targets at all.
    for line in [
        "GET openai/v1/models",
        "CONNECT user@example.com:443:1",
        "CONNECT example.com:99999",
        "GET  /openai",
    ] {
        malformed(&scene, &request(line, own), &[400]);
    }
    // Nor a method that is longer than a sentence.
    malformed(&scene, &request(&format!("{} /openai/v1/models", "M".repeat(70_000)), own), &[400, 405, 431]);
    stops(
        &scene,
        &request(&format!("{} /openai/v1/models", "M".repeat(10_000)), own),
        405,
        "method-refused",
        "",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_our_own_address_in_the_target_is_the_forwarders() {
    let scene = scene().await;
    for authority in ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"] {
        let post = format!(
            "POST http://{authority}/anthropic/v1/messages?beta=true HTTP/1.1\r\nhost: {authority}\r\n\
             x-api-key: {{key}}\r\nproxy-connection: keep-alive\r\ncontent-length: {}\r\n\r\n{MESSAGES}",
            MESSAGES.len()
        );
        let seen = passes(&scene, &post);
        assert_eq!(below_prefix(&seen), "/anthropic/v1/messages?beta=true");
        assert_eq!(seen.body_text(), MESSAGES);
        assert_eq!(seen.header("proxy-connection"), None);
        // As a tool sends it whose base URL we are, and whose proxy too.
        let both =
            format!("proxy-authorization: Basic {}\r\n", STANDARD.encode(format!("aigw:{}", scene.key)));
        passes(&scene, &post.replacen("proxy-connection: keep-alive\r\n", &both, 1));
        // It is no way around a rule.
        let get = |lines: &str| request(&format!("GET http://{authority}/openai/v1/models"), lines);
        let host = format!("host: {authority}\r\n");
        stops(&scene, &get(&host), 403, "key-missing", "a local key is needed");
        stops(&scene, &get(&format!("{host}origin: null\r\n")), 403, "web-page-refused", "Origin");
        stops(
            &scene,
            &request(&format!("GET http://{authority}/sessions"), &format!("{host}x-api-key: {{key}}\r\n")),
            404,
            "management-route",
            "management",
        );
    }
    // Over the other loopback address too.
    let mut raw = Raw::connect(&format!("[::1]:{}", scene.daemon.port));
    raw.send(bytes(
        &scene,
        "GET http://[::1]:{port}/openai/v1/models HTTP/1.1\r\nhost: [::1]:{port}\r\nx-api-key: {key}\r\n\r\n",
    ));
    assert_eq!(raw.answer().status, 200);
    for (authority, host) in [
        ("127.0.0.1:{port}", "localhost:{port}"),
        ("127.0.0.1:{port}", "127.0.0.1"),
        ("localhost:{port}", "evil.example"),
    ] {
        let differs = request(
            &format!("GET http://{authority}/openai/v1/models"),
            &format!("host: {host}\r\nx-api-key: {{key}}\r\n"),
        );
        stops(&scene, &differs, 400, "bad-request", "name different addresses");
    }
    let none = request("GET http://127.0.0.1:{port}/openai/v1/models", "x-api-key: {key}\r\n");
    stops(&scene, &none, 400, "bad-request", "Host is missing");
}

/// Requests for others, in every form that a tool gives its proxy.
const FOREIGN: [&str; 8] = [
    "CONNECT api.anthropic.com:443",
    "CONNECT [2606:4700::1]:443",
    "CONNECT 127.0.0.1:{port}",
    "GET http://example.com/",
    "POST http://api.anthropic.com/v1/messages",
    "GET http://127.0.0.1:1/anthropic/v1/messages",
    "GET http://127.0.0.1/anthropic/v1/messages",
    "GET https://127.0.0.1:{port}/anthropic/v1/messages",
];

/// What `Host` says of such a target.
fn host_of(line: &str) -> String {
    let (_, target) = line.split_once(' ').expect("a method and a target");
    let after_scheme = target.split_once("//").map_or(target, |(_, rest)| rest);
    let authority = after_scheme.split_once('/').map_or(after_scheme, |(authority, _)| authority);
    format!("host: {authority}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxys_door_asks_for_a_key_with_407() {
    let scene = scene().await;
    let basic = |user: &str, key: &str| {
        format!("proxy-authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{key}")))
    };
    for line in FOREIGN {
        let host = host_of(line);
        for credential in [
            String::new(),
            basic("aigw", "secret"),
            basic("aigw", &crate::check::wrong(&scene.key)),
            "proxy-authorization: Basic ???\r\n".to_owned(),
            "proxy-authorization: Bearer {wrong}\r\n".to_owned(),
        ] {
            let answer = stops(
                &scene,
                &request(line, &format!("{host}{credential}")),
                407,
                "proxy-key-missing",
                "key",
            );
            assert_eq!(answer.field("proxy-authenticate"), Some("Basic realm=\"aigw\""));
            for command in ["`aigwctl env --proxy`", "`aigwctl setup`"] {
                assert!(answer.text().contains(command), "{}", answer.text());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_a_request_that_has_gone_round_in_a_circle_is_502_and_not_to_be_repeated() {
    let scene = scene().await;
    for line in ["POST /anthropic/v1/messages", "GET /openai/v1/models", "GET /healthz"] {
        for lines in
            ["x-aigw-loop: 1\r\n", "X-Aigw-Loop:\r\n", "connection: x-aigw-loop\r\nx-aigw-loop: 1\r\n"]
        {
            let lines = format!("host: {{host}}\r\nx-api-key: {{key}}\r\n{lines}");
            let answer = stops(&scene, &request(line, &lines), 502, "loop", "leads back to an aigwd");
            assert_eq!(answer.field("x-should-retry"), Some("false"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_a_web_page_opens_no_tunnel_and_a_malformed_host_is_400_at_this_door_too() {
    let scene = scene().await;
    let key = format!("proxy-authorization: Basic {}\r\n", STANDARD.encode(format!("aigw:{}", scene.key)));
    let connect = |lines: &str| request("CONNECT example.com:443", &format!("{lines}{key}"));
    for page in [
        "origin: https://evil.example\r\n",
        "origin: null\r\n",
        "origin: vscode-webview://1\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        let lines = format!("host: example.com:443\r\n{page}");
        stops(&scene, &connect(&lines), 403, "web-page-refused", "may not open a tunnel");
    }
    // What is not a tunnel is judged by its form alone.
    let lines =
        format!("host: 127.0.0.1:1\r\norigin: https://example.com\r\nsec-fetch-site: cross-site\r\n{key}");
    stops(&scene, &request("GET http://127.0.0.1:1/", &lines), 502, "target-unreachable", "127.0.0.1");
    for lines in ["", "host:\r\n", "host: a@b\r\n", "host: example.com:443\r\nhost: example.com:443\r\n"] {
        stops(&scene, &connect(lines), 400, "bad-request", "Host");
    }
}
