//! Requests and answers of unusual form: no body, an answer before the body has ended, HEAD, 204, 304, trailers.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use aigw_gateway::{BodyEnd, Setup};
use aigw_tests::machine;
use aigw_tests::raw::{self, Raw};
use aigw_tests::scene::Scene;
use aigw_tests::wire::Wire;

use crate::{MESSAGES, tls, wired};

const MIB: usize = 1 << 20;

fn request(scene: &Scene, line: &str, fields: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n{fields}\r\n{body}", scene.address(), scene.key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_framed_at_the_gateway_as_the_client_framed_it() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        for (line, fields, body, length, arrives) in [
            ("POST /openai/v1/conversations", "content-length: 0\r\n", "", Some("0"), ""),
            ("POST /openai/v1/conversations", "", "", None, ""),
            ("GET /openai/v1/models", "", "", None, ""),
            ("GET /openai/v1/models", "content-length: 3\r\n", "abc", Some("3"), "abc"),
            ("GET /openai/v1/models", "transfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", None, "abc"),
            ("DELETE /openai/v1/responses/r1", "", "", None, ""),
            ("DELETE /openai/v1/responses/r1", "content-length: 2\r\n", "{}", Some("2"), "{}"),
            ("HEAD /openai/v1/models", "", "", None, ""),
            (
                "POST /openai/v1/conversations",
                "transfer-encoding: Chunked\r\n",
                "1;ext=1\r\n{\r\n1\r\n}\r\n0\r\nx-trailer: 1\r\nauthorization: Bearer x\r\n\r\n",
                None,
                "{}",
            ),
        ] {
            scene.gateway.forget_requests();
            let answer = raw::exchange(scene.address(), request(&scene, line, fields, body));
            assert_eq!(answer.status, 200, "{line} {fields}: {}", answer.text());
            let seen = scene.only_request();
            assert_eq!(seen.http2, http2);
            assert!(line.starts_with(&seen.method));
            assert_eq!(seen.body_text(), arrives, "{line} {fields}");
            assert_eq!(seen.body_end, BodyEnd::Complete);
            // RFC 9110 section 8.6 wants it of a POST, so it may be added.
            let said = seen.header("content-length").filter(|said| !(fields.is_empty() && *said == "0"));
            assert_eq!(said, length, "{line} {fields}");
            let chunked = (!http2 && !arrives.is_empty() && length.is_none()).then_some("chunked");
            assert_eq!(seen.header("transfer-encoding"), chunked, "{line} {fields}");
            assert_eq!(seen.header("x-trailer"), None);
            assert_eq!(seen.headers("authorization").len(), 1);
        }
    }
}

