//! The life of the daemon: it starts on what it finds, stops without hurting anybody, and survives being killed.

#![cfg(unix)]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod crash;
mod damage;
mod drain;
mod files;
mod findings;
mod given;
mod handover;
mod limits;
mod logs;
mod reload;
mod start;
mod supervised;

use aigw_gateway::{Behaviour, Ending, Setup, Stream};

const HELLO: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const MESSAGES: &str = "/anthropic/v1/messages";

/// A gateway whose answers go on until the client leaves.
fn endless() -> Setup {
    let stream = Stream {
        text: "on and on".to_owned(),
        gap: std::time::Duration::from_millis(20),
        ending: Ending::Endless,
        ..Stream::default()
    };
    Setup { tls: true, behaviour: Behaviour { stream, ..Behaviour::default() }, ..Setup::default() }
}
