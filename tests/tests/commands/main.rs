//! The real `aigwctl` with the real `aigwd`: what people and scripts rely on.

// Outside the test functions, too, a test may end where something is not as it must be.
#![allow(clippy::unwrap_used)]

mod account;
mod bug_report;
mod byok;
mod doctor;
mod gateways;
mod given;
mod keys;
mod life;
mod logins;
mod models;
mod proof;
mod run;
mod show;
mod stores;
mod token_file;
mod variables;
mod ways;

use std::process::Output;

use serde_json::Value;

/// A request of Claude Code, cut short.
const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

/// The failure that a command told a script about: exit code, and `error.code`.
#[track_caller]
fn failed(output: &Output) -> (i32, String) {
    assert!(output.stderr.is_empty(), "{}", aigw_tests::machine::told(output));
    let answer = json(output);
    assert_eq!(names(&answer), ["error", "schema"]);
    assert_eq!(names(&answer["error"]), ["code", "cure", "text"]);
    assert!(answer["error"].as_object().unwrap().values().all(|text| !text.as_str().unwrap().is_empty()));
    (output.status.code().unwrap(), answer["error"]["code"].as_str().unwrap().to_owned())
}

/// The one object on stdout.
#[track_caller]
fn json(output: &Output) -> Value {
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(answer["schema"], 1);
    answer
}

/// The names in an object, in alphabetical order.
fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What a person sees on stdout.
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", aigw_tests::machine::told(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// Whether this is a point in time as scripts are told it: RFC 3339 in UTC.
fn is_moment(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    form == "0000-00-00T00:00:00Z"
}
