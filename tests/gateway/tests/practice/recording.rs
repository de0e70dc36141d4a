//! What is remembered of requests, and what would have gone to a provider.

use aigw_gateway::{BodyEnd, CENTRAL_KEY, Credential, Plane, Practice, Setup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{ask, bare, connect, connect_h2, request, send};
use crate::{HOUR, PATIENCE, started};

#[tokio::test]
async fn requests_are_kept_as_written() {
    let (gateway, token) = started().await;
    let head = format!(
        "POST /api/v2/ai-gateway/anthropic/v1/messages?beta=true HTTP/1.1\r\nHost: Coder.Example.test\r\n\
         X-KILOCODE-TASKID: 7\r\nanthropic-beta: a\r\nsession_id: s\r\nAnthropic-Beta: b\r\n\
         X-Api-Key: {token}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert!(bare(&gateway, head.as_bytes()).await.starts_with("HTTP/1.1 200"));
    let seen = &gateway.provider_requests()[0];
    let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Host",
            "X-KILOCODE-TASKID",
            "anthropic-beta",
            "session_id",
            "Anthropic-Beta",
            "X-Api-Key",
            "Connection",
            "Content-Length"
        ]
    );
    assert_eq!(seen.headers("anthropic-beta"), ["a", "b"]);
    assert_eq!(seen.header("host"), Some("Coder.Example.test"));
    assert_eq!(seen.target, "/api/v2/ai-gateway/anthropic/v1/messages?beta=true");
    assert_eq!(seen.path, "/anthropic/v1/messages");
    assert_eq!((seen.order, seen.connection, seen.tls, seen.http2), (1, 1, false, false));
    assert_eq!((seen.body_text().as_str(), seen.body_len, seen.body_end), ("{}", 2, BodyEnd::Complete));
    assert_eq!(seen.body_sha256, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_eq!(seen.status, Some(200));
    assert_eq!(seen.upstream.as_ref().unwrap().target, "/v1/messages?beta=true");
}

#[tokio::test]
async fn pooled_and_pipelined_requests_are_told_apart() {
    let (gateway, _) = started().await;
    let mut connection = connect(&gateway).await;
    for _ in 0..2 {
        let body = vec![b'x'; 100_000];
        let request = request("POST /api/v2/buildinfo", &[("host", "h"), ("x-a", "1")], body);
        let response = connection.send_request(request).await.unwrap();
        crate::client::Answer::read(response).await;
    }
    bare(&gateway, b"GET /a HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\nX-Two: 2\r\nConnection: close\r\n\r\n").await;
    let requests = gateway.requests();
    let connections: Vec<_> = requests.iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 1, 2, 2]);
    assert_eq!(requests[3].headers[1], ("X-Two".to_owned(), "2".to_owned()));
    assert_eq!(requests[1].body_len, 100_000);
    assert!(requests.iter().all(|seen| seen.plane == Plane::Ordinary));
    gateway.forget_requests();
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn large_bodies_are_hashed_but_not_kept() {
    let gateway = Practice::start(Setup { body_kept: 10, ..Setup::default() }).await.unwrap();
    let token = gateway.issue_token("ada", HOUR);
    ask(&gateway, &token, "POST /api/v2/ai-gateway/openai/v1/conversations", &"1".repeat(5_000_000)).await;
    let seen = &gateway.requests()[0];
    assert_eq!((seen.body.len(), seen.body_len, seen.body_sha256.len()), (10, 5_000_000, 64));
}

