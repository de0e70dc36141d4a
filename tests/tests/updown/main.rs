//! `aigwctl up`, `down`, `pause` and `resume`: a whole scratch home before, between and after, with real programs.

#![cfg(unix)]
// Outside the test functions, too, a test may end where something is not as it must be.
#![allow(clippy::unwrap_used)]

mod down;
mod pause;
mod snippets;
mod up;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use serde_json::Value;

const AIGWD: &str = env!("CARGO_BIN_EXE_aigwd_under_test");
const CLAUDE: (&str, &str) = (
    ".claude/settings.json",
    "{\r\n\t\"model\": \"opus\",\r\n\t\"env\" : { \"ANTHROPIC_AUTH_TOKEN\":\"sk-ant-old-secret\" }\r\n}\r\n",
);
const CODEX: (&str, &str) = (".codex/config.toml", "# mine\nmodel_provider = 'other'\n[tui]\nx = [ 1,\n 2 ]");

/// A home as a user's is, aigw's folders in it where the system has them, and a practice gateway.
struct Desk {
    machine: Machine,
    gateway: Practice,
    ca: String,
}

impl Desk {
    async fn new() -> Self {
        let gateway = Practice::start(Setup { tls: true, ..Setup::default() }).await.unwrap();
        let mut machine = machine!();
        machine.set("AIGW_HOME", "");
        machine.set("AIGW_LISTEN_PORT", "0");
        // Whatever is installed here.
        machine.set("PATH", "/usr/bin:/bin");
        for (file, text) in [CLAUDE, CODEX, ("company.pem", gateway.ca_pem()), (".config/other/x", "theirs")]
        {
            put(&machine, file, text);
        }
        let ca = machine.home().join("company.pem").display().to_string();
        Self { machine, gateway, ca }
    }

    /// `up` with a token, for a script.
    fn up(&self, more: &[&str]) -> (i32, Value) {
        let url = self.gateway.url();
        let words = [&["up", &url, "--ca-file", &self.ca, "--token-stdin", "--aigwd", AIGWD, "--json"], more]
            .concat();
        let token = self.gateway.issue_token("ada", Duration::from_secs(86_400));
        let output = self.machine.ctl_with_input(&words, &token);
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        (output.status.code().unwrap(), answer)
    }

    fn down(&self, more: &[&str]) -> (i32, Value) {
        let output = self.machine.ctl(&[&["down", "--aigwd", AIGWD, "--json"], more].concat());
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        (output.status.code().unwrap(), answer)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Nobody else ends what `up` began.
        self.machine.ctl(&["stop"]);
    }
}

/// Each step with how it ended.
fn steps(answer: &Value) -> Vec<(&str, &str)> {
    let rows = answer["steps"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().map(|row| (row["step"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

fn put(machine: &Machine, file: &str, text: &str) {
    let file = machine.home().join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
}

fn read(machine: &Machine, file: &str) -> String {
    fs::read_to_string(machine.home().join(file)).unwrap()
}

type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32)>;

/// Everything in the home, without these folders: contents and modes.
fn snapshot(home: &Path, but: &[PathBuf]) -> Snapshot {
    let mut found = Snapshot::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if but.contains(&path) {
                continue;
            }
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap_or_default()
            };
            found.insert(path, (content, metadata.permissions().mode()));
        }
    }
    found
}

#[track_caller]
fn same(now: &Snapshot, before: &Snapshot) {
    let differ: Vec<_> =
        now.keys().chain(before.keys()).filter(|path| now.get(*path) != before.get(*path)).collect();
    let texts = |all: &Snapshot| -> Vec<String> {
        let text = |path: &&PathBuf| {
            format!(
                "{:?}",
                all.get(*path).map(|(text, mode)| (String::from_utf8_lossy(text).into_owned(), *mode))
            )
        };
        differ.iter().map(text).collect()
    };
    assert!(differ.is_empty(), "changed: {differ:#?}\n{:#?}\n{:#?}", texts(now), texts(before));
}
