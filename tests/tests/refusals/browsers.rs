//! Web pages: a name that was bound to this machine, requests across sites, preflights.

use crate::check::{get, next_is_fine, passes, stops};
use crate::scene;

fn host(value: &str) -> String {
    format!("GET /openai/v1/models HTTP/1.1\r\nhost: {value}\r\nx-api-key: {{key}}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_only_our_own_names_are_hosts() {
    let scene = scene().await;
    for ours in [
        "127.0.0.1:{port}",
        "localhost:{port}",
        "LocalHost:{port}",
        "[::1]:{port}",
        "127.0.0.1",
        "localhost",
        "[::1]",
    ] {
        passes(&scene, &host(ours));
    }
    for other in [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example:{port}",
        "localhost.:{port}",
        "127.0.0.2:{port}",
        "127.1:{port}",
        "2130706433:{port}",
        "0.0.0.0:{port}",
        "[::]:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "127.0.0.1:80",
        "localhost:1",
    ] {
        stops(&scene, &host(other), 403, "host-refused", "Host names");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_host_that_cannot_be_read_is_400() {
    let scene = scene().await;
    for bad in [
        "",
        " ",
        "user@127.0.0.1:{port}",
        "127.0.0.1:{port}/path",
        "127.0.0.1:{port}?q",
        "127.0.0.1 :{port}",
        "127.0.0.1, 127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:port",
        "127.0.0.1:99999",
        "http://127.0.0.1:{port}",
        "::1",
        "[::1",
        ":{port}",
        "127.0.0.1\u{ff}",
    ] {
        stops(&scene, &host(bad), 400, "bad-request", "Host is malformed");
    }
    let line = "GET /openai/v1/models HTTP/1.1\r\n";
    for (fields, rule) in [
        ("x-api-key: {key}\r\n\r\n", "Host is missing"),
        ("host: {host}\r\nx-api-key: {key}\r\nhost: {host}\r\n\r\n", "Host is repeated"),
        ("host: {host}\r\nHOST: evil.example\r\nx-api-key: {key}\r\n\r\n", "Host is repeated"),
    ] {
        stops(&scene, &format!("{line}{fields}"), 400, "bad-request", rule);
    }
    // Neither does the older version of the protocol do without.
    stops(
        &scene,
        "GET /openai/v1/models HTTP/1.0\r\nx-api-key: {key}\r\n\r\n",
        400,
        "bad-request",
        "Host is missing",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_an_origin_of_the_web_is_refused_whatever_the_method() {
    let scene = scene().await;
    for origin in [
        "http://evil.example",
        "https://evil.example",
        "HTTPS://EVIL.EXAMPLE",
        "http://127.0.0.1:{port}",
        "http://localhost:{port}",
        "null",
    ] {
        stops(&scene, &get(&format!("origin: {origin}\r\n")), 403, "web-page-refused", "Origin names");
        for request in [
            "POST /anthropic/v1/messages HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\norigin: ORIGIN\r\ncontent-length: 2\r\n\r\n{}",
            // Without a key: the page is what is refused.
            "POST /anthropic/v1/messages HTTP/1.1\r\nhost: {host}\r\norigin: ORIGIN\r\ncontent-length: 0\r\n\r\n",
            "GET /openai/v1/responses HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\norigin: ORIGIN\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nhost: {host}\r\norigin: ORIGIN\r\n\r\n",
            "GET /_aigw/anything HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\norigin: ORIGIN\r\n\r\n",
        ] {
            let request = request.replace("ORIGIN", origin);
            // There our own origin is no stranger.
            if request.contains("/_aigw/") && origin.contains("{port}") {
                continue;
            }
            stops(&scene, &request, 403, "web-page-refused", "Origin names");
        }
    }
    // A second line counts too.
    let twice = "origin: vscode-webview://1\r\norigin: https://evil.example\r\n";
    stops(&scene, &get(twice), 403, "web-page-refused", "Origin names");
    // Desktop programs have origins of their own.
    for origin in ["vscode-webview://abc", "app://obsidian.md", "file://", "tauri://localhost"] {
        passes(&scene, &get(&format!("origin: {origin}\r\n")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_fetch_metadata_of_another_site_is_refused() {
    let scene = scene().await;
    for site in
        ["cross-site", "same-site", "Cross-Site", "", "whatever", "none\r\nsec-fetch-site: cross-site"]
    {
        let lines = format!("sec-fetch-site: {site}\r\n");
        stops(&scene, &get(&lines), 403, "web-page-refused", "Sec-Fetch-Site names another site");
    }
    for site in ["none", "same-origin"] {
        passes(&scene, &get(&format!("sec-fetch-site: {site}\r\nsec-fetch-mode: cors\r\n")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_a_preflight_is_answered_with_no_permission() {
    let scene = scene().await;
    for (lines, status, error) in [
        ("origin: https://evil.example\r\n", 403, "web-page-refused"),
        ("origin: null\r\naccess-control-request-private-network: true\r\n", 403, "web-page-refused"),
        ("", 405, "method-refused"),
    ] {
        let preflight = format!(
            "OPTIONS /anthropic/v1/messages HTTP/1.1\r\nhost: {{host}}\r\n{lines}\
             access-control-request-method: POST\r\naccess-control-request-headers: x-api-key\r\n\r\n"
        );
        stops(&scene, &preflight, status, error, "");
    }
    next_is_fine(&scene, "all of them");
}
