//! The CA of this machine through `aigwctl`, judged by `openssl`.

#![cfg(unix)]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod bundle;
mod company;
mod first;
mod openssl;
mod rotate;
mod shape;
mod trouble;
mod variables;

use std::path::PathBuf;
use std::process::Output;

use aigw_tests::machine::{Machine, told};
use serde_json::Value;

/// Exit code and `error.code` of a command that failed.
#[track_caller]
fn failed(output: &Output) -> (i32, String) {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)));
    assert!(!output.status.success(), "{answer:#}");
    (output.status.code().unwrap(), answer["error"]["code"].as_str().unwrap().to_owned())
}

/// What a person sees on stdout.
#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A path in an answer.
fn path(answer: &Value, name: &str) -> PathBuf {
    PathBuf::from(answer[name].as_str().unwrap_or_else(|| panic!("{name}: {answer:#}")))
}

/// The certificates in a file of PEM, as text.
fn pems(file: impl AsRef<std::path::Path>) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.split_inclusive("-----END CERTIFICATE-----\n").map(|pem| pem.trim_start().to_owned()).collect()
}

/// The private keys anywhere below a home.
fn keys(machine: &Machine) -> Vec<PathBuf> {
    fn walk(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                walk(&path, found);
            } else if std::fs::read(&path)
                .is_ok_and(|bytes| bytes.windows(11).any(|window| window == b"PRIVATE KEY"))
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(machine.home(), &mut found);
    found.sort();
    found
}
