//! Logins in a real Secret Service: GNOME Keyring, on a bus of its own. Its process is stopped where a keyring that never
//! answers is wanted.

// Outside the test functions, too, a test may end where something is not as it must be.
#![allow(clippy::unwrap_used)]

mod bus;
mod killed;
mod moves;
mod trouble;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::raw::{self, Answer};

use bus::Bus;

/// A request of Claude Code, cut short.
const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

/// A daemon on a bus, and a gateway. The daemon ends before the bus does.
struct Desk {
    daemon: Option<Running>,
    gateway: Practice,
    machine: Machine,
    bus: Bus,
}

impl Desk {
    /// With an open keyring, and nobody logged in.
    async fn set() -> Self {
        Self::on(Bus::with_open_keyring()).await
    }

    async fn on(bus: Bus) -> Self {
        let gateway = Practice::start(Setup::default()).await.unwrap();
        // So that the token which was given is the one that is kept, and a test knows it.
        gateway.change(|behaviour| behaviour.minting_refused = true);
        let mut machine = machine!();
        machine.set("DBUS_SESSION_BUS_ADDRESS", &bus.address);
        let daemon = Some(machine.start());
        Self { daemon, gateway, machine, bus }
    }

    fn token(&self) -> String {
        self.gateway.issue_token("ada", Duration::from_secs(86_400))
    }

    /// Logs in with a fresh token, which is returned.
    fn log_in(&self, store: &str) -> String {
        let token = self.token();
        let output = self.machine.log_in_with(&self.gateway, &token, &["--store", store]);
        assert!(output.status.success(), "{}\n{}", told(&output), self.machine.log());
        token
    }

    /// Begins a login, which then waits for its token.
    fn begin(&self, store: &str) -> Login {
        let login = Command::new(env!("CARGO_BIN_EXE_aigwctl_under_test"))
            .args(["login", &self.gateway.url(), "--token-stdin", "--store", store])
            .env("AIGW_HOME", self.machine.home())
            .env("HOME", self.machine.home())
            .env("XDG_RUNTIME_DIR", self.machine.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Login(login)
    }

    fn daemon(&mut self) -> &mut Running {
        self.daemon.as_mut().unwrap()
    }

    /// Ends the daemon without warning.
    fn kill(&mut self) {
        self.daemon().signal("KILL");
        self.daemon().ended();
        self.daemon = None;
    }

    fn restart(&mut self) {
        self.kill();
        self.daemon = Some(self.machine.start());
    }

    fn post(&self) -> Answer {
        let address = &self.daemon.as_ref().unwrap().address;
        let key = self.machine.key("env");
        raw::exchange(address, raw::post(address, "/anthropic/v1/messages", &key, &[], MESSAGES))
    }

    /// The token that a request goes out with, or the failure that it is refused with.
    fn sent(&self) -> Result<String, String> {
        self.gateway.forget_requests();
        let answer = self.post();
        if answer.status != 200 {
            assert_eq!(answer.status, 403, "{}", answer.text());
            return Err(answer.error().unwrap().to_owned());
        }
        let seen = self.gateway.provider_requests().pop().unwrap();
        Ok(seen.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned())
    }

    fn store(&self) -> String {
        self.machine.ask(&["status"])["gateways"][0]["store"].as_str().unwrap_or("none").to_owned()
    }

    fn has_finding(&self, code: &str) -> bool {
        self.machine.findings().iter().any(|found| found == code)
    }

    fn eventually_sends(&self, token: &str) {
        eventually("requests go out with the login", || (self.sent().as_deref() == Ok(token)).then_some(()));
    }

    /// Whether the secret part of a token is in a file of ours.
    fn in_a_file(&self, token: &str) -> bool {
        in_a_file(self.machine.home(), token.split('-').next_back().unwrap())
    }
}

/// A login that was begun.
struct Login(Child);

impl Login {
    /// Gives it the token.
    fn with(mut self, token: &str) -> Self {
        self.0.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
        self
    }

    /// Waits for its end: the exit code, and what it said was wrong.
    fn wait(self) -> (Option<i32>, String) {
        let output = self.0.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

fn in_a_file(folder: &Path, what: &str) -> bool {
    // A file may go while we look.
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => in_a_file(&entry.path(), what),
        Ok(kind) if kind.is_file() => {
            std::fs::read(entry.path()).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(what))
        }
        _ => false,
    })
}
