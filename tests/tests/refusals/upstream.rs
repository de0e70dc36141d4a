//! Gateways that answer badly: 502 or a visible cut, never more than a bounded read, and no client ever gets what was
//! meant for another.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running};
use aigw_tests::raw::{self, Answer, Raw};
use aigw_tests::wire::{Peer, Wire};

/// A daemon before a hand-written gateway that misbehaves for requests with `?bad` and gives every other one its own
/// query back.
struct Site {
    wire: Wire,
    daemon: Running,
    key: String,
    _machine: Machine,
}

fn site(bad: impl Fn(&mut Peer) + Send + Sync + 'static) -> Site {
    let wire = Wire::start(move |peer| {
        while let Some(request) = peer.request() {
            if request.head.contains("?bad") {
                bad(peer);
            } else {
                let query = request.head.split(['?', ' ']).nth(2).unwrap_or_default();
                peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{query}", query.len()));
            }
        }
    });
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", "abcdefghij-0123456789abcdefghijkl");
    machine.configure(&format!("[gateway.default]\nurl = \"{}\"\nkind = \"coder-standalone\"\n", wire.url()));
    let daemon = machine.start();
    let key = machine.key("env");
    Site { wire, daemon, key, _machine: machine }
}

impl Site {
    fn ask(&self, path: &str) -> Answer {
        let request = raw::get(&self.daemon.address, path, &self.key, &[]);
        let mut raw = Raw::connect(&self.daemon.address);
        raw.send(request);
        let begun = Instant::now();
        let answer = raw.answer();
        assert!(begun.elapsed() < Duration::from_secs(20), "it waited for an end that does not come");
        answer
    }

    /// Two requests, each of which gets its own answer.
    fn is_fine(&self, after: &str) {
        for id in ["id=1", "id=2"] {
            let answer = self.ask(&format!("/openai/v1/models?{id}"));
            assert_eq!((answer.status, answer.text().as_str()), (200, id), "after {after:?}");
        }
    }
}

/// Ours, in words, for either dialect.
fn is_502(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.error()), (502, Some("upstream-failed")), "{what:?} {}", answer.text());
    assert!(answer.whole);
    let message = answer.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("aigw: the gateway") && message.contains("`aigwctl status`"), "{message}");
}

