//! Headless Chromium, driven through chromedriver (WebDriver) as a person would drive it: go to a page, click, read.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::eventually::eventually;
use crate::raw;

/// A new profile that talks to nobody by itself, in a process that root may start.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// The name under which WebDriver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One Chromium with one window and a profile of its own. Both end when this is dropped.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    profile: TempDir,
}

impl Browser {
    /// Starts it with this `HOME`, in which it looks for the user's own certificates (`.pki/nssdb`), and these flags.
    ///
    /// # Panics
    /// When `chromedriver` or `chromium` is not installed or does not start.
    pub fn start(home: &Path, flags: &[&str]) -> Self {
        let profile = tempfile::Builder::new().prefix("chromium").tempdir().expect("a scratch folder");
        let log = profile.path().join("chromedriver.log");
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log).expect("a log file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver; run by `.ci/full browser`");
        let mut browser = Self { driver, address: String::new(), session: String::new(), profile };
        browser.address = eventually("chromedriver tells its port", || {
            let text = std::fs::read_to_string(&log).ok()?;
            let port = text.split("successfully on port ").nth(1)?.split('.').next()?;
            Some(format!("127.0.0.1:{port}"))
        });
        let folder = format!("--user-data-dir={}", browser.profile.path().join("profile").display());
        let flags = [&FLAGS[..], flags, &[&folder]].concat();
        let options = json!({ "binary": "/usr/bin/chromium", "args": flags });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": false,
            // Shorter than this module waits for chromedriver.
            "timeouts": { "pageLoad": 20_000, "script": 20_000 },
            "goog:chromeOptions": options,
        } } });
        let begun =
            browser.ask("POST", "/session", &wanted).unwrap_or_else(|error| panic!("chromium: {error}"));
        let session = begun["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{session}");
        browser
    }

    /// Goes to a page as if its URL had been typed, and waits until it is loaded.
    ///
    /// # Errors
    /// Why it is not, such as `net::ERR_CERT_AUTHORITY_INVALID`.
    pub fn open(&self, url: &str) -> Result<(), String> {
        self.within("POST", "/url", &json!({ "url": url }))?;
        // A warning about a certificate is a page like others.
        self.text("body.ssl #error-code").map_or(Ok(()), Err)
    }

    /// Where it is now.
    ///
    /// # Panics
    /// When the browser has gone.
    pub fn url(&self) -> String {
        let url = self.within("GET", "/url", &Value::Null).expect("a page");
        url.as_str().expect("a URL").to_owned()
    }

    /// The visible text of the first element that this CSS selector finds; `None` when there is none (yet).
    pub fn text(&self, selector: &str) -> Option<String> {
        let element = self.element(selector)?;
        let text = self.within("GET", &format!("/element/{element}/text"), &Value::Null).ok()?;
        text.as_str().map(str::to_owned)
    }

    /// Clicks on the first element that this CSS selector finds, as soon as it is there.
    ///
    /// # Panics
    /// When it never is, or something lies over it.
    pub fn click(&self, selector: &str) {
        let element = eventually(selector, || self.element(selector));
        let clicked = self.within("POST", &format!("/element/{element}/click"), &json!({}));
        clicked.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Waits until an element has this text somewhere in it, across redirects.
    ///
    /// # Panics
    /// When it never does.
    pub fn wait_for(&self, selector: &str, text: &str) {
        let what = format!("{text:?} in {selector}");
        eventually(&what, || self.text(selector).filter(|found| found.contains(text)));
    }

    /// Sends one command of the DevTools protocol, such as `Network.getCertificate`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        let answer = self.within("POST", "/goog/cdp/execute", &body);
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn element(&self, selector: &str) -> Option<String> {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.within("POST", "/element", &by).ok()?;
        found[ELEMENT].as_str().map(str::to_owned)
    }

    fn within(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(method, &format!("{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        let message =
            format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let answer = raw::exchange(&self.address, message);
        let mut said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer.status {
            200 => Ok(said["value"].take()),
            status => {
                Err(said["value"]["message"].as_str().map_or(format!("status {status}"), str::to_owned))
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && matches!(self.driver.try_wait(), Ok(None)) {
            let _ = self.within("DELETE", "", &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
