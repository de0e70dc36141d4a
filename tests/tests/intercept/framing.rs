//! Heads and bodies over HTTP/1.1 inside a tunnel that could be read in two ways: as at the port itself.

use aigw_gateway::BodyEnd;

use crate::H1;
use crate::stage::Stage;

/// A post of these lines, and this after the head.
fn post(target: &str, path: &str, lines: &str, rest: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: {target}\r\n{lines}\r\n{rest}")
}

/// What follows in the same write, and must never be read as a request.
fn smuggled(target: &str) -> String {
    format!("GET /v1/models?smuggled HTTP/1.1\r\nhost: {target}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_h2_h3_h11_a_refused_head_ends_the_connection_and_nobody_sees_it() {
    let stage = Stage::set("openai", "").await;
    let target = stage.target.as_str();
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    for path in ["/v1/conversations", "/api/x"] {
        for (lines, rest) in [
            ("content-length: +2\r\n", "{}"),
            ("content-length: 0x2\r\n", "{}"),
            ("content-length: 2, 3\r\n", "{}"),
            ("content-length: 2\r\ncontent-length: 3\r\n", "{}"),
            ("content-length: \r\n", "{}"),
            ("content-length: 9223372036854775808\r\n", "{}"),
            ("transfer-encoding: gzip, chunked\r\n", chunks),
            ("transfer-encoding: chunked, chunked\r\n", chunks),
            ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", chunks),
            ("transfer-encoding: identity\r\n", chunks),
            ("transfer-encoding: xchunked\r\n", chunks),
            ("transfer-encoding: gzip, chunked\r\ncontent-length: 2\r\n", chunks),
            ("x-a : 1\r\n", ""),
            ("x-a: b\0c\r\n", ""),
            ("x-a: b\r\n folded\r\n", ""),
            ("x(a): 1\r\n", ""),
        ] {
            let mut inside = stage.inside(H1).await;
            inside.send(format!("{}{}", post(target, path, lines, rest), smuggled(target)));
            let answer = inside.answer();
            assert!([400, 501].contains(&answer.status), "{path} {lines:?} {answer:?}");
            assert!(inside.rest().is_empty(), "{path} {lines:?}");
            stage.nobody_saw(lines);
        }
        // Chunks win over a length, and end the connection.
        let mut inside = stage.inside(H1).await;
        let both = "content-length: 6\r\ntransfer-encoding: chunked\r\n";
        inside.send(format!("{}{}", post(target, path, both, chunks), smuggled(target)));
        let answer = inside.answer();
        assert!(inside.rest().is_empty());
        if answer.status == 400 {
            stage.nobody_saw(both);
        } else {
            let all = [stage.scene.gateway.requests(), stage.origin.requests()].concat();
            assert_eq!((all.len(), all[0].body_text().as_str()), (1, "{}"));
            assert_eq!(all[0].header("content-length"), None);
            stage.scene.gateway.forget_requests();
            stage.origin.forget_requests();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_broken_chunk_is_no_whole_request_to_anybody() {
    let stage = Stage::set("openai", "").await;
    for path in ["/v1/conversations", "/api/x"] {
        for rest in [
            "+2\r\n{}\r\n0\r\n\r\n",
            "0x2\r\n{}\r\n0\r\n\r\n",
            "2_\r\n{}\r\n0\r\n\r\n",
            "2\r\n{}0\r\n\r\n",
            "2\r\n{}\r\n",
        ] {
            let mut inside = stage.inside(H1).await;
            inside.send(post(&stage.target, path, "transfer-encoding: chunked\r\n", rest));
            drop(inside);
            for seen in stage.scene.gateway.requests().iter().chain(&stage.origin.requests()) {
                assert_ne!(seen.body_end, BodyEnd::Complete, "{path} {rest:?}");
            }
        }
        assert_eq!(stage.http(H1).await.ask("GET", "/v1/models", &[], "").await.status, 200);
        stage.scene.gateway.forget_requests();
        stage.origin.forget_requests();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_make_no_sense_inside_are_refused() {
    let stage = Stage::set("anthropic", "").await;
    let target = stage.target.as_str();
    for (line, statuses) in [
        (format!("CONNECT {target}"), &[405][..]),
        ("CONNECT api.openai.com:443".to_owned(), &[405]),
        ("CONNECT /v1/models".to_owned(), &[400, 405]),
        ("TRACE /v1/models".to_owned(), &[405]),
        ("TRACE /api/x".to_owned(), &[405]),
        ("OPTIONS *".to_owned(), &[400]),
        (format!("GET {target}"), &[400]),
    ] {
        let mut inside = stage.inside(H1).await;
        inside.send(format!("{line} HTTP/1.1\r\nhost: {target}\r\n\r\n{}", smuggled(target)));
        let answer = inside.answer();
        assert!(statuses.contains(&answer.status), "{line} {answer:?}");
        assert!(inside.rest().is_empty(), "{line}");
        stage.nobody_saw(&line);
    }
    // HTTP/1.0 is understood, and ends after its answer.
    let mut inside = stage.inside(H1).await;
    inside.send(format!("GET /v1/models HTTP/1.0\r\nhost: {target}\r\n\r\n"));
    assert_eq!(inside.answer().status, 200);
    assert!(inside.rest().is_empty());
}

/// What tools send before a large body.
#[tokio::test(flavor = "multi_thread")]
async fn h13_expect_is_answered() {
    let stage = Stage::set("openai", "").await;
    for path in ["/v1/conversations", "/api/x"] {
        let mut inside = stage.inside(H1).await;
        inside.send(post(&stage.target, path, "content-length: 2\r\nexpect: 100-continue\r\n", ""));
        let mut interim = [0; 25];
        std::io::Read::read_exact(&mut inside, &mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        inside.send("{}");
        assert_eq!(inside.answer().status, 200, "{path}");
    }
    let (there, here) = (stage.scene.only_request(), stage.origin.requests().remove(0));
    assert_eq!((there.body_text(), here.body_text()), ("{}".to_owned(), "{}".to_owned()));
    assert_eq!((there.header("expect"), here.header("expect")), (None, None));
}
