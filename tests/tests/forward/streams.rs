//! What is added to a stream of events: a last event when the gateway breaks off, and comments in a silence when settings want
//! them. Between two events only, and nowhere else.

use std::net::Shutdown;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigw_tests::live::Live;
use aigw_tests::machine::{Machine, Running};
use aigw_tests::raw::{self, Answer, Raw};
use aigw_tests::wire::Wire;
use serde_json::Value;

use super::{MESSAGES, wired};

const EVENTS: &str = "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n";
const PATHS: [&str; 3] = ["/anthropic/v1/messages", "/openai/v1/chat/completions", "/openai/v1/responses"];

/// A gateway whose every answer has these fields and pieces, and then breaks off, or waits for the test to end.
struct Site {
    said: Arc<Mutex<(String, Vec<Vec<u8>>)>>,
    daemon: Running,
    key: String,
    _wire: Wire,
    _machine: Machine,
}

impl Site {
    fn new(breaks_off: bool, settings: &str) -> Self {
        let said: Arc<Mutex<(String, Vec<Vec<u8>>)>> = Arc::default();
        let says = said.clone();
        let wire = Wire::start(move |peer| {
            while peer.request().is_some() {
                let (fields, pieces) = says.lock().expect("no panic").clone();
                peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
                for piece in pieces {
                    if fields.contains("chunked") {
                        peer.send([format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat());
                    } else {
                        peer.send(piece);
                    }
                }
                if breaks_off {
                    let _ = peer.stream().shutdown(Shutdown::Both);
                }
            }
        });
        let machine = wired(&wire);
        let file = machine.home().join("config/config.toml");
        let before = std::fs::read_to_string(&file).expect("settings");
        machine.configure(&format!("{before}{settings}"));
        let daemon = machine.start();
        let key = machine.key("env");
        Self { said, daemon, key, _wire: wire, _machine: machine }
    }

    fn begin(&self, path: &str, fields: &str, pieces: &[&[u8]]) -> Raw {
        *self.said.lock().expect("no panic") =
            (fields.to_owned(), pieces.iter().map(|piece| piece.to_vec()).collect());
        let mut raw = Raw::connect(&self.daemon.address);
        raw.send(raw::post(&self.daemon.address, path, &self.key, &[], MESSAGES));
        raw
    }

    /// The answer to a stream that is cut: its body must begin with the pieces. What comes after them.
    fn added(&self, path: &str, fields: &str, pieces: &[&[u8]]) -> String {
        let answer: Answer = self.begin(path, fields, pieces).answer();
        assert_eq!((answer.status, answer.whole), (200, false), "{path}: a cut is a cut");
        let all = pieces.concat();
        assert!(answer.body.starts_with(&all), "{path}: {}", answer.text());
        String::from_utf8(answer.body[all.len()..].to_vec()).expect("text")
    }
}

/// The one event that these lines are: its name, and its data.
fn event(text: &str) -> (Option<&str>, Value) {
    let lines: Vec<&str> = text.strip_suffix("\n\n").expect("a whole event").lines().collect();
    let name = lines.iter().find_map(|line| line.strip_prefix("event: "));
    let data = lines.last().and_then(|line| line.strip_prefix("data: ")).expect("data");
    assert_eq!(lines.len(), 1 + usize::from(name.is_some()), "{text}");
    (name, serde_json::from_str(data).expect("JSON"))
}

#[test]
fn r4_a_cut_between_two_events_is_told_in_the_streams_own_words() {
    let site = Site::new(true, "");
    for pieces in
        [&[][..], &[&b"data: {}\n\n"[..]], &[b"event: a\r\nda", b"ta: {}\r\n", b"\r\n"], &[b":\r\r"]]
    {
        for path in PATHS {
            let told = site.added(path, EVENTS, pieces);
            let (name, data) = event(&told);
            let message = match path {
                "/anthropic/v1/messages" => {
                    assert_eq!((name, &data["type"]), (Some("error"), &"error".into()));
                    assert_eq!(data["error"]["type"], "api_error");
                    &data["error"]["message"]
                }
                "/openai/v1/chat/completions" => {
                    assert_eq!((name, &data["error"]["type"]), (None, &"server_error".into()));
                    &data["error"]["message"]
                }
                _ => {
                    assert_eq!((name, &data["type"]), (Some("error"), &"error".into()));
                    assert!(data["sequence_number"].is_number() && data["code"].is_string());
                    &data["message"]
                }
            };
            assert!(message.as_str().unwrap().starts_with("aigw: the gateway broke off"), "{told}");
        }
    }
}

#[test]
fn r4_nothing_is_added_where_it_could_be_read_as_something_else() {
    let site = Site::new(true, "");
    let whole = b"data: {}\n\n";
    for (fields, pieces) in [
        (EVENTS.to_owned(), &[&whole[..], b"data: {\"a\""][..]),
        (EVENTS.to_owned(), &[b"data: {}\n"]),
        (EVENTS.to_owned(), &[b"data: {}\r\n"]),
        (format!("{EVENTS}content-encoding: gzip\r\n"), &[whole]),
        (EVENTS.replace("text/event-stream", "application/json"), &[whole]),
    ] {
        for path in PATHS {
            assert_eq!(site.added(path, &fields, pieces), "", "{fields} {pieces:?}");
        }
    }
    let long = "content-type: text/event-stream\r\ncontent-length: 1000\r\n";
    for path in PATHS {
        let mut raw = site.begin(path, long, &[whole]);
        let (_, mut bytes) = raw.head();
        bytes.extend(raw.rest());
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(whole), "{path}");
    }
}

#[test]
fn a_silence_is_filled_with_comments_if_settings_want_it() {
    let site = Site::new(false, "[stream]\nping_s = 1\n");
    let mut live = Live::of(site.begin(PATHS[0], EVENTS, &[b"data: {}\n\n"]));
    assert!(live.until("data: {}\n\n") && live.until(": ping\n\n"));
    live.forget();
    assert!(live.until(": ping\n\n"), "and again");
    // Not in the middle of an event, and not where nobody could read it.
    let gzip = format!("{EVENTS}content-encoding: gzip\r\n");
    let silent = [(EVENTS, &b"data: {"[..]), (&gzip, b"data: {}\n\n")].map(|(fields, piece)| {
        let mut live = Live::of(site.begin(PATHS[0], fields, &[piece]));
        assert!(live.until("data: {"));
        live
    });
    // By the time that another stream has two more of them, these would have had one.
    live.forget();
    assert!(live.until(": ping\n\n"));
    live.forget();
    assert!(live.until(": ping\n\n"));
    for live in silent {
        let mut raw = live.leave();
        raw.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let read = std::io::Read::read(raw.stream(), &mut [0; 64]);
        assert!(read.is_err(), "something was added: {read:?}");
    }
}
