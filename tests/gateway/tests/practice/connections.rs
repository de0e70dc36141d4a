//! Misbehaviour below HTTP: closing, silence, stopping and coming back.

use std::time::Duration;

use aigw_gateway::{Certificate, Ending, Practice, Reply, Setup, Transport};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{Answer, ask, bare, connect, open, request, send, tls};
use crate::{HOUR, PATIENCE, started};

#[tokio::test]
async fn stop_frees_the_port_and_restart_takes_it_again() {
    let (gateway, token) = started().await;
    let mut idle = TcpStream::connect(gateway.address()).await.unwrap();
    gateway.stop().await;
    assert!(matches!(idle.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(gateway.address()).await.is_err());
    gateway.restart().await.unwrap();
    let answer = ask(&gateway, &token, "GET /api/v2/ai-gateway/openai/v1/models", "").await;
    assert_eq!(answer.status, 200);
    gateway.restart().await.unwrap();
    assert_eq!(send(&gateway, "GET /api/v2/buildinfo", &[], "").await.status, 200);
}

#[tokio::test]
async fn closed_at_once_or_never_answered() {
    let (gateway, _) = started().await;
    gateway.change(|b| b.transport = Transport::CloseAtOnce);
    assert_eq!(bare(&gateway, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await, "");
    gateway.change(|b| b.transport = Transport::NeverAnswer);
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let mut byte = [0; 1];
    assert!(tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await.is_err());
    gateway.close_connections();
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert_eq!(gateway.connections(), 2);
}

#[tokio::test]
async fn idle_connections_close_on_command_and_busy_ones_finish() {
    let (gateway, token) = started().await;
    gateway.change(|b| {
        b.stream.deltas = Some(20);
        b.stream.gap = Duration::from_millis(5);
    });
    let bearer = format!("Bearer {token}");
    let line = "POST /api/v2/ai-gateway/anthropic/v1/messages";
    let busy = open(&gateway, line, &[("authorization", &bearer)], r#"{"stream":true}"#).await.unwrap();
    let mut idle = connect(&gateway).await;
    let answer = idle.send_request(request("GET /api/v2/buildinfo", &[("host", "h")], "")).await.unwrap();
    Answer::read(answer).await;
    gateway.close_idle_connections();
    assert!(Answer::read(busy).await.body.contains("message_stop"));
    while !idle.is_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_can_be_limited_to_some_requests() {
    let (gateway, _) = started().await;
    gateway.change(|b| b.requests_per_connection = 2);
    let mut connection = connect(&gateway).await;
    let mut closing = Vec::new();
    for _ in 0..2 {
        connection.ready().await.unwrap();
        let request = request("GET /api/v2/buildinfo", &[("host", "h")], "");
        closing.push(
            Answer::read(connection.send_request(request).await.unwrap())
                .await
                .header("connection")
                .to_owned(),
        );
    }
    assert_eq!(closing, ["", "close"]);
}

#[tokio::test]
async fn hanging_up_instead_of_answering() {
    let (gateway, token) = started().await;
    gateway.answer_next(1, Reply::hang_up());
    let bearer = format!("Bearer {token}");
    let line = "GET /api/v2/ai-gateway/openai/v1/models";
    assert!(open(&gateway, line, &[("authorization", &bearer)], "").await.is_err());
    assert_eq!(ask(&gateway, &token, line, "").await.status, 200);
    assert_eq!(gateway.requests().len(), 2);
}

#[tokio::test]
async fn stopping_ends_streams() {
    let (gateway, token) = started().await;
    gateway.change(|b| b.stream.ending = Ending::Silence);
    let bearer = format!("Bearer {token}");
    let line = "POST /api/v2/ai-gateway/openai/v1/responses";
    let response = open(&gateway, line, &[("authorization", &bearer)], r#"{"stream":true}"#).await.unwrap();
    gateway.stop().await;
    assert!(Answer::read(response).await.broken);
    assert!(gateway.wait_until(|requests| requests[0].cancelled(), PATIENCE).await);
}

#[tokio::test]
async fn certificates_are_for_the_asked_names_and_may_have_expired() {
    let names = vec!["coder.example.test".to_owned()];
    let setup = Setup { tls: true, names, http2: false, ..Setup::default() };
    let gateway = Practice::start(setup.clone()).await.unwrap();
    assert!(gateway.url().starts_with("https://127.0.0.1:"));
    for (name, good) in
        [("127.0.0.1", true), ("localhost", true), ("coder.example.test", true), ("other.test", false)]
    {
        assert_eq!(tls(&gateway, name, &["http/1.1"]).await.is_ok(), good, "{name}");
    }
    assert!(tls(&gateway, "localhost", &["h2"]).await.is_err());
    let gateway = Practice::start(Setup { certificate: Certificate::Expired, ..setup }).await.unwrap();
    assert!(tls(&gateway, "localhost", &[]).await.is_err());
}

#[tokio::test]
async fn too_many_at_once() {
    let (gateway, token) = started().await;
    gateway.change(|b| {
        b.max_concurrency = 1;
        b.stream.ending = Ending::Silence;
    });
    let bearer = format!("Bearer {token}");
    let line = "POST /api/v2/ai-gateway/openai/v1/responses";
    let first = open(&gateway, line, &[("authorization", &bearer)], r#"{"stream":true}"#).await.unwrap();
    assert_eq!(ask(&gateway, &token, "GET /api/v2/ai-gateway/openai/v1/models", "").await.status, 503);
    drop(first);
    assert!(gateway.wait_until(|requests| requests[0].cancelled(), PATIENCE).await);
    let token = gateway.issue_token("ada", HOUR);
    assert_eq!(ask(&gateway, &token, "GET /api/v2/ai-gateway/openai/v1/models", "").await.status, 200);
}
