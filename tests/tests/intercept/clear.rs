//! T12: what is no TLS after a 200 to an intercepted host's CONNECT.

use std::io::Read;
use std::time::Duration;

use aigw_tests::raw::{self, Raw};

use crate::stage::Stage;

/// Closed in order or reset, and nothing more was said.
fn closed(raw: &mut Raw, what: &str) {
    let mut rest = Vec::new();
    let _ = raw.stream().read_to_end(&mut rest);
    assert!(rest.is_empty(), "{what}: {rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t12_clear_http_is_refused_in_the_dialect_and_closed() {
    for (provider, anthropic) in [("anthropic", true), ("openai", false), ("copilot", false)] {
        let stage = Stage::set(provider, "").await;
        let target = &stage.target;
        for sent in [
            format!("GET /v1/models HTTP/1.1\r\nhost: {target}\r\n\r\n"),
            format!("POST /v1/messages HTTP/1.1\r\nhost: {target}\r\ncontent-length: 2\r\n\r\n{{}}"),
            format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n"),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ] {
            for pieces in [sent.len(), 1] {
                let mut raw = stage.tunnel();
                raw.stream().set_nodelay(true).unwrap();
                for piece in sent.as_bytes().chunks(pieces) {
                    raw.send(piece);
                }
                let answer = raw.answer();
                assert_eq!(
                    (answer.status, answer.error(), answer.whole),
                    (403, Some("plain-http"), true),
                    "{sent}"
                );
                assert_eq!(answer.field("connection"), Some("close"));
                assert_eq!(answer.json()["type"] == "error", anthropic, "{}", answer.text());
                let has_id = answer.field("x-github-request-id").is_some();
                assert_eq!(has_id, provider == "copilot");
                closed(&mut raw, &sent);
            }
        }
        stage.nobody_saw(provider);
        assert_eq!(stage.origin.connections(), 0);
    }
}

/// In the same write as the CONNECT, before our 200 could be read.
#[tokio::test(flavor = "multi_thread")]
async fn t12_clear_http_that_comes_along_with_the_connect() {
    let stage = Stage::set("anthropic", "").await;
    let mut raw = Raw::connect(stage.scene.address());
    let connect = raw::connect(&stage.target, Some(&stage.scene.key), &[]);
    raw.send(format!("{connect}GET /v1/models HTTP/1.1\r\nhost: {}\r\n\r\n", stage.target));
    let whole = String::from_utf8(raw.rest()).unwrap();
    assert!(whole.starts_with("HTTP/1.1 200 ") && whole.contains("\r\n\r\nHTTP/1.1 403 "), "{whole}");
    stage.nobody_saw("early");
}

#[tokio::test(flavor = "multi_thread")]
async fn t12_anything_else_is_closed_and_never_tunnelled() {
    let stage = Stage::set("anthropic", "").await;
    let garbage: [&[u8]; 8] = [
        b"\x00\x00\x00\x00",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"get / http/1.1\r\n\r\n",
        b"\x80\x2e\x01\x03\x01",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x16\x03\x01\x00\x05\x0e\x00\x00\x01\x00",
        b"\x05\x01\x00",
    ];
    for bytes in garbage {
        let mut raw = stage.tunnel();
        raw.send(bytes);
        let mut rest = Vec::new();
        raw.stream().set_read_timeout(Some(Duration::from_secs(9))).unwrap();
        let end = raw.stream().read_to_end(&mut rest);
        // Either an orderly end or a reset; not the patience of this test.
        let waited = end.as_ref().is_err_and(|error| {
            [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut].contains(&error.kind())
        });
        assert!(!waited, "{bytes:?} is not closed");
        // An alert of TLS at most, and for what looks like HTTP our own words.
        let ours = rest.is_empty() || rest[0] == 0x15 || rest.starts_with(b"HTTP/1.1 403 ");
        assert!(ours, "{bytes:?}: {rest:?}");
    }
    // A client that leaves without a word.
    for _ in 0..3 {
        drop(stage.tunnel());
        let mut raw = stage.tunnel();
        raw.end();
        closed(&mut raw, "an end");
    }
    assert_eq!(stage.origin.connections(), 0);
    stage.nobody_saw("garbage");
    assert_eq!(stage.http(crate::H1).await.ask("GET", "/api/x", &[], "").await.status, 200);
}
