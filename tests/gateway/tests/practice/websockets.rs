//! The Responses WebSocket in its different states.

use aigw_gateway::{Practice, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::send;
use crate::{PATIENCE, started};

const LINE: &str = "GET /api/v2/ai-gateway/openai/v1/responses";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[tokio::test]
async fn refusals() {
    let (gateway, token) = started().await;
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];
    for (mode, status, text) in [
        (WebSocket::Old, 500, "failed to create \"/openai/v1/responses\" interceptor\n"),
        (WebSocket::Full, 426, "rate_limit_exceeded"),
        (WebSocket::Absent, 404, "route not supported: GET /openai/v1/responses\n"),
        (WebSocket::Status(405), 405, "refused"),
    ] {
        gateway.change(|b| b.websocket = mode);
        let answer = send(&gateway, LINE, &headers, "").await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(text), "{}", answer.body);
    }
    gateway.change(|b| b.websocket = WebSocket::Relay);
    assert_eq!(send(&gateway, LINE, &headers[1..], "").await.status, 400);
}

async fn opened(gateway: &Practice, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!(
        "{LINE} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    stream
}

async fn say(stream: &mut TcpStream, opcode: u8, payload: &[u8]) {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    let masked: Vec<_> = payload.iter().map(|byte| byte ^ 0x55).collect();
    let frame = [&[0x80 | opcode, 0x80 | length, 0x55, 0x55, 0x55, 0x55], masked.as_slice()].concat();
    stream.write_all(&frame).await.unwrap();
}

async fn hear(stream: &mut TcpStream) -> (u8, String) {
    let opcode = stream.read_u8().await.unwrap();
    let length = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    (opcode & 0x0f, String::from_utf8_lossy(&payload).into_owned())
}

#[tokio::test]
async fn a_socket_that_works() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.websocket = WebSocket::Relay);
    let mut stream = opened(&gateway, &token).await;
    let create = br#"{"type":"response.create","model":"some-model"}"#;
    for _ in 0..2 {
        say(&mut stream, 1, create).await;
        let mut kinds = Vec::new();
        while kinds.last().is_none_or(|kind| kind != "response.completed") {
            let (_, text) = hear(&mut stream).await;
            let event: serde_json::Value = serde_json::from_str(&text).unwrap();
            kinds.push(event["type"].as_str().unwrap().to_owned());
        }
        assert_eq!((kinds.len(), kinds[0].as_str()), (13, "response.created"));
    }
    say(&mut stream, 9, b"are you there").await;
    assert_eq!(hear(&mut stream).await, (10, "are you there".to_owned()));
    gateway.change(|b| b.budget_exceeded = true);
    say(&mut stream, 1, create).await;
    assert!(hear(&mut stream).await.1.contains("insufficient_quota"));
    assert_eq!(gateway.requests()[0].frames.len(), 3);
    assert_eq!(gateway.requests()[0].status, Some(101));
    say(&mut stream, 8, &1000_u16.to_be_bytes()).await;
    assert_eq!(hear(&mut stream).await.0, 8);
}

#[tokio::test]
async fn a_silent_socket_ends_when_connections_are_closed() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.websocket = WebSocket::Silent);
    let mut stream = opened(&gateway, &token).await;
    say(&mut stream, 1, b"{}").await;
    assert!(gateway.wait_until(|requests| requests[0].frames.len() == 1, PATIENCE).await);
    gateway.close_connections();
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}