/// The same, or a connection that visibly ends too early.
fn is_502_or_cut(answer: &Answer, what: &str) {
    if answer.status == 502 {
        is_502(answer, what);
    } else {
        assert!(!answer.whole, "{what:?} {answer:?}");
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// What the gateway says next to `?bad`, and whether it closes after that.
type Words = Arc<Mutex<(Vec<u8>, bool)>>;

fn scripted() -> (Site, Words) {
    let words: Words = Arc::default();
    let said = words.clone();
    let site = site(move |peer| {
        let (bytes, closes) = said.lock().expect("no panic").clone();
        peer.send(bytes);
        if closes {
            let _ = peer.stream().shutdown(Shutdown::Both);
        }
    });
    (site, words)
}

#[test]
fn h15_an_answer_that_cannot_be_read_in_one_way_is_502() {
    let (site, words) = scripted();
    let mut all: Vec<String> = Vec::new();
    for fields in [
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: 2\r\ncontent-length: 2\r\n",
        "content-length: 2, 2\r\n",
        "content-length: 2, 3\r\n",
        "content-length: +2\r\n",
        "content-length: -2\r\n",
        "content-length: 0x2\r\n",
        "content-length: \r\n",
        "content-length: two\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 0\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "transfer-encoding: identity\r\n",
        "x-a: 1\u{0}\r\ncontent-length: 2\r\n",
        "x\u{0}: 1\r\ncontent-length: 2\r\n",
        "x-a : 1\r\ncontent-length: 2\r\n",
        "content-length : 2\r\n",
        "x-a: 1\r\n folded\r\ncontent-length: 2\r\n",
        "x-a: 1\r2\r\ncontent-length: 2\r\n",
        "no field\r\ncontent-length: 2\r\n",
        ": 1\r\ncontent-length: 2\r\n",
    ] {
        all.push(format!("{OK}{fields}\r\n2\r\n{{}}\r\n0\r\n\r\n"));
    }
    for line in [
        "HTTP/1.1 099 Low",
        "HTTP/1.1 000 None",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1 200 O\u{0}K",
        "HTTP/1.1200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.2 200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        "200 OK",
        "<html>\r\n<body>nothing but a body</body>\r\n</html>",
        "\u{0}\u{1}\u{2}\u{3}",
        "\u{16}\u{3}\u{3}\u{0}\u{1}\u{2}",
        "GET / HTTP/1.1",
    ] {
        all.push(format!("{line}\r\ncontent-length: 2\r\n\r\n{{}}"));
    }
    let fields =
        |count: usize| (0..count).map(|at| format!("x-{at}: {}\r\n", "x".repeat(1000))).collect::<String>();
    all.push(format!("{OK}{}content-length: 2\r\n\r\n{{}}", fields(257)));
    all.push(format!("{OK}x-long: {}\r\ncontent-length: 2\r\n\r\n{{}}", "x".repeat(257 * 1024)));
    all.push(format!("HTTP/1.1 200 {}\r\ncontent-length: 2\r\n\r\n{{}}", "x".repeat(257 * 1024)));
    for said in all {
        // What stays open is known by what was said; what closes must not look as if it were an end.
        for closes in [false, true] {
            *words.lock().unwrap() = (said.clone().into_bytes(), closes);
            let what = &said[..said.len().min(100)];
            is_502(&site.ask("/openai/v1/models?bad"), what);
            is_502(&site.ask("/anthropic/v1/models?bad"), what);
        }
        site.is_fine(&said[..said.len().min(100)]);
    }
    // What only the end of the connection tells.
    for said in ["", "HTTP", OK, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", "hello"] {
        *words.lock().unwrap() = (said.into(), true);
        is_502(&site.ask("/openai/v1/models?bad"), said);
        site.is_fine(said);
    }
    // A large head is none that is too large.
    *words.lock().unwrap() =
        (format!("{OK}{}content-length: 2\r\n\r\n{{}}", fields(200)).into_bytes(), false);
    let answer = site.ask("/openai/v1/models?bad");
    assert_eq!((answer.status, answer.text().as_str(), answer.fields.len()), (200, "{}", 201));
}

#[test]
fn h15_a_body_that_breaks_off_or_cannot_be_read_is_a_visible_cut() {
    let (site, words) = scripted();
    for (body, closes) in [
        ("content-length: 10\r\n\r\n{}", true),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", true),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", true),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n+2\r\n{}\r\n0\r\n\r\n", false),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0x2\r\n{}\r\n0\r\n\r\n", false),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", false),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", false),
        ("transfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", false),
        ("transfer-encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n", false),
        ("transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nno field\r\n\r\n", false),
    ] {
        *words.lock().unwrap() = (format!("{OK}{body}").into_bytes(), closes);
        is_502_or_cut(&site.ask("/openai/v1/models?bad"), body);
        site.is_fine(body);
    }
}

#[test]
fn h15_what_never_ends_is_read_to_a_limit() {
    const LIMIT: usize = 32 << 20;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (begin, again) in [
        ("", "x"),
        ("HTTP/1.1 200 ", "OK "),
        (OK, "x"),
        ("HTTP/1.1 200 OK\r\nx: ", "y"),
        (OK, "x: y\r\n"),
        ("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        (chunked, ";ext"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2", ";ext"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", "y"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x: y\r\n"),
    ] {
        let written = Arc::new(AtomicUsize::new(0));
        let count = written.clone();
        let site = site(move |peer| {
            peer.send(begin);
            let piece = again.repeat(64 * 1024 / again.len());
            while count.load(Ordering::SeqCst) <= LIMIT && peer.stream().write_all(piece.as_bytes()).is_ok() {
                count.fetch_add(piece.len(), Ordering::SeqCst);
            }
        });
        let what = format!("{begin}{again}...");
        is_502_or_cut(&site.ask("/openai/v1/models?bad"), &what);
        let written = written.load(Ordering::SeqCst);
        assert!(written < LIMIT, "{what:?} {written}");
        site.is_fine(&what);
    }
}

