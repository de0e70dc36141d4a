//! `kill -9` at any moment: the next run of either kind leaves a whole.

use std::time::{Duration, Instant};

use aigw_tests::machine;
use aigw_tests::machine::Machine;

use crate::{BEFORE, put, same, snapshot};

/// Tools with a file of each format, and what somebody may have in those that [`BEFORE`] has not.
const SETUP: [&str; 12] = [
    "setup",
    "claude-code",
    "codex",
    "opencode",
    "kilo",
    "pi",
    "aider",
    "copilot-cli",
    "--shell-rc",
    "--model",
    "gpt-x",
    "--yes",
];
const MORE: [(&str, &str); 3] = [
    (".aider.conf.yml", "# mine\nmodel:   sonnet # here\nread:\n- A.md\n\n## the end"),
    (".bashrc", "alias a=b\r\nif true; then\r\n  c\r\nfi"),
    (".codex/.env", "# mine\nexport HTTPS_PROXY = 'http://old' # here\nA=1"),
];
const UNDO: [&str; 3] = ["undo", "--all", "--yes"];

fn well(machine: &Machine, words: &[&str]) -> Duration {
    let begun = Instant::now();
    let output = machine.ctl(words);
    assert!(output.status.success(), "{words:?}: {}", machine::told(&output));
    begun.elapsed()
}

/// A machine whose user has files, or none.
macro_rules! furnished {
    ($there:expr) => {{
        let mut machine = machine!();
        machine.set("SHELL", "/bin/bash");
        let files = BEFORE.iter().map(|(_, file, text)| (*file, *text)).chain(MORE);
        files.filter(|_| $there).for_each(|(file, text)| put(&machine, file, text, 0o640));
        machine
    }};
}

fn any_moment_will_do(there: bool) {
    let machine = furnished!(there);
    let _daemon = machine.start();
    let before = snapshot(&machine);
    let mut took = well(&machine, &SETUP);
    let after = snapshot(&machine);
    let ours: Vec<_> =
        after.iter().filter(|(path, file)| before.get(*path) != Some(*file)).map(|(path, _)| path).collect();
    took = took.max(well(&machine, &UNDO));
    same(&snapshot(&machine), &before);
    let (mut at_setup, mut at_undo, mut halves) = (0, 0, 0);
    for moment in 0..300_u32 {
        if at_setup >= 20 && at_undo >= 10 && halves >= 3 {
            return;
        }
        // In no order, so that a machine which is slower now than it was is met in the middle, too.
        let at = took * (moment * 7 % 40) / 40;
        at_setup += u32::from(machine.ctl_killed(&SETUP, at));
        let now = snapshot(&machine);
        let changed = ours.iter().filter(|path| now.get(**path) != before.get(**path)).count();
        halves += u32::from(
            changed > 0 && changed < ours.len()
                || now.keys().any(|path| path.to_string_lossy().contains("aigw-draft")),
        );
        match moment % 3 {
            // Given up.
            0 => {
                let _ = machine.ctl(&UNDO);
                same(&snapshot(&machine), &before);
            }
            // Completed, and then undone by somebody who is killed, too.
            1 => {
                well(&machine, &SETUP);
                at_undo += u32::from(machine.ctl_killed(&UNDO, at));
                let _ = machine.ctl(&UNDO);
                same(&snapshot(&machine), &before);
            }
            // Undone halfway, and completed after all.
            _ => {
                at_undo += u32::from(machine.ctl_killed(&UNDO, at));
                well(&machine, &SETUP);
                let keys = |all: &crate::Snapshot| {
                    all.iter()
                        .map(|(path, (text, mode))| (path.clone(), unkeyed(text), *mode))
                        .collect::<Vec<_>>()
                };
                assert_eq!(keys(&snapshot(&machine)), keys(&after));
                well(&machine, &UNDO);
                same(&snapshot(&machine), &before);
            }
        }
    }
    panic!(
        "killed at work {at_setup} and {at_undo} times, {halves} times with some files changed and others not"
    );
}

/// Without the secret part of local keys, which is another after each undo.
fn unkeyed(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).into_owned();
    let mut parts = text.split("aigw_");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| {
        all + "aigw_"
            + part.split_once('_').map_or(part, |(name, rest)| {
                if rest.len() > 43 && name.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
                    &rest[43..]
                } else {
                    part
                }
            })
    })
}

#[test]
fn with_files_that_are_there() {
    any_moment_will_do(true);
}

#[test]
fn with_no_files_at_all() {
    any_moment_will_do(false);
}

/// The calls that change a disk, or wait for it. Killed before each one of each.
#[cfg(feature = "root")]
const CALLS: [&str; 9] =
    ["rename", "renameat", "renameat2", "fsync", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir"];

/// Runs it under strace, which kills it at this call of this kind.
#[cfg(feature = "root")]
fn killed_at(machine: &Machine, words: &[&str], call: &str, count: u32) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={count}");
    let output = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject])
        .arg(env!("CARGO_BIN_EXE_aigwctl_under_test"))
        .args(words)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(["HOME", "AIGW_HOME", "XDG_RUNTIME_DIR"].map(|name| (name, machine.home())))
        .env("SHELL", "/bin/bash")
        .output()
        .expect("strace");
    // It dies as what it traced has died.
    let ended = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert!(ended == Some(9) || output.status.success(), "{}", machine::told(&output));
    ended == Some(9)
}

/// With one tool of each format, in groups, since every file makes every run longer.
#[cfg(feature = "root")]
fn at_each_write(words: &[&str], there: bool, least: u32) {
    let machine = furnished!(there);
    let _daemon = machine.start();
    let before = snapshot(&machine);
    let mut kills = 0;
    for call in CALLS {
        for count in 1.. {
            let setup = killed_at(&machine, words, call, count);
            let _ = machine.ctl(&UNDO);
            same(&snapshot(&machine), &before);
            well(&machine, words);
            let undo = killed_at(&machine, &UNDO, call, count);
            if count % 2 == 0 {
                well(&machine, words);
            }
            let _ = machine.ctl(&UNDO);
            same(&snapshot(&machine), &before);
            kills += u32::from(setup) + u32::from(undo);
            if !setup && !undo {
                break;
            }
        }
    }
    assert!(kills > least, "killed {kills} times");
}

#[cfg(feature = "root")]
const JSON_AND_TOML: [&str; 4] = ["setup", "claude-code", "codex", "--yes"];

#[cfg(feature = "root")]
const YAML_AND_SHELL: [&str; 7] =
    ["setup", "aider", "copilot-cli", "--shell-rc", "--model", "gpt-x", "--yes"];

#[cfg(feature = "root")]
const VARIABLES: [&str; 5] = ["setup", "codex", "--mode", "proxy", "--yes"];

#[test]
#[cfg(feature = "root")]
fn at_each_write_with_files_that_are_there() {
    at_each_write(&JSON_AND_TOML, true, 40);
}

#[test]
#[cfg(feature = "root")]
fn at_each_write_with_no_files_at_all() {
    at_each_write(&JSON_AND_TOML, false, 40);
}

#[test]
#[cfg(feature = "root")]
fn at_each_write_of_lines_and_blocks() {
    at_each_write(&YAML_AND_SHELL, true, 40);
}

#[test]
#[cfg(feature = "root")]
fn at_each_write_of_variables() {
    at_each_write(&VARIABLES, true, 15);
}
