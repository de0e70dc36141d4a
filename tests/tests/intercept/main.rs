//! Inside an intercepted tunnel: what goes to the gateway and with whose credential, what goes to the real host, and what
//! goes nowhere.

#![cfg(unix)]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod clear;
mod distrust;
mod drain;
mod failures;
mod frames;
mod framing;
mod github;
mod greeting;
mod http2;
mod keys;
mod pages;
mod pause;
mod real_host;
mod reload;
mod routes;
mod secrets;
mod sockets;
mod stage;

/// A request of Claude Code, cut short.
const MESSAGES: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
/// And one of Codex.
const RESPONSES: &str = r#"{"model":"gpt-5","stream":true,"input":"hi"}"#;
/// Everything that a tool may ask for in its TLS greeting.
const H2: &[&str] = &["h2", "http/1.1"];
const H1: &[&str] = &["http/1.1"];