#[test]
fn h14_a_hundred_interim_answers_are_dropped_and_one_more_is_502() {
    let (site, words) = scripted();
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n";
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    for (count, passes) in [(1, true), (100, true), (101, false), (5000, false)] {
        *words.lock().unwrap() = (format!("{}{good}", interim.repeat(count)).into_bytes(), false);
        let answer = site.ask("/openai/v1/models?bad");
        if passes {
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{count}");
            assert!(answer.field("link").is_none());
        } else {
            is_502(&answer, &format!("{count} interim answers"));
        }
        site.is_fine("interim answers");
    }
    for line in ["100 Continue", "102 Processing", "199 Whatever"] {
        *words.lock().unwrap() = (format!("HTTP/1.1 {line}\r\n\r\n{good}").into_bytes(), false);
        assert_eq!(site.ask("/openai/v1/models?bad").text(), "ok", "{line}");
    }
    for upgrade in ["websocket", "h2c", "foo"] {
        let said = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {upgrade}\r\n\r\n{good}"
        );
        *words.lock().unwrap() = (said.into_bytes(), false);
        is_502(&site.ask("/openai/v1/models?bad"), upgrade);
        site.is_fine(upgrade);
    }
}

#[test]
fn h16_bytes_after_an_answer_are_nobodys() {
    let (site, words) = scripted();
    let stolen = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen";
    for (method, head, body) in [
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok"),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ""),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 49\r\n\r\n", ""),
        ("GET", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 49\r\n\r\n", ""),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 49\r\n\r\n", ""),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", ""),
    ] {
        *words.lock().unwrap() = (format!("{head}{stolen}").into_bytes(), false);
        // Another client, on a connection of its own that goes on.
        let mut raw = Raw::connect(&site.daemon.address);
        for _ in 0..3 {
            raw.send(
                raw::get(&site.daemon.address, "/openai/v1/models?bad", &site.key, &[])
                    .replacen("GET", method, 1),
            );
            let answer = raw.answer_to(method);
            assert_eq!((answer.status / 100 * 100 != 500, answer.text().as_str()), (true, body), "{head:?}");
            assert!(answer.whole, "{head:?}");
            site.is_fine(head);
        }
        assert!(answer_of_good(&mut raw, &site) == "mine", "{head:?}");
    }
}

fn answer_of_good(raw: &mut Raw, site: &Site) -> String {
    raw.send(raw::get(&site.daemon.address, "/openai/v1/models?mine", &site.key, &[]));
    raw.answer().text()
}

#[test]
fn h16_what_comes_on_an_idle_connection_ends_it() {
    for unasked in ["HTTP/1.1 408 Request Timeout\r\ncontent-length: 6\r\n\r\nstolen", "stolen", "\r\n"] {
        let (noticed, gone) = channel();
        let noticed = Mutex::new(noticed);
        let site = site(move |peer| {
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
            // By now the answer is with the client, and the connection with those that wait for work.
            std::thread::sleep(Duration::from_millis(100));
            peer.send(unasked);
            let mut rest = Vec::new();
            let _ = peer.stream().read_to_end(&mut rest);
            noticed.lock().unwrap().send(rest).unwrap();
        });
        assert_eq!(site.ask("/openai/v1/models?bad").text(), "ok");
        let rest = gone.recv_timeout(Duration::from_secs(30)).expect("the connection is closed");
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        site.is_fine(unasked);
    }
}

#[test]
fn h18_a_redirect_passes_and_is_not_followed() {
    let elsewhere = Wire::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen");
    });
    let (site, words) = scripted();
    for status in [301, 302, 303, 307, 308] {
        for location in [format!("{}/login", elsewhere.url()), "/openai/v1/models?id=9".to_owned()] {
            let said =
                format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 4\r\n\r\nmove");
            *words.lock().unwrap() = (said.into_bytes(), false);
            let before = site.wire.seen().len();
            let answer = site.ask("/openai/v1/models?bad");
            assert_eq!((answer.status, answer.text().as_str()), (status, "move"));
            assert_eq!(answer.field("location"), Some(location.as_str()));
            assert_eq!(answer.error(), None);
            assert_eq!(site.wire.seen().len(), before + 1);
        }
    }
    assert!(elsewhere.seen().is_empty());
}
