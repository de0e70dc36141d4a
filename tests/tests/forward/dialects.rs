//! Every dialect, whole and streamed, over both versions of HTTP: the same bytes at both ends, as they come.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use aigw_gateway::{BodyEnd, Ending, ResponseEnd, Setup};
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::raw::Raw;
use aigw_tests::scene::Scene;
use aigw_tests::wire::Wire;
use sha2::{Digest, Sha256};

use crate::{MESSAGES, tls, wired};

/// Path, request, where a stream begins and ends, and what a whole answer holds.
const DIALECTS: [(&str, &str, &str, &str, &str); 3] = [
    (
        "/anthropic/v1/messages?beta=true",
        r#"{"model":"claude-sonnet-4-5","max_tokens":10,STREAM"messages":[{"role":"user","content":"hi"}]}"#,
        "message_start",
        "message_stop",
        r#""type":"message""#,
    ),
    (
        "/openai/v1/chat/completions",
        r#"{"model":"gpt-5",STREAM"messages":[{"role":"user","content":"hi"}]}"#,
        "chat.completion.chunk",
        "data: [DONE]",
        r#""object":"chat.completion""#,
    ),
    (
        "/openai/v1/responses",
        r#"{"model":"gpt-5",STREAM"input":"hi"}"#,
        "response.created",
        "response.completed",
        r#""object":"response""#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_dialect_passes_streamed_and_whole_over_http1_and_http2() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        for (path, request, begins, ends, holds) in DIALECTS {
            for stream in [true, false] {
                let body = request.replace("STREAM", if stream { r#""stream":true,"# } else { "" });
                scene.gateway.forget_requests();
                let answer = scene.post(path, &["content-type: application/json"], &body);
                let text = answer.text();
                assert_eq!(answer.status, 200, "{path}: {text}");
                assert!(answer.whole, "{path}");
                if stream {
                    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
                    let (begin, end) = (text.find(begins), text.rfind(ends));
                    assert!(begin.is_some() && begin < end && text.ends_with("\n\n"), "{path}: {text}");
                } else {
                    assert_eq!(answer.field("content-type"), Some("application/json"));
                    assert!(text.contains(holds), "{path}: {text}");
                    answer.json();
                }
                let seen = scene.only_request();
                assert_eq!(seen.http2, http2);
                assert!(seen.target.ends_with(path), "{}", seen.target);
                assert_eq!(seen.headers("authorization"), [format!("Bearer {}", scene.token)]);
                assert_eq!(seen.body_text(), body);
                assert_eq!(seen.body_end, BodyEnd::Complete);
            }
        }
    }
}

#[test]
fn an_event_arrives_before_the_gateway_has_said_the_next_one() {
    let (allow, allowed) = channel::<()>();
    let allowed = Mutex::new(allowed);
    let wire = Wire::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        for number in 0..5 {
            allowed.lock().unwrap().recv().unwrap();
            let event = format!("data: event-{number}\n\n");
            peer.send(format!("{:x}\r\n{event}\r\n", event.len()));
        }
        allowed.lock().unwrap().recv().unwrap();
        peer.send("0\r\n\r\n");
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    let mut raw = Raw::connect(&daemon.address);
    raw.send(aigw_tests::raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES));
    // The head comes with no event at all.
    let mut live = Live::of(raw);
    assert_eq!(live.head.status, 200);
    for number in 0..5 {
        assert!(!live.has(&format!("event-{number}")));
        allow.send(()).unwrap();
        assert!(live.until(&format!("data: event-{number}\n\n")));
    }
    allow.send(()).unwrap();
    assert!(live.ends_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_read_while_it_goes_on_over_http1_and_http2() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        // The gateway falls silent in mid-stream: what comes has been held back by nobody.
        scene.gateway.change(|behaviour| {
            behaviour.stream.ending = Ending::Silence;
            behaviour.stream.ending_after = 3;
            behaviour.stream.text = "one two three four".to_owned();
        });
        for (path, request, ..) in DIALECTS {
            scene.gateway.forget_requests();
            let body = request.replace("STREAM", r#""stream":true,"#);
            let mut live = Live::of(scene.begin(path, &[], &body));
            assert!(live.until("three"), "{path}");
            let seen = scene.only_request();
            assert_eq!((seen.http2, seen.response_end), (http2, ResponseEnd::Pending), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_the_same_at_both_ends() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        scene.gateway.change(|behaviour| behaviour.stream.echo = true);
        // Not compressible, and not aligned to anything.
        let filler: String =
            (0..400_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let body = format!(r#"{{"model":"gpt-5","input":"{filler}"}}"#);
        let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = scene.post("/openai/v1/responses", &[], &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains(&format!("sha256={hash} bytes={}", body.len())));
        assert_eq!(scene.only_request().body_sha256, hash);
    }
}

#[test]
fn a_large_answer_is_the_same_at_both_ends() {
    let bytes: Vec<u8> =
        (0..5_000_001u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let sent = bytes.clone();
    let wire = Wire::start(move |peer| {
        while let Some(request) = peer.request() {
            if request.head.contains("/chunked") {
                peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
                for chunk in sent.chunks(70_001) {
                    peer.send(format!("{:X}\r\n", chunk.len()));
                    peer.send(chunk);
                    peer.send("\r\n");
                }
                peer.send("0\r\n\r\n");
            } else {
                peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", sent.len()));
                peer.send(&sent);
            }
        }
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    for path in ["/openai/v1/models/length", "/openai/v1/models/chunked"] {
        let answer = aigw_tests::raw::exchange(
            &daemon.address,
            aigw_tests::raw::get(&daemon.address, path, &key, &[]),
        );
        assert_eq!(answer.status, 200);
        assert!(answer.whole);
        assert!(answer.body == bytes, "{path}: {} bytes", answer.body.len());
    }
}
