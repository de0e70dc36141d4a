//! A tunnel changes no byte: what goes in comes out, however much of it there is and whatever protocol it belongs to.

use std::io::{Read, Write};

use aigw_gateway::{Origin, OriginSetup, Transport};
use aigw_tests::inside::Greeting;
use aigw_tests::raw::{Raw, connect};
use sha2::{Digest, Sha256};

use crate::{bare, closed_port, ends, expect, fill, is_refusal, is_well, listener, scene};

const LARGE: usize = 20 << 20;

/// Bytes without any order (xorshift).
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

fn sent_and_read(stream: &mut std::net::TcpStream, out: Vec<u8>) -> Vec<u8> {
    let mut writing = stream.try_clone().expect("a socket");
    let writer = std::thread::spawn(move || writing.write_all(&out).expect("room"));
    let mut read = vec![0; LARGE];
    stream.read_exact(&mut read).expect("bytes");
    writer.join().expect("no panic");
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn much_both_ways_at_once_arrives_as_it_was_sent() {
    let scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    let (up, down) = (noise(LARGE, 1), noise(LARGE, 2));
    let hashes = [&up, &down].map(Sha256::digest);
    let far = std::thread::spawn(move || sent_and_read(&mut server, down));
    let back = sent_and_read(&mut client, up);
    let there = far.join().unwrap();
    assert_eq!([Sha256::digest(&there), Sha256::digest(&back)], hashes);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_does_not_read_holds_up_the_other_and_loses_nothing() {
    let scene = scene().await;
    let (client, mut server) = ends(&scene);
    let bytes = noise(LARGE, 3);
    let hash = Sha256::digest(&bytes);
    let mut writing = client.try_clone().unwrap();
    // Far less than all of it.
    let sent = fill(&mut writing, &bytes);
    let rest = bytes[sent..].to_vec();
    let writer = std::thread::spawn(move || writing.write_all(&rest).unwrap());
    let mut read = vec![0; LARGE];
    server.read_exact(&mut read).unwrap();
    writer.join().unwrap();
    assert_eq!(Sha256::digest(&read), hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_right_behind_the_connect_are_not_lost() {
    let scene = scene().await;
    for length in [1, 1000, 100_000, 1 << 20] {
        let origin = bare(Transport::Echo).await;
        let ahead = noise(length, 4);
        let mut raw = Raw::connect(scene.address());
        let head = connect(&origin.address().to_string(), Some(&scene.key), &[]);
        let mut writing = raw.stream().try_clone().unwrap();
        let all = [head.as_bytes(), &ahead].concat();
        let writer = std::thread::spawn(move || writing.write_all(&all).unwrap());
        let (answer, mut back) = raw.head();
        assert_eq!(answer.status, 200);
        let got = back.len();
        back.resize(length, 0);
        raw.stream().read_exact(&mut back[got..]).unwrap();
        writer.join().unwrap();
        assert!(back == ahead, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_speaks_first_is_heard() {
    let scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    server.write_all(b"220 mail.test ready\r\n").unwrap();
    expect(&mut client, b"220 mail.test ready\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_200_comes_when_there_is_a_connection_and_refusals_come_whole() {
    let scene = scene().await;
    let closed = closed_port();
    let refusal = scene.tunnel(&closed.to_string()).unwrap_err();
    is_refusal(&refusal, 502, "target-unreachable", &closed.to_string());
    // RFC 6761: there is no such name anywhere.
    let refusal = scene.tunnel("no-such-host.invalid:443").unwrap_err();
    is_refusal(&refusal, 502, "target-unreachable", "no-such-host.invalid cannot be resolved");
    assert!(refusal.text().contains("heck the host's name"), "{}", refusal.text());
    // The connection stands when the 200 is there: the host need not accept it.
    let (listener, address) = listener();
    let raw = scene.tunnel(&address.to_string()).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_ok());
    drop(raw);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_literals_and_names_are_reached() {
    let scene = scene().await;
    let origin = bare(Transport::Echo).await;
    let port = origin.port();
    for target in [format!("localhost:{port}"), format!("LOCALHOST.:{port}"), format!("127.0.0.1:{port}")] {
        let mut raw = scene.tunnel(&target).unwrap_or_else(|refusal| panic!("{target} {refusal:?}"));
        raw.send("ping");
        expect(raw.stream(), b"ping");
    }
    let Ok(six) = std::net::TcpListener::bind("[::1]:0") else { return };
    let raw = scene.tunnel(&six.local_addr().unwrap().to_string()).unwrap();
    let (mut server, _) = six.accept().unwrap();
    server.write_all(b"six").unwrap();
    expect(&mut raw.into_stream(), b"six");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_goes_through() {
    let scene = scene().await;
    let names = vec!["site.test".to_owned()];
    let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap();
    let raw = scene.tunnel(&origin.address().to_string()).unwrap();
    let greeting = Greeting { protocols: &["h2", "http/1.1"], ..Greeting::new(origin.ca_pem(), "site.test") };
    let mut http = greeting.over(raw).await.unwrap().http().await;
    for _ in 0..3 {
        let answer = http.ask("POST", "/path?x=1", &["authorization: Bearer own"], "body").await;
        let seen = answer.json();
        assert_eq!((seen["http2"].clone(), seen["target"].clone()), (true.into(), "/path?x=1".into()));
        assert_eq!(origin.requests().pop().unwrap().header("authorization"), Some("Bearer own"));
    }
    assert_eq!(origin.connections(), 1);
    assert!(scene.gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_goes_through() {
    let scene = scene().await;
    let names = vec!["site.test".to_owned()];
    let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap();
    let raw = scene.tunnel(&origin.address().to_string()).unwrap();
    let mut inside = Greeting::new(origin.ca_pem(), "site.test").over(raw).await.unwrap();
    inside.send(format!("GET /socket HTTP/1.1\r\nhost: site.test\r\n{}\r\n", crate::plain::WEBSOCKET));
    assert_eq!(inside.answer().status, 101);
    inside.send(crate::plain::masked("hello"));
    let mut frame = [0; 7];
    inside.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x05hello");
}
