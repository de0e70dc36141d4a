//! Origins: what they record and the ways they answer.

use std::time::{Duration, Instant};

use aigw_gateway::{BodyEnd, Certificate, Manner, Origin, OriginSetup, Plane, Reply, ResponseEnd, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::PATIENCE;
use crate::client::{Answer, ask, connect_h2, exchange, request, send, tls};

async fn started() -> Origin {
    let names = vec!["coder.example.test".to_owned()];
    Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap()
}

async fn plain() -> Origin {
    Origin::start(OriginSetup { tls: false, ..OriginSetup::default() }).await.unwrap()
}

#[tokio::test]
async fn an_echo_says_what_was_seen_over_both_versions() {
    let origin = started().await;
    let stream = tls(&origin, "coder.example.test", &["http/1.1"]).await.unwrap();
    let headers = [("Host", "coder.example.test"), ("X-Api-Key", "sk-own")];
    let answer = exchange(stream, "POST /anything/v1?x=1", &headers, "body").await;
    let (json, seen) = (answer.json(), &origin.requests()[0]);
    assert_eq!(answer.status, 200);
    for (key, value) in [
        ("origin", "coder.example.test"),
        ("method", "POST"),
        ("target", "/anything/v1?x=1"),
        ("body", "body"),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    assert_eq!((json["bytes"].as_u64(), json["http2"].as_bool()), (Some(4), Some(false)));
    assert_eq!(json["headers"][1], serde_json::json!(["x-api-key", "sk-own"]));
    assert_eq!((seen.plane, seen.server_name.as_deref()), (Plane::Origin, Some("coder.example.test")));
    assert_eq!(seen.path, "/anything/v1");
    let mut sender = connect_h2(&origin).await;
    let request = request("GET https://coder.example.test/two", &[], "");
    let answer = Answer::read(sender.send_request(request).await.unwrap()).await;
    assert_eq!((answer.json()["http2"].as_bool(), origin.requests()[1].http2), (Some(true), true));
}

#[tokio::test]
async fn answers_go_by_path_and_scripted_ones_come_first() {
    let origin = plain().await;
    origin.at("/api/", Manner::Reply(Reply::plain(201, "below")));
    origin.at("/api/me", Manner::Reply(Reply::plain(202, "me")));
    origin.otherwise(Manner::Reply(Reply::new(404)));
    origin.answer_next(1, Reply::new(503));
    let mut statuses = Vec::new();
    for line in ["GET /api/me", "GET /api/me?x", "GET /api/other", "GET /apis"] {
        statuses.push(send(&origin, line, &[], "").await.status);
    }
    assert_eq!(statuses, [503, 202, 201, 404]);
    // Nothing of a deployment is there.
    assert_eq!(ask(&origin, "t", "POST /api/v2/aibridge/anthropic/v1/messages", "").await.status, 201);
}

#[tokio::test]
async fn events_cuts_and_slow_bodies() {
    let origin = plain().await;
    let gap = Duration::from_millis(20);
    origin.at("/events", Manner::Events { count: 3, gap });
    origin.at("/cut", Manner::Cut { length: 100, after: 40 });
    origin.at("/slow", Manner::Slow { length: 10, piece: 4, gap });
    let begun = Instant::now();
    let answer = send(&origin, "GET /events", &[], "").await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.events().len(), 3);
    assert!(begun.elapsed() >= gap * 2);
    let answer = send(&origin, "GET /cut", &[], "").await;
    assert_eq!((answer.body.len(), answer.broken, answer.header("content-length")), (40, true, "100"));
    assert_eq!(origin.requests()[1].response_end, ResponseEnd::Cut);
    let begun = Instant::now();
    let answer = send(&origin, "GET /slow", &[], "").await;
    assert_eq!((answer.body.len(), answer.broken), (10, false));
    assert!(begun.elapsed() >= gap * 3);
}

#[tokio::test]
async fn bad_certificates_are_refused_by_their_reader() {
    for (certificate, name) in [
        (Certificate::Expired, "localhost"),
        (Certificate::NotYetValid, "localhost"),
        (Certificate::SelfSigned, "localhost"),
        (Certificate::ForClients, "localhost"),
        (Certificate::WrongName, "localhost"),
        (Certificate::UntrustedRoot, "localhost"),
        (Certificate::Good, "elsewhere.invalid"),
    ] {
        let origin = Origin::start(OriginSetup { certificate, ..OriginSetup::default() }).await.unwrap();
        assert!(tls(&origin, name, &[]).await.is_err(), "{certificate:?}");
        assert_eq!(origin.connections(), 1);
    }
    let certificate = Certificate::WrongName;
    let origin = Origin::start(OriginSetup { certificate, ..OriginSetup::default() }).await.unwrap();
    assert!(tls(&origin, "elsewhere.invalid", &[]).await.is_ok());
}

#[tokio::test]
async fn a_websocket_sends_every_message_back() {
    let origin = plain().await;
    let mut stream = TcpStream::connect(origin.address()).await.unwrap();
    let head = "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    for opcode in [0x81, 0x82] {
        stream.write_all(&[opcode, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
        let mut frame = [0; 4];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame, [opcode, 2, b'h', b'i']);
    }
    stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 0x88);
    assert_eq!(origin.requests()[0].frames, ["hi"]);
}

#[tokio::test]
async fn half_closed_connections_are_answered() {
    for transport in [Transport::Echo, Transport::EchoAtEnd] {
        let origin = Origin::start(OriginSetup { transport, ..OriginSetup::default() }).await.unwrap();
        let mut stream = TcpStream::connect(origin.address()).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut bytes = [0; 5];
        match transport {
            Transport::Echo => {
                stream.read_exact(&mut bytes).await.unwrap();
                assert_eq!(&bytes, b"hello");
            }
            _ => assert!(origin.wait_until(|seen| seen.iter().any(|one| one.body_len == 5), PATIENCE).await),
        }
        // Not a byte more, and no end, before ours.
        assert!(tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await.is_err());
        stream.shutdown().await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, if transport == Transport::Echo { "" } else { "hello" });
        let seen = origin.requests().remove(0);
        assert_eq!((seen.plane, seen.body_end), (Plane::Bytes, BodyEnd::Complete));
        assert!(origin.provider_requests().is_empty());
    }
}

#[tokio::test]
async fn resets_arrive_both_ways() {
    let origin = plain().await;
    origin.transport(Transport::Reset);
    let mut stream = TcpStream::connect(origin.address()).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    origin.transport(Transport::Echo);
    let mut stream = TcpStream::connect(origin.address()).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_u8().await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    assert!(origin.wait_until(|seen| seen[0].body_end == BodyEnd::Aborted, PATIENCE).await);
}
