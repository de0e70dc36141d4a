//! WebSockets: relayed where the gateway speaks them, else refused at once, and remembered only where it will stay so.

use std::io::Read;
use std::time::{Duration, Instant};

use aigw_gateway::{Behaviour, Reply, Setup, Transport, WebSocket};
use aigw_tests::machine;
use aigw_tests::raw::{Answer, Raw, text_frame};
use aigw_tests::scene::Scene;

use crate::tls;

const PATH: &str = "/openai/v1/responses";
/// Comes right after the client's wish, and so has to wait for the gateway's word.
const CREATE: &str = r#"{"type":"response.create","model":"gpt-5","input":"hi"}"#;

/// The greeting of a WebSocket, as Codex sends it. The local key stands in a field of its own.
fn greeting(scene: &Scene, path: &str, more: &[&str]) -> String {
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nx-aigw-key: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         openai-beta: responses_websockets=2026-02-06\r\n{more}\r\n",
        scene.address(),
        scene.key
    )
}

/// Sends the greeting, and reads the answer's head (and body, if it is no 101).
pub fn ask(scene: &Scene, path: &str, more: &[&str]) -> Answer {
    let mut raw = Raw::connect(scene.address());
    raw.send(greeting(scene, path, more));
    raw.answer()
}

/// How many upgrade requests reached the gateway.
fn tries(scene: &Scene) -> usize {
    let seen = scene.gateway.provider_requests();
    seen.iter().filter(|request| request.header("upgrade").is_some()).count()
}

fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.error()), (426, Some("no-websocket")), "{}", answer.text());
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert!(answer.json()["error"]["message"].to_string().contains("HTTPS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_pass_both_ways_and_an_end_too() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    let mut raw = Raw::connect(scene.address());
    // The first frame comes along with the greeting: nothing of it may be lost.
    let mut first = greeting(&scene, PATH, &["user-agent: codex_exec/0.169"]).into_bytes();
    first.extend(text_frame(CREATE));
    raw.send(&first);
    let (head, early) = raw.head();
    assert_eq!(head.status, 101);
    // Of RFC 6455 section 1.3, for this key.
    assert_eq!(head.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(head.field("upgrade"), Some("websocket"));
    assert!(head.field("connection").is_some_and(|to| to.eq_ignore_ascii_case("upgrade")));
    let mut live = Frames { raw, bytes: early };
    live.until("response.completed");
    // And again, both ways, on the same socket.
    live.bytes.clear();
    live.raw.send(text_frame(CREATE));
    live.until("response.completed");
    let seen = scene.only_request();
    assert_eq!(seen.frames, [CREATE, CREATE]);
    assert_eq!(seen.header("user-agent"), Some("codex_exec/0.169"));
    assert_eq!(seen.header("openai-beta"), Some("responses_websockets=2026-02-06"));
    assert_eq!(seen.headers("sec-websocket-key").len(), 1);
    assert!(!seen.http2);
    // The client's close is answered, and ends the connection.
    live.raw.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    let mut rest = Vec::new();
    live.raw.stream().read_to_end(&mut rest).expect("an end, not a time-out");
    assert_eq!(rest, [0x88, 0x02, 0x03, 0xe8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_goes_ends_the_socket_and_a_client_that_goes_does_too() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Silent);
    let mut raw = Raw::connect(scene.address());
    raw.send(greeting(&scene, PATH, &[]));
    assert_eq!(raw.head().0.status, 101);
    raw.send(text_frame(CREATE));
    scene.gateway_sees("the frame", |seen| seen.iter().any(|request| request.frames.len() == 1)).await;
    scene.gateway.close_connections();
    assert_eq!(raw.stream().read(&mut [0; 1]).expect("an end, not a time-out"), 0);

    let mut raw = Raw::connect(scene.address());
    raw.send(greeting(&scene, PATH, &[]));
    assert_eq!(raw.head().0.status, 101);
    let before = scene.machine.ask(&["status"])["daemon"]["requests"].as_u64().unwrap();
    drop(raw);
    aigw_tests::eventually::eventually("the exchange is over", || {
        let requests = scene.machine.ask(&["status"])["daemon"]["requests"].as_u64().unwrap();
        (requests > before).then_some(())
    });
}

/// A way of refusing, and whether it will stay so.
type Row = (&'static str, fn(&mut Behaviour), bool);

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_426_at_once_and_remembered_only_if_it_will_stay() {
    let rows: &[Row] = &[
        ("500 of an old release", |b| b.websocket = WebSocket::Old, true),
        ("426 of a full one", |b| b.websocket = WebSocket::Full, true),
        ("404", |b| b.websocket = WebSocket::Absent, true),
        ("400", |b| b.websocket = WebSocket::Status(400), true),
        ("405", |b| b.websocket = WebSocket::Status(405), true),
        ("501", |b| b.websocket = WebSocket::Status(501), true),
        ("401", |b| b.websocket = WebSocket::Status(401), false),
        ("403", |b| b.websocket = WebSocket::Status(403), false),
        ("429", |b| b.websocket = WebSocket::Status(429), false),
        ("502", |b| b.websocket = WebSocket::Status(502), false),
        ("503", |b| b.websocket = WebSocket::Status(503), false),
        ("an ordinary answer", |b| b.websocket = WebSocket::Status(200), false),
        ("a hang-up", |b| b.answer_all = Some(Reply::hang_up()), false),
    ];
    let scene = Scene::set(machine!(), tls()).await;
    for (what, change, stays) in rows {
        assert!(scene.machine.ctl(&["reload"]).status.success());
        scene.gateway.change(|behaviour| {
            *behaviour = Behaviour::default();
            change(behaviour);
        });
        scene.gateway.forget_requests();
        refused(&ask(&scene, PATH, &[]));
        assert_eq!(tries(&scene), 1, "{what}");
        refused(&ask(&scene, PATH, &[]));
        assert_eq!(tries(&scene), if *stays { 1 } else { 2 }, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_in_two_seconds_is_426_and_not_remembered() {
    let scene = Scene::set(machine!(), tls()).await;
    let slow = Reply::new(500).delay(Duration::from_secs(60));
    scene.gateway.change(|behaviour| behaviour.answer_all = Some(slow));
    for tried in 1..=2 {
        let begun = Instant::now();
        refused(&ask(&scene, PATH, &[]));
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(20), "{took:?}");
        assert_eq!(tries(&scene), tried);
    }
    // What was given up is given up at the gateway too.
    scene.gateway_sees("both are cancelled", |seen| seen.iter().all(|request| request.cancelled())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_not_there_is_426_too() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.stop().await;
    refused(&ask(&scene, PATH, &[]));
    scene.gateway.restart().await.unwrap();
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    assert_eq!(ask(&scene, PATH, &[]).status, 101);

    // Connects, and then nothing: not even TLS.
    scene.gateway.change(|behaviour| behaviour.transport = Transport::NeverAnswer);
    refused(&ask(&scene, PATH, &[]));
    scene.gateway.change(|behaviour| behaviour.transport = Transport::Serve);
    assert_eq!(ask(&scene, PATH, &[]).status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_the_socket_is_426_and_the_words_come_by_https() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    let machine = machine!();
    machine.configure(&format!("[gateway.default]\nurl = \"{}\"\n", gateway.url()));
    let daemon = machine.start();
    let key = machine.key("env");
    let scene = Scene { gateway, machine, daemon, token: String::new(), key };
    refused(&ask(&scene, PATH, &[]));
    let answer = scene.post(PATH, &[], "{}");
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    assert!(answer.text().contains("aigwctl login"));
    assert!(scene.gateway.requests().is_empty());
    // It was not remembered.
    scene.machine.log_in(&scene.gateway);
    assert_eq!(ask(&scene, PATH, &[]).status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_426_and_the_words_come_by_https() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    scene.gateway.revoke(&scene.token);
    refused(&ask(&scene, PATH, &[]));
    let answer = scene.post(PATH, &[], "{}");
    assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")));
    scene.machine.log_in(&scene.gateway);
    assert_eq!(ask(&scene, PATH, &[]).status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_refusal_is_forgotten_at_login_and_reload() {
    let scene = Scene::set(machine!(), tls()).await;
    refused(&ask(&scene, PATH, &[]));
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    refused(&ask(&scene, PATH, &[]));
    scene.machine.log_in(&scene.gateway);
    assert_eq!(ask(&scene, PATH, &[]).status, 101);

    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Old);
    refused(&ask(&scene, PATH, &[]));
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    refused(&ask(&scene, PATH, &[]));
    assert!(scene.machine.ctl(&["reload"]).status.success());
    assert_eq!(ask(&scene, PATH, &[]).status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn h12_other_upgrades_are_not_passed_on() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    for (path, upgrade) in [
        ("/openai/v1/models", "websocket"),
        ("/anthropic/v1/models", "websocket"),
        ("/openai/v1/models", "h2c"),
        ("/openai/v1/responses", "h2c"),
        ("/openai/v1/responses", "foo/2"),
    ] {
        scene.gateway.forget_requests();
        let more = ["http2-settings: AAMAAABkAARAAAAAAAIAAAAA"];
        let text =
            greeting(&scene, path, &more).replace("upgrade: websocket", &format!("upgrade: {upgrade}"));
        let answer = aigw_tests::raw::exchange(scene.address(), text);
        assert!(answer.status != 101 && answer.status != 0, "{path} {upgrade}");
        for seen in scene.gateway.provider_requests() {
            for field in ["upgrade", "connection", "http2-settings"] {
                assert_eq!(seen.header(field), None, "{path} {upgrade}");
            }
        }
    }
}

/// The gateway's frames, looked at as bytes.
struct Frames {
    raw: Raw,
    bytes: Vec<u8>,
}

impl Frames {
    fn until(&mut self, text: &str) {
        while !self.bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            let mut buffer = [0; 4096];
            let length = self.raw.stream().read(&mut buffer).expect("more frames");
            assert_ne!(length, 0, "ended before {text}");
            self.bytes.extend_from_slice(&buffer[..length]);
        }
    }
}
