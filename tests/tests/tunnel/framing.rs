//! What could be read in two ways goes no further at this door either, and what is odd is written anew.

use std::io::{Read, Write};

use aigw_tests::raw::{self, Raw};

use crate::{absolute, is_refusal, is_well, listener, scene, untouched, web};

#[tokio::test(flavor = "multi_thread")]
async fn h1_h2_h3_a_body_of_two_lengths_or_of_a_strange_coding_is_400() {
    let scene = scene().await;
    let (listener, address) = listener();
    let url = format!("http://{address}/");
    for lines in [
        &["content-length: 5", "content-length: 6"][..],
        &["content-length: +5"],
        &["content-length: 0x5"],
        &["content-length: 5, 6"],
        &["content-length:"],
        &["content-length: 9223372036854775808"],
        &["transfer-encoding: identity, chunked"],
        &["transfer-encoding: chunked, chunked"],
        &["transfer-encoding: chunked", "transfer-encoding: chunked"],
        &["transfer-encoding: gzip, chunked"],
        &["transfer-encoding: xchunked"],
        &["bad name: x"],
        &["x-before-colon : x"],
    ] {
        let mut raw = Raw::connect(scene.address());
        let smuggled = absolute("GET", &format!("{url}smuggled"), &scene.key, &[], "");
        raw.send(absolute("POST", &url, &scene.key, lines, "") + "0\r\n\r\n" + &smuggled);
        let answer = raw.answer();
        assert_eq!(answer.status, 400, "{lines:?} {}", answer.text());
        assert_eq!(raw.rest(), b"", "{lines:?}");
    }
    untouched(&listener);
    // The chunks count, the length is dropped, and nothing that follows is read as a request.
    let origin = web().await;
    let url = format!("http://{}/", origin.address());
    let mut raw = Raw::connect(scene.address());
    let smuggled = absolute("GET", &format!("{url}smuggled"), &scene.key, &[], "");
    let both = ["content-length: 5", "transfer-encoding: chunked"];
    raw.send(absolute("POST", &url, &scene.key, &both, "") + "3\r\nabc\r\n0\r\n\r\n" + &smuggled);
    assert_eq!(raw.answer().json()["body"], "abc");
    assert_eq!(raw.rest(), b"");
    let seen = origin.requests();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0].header("content-length"), None);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_extensions_and_trailers_are_dropped() {
    let scene = scene().await;
    let (listener, address) = listener();
    let mut raw = Raw::connect(scene.address());
    let lines = ["transfer-encoding: chunked", "trailer: authorization"];
    raw.send(absolute("POST", &format!("http://{address}/"), &scene.key, &lines, ""));
    raw.send("5;name=value\r\nhello\r\n0\r\nauthorization: Bearer smuggled\r\n\r\n");
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(crate::PATIENCE)).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"0\r\n\r\n") {
        let mut bytes = [0; 4096];
        let length = server.read(&mut bytes).unwrap_or_default();
        assert!(length > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..length]);
    }
    let seen = String::from_utf8(seen).unwrap().to_ascii_lowercase();
    assert!(seen.contains("hello"), "{seen}");
    for gone in ["name=value", "smuggled", "trailer", &scene.key.to_ascii_lowercase()] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
    server.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert_eq!(raw.answer().status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_bytes_after_an_answer_reach_nobody() {
    let scene = scene().await;
    let (listener, address) = listener();
    let mut raw = Raw::connect(scene.address());
    for _ in 0..2 {
        raw.send(absolute("GET", &format!("http://{address}/"), &scene.key, &[], ""));
        let (mut server, _) = listener.accept().unwrap();
        assert!(crate::read(&mut server).unwrap() > 0);
        let two =
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad";
        server.write_all(two.as_bytes()).unwrap();
        assert_eq!(raw.answer().text(), "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_before_the_upload_is_over_is_heard() {
    let scene = scene().await;
    let (listener, address) = listener();
    let mut raw = Raw::connect(scene.address());
    raw.send(absolute("PUT", &format!("http://{address}/"), &scene.key, &["content-length: 100000000"], ""));
    raw.send(vec![b'x'; 100_000]);
    let (mut server, _) = listener.accept().unwrap();
    assert!(crate::read(&mut server).unwrap() > 0);
    server
        .write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbig\n")
        .unwrap();
    server.shutdown(std::net::Shutdown::Write).unwrap();
    let answer = raw.answer();
    assert_eq!((answer.status, answer.text().as_str()), (413, "big\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_has_no_body() {
    let scene = scene().await;
    let origin = web().await;
    let target = origin.address().to_string();
    // Some clients say so themselves.
    let mut raw = Raw::connect(scene.address());
    assert_eq!(raw.tunnel(&target, Some(&scene.key), &["content-length: 0"]).status, 200);
    raw.send("GET /inside HTTP/1.1\r\nhost: inside\r\n\r\n");
    assert_eq!(raw.answer().json()["target"], "/inside");
    // Whether what follows is a body or the tunnel's, others could read in two ways.
    for line in ["content-length: 5", "transfer-encoding: chunked"] {
        let mut raw = Raw::connect(scene.address());
        raw.send(raw::connect(&target, Some(&scene.key), &[line]) + "5\r\nhello\r\n0\r\n\r\n");
        is_refusal(&raw.answer_to("CONNECT"), 400, "bad-request", "CONNECT has no body");
    }
    is_well(&scene);
}
