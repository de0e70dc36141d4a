//! Again and again, while tools do everything that tools do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aigw_gateway::{Behaviour, Setup, Stream};
use aigw_tests::eventually::eventually;
use aigw_tests::raw::{Answer, Raw, exchange, post, text_frame, tunnel};

use super::*;

/// Text events of a stream, and the time between two of them: it takes longer than a handover.
const DELTAS: usize = 30;
const GAP: Duration = Duration::from_millis(50);
const CREATE: &str = r#"{"type":"response.create","model":"gpt-5","input":"hi"}"#;
/// How long a WebSocket or a tunnel is used.
const LONG: Duration = Duration::from_secs(3);

/// What was done, and what went wrong.
#[derive(Default)]
struct Tally {
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
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().unwrap().push(what.into());
    }

    fn check(&self, what: &str, answer: &Answer) -> bool {
        let good = answer.status == 200 && answer.whole;
        if !good {
            self.wrong(format!("{what}: {} {}", answer.status, answer.text()));
        }
        good
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
        let answer = exchange(address, post(address, MESSAGES, key, &[], HELLO));
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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    while tally.goes_on() {
        let mut client = match tunnel(address, &host, Some(key)) {
            Ok(client) => client.into_stream(),
            Err(answer) => {
                tally.wrong(format!("a tunnel: {} {}", answer.status, answer.text()));
                continue;
            }
        };
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
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

/// Files that a process has open.
fn files_of(pid: u64) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn rounds() -> u32 {
    std::env::var("AIGW_HANDOVERS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_refused_and_nothing_breaks_however_often_it_hands_over() {
    let stream = Stream { deltas: Some(DELTAS), gap: GAP, ..Stream::default() };
    let setup =
        Setup { tls: true, behaviour: Behaviour { stream, ..Behaviour::default() }, ..Setup::default() };
    let mut line = Line::new(setup).await;
    let (address, key) = (line.scene.address().to_owned(), line.scene.key.clone());
    let home = line.home().to_owned();
    let tally = Tally::default();
    let mut pids = vec![line.pid()];
    let (mut first, mut longest) = (0, Duration::ZERO);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        type Work = fn(&Tally, &str, &str);
        let works: [Work; 8] = [
            new_connections,
            new_connections,
            kept_connections,
            kept_connections,
            streams,
            streams,
            web_sockets,
            tunnels,
        ];
        for work in works {
            let (tally, address, key) = (&tally, &address, &key);
            scope.spawn(move || work(tally, address, key));
        }
        scope.spawn(|| {
            while tally.goes_on() {
                if lock_is_free(&home) {
                    tally.wrong("the lock was free");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..rounds() {
                let asked = Instant::now();
                let told = line.hand_over(&["restart"]);
                longest = longest.max(asked.elapsed());
                let pid = told["to"]["pid"].as_u64().unwrap();
                assert!(!pids.contains(&pid));
                pids.push(pid);
                if round == 0 {
                    first = files_of(pid);
                }
                // At least one small request has been answered since.
                let before = tally.small.load(Ordering::Relaxed);
                eventually("requests go on", || {
                    (tally.small.load(Ordering::Relaxed) > before + 1).then_some(())
                });
            }
        }));
        tally.over.store(true, Ordering::Relaxed);
        failed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let took = begun.elapsed();
    let wrong = tally.wrong.lock().unwrap();
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let figures = format!(
        "{} handovers in {took:.1?} (the longest {longest:.1?}): {} requests on new connections, {} on kept ones \
         ({} closed), {} streams, {} WebSockets, {} tunnels, {} wrong",
        rounds(),
        count(&tally.small),
        count(&tally.kept),
        count(&tally.closed),
        count(&tally.streams),
        count(&tally.sockets),
        count(&tally.tunnels),
        wrong.len()
    );
    writeln!(std::io::stderr(), "{figures}").unwrap();
    assert!(wrong.is_empty(), "{figures}\n{:#?}", &wrong[..wrong.len().min(20)]);
    for count_of in [&tally.small, &tally.kept, &tally.closed, &tally.streams, &tally.sockets, &tally.tunnels]
    {
        assert!(count(count_of) > 0, "{figures}");
    }
    // One daemon is left, with no more open than the first successor had while it served.
    let last = pids.pop().unwrap();
    assert_eq!(line.scene.daemon.ended().code(), Some(0), "{}", line.scene.machine.log());
    pids.iter().for_each(|pid| ends(*pid));
    assert_eq!(line.pid(), last);
    eventually("what it had for tools is closed", || (files_of(last) <= first).then_some(()));
    line.works();
    assert_eq!(line.scene.machine.ask(&["stop"])["stopped"], true);
    ends(last);
    assert!(lock_is_free(&home));
    assert!(!home.join("run/control.sock").exists());
}
