//! Plain `http://` for others: what the host gets to see, and what it never does.

use std::io::Read;
use std::time::Duration;

use aigw_gateway::{Manner, Reply};
use aigw_tests::raw::{Raw, answer_from};

use crate::{absolute, ask, closed_port, is_refusal, is_well, listener, scene, untouched, web};

/// What opens a WebSocket, but for the request line and `Host`.
pub const WEBSOCKET: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A short text frame as a client sends it: masked, with zeros.
pub fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_the_host_gets_the_request_and_nothing_that_is_ours_or_the_connections() {
    let scene = scene().await;
    let origin = web().await;
    let url = format!("http://{}/simple/pip/?a=b%20c", origin.address());
    let own_key = format!("x-aigw-key: {}", scene.key);
    let more = [
        own_key.as_str(),
        "proxy-connection: keep-alive",
        "connection: keep-alive, x-of-this-connection",
        "x-of-this-connection: 1",
        "keep-alive: timeout=5",
        "te: trailers",
        "authorization: Bearer the-tools-own",
        "cookie: a=b",
        "x-api-key: the-tools-own",
        "user-agent: pip/26",
        "accept-encoding: gzip",
    ];
    for (method, body) in
        [("GET", ""), ("POST", "some words"), ("HEAD", ""), ("DELETE", ""), ("PROPFIND", "")]
    {
        let answer = ask(&scene, method, &url, &more, body);
        assert_eq!((answer.status, answer.whole), (200, true), "{method} {answer:?}");
        let seen = origin.requests().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, "/simple/pip/?a=b%20c"));
        assert_eq!(seen.headers("host"), [origin.address().to_string()]);
        assert_eq!(seen.body_text(), body);
        for (name, value) in [
            ("authorization", "Bearer the-tools-own"),
            ("cookie", "a=b"),
            ("x-api-key", "the-tools-own"),
            ("user-agent", "pip/26"),
            ("accept-encoding", "gzip"),
        ] {
            assert_eq!(seen.headers(name), [value], "{method}");
        }
        for gone in [
            "proxy-authorization",
            "x-aigw-key",
            "proxy-connection",
            "keep-alive",
            "te",
            "x-of-this-connection",
            "x-aigw-loop",
        ] {
            assert_eq!(seen.header(gone), None, "{method} {gone}");
        }
        let all = format!("{seen:?}");
        assert!(!all.contains(&scene.key) && !all.contains(&scene.token), "{all}");
    }
    assert!(scene.gateway.requests().is_empty());
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_local_key_reaches_no_host_wherever_it_stands() {
    let scene = scene().await;
    let origin = web().await;
    let key = &scene.key;
    let url = format!("http://{}/page?a=1&key={key}&b=2", origin.address());
    let lines = [
        format!("cookie: session={key}"),
        format!("x-api-key: {key}"),
        format!("authorization: Bearer {key}"),
        format!("x-other: {key}"),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(ask(&scene, "GET", &url, &lines, "").status, 200);
    let seen = origin.requests().remove(0);
    assert_eq!(seen.target, "/page?a=1&b=2");
    assert!(!format!("{seen:?}").contains(key.as_str()), "{seen:?}");
    let answer = ask(&scene, "GET", &format!("http://{}/a/{key}/b", origin.address()), &[], "");
    is_refusal(&answer, 400, "bad-request", "in the middle of the path");
    assert_eq!(origin.requests().len(), 1);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_host_is_the_targets_whatever_the_tool_says() {
    let scene = scene().await;
    let origin = web().await;
    let request = absolute("GET", &format!("http://{}/x", origin.address()), &scene.key, &[], "");
    let request = request.replacen(&format!("host: {}", origin.address()), "host: other.test", 1);
    let mut raw = Raw::connect(scene.address());
    raw.send(request);
    assert_eq!(raw.answer().status, 200);
    assert_eq!(origin.requests()[0].headers("host"), [origin.address().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_of_a_tool_serves_several_hosts() {
    let scene = scene().await;
    let (one, two) = (web().await, web().await);
    let mut raw = Raw::connect(scene.address());
    for round in 0..3 {
        for origin in [&one, &two] {
            raw.send(absolute("POST", &format!("http://{}/{round}", origin.address()), &scene.key, &[], "x"));
            let answer = raw.answer();
            assert_eq!(answer.json()["target"], format!("/{round}"));
            assert_eq!(answer.field("connection"), None);
        }
    }
    assert_eq!((one.requests().len(), two.requests().len()), (3, 3));
    // And the forwarder, and a tunnel.
    let own = format!("http://{}/healthz", scene.address());
    raw.send(absolute("GET", &own, &scene.key, &[], ""));
    assert_eq!(raw.answer().status, 200);
    assert_eq!(raw.tunnel(&one.address().to_string(), Some(&scene.key), &[]).status, 200);
    raw.send("GET /inside HTTP/1.1\r\nhost: inside\r\n\r\n");
    assert_eq!(raw.answer().json()["target"], "/inside");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_pass_as_they_are() {
    let scene = scene().await;
    let origin = web().await;
    let url = format!("http://{}/page", origin.address());
    for (status, body) in
        [(200, "words"), (204, ""), (301, "moved"), (304, ""), (401, "who?"), (407, "who?"), (503, "later")]
    {
        let reply = Reply::plain(status, body)
            .header("location", "http://elsewhere.test/")
            .header("www-authenticate", "Basic realm=\"theirs\"")
            .header("set-cookie", "a=b");
        origin.at("/page", Manner::Reply(reply));
        let answer = ask(&scene, "GET", &url, &[], "");
        assert_eq!((answer.status, answer.text().trim_end()), (status, body));
        assert_eq!(
            answer.field("location"),
            Some("http://elsewhere.test/"),
            "a redirect is the tool's to follow"
        );
        assert_eq!(answer.field("www-authenticate"), Some("Basic realm=\"theirs\""));
        assert_eq!(answer.field("set-cookie"), Some("a=b"));
        assert_eq!(answer.error(), None, "it is not ours");
    }
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_over_plain_http_is_opened_and_carried() {
    let scene = scene().await;
    let origin = web().await;
    let mut raw = Raw::connect(scene.address());
    let lines: Vec<_> = WEBSOCKET.trim_end().split("\r\n").collect();
    raw.send(absolute("GET", &format!("http://{}/socket", origin.address()), &scene.key, &lines, ""));
    let (answer, ahead) = raw.head();
    assert_eq!((answer.status, ahead.len()), (101, 0), "{answer:?}");
    assert_eq!(answer.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for word in ["one", "two"] {
        raw.send(masked(word));
        let mut frame = vec![0; 2 + word.len()];
        raw.stream().read_exact(&mut frame).unwrap();
        assert_eq!(&frame[2..], word.as_bytes());
    }
    let seen = origin.requests().remove(0);
    assert_eq!(seen.header("proxy-authorization"), None);
    drop(raw);
    let origin_saw = origin.wait_until(|seen| seen[0].frames.len() == 2, crate::PATIENCE).await;
    assert!(origin_saw);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unasked_change_of_protocol_is_502_and_other_upgrades_are_not_passed_on() {
    let scene = scene().await;
    let origin = web().await;
    let url = format!("http://{}/x", origin.address());
    let h2c = ["connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"];
    assert_eq!(ask(&scene, "GET", &url, &h2c, "").status, 200);
    let seen = origin.requests().remove(0);
    for gone in ["upgrade", "http2-settings", "connection"] {
        assert_eq!(seen.header(gone), None);
    }
    let (listener, address) = listener();
    let asked = std::thread::spawn({
        let request = absolute("GET", &format!("http://{address}/"), &scene.key, &[], "");
        let own = scene.address().to_owned();
        move || aigw_tests::raw::exchange(&own, request)
    });
    let (mut server, _) = listener.accept().unwrap();
    assert!(crate::read(&mut server).unwrap() > 0);
    std::io::Write::write_all(
        &mut server,
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    )
    .unwrap();
    let answer = asked.join().unwrap();
    assert_eq!((answer.status, answer.error()), (502, Some("upstream-failed")), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_providers_host_is_not_asked_in_clear_text() {
    let scene = scene().await;
    for host in [
        "api.anthropic.com",
        "API.Anthropic.COM",
        "api.anthropic.com.",
        "api.anthropic.com:80",
        "api.anthropic.com:443",
        "api.openai.com:8080",
        "chatgpt.com",
        "api.individual.githubcopilot.com",
    ] {
        let answer = ask(&scene, "POST", &format!("http://{host}/v1/messages"), &[], "{}");
        is_refusal(&answer, 403, "plain-http", "https only");
    }
    assert!(scene.gateway.requests().is_empty());
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_urls_that_make_no_sense_here_are_400_with_words() {
    let scene = scene().await;
    let (listener, address) = listener();
    let port = address.port();
    for (url, words) in [
        (format!("https://127.0.0.1:{port}/"), "http://"),
        (format!("ftp://127.0.0.1:{port}/"), "http://"),
        (format!("ws://127.0.0.1:{port}/"), "http://"),
        (format!("http://ada:secret@127.0.0.1:{port}/"), "user name"),
        (format!("http://ada@127.0.0.1:{port}/"), "user name"),
    ] {
        let mut raw = Raw::connect(scene.address());
        // As a client that drops it from `Host`.
        let request = absolute("GET", &url, &scene.key, &[], "").replacen("host: ada:secret@", "host: ", 1);
        raw.send(request.replacen("host: ada@", "host: ", 1));
        let answer = raw.answer();
        is_refusal(&answer, 400, "bad-request", words);
        assert!(!answer.text().contains("secret"));
    }
    for target in
        [format!("http://127.0.0.1:{port}:1/"), "http://127.0.0.1:99999/".to_owned(), "http:///x".to_owned()]
    {
        let mut raw = Raw::connect(scene.address());
        raw.send(absolute("GET", &target, &scene.key, &[], "").replacen("host: ", "host: a", 1));
        assert_eq!(raw.answer().status, 400, "{target}");
    }
    untouched(&listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_there_or_makes_no_sense_is_502() {
    let scene = scene().await;
    let closed = closed_port();
    let answer = ask(&scene, "GET", &format!("http://{closed}/"), &[], "");
    is_refusal(&answer, 502, "target-unreachable", &closed.to_string());
    let answer = ask(&scene, "GET", "http://no-such-host.invalid/", &[], "");
    is_refusal(&answer, 502, "target-unreachable", "no-such-host.invalid cannot be resolved");
    for nonsense in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 2x0 ok\r\n\r\n",
        "HTTP/1.1 200 ok\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let (listener, address) = listener();
        let asked = std::thread::spawn({
            let request = absolute("GET", &format!("http://{address}/"), &scene.key, &[], "");
            let own = scene.address().to_owned();
            move || aigw_tests::raw::exchange(&own, request)
        });
        let (mut server, _) = listener.accept().unwrap();
        assert!(crate::read(&mut server).unwrap() > 0);
        std::io::Write::write_all(&mut server, nonsense.as_bytes()).unwrap();
        drop(server);
        let answer = asked.join().unwrap();
        assert_eq!(
            (answer.status, answer.error()),
            (502, Some("upstream-failed")),
            "{nonsense:?} {answer:?}"
        );
        assert!(answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_leaves_is_gone_for_the_host_within_a_second() {
    let scene = scene().await;
    let (listener, address) = listener();
    let mut raw = Raw::connect(scene.address());
    raw.send(absolute("GET", &format!("http://{address}/"), &scene.key, &[], ""));
    let (mut server, _) = listener.accept().unwrap();
    assert!(crate::read(&mut server).unwrap() > 0);
    drop(raw);
    server.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    assert!(matches!(crate::read(&mut server), Ok(0)), "the host is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_of_http_1_0_gets_an_answer_that_it_can_read() {
    let scene = scene().await;
    let origin = web().await;
    origin.otherwise(Manner::Events { count: 2, gap: Duration::ZERO });
    let mut raw = Raw::connect(scene.address());
    let request = absolute("GET", &format!("http://{}/", origin.address()), &scene.key, &[], "");
    raw.send(request.replacen("HTTP/1.1", "HTTP/1.0", 1));
    let answer = answer_from(raw.stream(), "GET");
    assert_eq!((answer.status, answer.field("transfer-encoding")), (200, None), "{answer:?}");
    assert!(answer.text().ends_with("data: {\"event\":1}\n\n"), "{}", answer.text());
}
