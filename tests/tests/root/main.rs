//! What needs root: another user of the machine, and mounts and namespaces that nobody else sees.
//!
//! Run as uid 0, with `setpriv`, `unshare` and `mount` of util-linux: `cargo test -p aigw-tests --features root --test root`.

#![cfg(target_os = "linux")]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod disk;
mod namespace;
mod net;
mod network;
#[path = "../ca/openssl.rs"]
#[allow(dead_code)]
mod openssl;
mod other_user;
mod policy;
mod programs;
mod stage;
#[path = "../control/talk.rs"]
#[allow(dead_code)]
mod talk;
mod tampering;
mod trust;

const HELLO: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const MESSAGES: &str = "/anthropic/v1/messages";
