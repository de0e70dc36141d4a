//! Tools that do everything that tools do, without a pause, and keep a tally of it: requests on new and on kept connections,
//! streams, WebSockets, tunnels. What a daemon does meanwhile is the test's.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aigw_gateway::{Behaviour, Setup, Stream, WebSocket};

use crate::raw::{Answer, Raw, exchange, post, text_frame, tunnel};

const MESSAGES: &str = "/anthropic/v1/messages";
/// A request that is answered at once, and one whose answer is a stream.
const SMALL: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
/// Text events of a stream, and the time between two of them: it takes longer than a handover.
const DELTAS: usize = 30;
const GAP: Duration = Duration::from_millis(50);
const CREATE: &str = r#"{"type":"response.create","model":"gpt-5","input":"hi"}"#;
/// How long a WebSocket or a tunnel is used.
const LONG: Duration = Duration::from_secs(3);

/// The gateway for it.
pub fn setup() -> Setup {
    let stream = Stream { deltas: Some(DELTAS), gap: GAP, ..Stream::default() };
    let behaviour = Behaviour { stream, websocket: WebSocket::Relay, ..Behaviour::default() };
    Setup { tls: true, behaviour, ..Setup::default() }
}

/// Puts the load on this address while something else is done, and returns both the tally and what came of that.
///
/// # Panics
/// When it does, or nobody listens.
pub fn during<T>(address: &str, key: &str, work: impl FnOnce(&Tally) -> T) -> (Tally, T) {
    let tally = Tally::default();
    let done = std::thread::scope(|scope| {
        type Tool = fn(&Tally, &str, &str);
        let tools: [Tool; 8] = [
            new_connections,
            new_connections,
            kept_connections,
            kept_connections,
            streams,
            streams,
            web_sockets,
            tunnels,
        ];
        for tool in tools {
            let tally = &tally;
            scope.spawn(move || tool(tally, address, key));
        }
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&tally)));
        tally.over.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    (tally, done)
}

/// What was done, and what went wrong.
#[derive(Default)]
pub struct Tally {
    over: AtomicBool,
    small: AtomicU64,
    kept: AtomicU64,
    streams: AtomicU64,
    sockets: AtomicU64,
    tunnels: AtomicU64,
    /// Connections that were closed with an answer that said so.
    closed: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    /// Whether the load lasts.
    pub fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Small requests answered on connections of their own.
    pub fn small(&self) -> u64 {
        self.small.load(Ordering::Relaxed)
    }

    /// One more thing that went wrong.
    pub fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().expect("the list").push(what.into());
    }

    /// That everything was done, and nothing went wrong.
    ///
    /// # Panics
    /// When it is not so.
    pub fn is_well(&self) {
        let wrong = self.wrong.lock().expect("the list");
        assert!(wrong.is_empty(), "{:#?}", &wrong[..wrong.len().min(20)]);
        drop(wrong);
        for count in [&self.small, &self.kept, &self.closed, &self.streams, &self.sockets, &self.tunnels] {
            assert!(count.load(Ordering::Relaxed) > 0, "{self}");
        }
    }

    fn check(&self, what: &str, answer: &Answer) -> bool {
        let good = answer.status == 200 && answer.whole;
        if !good {
            self.wrong(format!("{what}: {} {}", answer.status, answer.text()));
        }
        good
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(
            f,
            "{} requests on new connections, {} on kept ones ({} closed), {} streams, {} WebSockets, {} tunnels, {} wrong",
            count(&self.small),
            count(&self.kept),
            count(&self.closed),
            count(&self.streams),
            count(&self.sockets),
            count(&self.tunnels),
            self.wrong.lock().expect("the list").len()
        )
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// A connection of its own for each request.
fn new_connections(tally: &Tally, address: &str, key: &str) {
    while tally.goes_on() {
        let answer = exchange(address, post(address, MESSAGES, key, &[], SMALL));
        tally.check("a request on a new connection", &answer);
        add(&tally.small);
    }
}

/// As many requests on one connection as it takes.
fn kept_connections(tally: &Tally, address: &str, key: &str) {
    while tally.goes_on() {
        let mut raw = Raw::connect(address);
        while tally.goes_on() {
            raw.send(post(address, MESSAGES, key, &[], SMALL));
            let answer = raw.answer();
            add(&tally.kept);
            if !tally.check("a request on a kept connection", &answer) {
                break;
            }
            if answer.field("connection") == Some("close") {
                add(&tally.closed);
                break;
            }
        }
    }
}

fn streams(tally: &Tally, address: &str, key: &str) {
    while tally.goes_on() {
        let answer = exchange(address, post(address, MESSAGES, key, &[], STREAM));
        if tally.check("a stream", &answer) {
            let text = answer.text();
            let deltas = text.matches("event: content_block_delta").count();
            if deltas != DELTAS || !text.trim_end().ends_with(r#"{"type":"message_stop"}"#) {
                tally.wrong(format!("a stream with {deltas} of {DELTAS} events: {text}"));
            }
        }
        add(&tally.streams);
    }
}

fn web_sockets(tally: &Tally, address: &str, key: &str) {
    while tally.goes_on() {
        let mut raw = Raw::connect(address);
        raw.send(format!(
            "GET /openai/v1/responses HTTP/1.1\r\nhost: {address}\r\nx-aigw-key: {key}\r\nconnection: Upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ));
        let (head, mut bytes) = raw.head();
        if head.status != 101 {
            tally.wrong(format!("a WebSocket: {}", head.status));
            continue;
        }
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            raw.send(text_frame(CREATE));
            let done = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("response.completed");
            let mut buffer = [0; 16 * 1024];
            while !done(&bytes) {
                match raw.stream().read(&mut buffer) {
                    Ok(length @ 1..) => bytes.extend_from_slice(&buffer[..length]),
                    other => {
                        tally.wrong(format!("a WebSocket broke: {other:?}"));
                        return;
                    }
                }
            }
            bytes.clear();
        }
        add(&tally.sockets);
    }
}

fn tunnels(tally: &Tally, address: &str, key: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    while tally.goes_on() {
        let mut client = match tunnel(address, &host, Some(key)) {
            Ok(client) => client.into_stream(),
            Err(answer) => {
                tally.wrong(format!("a tunnel: {} {}", answer.status, answer.text()));
                continue;
            }
        };
        let (mut server, _) = listener.accept().expect("a connection");
        server.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let begun = Instant::now();
        let mut bytes = [0; 4];
        while begun.elapsed() < LONG {
            let round = client
                .write_all(b"ping")
                .and_then(|()| server.read_exact(&mut bytes))
                .and_then(|()| server.write_all(b"pong"))
                .and_then(|()| client.read_exact(&mut bytes));
            if let Err(error) = round {
                tally.wrong(format!("a tunnel broke: {error}"));
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        add(&tally.tunnels);
    }
}