#[tokio::test]
async fn an_aborted_body_is_noticed() {
    let (gateway, token) = started().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!(
        "POST /api/v2/ai-gateway/openai/v1/responses HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 100\r\n\r\nhalf"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(gateway.wait_until(|requests| requests.iter().any(|seen| seen.body_len == 4), PATIENCE).await);
    assert_eq!(gateway.requests()[0].body_end, BodyEnd::Arriving);
    drop(stream);
    assert!(gateway.wait_until(|requests| requests[0].body_end == BodyEnd::Aborted, PATIENCE).await);
}

#[tokio::test]
async fn http2_over_tls() {
    let names = vec!["coder.example.test".to_owned()];
    let gateway = Practice::start(Setup { tls: true, names, ..Setup::default() }).await.unwrap();
    let token = gateway.issue_token("ada", HOUR);
    let mut connection = connect_h2(&gateway).await;
    let url = "POST https://coder.example.test/api/v2/ai-gateway/openai/v1/chat/completions";
    let body = r#"{"stream":true}"#;
    let request = request(url, &[("authorization", &format!("Bearer {token}"))], body);
    let answer = crate::client::Answer::read(connection.send_request(request).await.unwrap()).await;
    assert_eq!((answer.status, answer.header("connection")), (200, ""));
    let seen = &gateway.requests()[0];
    assert!(seen.tls && seen.http2);
    assert_eq!(seen.server_name.as_deref(), Some("coder.example.test"));
    assert_eq!(seen.header(":authority"), Some("coder.example.test"));
    assert_eq!(seen.target, "/api/v2/ai-gateway/openai/v1/chat/completions");
    gateway.change(|b| b.stream.ending = aigw_gateway::Ending::Cut);
    let request = crate::client::request(url, &[("authorization", &format!("Bearer {token}"))], body);
    let answer = crate::client::Answer::read(connection.send_request(request).await.unwrap()).await;
    assert!(answer.broken);
}

/// Whose credential goes on, and that the Coder token never does.
#[tokio::test]
async fn credentials_upstream() {
    let (gateway, token) = started().await;
    let bearer = format!("Bearer {token}");
    let (governance, central) = ("x-coder-ai-governance-token", format!("Bearer {CENTRAL_KEY}"));
    let message = "POST /api/v2/ai-gateway/anthropic/v1/messages";
    let count = "POST /api/v2/ai-gateway/anthropic/v1/messages/count_tokens";
    let chat = "POST /api/v2/ai-gateway/openai/v1/chat/completions";
    let copilot = "POST /api/v2/ai-gateway/copilot/chat/completions";
    type Row<'a> = (&'a str, Vec<(&'a str, &'a str)>, Credential, Option<&'a str>, Option<&'a str>);
    let rows: Vec<Row<'_>> = vec![
        (message, vec![("authorization", &bearer)], Credential::Centralized, None, Some(CENTRAL_KEY)),
        (message, vec![("x-api-key", &token)], Credential::Centralized, None, Some(CENTRAL_KEY)),
        (
            message,
            vec![("authorization", &bearer), ("x-api-key", "sk-own")],
            Credential::Centralized,
            None,
            Some(CENTRAL_KEY),
        ),
        (count, vec![("authorization", &bearer)], Credential::Centralized, None, Some(CENTRAL_KEY)),
        (chat, vec![("authorization", &bearer)], Credential::Centralized, Some(&central), None),
        (
            message,
            vec![(governance, &token), ("x-api-key", "sk-own")],
            Credential::Byok,
            None,
            Some("sk-own"),
        ),
        (
            message,
            vec![(governance, &token), ("authorization", "Bearer oauth")],
            Credential::Byok,
            Some("Bearer oauth"),
            None,
        ),
        (
            message,
            vec![(governance, &token), ("authorization", "Bearer oauth"), ("x-api-key", "sk-own")],
            Credential::Byok,
            None,
            Some("sk-own"),
        ),
        (count, vec![(governance, &token), ("x-api-key", "sk-own")], Credential::Byok, None, Some("sk-own")),
        (message, vec![(governance, &token)], Credential::Centralized, None, Some(CENTRAL_KEY)),
        (
            copilot,
            vec![(governance, &token), ("authorization", "Bearer gh")],
            Credential::Byok,
            Some("Bearer gh"),
            None,
        ),
    ];
    for (line, headers, credential, authorization, key) in rows {
        gateway.forget_requests();
        assert_eq!(send(&gateway, line, &headers, "{}").await.status, 200, "{line} {headers:?}");
        let upstream = gateway.requests()[0].upstream.clone().unwrap();
        assert_eq!(upstream.credential, credential, "{headers:?}");
        assert_eq!(upstream.header("authorization"), authorization, "{headers:?}");
        assert_eq!(upstream.header("x-api-key"), key, "{headers:?}");
        assert!(!upstream.headers.iter().any(|(_, value)| value.contains(&token)), "{upstream:?}");
    }
}

#[tokio::test]
async fn headers_upstream() {
    let (gateway, token) = started().await;
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("user-agent", "claude-cli/2.0"),
        ("anthropic-beta", "a,b"),
        ("accept-encoding", "gzip"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-coder-ai-governance-request-id", "id"),
        ("te", "trailers"),
    ];
    let intercepted = "POST /api/v2/ai-gateway/anthropic/v1/messages";
    let passed = "GET /api/v2/ai-gateway/anthropic/v1/models";
    for (line, names) in [
        (intercepted, ["anthropic-beta", "user-agent", "x-api-key"].as_slice()),
        (
            passed,
            &[
                "accept-encoding",
                "anthropic-beta",
                "user-agent",
                "x-api-key",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto",
            ],
        ),
    ] {
        gateway.forget_requests();
        send(&gateway, line, &headers, "{}").await;
        let upstream = gateway.requests()[0].upstream.clone().unwrap();
        let mut sent: Vec<_> = upstream.headers.iter().map(|(name, _)| name.as_str()).collect();
        sent.sort_unstable();
        sent.retain(|name| *name != "content-length");
        assert_eq!(sent, names, "{line}");
        assert!([None, Some("10.0.0.1, 127.0.0.1")].contains(&upstream.header("x-forwarded-for")));
    }
}

#[tokio::test]
async fn a_refusal_can_come_before_the_body() {
    let (gateway, _) = started().await;
    gateway.change(|b| b.answer_before_body = true);
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let line = "POST /api/v2/ai-gateway/openai/v1/responses HTTP/1.1\r\n";
    let head = format!("{line}Host: h\r\nAuthorization: Bearer x\r\nContent-Length: 8\r\n\r\nhalf");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 403");
    assert_eq!(gateway.requests()[0].body_end, BodyEnd::Arriving);
    stream.write_all(b"half").await.unwrap();
    assert!(gateway.wait_until(|requests| requests[0].body_end == BodyEnd::Complete, PATIENCE).await);
    assert_eq!(gateway.requests()[0].body_text(), "halfhalf");
}