#[test]
fn answers_without_a_body_end_where_they_end() {
    let wire = Wire::start(|peer| {
        while let Some(request) = peer.request() {
            let asked = |what: &str| request.head.contains(what);
            peer.send(match () {
                () if asked("HEAD") && asked("/length") => "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n",
                () if asked("HEAD") && asked("/chunked") => {
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                }
                () if asked("HEAD") && asked("/refused") => {
                    "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n"
                }
                () if asked("HEAD") => "HTTP/1.1 404 Not Found\r\n\r\n",
                () if asked("/204") => "HTTP/1.1 204 No Content\r\n\r\n",
                () if asked("/304") => {
                    "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\ncontent-length: 99\r\n\r\n"
                }
                () if asked("/early") => {
                    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                     HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
                }
                () if asked("/trailers") => {
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
                     2;a=b\r\nok\r\n0\r\nx-sum: 1\r\nset-cookie: a=b\r\n\r\n"
                }
                () if asked("/empty") => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                () => "HTTP/1.1 500 What\r\ncontent-length: 0\r\n\r\n",
            });
        }
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    // All on one connection: whoever reads too much or too little loses his place.
    let mut raw = Raw::connect(&daemon.address);
    for (method, path, status, body) in [
        ("HEAD", "/length", 200, ""),
        ("GET", "/empty", 200, ""),
        ("HEAD", "/chunked", 200, ""),
        ("GET", "/204", 204, ""),
        ("HEAD", "/refused", 403, ""),
        ("GET", "/304", 304, ""),
        ("HEAD", "/nothing", 404, ""),
        ("GET", "/early", 200, "ok"),
        ("GET", "/trailers", 200, "ok"),
        ("GET", "/empty", 200, ""),
    ] {
        raw.send(
            raw::get(&daemon.address, &format!("/openai/v1/models{path}"), &key, &[])
                .replacen("GET", method, 1),
        );
        let answer = raw.answer_to(method);
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{method} {path}");
        assert!(answer.whole);
        assert!(answer.error().is_none());
        match path {
            "/length" => assert_eq!(answer.field("content-length"), Some("1234")),
            "/304" => assert_eq!(answer.field("etag"), Some("\"1\"")),
            "/trailers" => assert!(answer.field("set-cookie").is_none() && answer.field("x-sum").is_none()),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_gateways_cap_gets_the_gateways_413() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        let mut body = String::from(r#"{"model":"claude","messages":""#);
        body.push_str(&"x".repeat(33 * MIB));
        body.push_str("\"}");
        let answer = scene.post("/anthropic/v1/messages", &[], &body);
        assert_eq!(
            (answer.status, answer.error()),
            (413, Some("gateway-refused")),
            "{http2} {}",
            answer.text()
        );
        assert!(answer.text().contains("The maximum allowed request body size is 32MiB."));
        // And the daemon goes on.
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_body_has_ended_comes_through() {
    for http2 in [false, true] {
        let scene = Scene::set(machine!(), Setup { http2, ..tls() }).await;
        scene.gateway.change(|behaviour| {
            behaviour.budget_exceeded = true;
            behaviour.answer_before_body = true;
        });
        let mut raw = Raw::connect(scene.address());
        raw.send(request(&scene, "POST /anthropic/v1/messages", "content-length: 2097152\r\n", "{"));
        // The client has not sent the rest, and hears the answer.
        let answer = raw.answer();
        assert_eq!(answer.status, 403, "{http2}");
        assert!(answer.text().contains("AI budget"), "{http2} {}", answer.text());
        // Then it sends the rest, as many do, and asks again.
        raw.send("x".repeat(2 * MIB - 1));
        scene.gateway.change(|behaviour| behaviour.budget_exceeded = false);
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    }
}

#[test]
fn an_early_answer_of_a_gateway_that_closes_comes_through() {
    let wire = Wire::start(|peer| {
        // As a load balancer does with a body that is too large: a look at the head, an answer, no more.
        peer.head();
        peer.take(1000);
        peer.send("HTTP/1.1 413 Too Large\r\ncontent-type: text/html\r\ncontent-length: 9\r\nconnection: close\r\n\r\n<h1>413\r\n");
        let _ = peer.stream().shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = peer.stream().take(64 * MIB as u64).read_to_end(&mut rest);
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    for _ in 0..3 {
        let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], &"x".repeat(8 * MIB));
        let mut raw = Raw::connect(&daemon.address);
        raw.stream().write_all(message.as_bytes()).expect("somebody reads all of it");
        let answer = raw.answer();
        assert_eq!((answer.status, answer.text().as_str()), (413, "<h1>413\r\n"));
    }
}

#[test]
fn a_body_that_nobody_wants_any_more_is_still_taken_from_the_client() {
    let (answered, close) = channel::<()>();
    let close = Mutex::new(close);
    let wire = Wire::start(move |peer| {
        if peer.number == 1 {
            peer.head();
            peer.take(1000);
            peer.send("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
            // Goes with bytes that it has not read.
            let _ = close.lock().unwrap().recv();
        } else {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], &"x".repeat(8 * MIB));
    let (now, later) = message.split_at(MIB);
    let mut raw = Raw::connect(&daemon.address);
    raw.send(now);
    assert_eq!(raw.answer().status, 413);
    answered.send(()).unwrap();
    raw.stream().write_all(later.as_bytes()).expect("somebody reads all of it");
    raw.send(raw::get(&daemon.address, "/openai/v1/models", &key, &[]));
    assert_eq!(raw.answer().text(), "ok");
}

#[test]
fn h10_a_body_that_stops_short_is_never_completed_at_the_gateway() {
    let wire = Wire::start(|peer| {
        // Returns nothing for a body that did not end.
        peer.request();
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    for framing in
        ["content-length: 100\r\n\r\n{\"a\":", "transfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"]
    {
        let mut raw = Raw::connect(&daemon.address);
        raw.send(format!(
            "POST /openai/v1/responses HTTP/1.1\r\nhost: {}\r\nx-api-key: {key}\r\n{framing}",
            daemon.address
        ));
        raw.end();
        let mut said = Vec::new();
        raw.stream().read_to_end(&mut said).expect("an end, not a time-out");
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&said));
    }
    assert!(wire.seen().is_empty());
}

#[test]
fn h14_an_upgrade_that_nobody_asked_for_is_502() {
    let wire = Wire::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        peer.wait_for_end();
    });
    let machine = wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    let answer = raw::exchange(&daemon.address, raw::get(&daemon.address, "/openai/v1/models", &key, &[]));
    assert_eq!((answer.status, answer.error()), (502, Some("upstream-failed")));
    assert_eq!(wire.seen().len(), 1);
}
