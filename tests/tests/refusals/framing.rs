//! Heads: two ways to read a request are one too many.

use std::time::{Duration, Instant};

use aigw_tests::raw::{self, Raw};

use crate::check::{below_prefix, bytes, ends, get, malformed, next_is_fine, passes, stops, told};
use crate::scene;

/// A post with a key, these lines, and this after the head.
fn post(lines: &str, rest: &str) -> String {
    format!(
        "POST /openai/v1/conversations HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\n{lines}\r\n{rest}"
    )
}

const SMUGGLED: &str = "GET /openai/v1/models?smuggled HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn h1_of_a_length_and_chunks_the_chunks_win_and_the_connection_ends() {
    let scene = scene().await;
    for lines in [
        "content-length: 6\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 6\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 0\r\n",
        "content-length: 200\r\ntransfer-encoding: chunked\r\n",
    ] {
        scene.gateway.forget_requests();
        let mut raw = Raw::connect(scene.address());
        raw.send(bytes(&scene, &format!("{}{SMUGGLED}", post(lines, "2\r\n{}\r\n0\r\n\r\n"))));
        let answer = raw.answer_to("POST");
        ends(&mut raw, lines);
        match answer.status {
            400 => assert!(scene.gateway.requests().is_empty(), "{lines}"),
            status => {
                assert_eq!((status, answer.field("connection")), (200, Some("close")), "{lines}");
                let seen = scene.only_request();
                assert_eq!(below_prefix(&seen), "/openai/v1/conversations", "{lines}");
                assert_eq!(seen.body_text(), "{}", "{lines}");
                assert_eq!(told(&seen), ["transfer-encoding: chunked"], "{lines}");
            }
        }
        next_is_fine(&scene, lines);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_length_is_one_number() {
    let scene = scene().await;
    for length in [
        "+5",
        "-5",
        "0x5",
        "5, 6",
        "5, 5",
        "5,",
        "5 5",
        "5;5",
        "5.0",
        "",
        " ",
        "five",
        "\u{b2}",
        "9223372036854775808",
        "9223372036854775809",
        "18446744073709551616",
        "99999999999999999999999999",
        "5\r\ncontent-length: 6",
        "5\r\nContent-Length: +5",
    ] {
        malformed(&scene, &post(&format!("content-length: {length}\r\n"), "{\"a\"}"), &[400]);
        malformed(&scene, &get(&format!("content-length: {length}\r\n")), &[400]);
    }
    // Which hyper calls a head that is too large.
    malformed(&scene, &post("content-length: 18446744073709551615\r\n", "{}"), &[400, 431]);
    // The same number twice is one.
    let seen = passes(&scene, &post("content-length: 2\r\ncontent-length: 2\r\n", "{}"));
    assert_eq!(told(&seen), ["content-length: 2"]);
    // And leading zeros make no other.
    let seen = passes(&scene, &post("content-length: 0002\r\n", "{}"));
    assert_eq!((seen.body_text().as_str(), told(&seen)), ("{}", vec!["content-length: 2".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_transfer_encoding_is_chunked_or_nothing() {
    let scene = scene().await;
    for coding in [
        "",
        "identity",
        "gzip",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "chunked,",
        ", chunked",
        "chunked, chunked",
        "identity, chunked",
        "gzip, chunked",
        "chunked, gzip",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunk ed",
        "chunked\r\ntransfer-encoding: chunked",
        "gzip\r\ntransfer-encoding: chunked",
        "chunked\r\ntransfer-encoding: identity",
        "chunked\r\nTransfer-Encoding: x",
    ] {
        let lines = format!("transfer-encoding: {coding}\r\n");
        malformed(&scene, &post(&lines, "2\r\n{}\r\n0\r\n\r\n"), &[400, 501]);
        malformed(&scene, &post(&format!("{lines}content-length: 2\r\n"), "{}"), &[400, 501]);
    }
    let old =
        post("transfer-encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n").replacen("HTTP/1.1", "HTTP/1.0", 1);
    malformed(&scene, &old, &[400, 501]);
    for good in ["chunked", "Chunked", " \tchunked \t"] {
        let seen = passes(&scene, &post(&format!("transfer-encoding: {good}\r\n"), "2\r\n{}\r\n0\r\n\r\n"));
        assert_eq!((seen.body_text().as_str(), seen.headers("transfer-encoding").len()), ("{}", 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_line_that_is_no_field_is_400() {
    let scene = scene().await;
    for line in [
        "x-a : 1",
        "x-a\t: 1",
        "transfer-encoding : chunked",
        "content-length : 2",
        "x a: 1",
        "x\u{e9}: 1",
        "(x): 1",
        "x-\u{0}a: 1",
        ": 1",
        "x-a",
        "x-a: 1\u{0}2",
        "x-a: 1\r2",
        "x-a: 1\n2",
        "x-a: 1\u{1}",
        "x-a: 1\u{7f}",
        "x-a: 1\r\n 2",
        "x-a: 1\r\n\t2",
        "x-a: 1\r\r\nx-b: 2",
    ] {
        malformed(&scene, &get(&format!("{line}\r\n")), &[400]);
    }
    for request in [
        "GET /openai/v1/models HTTP/1.1\r\n host: {host}\r\nx-api-key: {key}\r\n\r\n",
        "GET /openai/v1/models HTTP/1.1\r\n\r\nhost: {host}\r\n\r\n",
        " GET /openai/v1/models HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "GET\t/openai/v1/models HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "GET /openai/v1/models\r\nhost: {host}\r\n\r\n",
        "GET /openai/v1/models HTTP/1.1 \r\nhost: {host}\r\n\r\n",
        "GET /openai/v1/models HTTP/2.0\r\nhost: {host}\r\n\r\n",
        "GET /openai/v1/models HTTP/1.2\r\nhost: {host}\r\n\r\n",
        "GET /openai/v1/models http/1.1\r\nhost: {host}\r\n\r\n",
        "G\u{e9}T /openai/v1/models HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "\u{0}\u{1}\u{2}\u{3}\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}",
    ] {
        malformed(&scene, request, &[400]);
    }
    // The beginning of HTTP/2, which has no words for this either.
    malformed(&scene, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0, 400]);
    // Blank lines before a request are allowed, and are no field.
    passes(&scene, &format!("\r\n\r\n{}", get("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_bare_line_feed_is_never_passed_on() {
    let scene = scene().await;
    for request in [
        get("x-a: 1\r\n").replace("\r\n", "\n"),
        get("x-a: 1\r\n").replacen("\r\n", "\n", 1),
        get("x-a: 1\n"),
    ] {
        scene.gateway.forget_requests();
        let answer = raw::exchange(scene.address(), bytes(&scene, &request));
        match answer.status {
            400 => assert!(scene.gateway.requests().is_empty()),
            _ => assert_eq!(told(&passes(&scene, &request)), ["x-a: 1"]),
        }
    }
    // Whatever else hangs on a bare line feed is a line of its own, and judged as one.
    malformed(&scene, &get("x-a: 1\n transfer-encoding: chunked\r\n"), &[400]);
    malformed(&scene, &post("x-a: 1\ntransfer-encoding: gzip\r\n", "2\r\n{}\r\n0\r\n\r\n"), &[400, 501]);
    stops(&scene, &get("x-a: 1\norigin: null\r\n"), 403, "web-page-refused", "Origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn h8_more_than_100_fields_or_64_kib_of_head_are_431() {
    let scene = scene().await;
    let fields = |count: usize| (0..count).map(|at| format!("x-{at}: 1\r\n")).collect::<String>();
    // Host and key are fields too.
    assert_eq!(told(&passes(&scene, &get(&fields(98)))).len(), 98);
    let long = format!("x-long: {}\r\n", "x".repeat(60 * 1024));
    assert_eq!(told(&passes(&scene, &get(&long))).len(), 1);
    for lines in [
        fields(99),
        fields(1000),
        format!("x-long: {}\r\n", "x".repeat(64 * 1024)),
        format!("x-long: {}\r\n", "x".repeat(8 * 1024 * 1024)),
        format!("{}: 1\r\n", "x".repeat(70_000)),
        (0..90).map(|at| format!("x-{at}: {}\r\n", "x".repeat(1000))).collect(),
    ] {
        malformed(&scene, &get(&lines), &[431]);
    }
    for path in ["x".repeat(64 * 1024), "x".repeat(1024 * 1024)] {
        malformed(
            &scene,
            &format!("GET /openai/v1/models?{path} HTTP/1.1\r\nhost: {{host}}\r\n\r\n"),
            &[414, 431],
        );
    }
    // One that never ends is not read for ever.
    malformed(&scene, &format!("GET /{}", "x".repeat(1024 * 1024)), &[414, 431]);
    malformed(&scene, &"G".repeat(1024 * 1024), &[431]);
    let method = "G".repeat(60 * 1024);
    stops(&scene, &get("").replacen("GET", &method, 1), 405, "method-refused", "method");
}

#[tokio::test(flavor = "multi_thread")]
async fn h11_what_follows_a_refused_request_is_never_read_as_one() {
    let scene = scene().await;
    // A body that was not read, or not all of it, and a request behind it.
    for (lines, body) in [
        ("content-length: 2\r\n", "{}"),
        ("transfer-encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("content-length: 1000\r\n", ""),
        ("transfer-encoding: chunked\r\n", "fff\r\n"),
        ("content-length: 2\r\nexpect: 100-continue\r\n", "{}"),
        ("content-length: 2\r\nexpect: 100-continue\r\n", ""),
        // Longer than what is read at once.
        ("content-length: 300000\r\n", &"x".repeat(300_000)),
    ] {
        for (refused_by, status, error) in
            [("x-aigw-key: {wrong}\r\n", 403, "key-wrong"), ("origin: null\r\n", 403, "web-page-refused")]
        {
            let request = post(&format!("{refused_by}{lines}"), body);
            stops(&scene, &request, status, error, "");
        }
    }
    // Likewise behind what hyper refuses.
    malformed(&scene, &format!("{}{SMUGGLED}", get("x a: 1\r\n")), &[400]);
    malformed(&scene, &format!("{}{SMUGGLED}", post("content-length: +2\r\n", "{}")), &[400]);
    // On a connection that has served before, too.
    scene.gateway.forget_requests();
    let mut raw = Raw::connect(scene.address());
    let refused = get("x-aigw-key: {wrong}\r\n");
    raw.send(bytes(&scene, &format!("{}{refused}{SMUGGLED}", get(""))));
    let rest = raw.rest();
    let statuses: Vec<_> = String::from_utf8_lossy(&rest)
        .lines()
        .filter_map(|line| line.split_once("HTTP/1.1 ").map(|(_, status)| status[..3].to_owned()))
        .collect();
    assert_eq!(statuses, ["200", "403"]);
    assert_eq!(scene.gateway.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn h13_an_expectation_is_answered_and_nobody_waits_for_ever() {
    let scene = scene().await;
    let waiting = |lines: &str| post(&format!("{lines}expect: 100-Continue\r\ncontent-length: 2\r\n"), "");
    // Asked for, waited for, and got.
    let mut raw = Raw::connect(scene.address());
    raw.send(bytes(&scene, &waiting("")));
    assert_eq!(raw.head().0.status, 100);
    raw.send("{}");
    assert_eq!(raw.answer().status, 200);
    let seen = scene.only_request();
    assert_eq!((seen.body_text().as_str(), told(&seen)), ("{}", vec!["content-length: 2".to_owned()]));
    // A client that does not wait.
    passes(&scene, &post("expect: 100-continue\r\ncontent-length: 2\r\n", "{}"));
    passes(&scene, &get("expect: 100-continue\r\n"));
    // A refusal is final: the client sends no body, and neither side waits for the other.
    for lines in ["x-aigw-key: {wrong}\r\n", "origin: null\r\n", "sec-fetch-site: same-site\r\n"] {
        let begun = Instant::now();
        let mut raw = Raw::connect(scene.address());
        raw.send(bytes(&scene, &waiting(lines)));
        assert_eq!(raw.answer().status, 403, "{lines}");
        ends(&mut raw, lines);
        assert!(begun.elapsed() < Duration::from_secs(5), "{lines} {:?}", begun.elapsed());
    }
    // Whatever else is expected is ignored.
    for other in ["200-ok", "", "100-continue, other", "100-continue\r\nexpect: other"] {
        let seen = passes(&scene, &post(&format!("expect: {other}\r\ncontent-length: 2\r\n"), "{}"));
        assert_eq!((seen.body_text().as_str(), told(&seen)), ("{}", vec!["content-length: 2".to_owned()]));
    }
}
