//! HTTP/2 inside a tunnel: what is announced, and what cannot be read in one way only.

use aigw_gateway::BodyEnd;

use crate::H2;
use crate::frames::{DATA, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS};
use crate::stage::Stage;

/// RFC 8441.
const ENABLE_CONNECT_PROTOCOL: u16 = 8;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const MAX_HEADER_LIST_SIZE: u16 = 6;

async fn begin(stage: &Stage) -> Frames {
    Frames::begin(stage.inside(H2).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_websocket_over_http2_is_announced() {
    let stage = Stage::set("anthropic", "").await;
    let mut frames = begin(&stage).await;
    let settings = frames.until(&[SETTINGS]).unwrap();
    let settings: Vec<_> = settings
        .payload
        .chunks(6)
        .map(|one| {
            (u16::from_be_bytes([one[0], one[1]]), u32::from_be_bytes([one[2], one[3], one[4], one[5]]))
        })
        .collect();
    assert!(settings.iter().all(|(id, value)| *id != ENABLE_CONNECT_PROTOCOL || *value == 0), "{settings:?}");
    // H17.
    assert!(settings.contains(&(MAX_CONCURRENT_STREAMS, 100)), "{settings:?}");
    assert!(settings.contains(&(MAX_HEADER_LIST_SIZE, 65_536)), "{settings:?}");
    // And one that is asked for all the same is none.
    let target = stage.target.clone();
    frames.ask(
        1,
        0,
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/v1/responses"),
            (":authority", &target),
        ],
    );
    let end = frames.until(&[HEADERS, RST_STREAM, GOAWAY]).unwrap();
    assert_ne!(end.kind, HEADERS, "{end:?}");
    stage.nobody_saw("extended CONNECT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_reset_before_anybody_sees_it() {
    let stage = Stage::set("anthropic", "").await;
    let target = stage.target.as_str();
    for path in ["/v1/models", "/api/x"] {
        let good = [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", target)];
        let with = |more: &[(&'static str, &'static str)]| [&good[..], more].concat();
        let without = |name: &str| good.iter().copied().filter(|(own, _)| *own != name).collect::<Vec<_>>();
        let mut first = good.to_vec();
        first.insert(0, ("x-early", "1"));
        for fields in [
            with(&[("X-Upper", "1")]),
            with(&[("connection", "close")]),
            with(&[("transfer-encoding", "chunked")]),
            with(&[("keep-alive", "1")]),
            with(&[("upgrade", "websocket")]),
            with(&[("proxy-connection", "keep-alive")]),
            with(&[("te", "gzip")]),
            with(&[("x-nul", "a\0b")]),
            with(&[("x-line", "a\r\nx: b")]),
            with(&[("a b", "1")]),
            with(&[("", "1")]),
            with(&[(":path", "/other")]),
            with(&[(":odd", "1")]),
            with(&[(":status", "200")]),
            with(&[("content-length", "5")]),
            with(&[("content-length", "x")]),
            without(":method"),
            without(":path"),
            first,
        ] {
            let mut frames = begin(&stage).await;
            frames.ask(1, END_STREAM, &fields);
            let end = frames.until(&[HEADERS, RST_STREAM, GOAWAY]).unwrap();
            assert_ne!(end.kind, HEADERS, "{fields:?} {end:?}");
            stage.nobody_saw(&format!("{fields:?}"));
        }
        // Refused in words: whom or what it means is not clear.
        for fields in [
            without(":authority"),
            with(&[("host", "api.openai.com")]),
            with(&[("content-length", "0"), ("content-length", "0")]),
            vec![(":method", "GET"), (":scheme", "https"), (":path", "*"), (":authority", target)],
            vec![(":method", "TRACE"), (":scheme", "https"), (":path", path), (":authority", target)],
            vec![(":method", "CONNECT"), (":authority", target)],
        ] {
            let mut frames = begin(&stage).await;
            frames.ask(1, END_STREAM, &fields);
            assert!(frames.until(&[HEADERS, RST_STREAM, GOAWAY]).is_some(), "{fields:?}");
            stage.nobody_saw(&format!("{fields:?}"));
        }
    }
}

/// H10 and H2: an upload that is not as long as it said is never taken for a whole one.
#[tokio::test(flavor = "multi_thread")]
async fn h10_a_body_of_another_length_than_announced_is_no_whole_request() {
    let stage = Stage::set("anthropic", "").await;
    let target = stage.target.as_str();
    for path in ["/v1/messages", "/api/x"] {
        for (length, body) in [("10", "{}"), ("1", "{\"a\":1}"), ("0", "{}")] {
            stage.scene.gateway.forget_requests();
            stage.origin.forget_requests();
            let mut frames = begin(&stage).await;
            frames.ask(
                1,
                0,
                &[
                    (":method", "POST"),
                    (":scheme", "https"),
                    (":path", path),
                    (":authority", target),
                    ("content-length", length),
                ],
            );
            frames.send(DATA, END_STREAM, 1, body.as_bytes());
            let end = frames.until(&[HEADERS, RST_STREAM, GOAWAY]);
            assert!(end.is_some(), "{length} {path}");
            for seen in stage.scene.gateway.requests().iter().chain(&stage.origin.requests()) {
                assert_ne!(seen.body_end, BodyEnd::Complete, "{length} {path} {seen:#?}");
            }
        }
        // The daemon is there for the next one.
        assert_eq!(stage.http(H2).await.ask("GET", "/v1/models", &[], "").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h8_more_than_a_hundred_fields_are_too_many() {
    let stage = Stage::set("anthropic", "").await;
    let many: Vec<_> = (0..101).map(|number| format!("x-{number}: 1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let large = format!("x-large: {}", "a".repeat(66_000));
    for protocols in [crate::H1, H2] {
        for path in ["/v1/messages", "/api/x"] {
            let answer = stage.http(protocols).await.ask("POST", path, &many, "{}").await;
            assert_eq!(answer.status, 431, "{protocols:?} {path} {}", answer.text());
            let answer = stage.http(protocols).await.ask("POST", path, &[&large], "{}").await;
            assert!([431, 0].contains(&answer.status), "{protocols:?} {path} {}", answer.text());
            stage.nobody_saw(path);
        }
    }
}

/// H17: streams that are reset as fast as they are opened, and pings without end.
#[tokio::test(flavor = "multi_thread")]
async fn h17_floods_end_the_connection_and_nobody_else_minds() {
    let stage = Stage::set("anthropic", "").await;
    let target = stage.target.as_str();
    stage
        .scene
        .gateway
        .change(|behaviour| behaviour.stream.before_headers = std::time::Duration::from_secs(600));
    let mut frames = begin(&stage).await;
    for number in 0..3000 {
        let stream = number * 2 + 1;
        let fields =
            [(":method", "GET"), (":scheme", "https"), (":path", "/v1/models"), (":authority", target)];
        frames.ask(stream, END_STREAM, &fields);
        frames.send(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    }
    let end = frames.until(&[GOAWAY]);
    assert!(end.is_none_or(|frame| frame.payload[4..8] != [0, 0, 0, 0]), "it goes on");
    stage.scene.gateway.change(|behaviour| behaviour.stream.before_headers = std::time::Duration::ZERO);
    assert_eq!(stage.http(H2).await.ask("GET", "/v1/models", &[], "").await.status, 200);
    // Pings are answered.
    let mut frames = begin(&stage).await;
    frames.send(PING, 0, 0, b"12345678");
    let pong = frames.until(&[PING]).unwrap();
    assert_eq!((pong.flags, pong.stream, pong.payload.as_slice()), (1, 0, &b"12345678"[..]));
}
