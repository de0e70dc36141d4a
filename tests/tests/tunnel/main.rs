//! The proxy's door apart from interception: who may come in, tunnels whose bytes nobody touches, plain HTTP for others,
//! the addresses that are reached for nobody, companies' proxies on the way, and what `explain` says of all that.

mod admission;
mod bytes;
mod certificates;
mod corporate;
mod drain;
mod explain;
mod framing;
mod halves;
mod many;
mod plain;
mod plain_bodies;
mod targets;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use aigw_gateway::{Origin, OriginSetup, Setup, Transport};
use aigw_tests::machine;
use aigw_tests::raw::{self, Answer};
use aigw_tests::scene::Scene;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that is logged in, with these settings.
async fn scene_with(settings: &str) -> Scene {
    let machine = machine!();
    machine.configure(settings);
    Scene::set(machine, Setup { tls: true, ..Setup::default() }).await
}

/// The same without any.
async fn scene() -> Scene {
    scene_with("").await
}

/// An origin without TLS that does this below HTTP.
async fn bare(transport: Transport) -> Origin {
    Origin::start(OriginSetup { tls: false, transport, ..OriginSetup::default() }).await.expect("an origin")
}

/// An origin that speaks plain HTTP/1.1.
async fn web() -> Origin {
    Origin::start(OriginSetup { tls: false, http2: false, ..OriginSetup::default() })
        .await
        .expect("an origin")
}

/// A port on which the test answers itself.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A port that nobody has, and that nobody else can take as long as this process lives: bound, and never listened on.
fn closed_port() -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = socket.local_addr().expect("an address");
    std::mem::forget(socket);
    address
}

/// Both ends of a tunnel: the tool's and the host's.
fn ends(scene: &Scene) -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let client = scene.tunnel(&address.to_string()).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let (server, _) = listener.accept().expect("a connection");
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    (client.into_stream(), server)
}

/// Nobody has connected.
fn untouched(listener: &TcpListener) {
    listener.set_nonblocking(true).expect("a listener");
    let accepted = listener.accept();
    assert_eq!(accepted.expect_err("nobody connected").kind(), ErrorKind::WouldBlock);
}

/// Reads exactly this.
fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).expect("bytes");
    assert_eq!(read, bytes);
}

/// Reads what is there, or comes next. A signal is nothing.
fn read(stream: &mut TcpStream) -> std::io::Result<usize> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The other side has ended its stream, and did not break it.
fn expect_end(stream: &mut TcpStream) {
    assert_eq!(read(stream).expect("an end"), 0);
}

/// The other side has broken the connection.
fn expect_reset(stream: &mut TcpStream) {
    let error = read(stream).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

/// Sends of these bytes what there is room for on the way, and says how much that was. Nobody reads at the other end.
fn fill(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    let (mut sent, mut full) = (0, 0);
    stream.set_nonblocking(true).expect("a socket");
    // Full for so long is full.
    while full < 20 {
        match stream.write(&bytes[sent..]) {
            Ok(length) => (sent, full) = (sent + length, 0),
            Err(_) => {
                full += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        assert!(sent < bytes.len(), "somebody keeps all of it");
    }
    stream.set_nonblocking(false).expect("a socket");
    sent
}

/// Breaks a connection.
fn reset(stream: TcpStream) {
    stream.set_nonblocking(true).expect("a socket");
    let stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
    stream.set_zero_linger().expect("a socket");
}

/// A plain request for a URL, as a tool sends it to its proxy.
fn absolute(method: &str, url: &str, key: &str, more: &[&str], body: &str) -> String {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = after.split(['/', '?']).next().unwrap_or_default();
    let more: String = more.iter().map(|field| format!("{field}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!(
        "{method} {url} HTTP/1.1\r\nhost: {host}\r\nproxy-authorization: {}\r\n{more}{length}\r\n{body}",
        raw::login(key)
    )
}

/// Sends one, on a connection of its own.
fn ask(scene: &Scene, method: &str, url: &str, more: &[&str], body: &str) -> Answer {
    raw::exchange(scene.address(), absolute(method, url, &scene.key, more, body))
}

/// A refusal is honest: this status and kind, words in JSON that name the host, and an end of the connection that is said.
fn is_refusal(answer: &Answer, status: u16, error: &str, words: &str) {
    assert_eq!((answer.status, answer.error()), (status, Some(error)), "{words}: {}", answer.text());
    assert!(answer.whole, "{answer:?}");
    let said = answer.json();
    let message = said["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("aigw: ") && message.contains(words), "{words}: {message}");
    assert!(message.trim_end_matches('.').contains(". "), "it names no cure: {message}");
    assert_eq!(answer.field("connection"), Some("close"), "{answer:?}");
}

/// After all that happened the daemon has nothing to complain about, and gave nothing away.
fn is_well(scene: &Scene) {
    assert!(scene.machine.findings().is_empty(), "{:?}", scene.machine.findings());
    let log = scene.machine.log();
    for secret in [&scene.key, &scene.token] {
        assert!(!log.contains(secret.as_str()), "a secret is in the log");
    }
    assert!(!log.contains("panicked"), "{log}");
}
