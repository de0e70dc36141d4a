//! `aigwctl setup` and `undo`: what they do to tools' files on a real disk, with a real daemon.

#![cfg(unix)]
// Outside the test functions, too, a test may end where something is not as it must be.
#![allow(clippy::unwrap_used)]

mod asked;
mod drift;
mod files;
mod killed;
mod modes;
mod pays;
mod session;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aigw_tests::machine::Machine;

/// Every tool that has files, and what somebody may have in them.
const BEFORE: [(&str, &str, &str); 5] = [
    (
        "claude-code",
        ".claude/settings.json",
        "\u{feff}{\r\n\t// mine\r\n\t\"model\": \"opus\", /* here */\r\n\t\"env\" : { \"ANTHROPIC_AUTH_TOKEN\":\"sk-ant-old-secret\",\r\n\t\t\"DISABLE_TELEMETRY\": \"1\", },\r\n}\r\n",
    ),
    (
        "codex",
        ".codex/config.toml",
        "# mine\nmodel = \"gpt-5\"   # here\nmodel_provider = 'other'\n\n[model_providers.other]\nname = \"o\"\n[tui]\nx = [ 1,\n 2 ]",
    ),
    ("opencode", ".config/opencode/opencode.json", "{\"provider\": {\"anthropic\": {\"models\": {}}}}"),
    ("kilo", ".config/kilo/kilo.json", "// nothing yet\n"),
    ("pi", ".pi/agent/models.json", "{ }\n"),
];

fn put(machine: &Machine, file: &str, text: &str, mode: u32) {
    let file = machine.home().join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
}

fn read(machine: &Machine, file: &str) -> String {
    fs::read_to_string(machine.home().join(file)).unwrap()
}

type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32)>;

/// What is aigw's own in the home. The daemon writes there at any time.
const OURS: [&str; 6] = ["state", "run", "config", "cache", "log", "practice-ca.pem"];

/// Everything in the home but what is aigw's own: contents and modes.
fn snapshot(machine: &Machine) -> Snapshot {
    let mut found = Snapshot::new();
    walk(machine.home(), &OURS, &mut found);
    found
}

fn walk(folder: &Path, but: &[&str], into: &mut Snapshot) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if but.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else if metadata.is_dir() {
            walk(&path, &[], into);
            Vec::new()
        } else {
            fs::read(&path).unwrap_or_default()
        };
        into.insert(path, (content, metadata.permissions().mode()));
    }
}

#[track_caller]
fn same(now: &Snapshot, before: &Snapshot) {
    let differ: Vec<_> =
        now.keys().chain(before.keys()).filter(|path| now.get(*path) != before.get(*path)).collect();
    let texts = |all: &Snapshot| -> Vec<String> {
        differ
            .iter()
            .map(|path| {
                format!(
                    "{:?}",
                    all.get(*path).map(|(text, mode)| (String::from_utf8_lossy(text).into_owned(), *mode))
                )
            })
            .collect()
    };
    assert!(differ.is_empty(), "changed: {differ:#?}\n{:#?}\n{:#?}", texts(now), texts(before));
}
