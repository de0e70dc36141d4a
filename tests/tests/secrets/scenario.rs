//! Much is done with all that is marked: logins, requests, refusals, troubles, questions.

use std::fmt::Write;
use std::process::Output;
use std::time::Duration;

use aigw_gateway::{Ending, Practice, ProviderFault, Reply, Setup, WebSocket};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::raw::{self, Raw};
use aigw_tests::wire::Wire;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::marks::*;

const SETTINGS: &str = "
[gateway.default]
headers = { x-front-door = \"FRONT_DOOR\" }
[gateway.default.providers.anthropic]
mode = \"auto\"
[gateway.lab]
kind = \"generic\"
[gateway.lab.providers.openai]
base_url = \"LAB/api/v2/ai-gateway/openai/v1\"
[gateway.odd]
kind = \"generic\"
wait_s = 0
[gateway.odd.providers.openai]
base_url = \"ODD\"
credential = \"none\"
[gateway.odd.providers.anthropic]
base_url = \"http://127.0.0.1:1\"
credential = \"none\"
[tunnel]
upstream_proxy = \"http://ada:PROXY_LOGIN@127.0.0.1:1\"
";

/// What was done, and all that came of it.
pub struct Scenario {
    pub gateway: Practice,
    pub machine: Machine,
    daemon: Running,
    pub key: String,
    pub token: String,
    /// The one that the daemon had made with it.
    pub own: String,
    pub provider_key: String,
    /// Everything that aigwctl printed, and every answer of the daemon's own.
    pub printed: String,
}

impl Scenario {
    pub async fn begin() -> Self {
        let mut setup = Setup::default();
        setup.behaviour.stream.text = format!("first {ANSWER} last");
        let gateway = Practice::start(setup).await.expect("a practice gateway");
        let odd = Wire::start(|peer| {
            if peer.request().is_some() {
                let garbage =
                    format!("HTTP/1.1 200 OK\r\n{ANSWER_FIELD}\x01: {ANSWER_FIELD}\r\n\r\n{ANSWER}");
                peer.send(garbage);
            }
        });
        let mut machine = machine!();
        // Somebody else's wish to see more is no reason to show more.
        machine.set("RUST_LOG", "trace");
        machine.set("RUST_BACKTRACE", "full");
        machine.set("AIGW_LOG_TO", "file");
        machine.configure(
            &SETTINGS
                .replace("FRONT_DOOR", FRONT_DOOR)
                .replace("PROXY_LOGIN", PROXY_LOGIN)
                .replace("LAB", &gateway.url())
                .replace("ODD", &odd.url()),
        );
        let daemon = machine.start();
        let day = Duration::from_secs(86_400);
        let (token, provider_key) = (gateway.issue_token("ada", day), gateway.issue_token("lab", day));
        let key = machine.key("env");
        Self {
            gateway,
            machine,
            daemon,
            key,
            token,
            own: String::new(),
            provider_key,
            printed: String::new(),
        }
    }

    /// Runs aigwctl.
    pub fn ctl(&mut self, words: &[&str], input: &str) -> Output {
        let output = self.machine.ctl_with_input(words, input);
        writeln!(self.printed, "{}", told(&output)).expect("memory");
        output
    }

    /// Sends a message, and keeps the answer if it is the daemon's own. Its status.
    fn send(&mut self, message: &str) -> u16 {
        let answer = raw::exchange(&self.daemon.address, message);
        if answer.error().is_some() {
            writeln!(self.printed, "{} {:?} {}", answer.status, answer.fields, answer.text())
                .expect("memory");
        }
        answer.status
    }

    /// Posts with these fields, and marks in everything that a tool can mark.
    pub fn post(&mut self, path: &str, credentials: &[&str]) -> u16 {
        let fields: String = credentials.iter().map(|field| format!("{field}\r\n")).collect();
        let body = format!(
            r#"{{"model":"m","max_tokens":9,"stream":true,"input":"{PROMPT}","messages":[{{"role":"user","content":"{PROMPT}"}}]}}"#
        );
        self.send(&format!(
            "POST {path}?beta={QUERY}&api-version={QUERY} HTTP/1.1\r\nhost: {}\r\n{fields}cookie: session={COOKIE}\r\nuser-agent: {FIELD}\r\nx-custom: {FIELD}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.daemon.address,
            body.len()
        ))
    }

    fn get(&mut self, target: &str, fields: &str) -> u16 {
        let message = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n{fields}\r\n", self.daemon.address);
        self.send(&message)
    }

    pub fn logins(&mut self) {
        let (url, token) = (self.gateway.url(), self.token.clone());
        assert!(!self.ctl(&["login", &url, "--token-stdin"], WRONG_TOKEN).status.success());
        assert!(!self.ctl(&["login", &url, "--token-stdin", "--json"], WRONG_TOKEN).status.success());
        assert!(!self.ctl(&["login", "http://127.0.0.1:1", "--token-stdin"], &token).status.success());
        assert!(!self.ctl(&["login", &url, "--token-stdin"], &format!("{QUERY}{PROMPT}")).status.success());
        assert!(self.ctl(&["login", &url, "--token-stdin"], &token).status.success());
        self.own = self.machine.held_token("default").expect("a token");
        let keys = format!("openai={}\n", self.provider_key);
        let wrong = format!("openai={WRONG_PROVIDER_KEY}\n");
        assert!(!self.ctl(&["login", "--name", "lab", "--token-stdin"], &wrong).status.success());
        assert!(self.ctl(&["login", "--name", "lab", "--token-stdin"], &keys).status.success());
    }

    /// Keys in all places, right and wrong, alone and together with what tools have of their own.
    pub fn keys(&mut self) {
        let key = self.key.clone();
        let basic = STANDARD.encode(format!("aigw:{key}"));
        let wrong_basic = STANDARD.encode(format!("aigw:{WRONG_KEY}"));
        let in_path = format!("/_k/{key}/anthropic/v1/messages");
        for (path, credentials, status) in [
            ("/anthropic/v1/messages", vec![format!("x-api-key: {key}")], 200),
            ("/anthropic/v1/messages", vec![format!("authorization: Bearer {key}")], 200),
            ("/anthropic/v1/messages", vec![format!("authorization: Basic {basic}")], 200),
            ("/anthropic/v1/messages", vec![format!("proxy-authorization: Basic {basic}")], 200),
            (
                "/anthropic/v1/messages",
                vec![format!("x-aigw-key: {key}"), format!("x-api-key: {OWN_KEY}")],
                200,
            ),
            (&in_path, vec![format!("authorization: Bearer {OWN_LOGIN}")], 200),
            ("/openai/v1/responses", vec![format!("api-key: {key}"), format!("x-api-key: {key}")], 200),
            ("/openai/v1/chat/completions", vec![format!("authorization: Bearer {key}")], 200),
            (
                "/copilot/chat/completions",
                vec![format!("x-aigw-key: {key}"), format!("authorization: Bearer {GITHUB}")],
                200,
            ),
            ("/copilot/chat/completions", vec![format!("x-aigw-key: {key}")], 403),
            ("/_g/lab/openai/v1/responses", vec![format!("x-api-key: {key}")], 200),
            ("/anthropic/v1/messages", vec![format!("x-api-key: {WRONG_KEY}")], 403),
            (
                "/openai/v1/responses",
                vec![format!("x-api-key: {key}"), format!("authorization: Bearer {WRONG_KEY}")],
                403,
            ),
            ("/openai/v1/responses", vec![format!("proxy-authorization: Basic {wrong_basic}")], 403),
            ("/openai/v1/responses", vec![format!("authorization: Bearer {OWN_LOGIN}")], 403),
            (
                "/openai/v1/responses",
                vec![format!("x-api-key: {key}"), format!("authorization: Bearer {}", self.token)],
                200,
            ),
        ] {
            let credentials: Vec<_> = credentials.iter().map(String::as_str).collect();
            assert_eq!(self.post(path, &credentials), status, "{path} {credentials:?}");
        }
        assert_eq!(self.get(&format!("/_k/{WRONG_KEY}/openai/v1/models"), ""), 403);
        assert_eq!(self.get(&format!("/openai/v1/models?key={key}"), ""), 403);
        assert_eq!(self.get(&format!("/openai/{key}/models"), ""), 400);
        let cookie = format!("x-api-key: {key}\r\ncookie: a={key}; b={COOKIE}\r\n");
        assert_eq!(self.get(&format!("/openai/v1/models?after={QUERY}"), &cookie), 200);
    }

    /// Requests that stop at the door.
    pub fn refusals(&mut self) {
        let (address, key) = (self.daemon.address.clone(), self.key.clone());
        let head =
            format!("host: {address}\r\nx-api-key: {key}\r\ncookie: c={COOKIE}\r\nx-custom: {FIELD}\r\n");
        for message in [
            format!("GET /openai/v1/models?q={QUERY} HTTP/1.1\r\n{head}origin: https://{FIELD}\r\n\r\n"),
            format!("GET /openai/v1/models?q={QUERY} HTTP/1.1\r\n{head}sec-fetch-site: cross-site\r\n\r\n"),
            format!(
                "GET /openai/v1/models?q={QUERY} HTTP/1.1\r\nhost: {FIELD}.example\r\nx-api-key: {key}\r\n\r\n"
            ),
            format!("GET /openai/v1/models?q={QUERY} HTTP/1.1\r\n{head}{head}\r\n"),
            format!("GET /{QUERY}\u{1}?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("GET /openai/v1/models HTTP/1.1\r\n{head}bad name {FIELD}: {FIELD}\r\n\r\n"),
            format!("GET /openai/v1/models HTTP/1.1\r\n{head}bad-value: {FIELD}\u{0}{key}\r\n\r\n"),
            format!("POST /openai/v1/responses HTTP/1.1\r\n{head}transfer-encoding: {FIELD}\r\n\r\n{PROMPT}"),
            format!("POST /openai/v1/responses HTTP/1.1\r\n{head}content-length: {FIELD}\r\n\r\n{PROMPT}"),
            format!(
                "POST /openai/v1/responses HTTP/1.1\r\n{head}transfer-encoding: chunked\r\n\r\n{PROMPT}\r\n"
            ),
            format!(
                "POST /openai/v1/responses HTTP/1.1\r\n{head}expect: {FIELD}\r\ncontent-length: 0\r\n\r\n"
            ),
            format!("GET /openai/../sessions?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("GET /api/v2/aibridge/sessions?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("GET /_aigw/{FIELD}?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("TRACE /openai/v1/models?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!(
                "CONNECT {FIELD}.example:443 HTTP/1.1\r\n{head}proxy-authorization: Bearer {key}\r\n\r\n"
            ),
            format!("GET http://{FIELD}.example/?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("GET /openai/v1/models HTTP/1.1\r\n{head}x-long: {}\r\n\r\n", FIELD.repeat(8192)),
            format!("GET /_g/nobody/openai/v1/models?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("GET /_g/odd/openai/v1/models?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
            format!("GET /_g/odd/anthropic/v1/models?q={QUERY} HTTP/1.1\r\n{head}\r\n"),
        ] {
            let status = self.send(&message);
            assert!(status == 0 || status >= 400, "{status} to {message}");
        }
    }

    /// A gateway that is not well.
    pub async fn troubles(&mut self) {
        let key = format!("x-api-key: {}", self.key);
        let key = [key.as_str()];
        for path in ["/anthropic/v1/messages", "/openai/v1/responses"] {
            let marked = |status: u16, text: &str| {
                Reply::plain(status, text).header("set-cookie", ANSWER_FIELD).header("x-custom", ANSWER_FIELD)
            };
            for (reply, status) in [
                (marked(401, &format!("no {ANSWER}")), 403),
                (marked(302, ANSWER).header("location", &format!("https://{ANSWER_FIELD}.example")), 302),
                (marked(500, &ANSWER.repeat(1000)), 500),
                (Reply::hang_up(), 502),
            ] {
                self.gateway.answer_next(1, reply);
                assert_eq!(self.post(path, &key), status, "{path}");
            }
            self.gateway.change(|behaviour| behaviour.provider_fault = Some(ProviderFault::KeyRejected));
            assert_eq!(self.post(path, &key), 403);
            self.gateway.change(|behaviour| behaviour.provider_fault = None);
            self.gateway.change(|behaviour| behaviour.budget_exceeded = true);
            assert_eq!(self.post(path, &key), 403);
            self.gateway.change(|behaviour| behaviour.budget_exceeded = false);
            for ending in [Ending::Cut, Ending::Error] {
                self.gateway.change(|behaviour| behaviour.stream.ending = ending);
                assert_eq!(self.post(path, &key), 200);
            }
            self.gateway.change(|behaviour| behaviour.stream.ending = Ending::Complete);
        }
        let upgrade = format!(
            "x-api-key: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
            self.key
        );
        for (websocket, status) in [(WebSocket::Relay, 101), (WebSocket::Old, 426)] {
            self.gateway.change(|behaviour| behaviour.websocket = websocket);
            assert_eq!(self.get(&format!("/openai/v1/responses?q={QUERY}"), &upgrade), status);
        }
        self.gateway.stop().await;
        assert_eq!(self.post("/anthropic/v1/messages", &key), 503);
        self.gateway.restart().await.expect("the same port");
        assert!(self.gateway.revoke(&self.machine.held_token("default").expect("a token")));
        assert_eq!(self.post("/anthropic/v1/messages", &key), 403);
    }

    /// A client that goes away in the middle of its request.
    pub fn leave(&mut self) {
        let mut raw = Raw::connect(&self.daemon.address);
        raw.send(format!(
            "POST /openai/v1/responses?q={QUERY} HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\ncontent-length: 999\r\n\r\n{PROMPT}",
            self.daemon.address, self.key
        ));
    }

    /// What a person asks, and what is printed for them.
    pub fn questions(&mut self) {
        for words in ["", "status", "config show", "keys", "keys list", "version", "reload"] {
            let words: Vec<_> = words.split_whitespace().collect();
            self.ctl(&words, "");
            self.ctl(&[words.as_slice(), &["--json"]].concat(), "");
        }
        // These hold the key, and are to; nothing else.
        for more in [&[][..], &["--proxy"], &["--json"], &["--shell", "fish"], &["--unset"]] {
            let words = [&["env"], more].concat();
            let output = self.machine.ctl(&words);
            writeln!(self.printed, "{}", told(&output).replace(&self.key, "KEY")).expect("memory");
        }
    }

    /// Settings that make no sense, with a secret on the very line.
    pub fn bad_settings(&mut self) {
        let file = self.machine.home().join("config/config.toml");
        let good = std::fs::read_to_string(&file).expect("settings");
        for bad in [
            format!("[gateway.default]\nheaders = {{ x-front-door = \"{FRONT_DOOR}\"\n"),
            format!("[gateway.default]\nheaders = \"{FRONT_DOOR}\"\n"),
            format!("[gateway.default]\nheaders = {{ x-front-door = \"{FRONT_DOOR}\u{e9}\" }}\n"),
            format!("[tunnel]\nupstream_proxy = \"ftp://ada:{PROXY_LOGIN}@proxy\"\n"),
        ] {
            self.machine.configure(&bad);
            assert!(!self.ctl(&["reload"], "").status.success(), "{bad}");
            self.daemon.signal("HUP");
            self.questions();
        }
        std::fs::write(file, good).expect("settings");
        assert!(self.ctl(&["reload"], "").status.success());
    }
}
