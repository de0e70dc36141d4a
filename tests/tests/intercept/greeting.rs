//! TLS as the intercepted host: which certificate, which versions and protocols, which sessions.

use std::io::{Read, Write};
use std::time::Duration;

use aigw_gateway::Setup;
use aigw_tests::inside::{Greeting, Sni};
use aigw_tests::machine;
use aigw_tests::raw::Raw;
use aigw_tests::scene::Scene;
use rustls::ProtocolVersion;

use crate::stage::Stage;
use crate::{H1, H2, MESSAGES};

const HOST: &str = "api.anthropic.com";

async fn scene(settings: &str) -> Scene {
    let machine = machine!();
    machine.configure(settings);
    Scene::set(machine, Setup { tls: true, http2: false, ..Setup::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t5_the_leaf_is_for_the_connects_host_whatever_the_greeting_asks_for() {
    let scene = scene("").await;
    let first = scene.inside(HOST, H2).await.certificates().to_vec();
    let roots = scene.machine.root_pem();
    for target in
        ["api.anthropic.com:443", "API.Anthropic.COM:443", "api.anthropic.com.:443", "aPI.anthropic.com.:443"]
    {
        for sni in [Sni::Host, Sni::Absent, Sni::Other("other.test"), Sni::Other("api.openai.com")] {
            for protocols in [H1, H2] {
                let raw = scene.tunnel(target).unwrap();
                let greeting = Greeting { sni, protocols, ..Greeting::new(&roots, HOST) };
                let inside = greeting.over(raw).await.unwrap();
                assert_eq!(inside.certificates(), first, "{target} {sni:?}");
                let answer = inside.http().await.ask("POST", "/v1/messages", &[], MESSAGES).await;
                assert_eq!(answer.status, 200, "{target} {sni:?} {}", answer.text());
            }
        }
    }
    assert_eq!(first.len(), 2, "leaf and intermediate");
    // It is for no other host.
    let other =
        Greeting::new(&roots, "api.openai.com").over(scene.tunnel("api.anthropic.com:443").unwrap()).await;
    assert!(other.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn t6_inside_there_is_no_other_host() {
    let stage = Stage::set("anthropic", "").await;
    let port = stage.origin.port();
    for (authority, good) in [
        (format!("localhost:{port}"), true),
        (format!("LOCALHOST:{port}"), true),
        (format!("localhost.:{port}"), true),
        ("localhost".to_owned(), false),
        (format!("localhost:{}", stage.scene.daemon.port), false),
        (format!("127.0.0.1:{port}"), false),
        (format!("api.anthropic.com:{port}"), false),
        ("api.anthropic.com".to_owned(), false),
        (format!("x.localhost:{port}"), false),
    ] {
        for protocols in [H1, H2] {
            for path in ["/v1/messages", "/api/x"] {
                let mut http = stage.http(protocols).await;
                authority.clone_into(&mut http.authority);
                let answer = http.ask("POST", path, &[], MESSAGES).await;
                if good {
                    assert_eq!(answer.status, 200, "{authority} {}", answer.text());
                    stage.scene.gateway.forget_requests();
                    stage.origin.forget_requests();
                    continue;
                }
                assert_eq!(
                    (answer.status, answer.error()),
                    (421, Some("host-mismatch")),
                    "{authority} {path}"
                );
                assert_eq!(answer.json()["type"], "error");
                stage.nobody_saw(&authority);
            }
        }
    }
}

/// Absolute-form, and HTTP/2's `:authority` beside a `Host`: all that is said must agree.
#[tokio::test(flavor = "multi_thread")]
async fn t6_every_name_that_a_request_gives_counts() {
    let stage = Stage::set("anthropic", "").await;
    let target = &stage.target;
    for (line, host, status) in [
        (format!("https://{target}/v1/models"), target.clone(), 200),
        (format!("https://{target}/v1/models"), "api.openai.com".to_owned(), 421),
        ("https://api.openai.com/v1/models".to_owned(), target.clone(), 421),
        (format!("https://ada@{target}/v1/models"), target.clone(), 421),
        ("/v1/models".to_owned(), format!("ada@{target}"), 400),
        ("/v1/models".to_owned(), format!("{target}\r\nhost: {target}"), 400),
        ("/v1/models".to_owned(), String::new(), 400),
        ("/v1/models".to_owned(), format!("{target}/x"), 400),
    ] {
        stage.scene.gateway.forget_requests();
        let mut inside = stage.inside(H1).await;
        inside.send(format!("GET {line} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        let answer = inside.answer();
        assert_eq!(answer.status, status, "{line} {host:?} {}", answer.text());
        if status == 200 {
            assert_eq!(stage.only_the_gateway_saw().path, "/anthropic/v1/models");
        } else {
            stage.nobody_saw(&line);
        }
    }
    let mut inside = stage.inside(H1).await;
    inside.send("GET /v1/models HTTP/1.1\r\n\r\n");
    assert_eq!(inside.answer().status, 400);
    for (host, status) in [(target.as_str(), 200), ("api.openai.com", 421)] {
        let mut http = stage.http(H2).await;
        let answer = http.ask("GET", "/api/x", &[&format!("host: {host}")], "").await;
        assert_eq!(answer.status, status, "{host} {}", answer.text());
    }
    assert_eq!(stage.only_the_host_saw().headers(":authority").len() + 1, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn t9_protocols_are_as_the_tool_likes_and_http2_can_be_switched_off() {
    let scene = scene("[intercept]\nhttp1_only = [\"api.openai.com\"]\n").await;
    for (host, protocols, agreed) in [
        (HOST, &["h2"][..], Some("h2")),
        (HOST, H2, Some("h2")),
        (HOST, &["http/1.1", "h2"], Some("h2")),
        (HOST, H1, Some("http/1.1")),
        (HOST, &[], None),
        ("api.openai.com", H2, Some("http/1.1")),
        ("api.openai.com", H1, Some("http/1.1")),
        ("api.openai.com", &[], None),
    ] {
        let inside = scene.inside(host, protocols).await;
        assert_eq!(inside.protocol().as_deref(), agreed, "{host} {protocols:?}");
        assert_eq!(inside.http().await.ask("GET", "/v1/models", &[], "").await.status, 200);
    }
    let roots = scene.machine.root_pem();
    for (host, protocols) in [("api.openai.com", &["h2"][..]), (HOST, &["spdy/3"])] {
        let raw = scene.tunnel(&format!("{host}:443")).unwrap();
        let refused = Greeting { protocols, ..Greeting::new(&roots, host) }.over(raw).await;
        assert!(refused.unwrap_err().to_string().contains("NoApplicationProtocol"), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t9_tls_1_2_and_1_3_and_nothing_older() {
    let scene = scene("").await;
    let _ = scene.inside(HOST, H1).await;
    let roots = scene.machine.root_pem();
    for (versions, agreed) in [
        (&[&rustls::version::TLS12][..], ProtocolVersion::TLSv1_2),
        (&[&rustls::version::TLS13], ProtocolVersion::TLSv1_3),
        (rustls::ALL_VERSIONS, ProtocolVersion::TLSv1_3),
    ] {
        for protocols in [H1, H2] {
            let raw = scene.tunnel("api.anthropic.com:443").unwrap();
            let greeting = Greeting { versions, protocols, ..Greeting::new(&roots, HOST) };
            let inside = greeting.over(raw).await.unwrap();
            assert_eq!(inside.version(), Some(agreed));
            assert_eq!(inside.http().await.ask("GET", "/v1/models", &[], "").await.status, 200);
        }
    }
    for version in [[3, 2], [3, 1], [3, 0]] {
        let mut raw = scene.tunnel("api.anthropic.com:443").unwrap();
        raw.send(hello(version, &[0xc0, 0x13, 0xc0, 0x2f]));
        // An alert, fatal, `protocol_version` or what it is called for older ones.
        let rest = raw.rest();
        assert!(matches!(rest[..], [0x15, 3, _, 0, 2, 2, 70 | 40 | 50]), "{version:?} {rest:?}");
    }
    // Nor a cipher without forward secrecy, or a block cipher.
    for suite in [[0x00, 0x9c], [0xc0, 0x13]] {
        let mut raw = scene.tunnel("api.anthropic.com:443").unwrap();
        raw.send(hello([3, 3], &suite));
        let rest = raw.rest();
        assert!(matches!(rest[..], [0x15, 3, _, 0, 2, 2, _]), "{suite:?} {rest:?}");
    }
}

/// A ClientHello of this version, with these suites and what every server needs (RFC 5246 section 7.4.1.2).
pub fn hello(version: [u8; 2], suites: &[u8]) -> Vec<u8> {
    let sixteen = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let extensions: &[u8] = &[
        0, 10, 0, 4, 0, 2, 0, 23, // secp256r1
        0, 11, 0, 2, 1, 0, // uncompressed points
        0, 13, 0, 4, 0, 2, 4, 3, // ecdsa_secp256r1_sha256
        0, 23, 0, 0, // extended master secret
    ];
    let mut body = vec![version[0], version[1]];
    body.extend([7; 32]);
    body.push(0);
    body.extend(sixteen(suites.len()));
    body.extend(suites);
    body.extend([1, 0]);
    body.extend(sixteen(extensions.len()));
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend(sixteen(body.len()));
    message.extend(body);
    let mut record = vec![0x16, 3, 1];
    record.extend(sixteen(message.len()));
    record.extend(message);
    record
}

/// A client behind which a slow line, or a strange program, stands.
#[tokio::test(flavor = "multi_thread")]
async fn t12_a_greeting_may_come_byte_by_byte() {
    let scene = scene("").await;
    let _ = scene.inside(HOST, H1).await;
    let roots = scene.machine.root_pem();
    let tunnel = scene.tunnel("api.anthropic.com:443").unwrap();
    let (near, address) = drip(tunnel);
    let inside =
        Greeting { protocols: H2, ..Greeting::new(&roots, HOST) }.over(Raw::connect(&address)).await.unwrap();
    assert_eq!(inside.http().await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
    assert_eq!(scene.only_request().body_text(), MESSAGES);
    drop(near);
}

/// Joins what connects to the address with a tunnel, towards which every byte is a packet of its own.
fn drip(tunnel: Raw) -> (std::thread::JoinHandle<()>, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tunnel = tunnel.into_stream();
    let near = std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        tunnel.set_nodelay(true).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), tunnel.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                if buffer[..length].iter().any(|byte| to.write_all(&[*byte]).is_err()) {
                    return;
                }
            }
        });
        let (mut from, mut to) = (tunnel, client);
        let _ = std::io::copy(&mut from, &mut to);
    });
    (near, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_taken_up_again_and_never_at_another_host() {
    let scene = scene("").await;
    let _ = scene.inside(HOST, H1).await;
    let roots = scene.machine.root_pem();
    let versions: [&[&rustls::SupportedProtocolVersion]; 2] =
        [&[&rustls::version::TLS12], &[&rustls::version::TLS13]];
    for versions in versions {
        let client = Greeting { versions, ..Greeting::new(&roots, HOST) }.client();
        for resumed in [false, true, true] {
            let mut inside = client.over(scene.tunnel("api.anthropic.com:443").unwrap()).await.unwrap();
            assert_eq!(inside.resumed(), resumed, "{versions:?}");
            // The tickets of TLS 1.3 come with the first answer.
            inside.send(format!("GET /v1/models HTTP/1.1\r\nhost: {HOST}\r\n\r\n"));
            assert_eq!(inside.answer().status, 200);
        }
        // One client that holds both hosts for one, as a name of the greeting says.
        for sni in [Sni::Host, Sni::Other("same.test")] {
            let client = Greeting { sni, versions, ..Greeting::new(&roots, HOST) }.client();
            let mut inside = client.over(scene.tunnel("api.anthropic.com:443").unwrap()).await.unwrap();
            inside.send(format!("GET /v1/models HTTP/1.1\r\nhost: {HOST}\r\n\r\n"));
            assert_eq!(inside.answer().status, 200);
            let other = client.over(scene.tunnel("api.openai.com:443").unwrap()).await;
            // Its certificate is looked at anew, and is another host's.
            assert!(other.is_err(), "{sni:?} {versions:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_get_one_leaf() {
    let stage = Stage::set("anthropic", "").await;
    // The CA is made, and no leaf yet.
    let roots = stage.scene.inside("api.openai.com", H1).await;
    drop(roots);
    let roots = stage.scene.machine.root_pem();
    let raws: Vec<_> = (0..50).map(|_| stage.tunnel()).collect();
    let greetings: Vec<_> = raws
        .into_iter()
        .map(|raw| {
            let roots = roots.clone();
            tokio::spawn(async move { Greeting::new(&roots, "localhost").over(raw).await })
        })
        .collect();
    let mut leaves = std::collections::HashSet::new();
    for greeting in greetings {
        leaves.insert(greeting.await.unwrap().unwrap().certificates()[0].clone());
    }
    assert_eq!(leaves.len(), 1);
}

/// The very first tunnels of a new machine: one CA is made.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_fifty_get_one_ca() {
    let scene = scene("").await;
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (address, key) = (scene.address().to_owned(), scene.key.clone());
            std::thread::spawn(move || {
                aigw_tests::raw::tunnel(&address, "api.anthropic.com:443", Some(&key)).unwrap()
            })
        })
        .collect();
    let raws: Vec<_> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
    let roots = scene.machine.root_pem();
    for raw in raws {
        let greeted =
            tokio::time::timeout(Duration::from_secs(30), Greeting::new(&roots, HOST).over(raw)).await;
        greeted.unwrap().unwrap();
    }
}
