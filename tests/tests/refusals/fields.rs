//! Which of a client's fields reach the gateway: no credential, nothing that belongs to one connection, no claim about
//! where the request comes from.

use crate::check::{get, passes, told};
use crate::scene;

#[tokio::test(flavor = "multi_thread")]
async fn f8_no_credential_of_the_client_reaches_the_gateway() {
    let scene = scene().await;
    for line in [
        "authorization: Bearer sk-client",
        "authorization: Basic dXNlcjpwYXNz",
        "authorization: Bearer one\r\nAUTHORIZATION: Bearer two",
        "x-api-key: sk-ant-client",
        "api-key: client",
        "x-goog-api-key: client",
        "chatgpt-account-id: acc-1",
        "x-goog-user-project: p-1",
        "coder-session-token: {token}",
        "x-coder-ai-governance-token: {token}",
        "authorization: Bearer {token}",
        "x-aigw-anything: 1",
        "x-aigw-gateway: other",
        "cookie: coder_session_token={token}; other=1",
        "proxy-authorization: Basic dXNlcjpwYXNz",
    ] {
        let seen = passes(&scene, &get(&format!("{line}\r\naccept: text/plain\r\n")));
        assert_eq!(told(&seen), ["accept: text/plain"], "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f9_what_belongs_to_the_clients_connection_ends_here() {
    let scene = scene().await;
    for lines in [
        "connection: authorization\r\n",
        "connection: Authorization, x-api-key\r\nconnection: HOST\r\n",
        "connection: x-private, close\r\nx-private: 1\r\n",
        "connection: keep-alive\r\nkeep-alive: timeout=5\r\n",
        "proxy-connection: keep-alive\r\n",
        "te: trailers\r\nconnection: te\r\n",
        "trailer: x-sum\r\n",
        "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        "http2-settings: AAMAAABkAAQAAP__\r\n",
        "proxy-authenticate: Basic\r\n",
        "expect: 100-continue\r\n",
        // Not one field, and no reason to fall.
        "connection: ,, \u{e9}, a b\r\n",
    ] {
        let seen = passes(&scene, &get(&format!("{lines}accept: text/plain\r\n")));
        assert_eq!(told(&seen), ["accept: text/plain"], "{lines}");
    }
    // Whoever names the framing does not change it.
    for (named, framing, body, told_as) in [
        ("content-length", "content-length: 2", "{}", "content-length: 2"),
        (
            "Content-Length, transfer-encoding",
            "transfer-encoding: chunked",
            "2\r\n{}\r\n0\r\n\r\n",
            "transfer-encoding: chunked",
        ),
    ] {
        let seen = passes(
            &scene,
            &format!(
                "POST /openai/v1/conversations HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\n\
                 connection: {named}\r\n{framing}\r\n\r\n{body}"
            ),
        );
        assert_eq!(told(&seen), [told_as]);
        assert_eq!(seen.body_text(), "{}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_claims_about_the_way_here_are_removed() {
    let scene = scene().await;
    let claims = [
        "forwarded: for=10.0.0.1;host=evil.example",
        "x-forwarded-for: 10.0.0.1",
        "X-Forwarded-Host: evil.example",
        "x-forwarded-proto: https",
        "x-forwarded-port: 443",
        "x-forwarded-prefix: /x",
        "x-forwarded-server: evil",
        "x-forwarded-ssl: on",
        "x-forwarded-user: root",
        "x-original-url: /api/v2/users",
        "x-rewrite-url: /api/v2/users",
    ];
    for line in claims {
        let seen = passes(&scene, &get(&format!("{line}\r\naccept: text/plain\r\n")));
        assert_eq!(told(&seen), ["accept: text/plain"], "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h12_upgrades_are_not_forwarded_and_never_101() {
    let scene = scene().await;
    let websocket = "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for lines in [
        "connection: upgrade\r\nupgrade: h2c\r\n".to_owned(),
        "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"
            .to_owned(),
        "connection: upgrade\r\nupgrade: tls/1.2\r\n".to_owned(),
        "connection: upgrade\r\nupgrade: whatever\r\n".to_owned(),
        // The route has no WebSocket, so it is an ordinary request.
        format!("connection: upgrade\r\nupgrade: websocket\r\n{websocket}"),
    ] {
        let seen = passes(&scene, &get(&lines));
        for name in ["connection", "upgrade", "http2-settings"] {
            assert_eq!(seen.header(name), None, "{lines}");
        }
    }
}
