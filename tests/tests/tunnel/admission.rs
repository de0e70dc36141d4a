//! Who may come in at this door: whoever has a local key, and (where the settings say so) the owner without one.

use std::io::Write;

use aigw_tests::raw::{self, Answer, Raw, connect};
use aigw_tests::scene::Scene;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{closed_port, ends, expect, is_refusal, is_well, listener, scene, scene_with, untouched, web};

fn basic(user: &str, key: &str) -> String {
    format!("proxy-authorization: Basic {}", STANDARD.encode(format!("{user}:{key}")))
}

/// Asks for a tunnel, and for a plain page, with these lines only.
fn both(scene: &Scene, address: &str, lines: &[&str]) -> [Answer; 2] {
    let fields: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let get = format!("GET http://{address}/page HTTP/1.1\r\nhost: {address}\r\n{fields}\r\n");
    [Raw::connect(scene.address()).tunnel(address, None, lines), raw::exchange(scene.address(), get)]
}

/// A key of the right form that was never given out.
fn wrong(key: &str) -> String {
    let at = key.len() - 20;
    let other = if key.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &key[..at], &key[at + 1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_the_door_whatever_the_users_name_is() {
    let scene = scene().await;
    let origin = web().await;
    let address = origin.address().to_string();
    let lower = basic("aigw", &scene.key).replacen("Basic", "basic", 1);
    let unpadded = basic("aigw", &scene.key).trim_end_matches('=').to_owned();
    let own_field = format!("x-aigw-key: {}", scene.key);
    for line in [
        basic("aigw", &scene.key),
        basic("", &scene.key),
        basic("a b", &scene.key),
        lower,
        unpadded,
        own_field,
    ] {
        for answer in both(&scene, &address, &[&line]) {
            assert_eq!(answer.status, 200, "{line} {}", answer.text());
            assert_eq!(answer.error(), None);
        }
    }
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_key_it_is_407_with_a_basic_challenge_and_nothing_is_connected() {
    let scene = scene().await;
    let (listener, address) = listener();
    let revoked = scene.machine.key("old");
    assert!(scene.machine.ctl(&["keys", "revoke", "old"]).status.success());
    let cases: [&[&str]; 13] = [
        &[],
        &["proxy-authorization: Basic"],
        &["proxy-authorization: Basic "],
        &["proxy-authorization: Basic ???"],
        &["proxy-authorization:"],
        &[&format!("proxy-authorization: Basic {}", STANDARD.encode("aigw:"))],
        &[&format!("proxy-authorization: Basic {}", STANDARD.encode("nothing but a name"))],
        &[&basic("aigw", "secret")],
        &[&basic("aigw", &wrong(&scene.key))],
        &[&basic("aigw", &revoked)],
        &[&format!("proxy-authorization: Bearer {}", scene.token)],
        &[&format!("proxy-authorization: Bearer {}", wrong(&scene.key))],
        &[&format!("x-aigw-key: {}", wrong(&scene.key))],
    ];
    for lines in cases {
        for answer in both(&scene, &address.to_string(), lines) {
            is_refusal(&answer, 407, "proxy-key-missing", "key");
            assert_eq!(answer.field("proxy-authenticate"), Some("Basic realm=\"aigw\""), "{lines:?}");
            assert!(answer.text().contains("`aigwctl env --proxy`"), "{}", answer.text());
        }
    }
    // One right key does not make up for a wrong one.
    let two = [basic("aigw", &scene.key), format!("x-aigw-key: {}", wrong(&scene.key))];
    for answer in both(&scene, &address.to_string(), &[&two[0], &two[1]]) {
        is_refusal(&answer, 407, "proxy-key-missing", "key");
    }
    untouched(&listener);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_refused_connect_is_never_read_as_a_request() {
    let scene = scene().await;
    let (listener, address) = listener();
    let address = address.to_string();
    let mut raw = Raw::connect(scene.address());
    let second = connect(&address, Some(&scene.key), &[]);
    raw.send(connect(&address, None, &[]) + &second);
    assert_eq!(raw.answer_to("CONNECT").status, 407);
    // As it was said, the connection ends; a tool that has a key comes again on another.
    assert_eq!(raw.rest(), b"");
    untouched(&listener);
    assert!(scene.tunnel(&address).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn keyless_admits_the_owner_here_and_nowhere_else() {
    let scene = scene_with("[listen]\nkeyless = true\n").await;
    let origin = web().await;
    let address = origin.address().to_string();
    let right = basic("aigw", &scene.key);
    for lines in [&[][..], &[right.as_str()]] {
        for answer in both(&scene, &address, lines) {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    for answer in both(&scene, &address, &[&basic("aigw", &wrong(&scene.key))]) {
        is_refusal(&answer, 407, "proxy-key-missing", "key");
    }
    let forwarder = format!("GET /openai/v1/models HTTP/1.1\r\nhost: {}\r\n\r\n", scene.address());
    let answer = raw::exchange(scene.address(), &forwarder);
    assert_eq!((answer.status, answer.error()), (403, Some("key-missing")));
    let own = format!("http://{}/openai/v1/models", scene.address());
    let absolute = format!("GET {own} HTTP/1.1\r\nhost: {}\r\n\r\n", scene.address());
    let answer = raw::exchange(scene.address(), &absolute);
    assert_eq!((answer.status, answer.error()), (403, Some("key-missing")));
    assert!(scene.gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_web_page_opens_no_tunnel() {
    let scene = scene().await;
    let (listener, address) = listener();
    for page in ["origin: https://evil.example", "origin: null", "sec-fetch-site: cross-site"] {
        let refusal = Raw::connect(scene.address()).tunnel(&address.to_string(), Some(&scene.key), &[page]);
        is_refusal(&refusal, 403, "web-page-refused", "may not open a tunnel");
    }
    untouched(&listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_needs_no_host_as_pythons_own_client_sends_none() {
    let scene = scene().await;
    let (listener, address) = listener();
    let mut raw = Raw::connect(scene.address());
    let login = raw::login(&scene.key);
    raw.send(format!("CONNECT {address} HTTP/1.0\r\nproxy-authorization: {login}\r\n\r\n"));
    let (answer, _) = raw.head();
    assert_eq!(answer.status, 200, "{answer:?}");
    let (mut server, _) = listener.accept().unwrap();
    let mut client = raw.into_stream();
    client.write_all(b"ping").unwrap();
    expect(&mut server, b"ping");
    server.write_all(b"pong").unwrap();
    expect(&mut client, b"pong");

    let refused = raw::exchange(scene.address(), format!("CONNECT {} HTTP/1.0\r\n\r\n", closed_port()));
    is_refusal(&refused, 407, "proxy-key-missing", "key");
    let origin = web().await;
    let page = raw::exchange(
        scene.address(),
        format!("GET http://{}/page HTTP/1.0\r\nproxy-authorization: {login}\r\n\r\n", origin.address()),
    );
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(origin.requests()[0].header("host"), Some(origin.address().to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_connect_has_no_body_and_no_length() {
    let scene = scene().await;
    let (_listener, address) = listener();
    let answer = Raw::connect(scene.address()).tunnel(&address.to_string(), Some(&scene.key), &[]);
    assert_eq!(answer.status, 200);
    for field in ["content-length", "transfer-encoding", "connection", "proxy-authenticate"] {
        assert_eq!(answer.field(field), None, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_tunnels_that_are_over() {
    let scene = scene().await;
    assert_eq!(scene.machine.ask(&["status"])["daemon"]["tunnels"], 0);
    for _ in 0..3 {
        drop(ends(&scene));
    }
    assert!(scene.tunnel(&closed_port().to_string()).is_err());
    let status = aigw_tests::eventually::eventually("three tunnels are over", || {
        let status = scene.machine.ask(&["status"]);
        (status["daemon"]["tunnels"] == 3).then_some(status)
    });
    assert_eq!(status["daemon"]["requests"], 0, "tunnels are no AI requests");
    is_well(&scene);
}
