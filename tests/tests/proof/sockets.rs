//! A WebSocket of the Responses API, as Codex opens it.

use std::io::Read;

use aigw_shared::ipc::payload::{ProofAsked as Asked, WORDS};
use aigw_tests::raw::{Raw, text_frame};

use crate::{Proving, are_apart, words};

#[tokio::test(flavor = "multi_thread")]
async fn each_text_is_answered_with_the_events_of_one_response() {
    let mut proving = Proving::begin().await;
    let mut raw = Raw::connect(proving.scene.address());
    let greeting = format!(
        "GET /openai/v1/responses HTTP/1.1\r\nhost: {}\r\nx-aigw-key: {}\r\nconnection: Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        proving.scene.address(),
        proving.key
    );
    // The warming up comes along with the greeting, and nothing is said to it.
    let warm = text_frame(r#"{"type":"response.create","model":"m","generate":false,"input":[]}"#);
    raw.send([greeting.into_bytes(), warm].concat());
    let (head, mut early) = raw.head();
    // Of RFC 6455 section 1.3, for this key.
    assert_eq!(head.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!((head.status, head.field("upgrade")), (101, Some("websocket")));
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&early).contains("response.completed") {
        let length = raw.stream().read(&mut buffer).unwrap();
        early.extend_from_slice(&buffer[..length]);
    }
    assert!(!String::from_utf8_lossy(&early).contains("aigw-one"));
    for create in [
        r#"{"type":"response.create","model":"m","input":"hi"}"#,
        r#"{"type":"response.create","response":{"model":"m"}}"#,
    ] {
        raw.send(text_frame(create));
        are_apart(&words(&mut raw, "response.completed"));
    }
    // The client's close is answered, and ends the connection.
    raw.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    assert!(raw.rest().ends_with(&[0x88, 0x02, 0x03, 0xe8]));
    let seen = proving.seen().await;
    let [request] = seen.requests.as_slice() else { panic!("{seen:#?}") };
    assert!(request.websocket && request.whole, "{request:?}");
    assert_eq!((request.asked, request.status), (Asked::Responses, 101));
    assert_eq!(request.wrote_ms.len(), 2 * WORDS.len());
    proving.nobody_else_saw();
}
