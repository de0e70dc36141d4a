//! Logins that do not end: the token that is made for this machine, its replacement while requests go on, sessions that
//! are kept alive, and what becomes of a request whose token is refused.

#![allow(clippy::unwrap_used, reason = "a test may end wherever something is not as it must be")]

mod crash;
mod minting;
mod refused;
mod rotation;
mod sessions;

use std::time::Duration;

use aigw_gateway::{Alive, Practice};
use aigw_tests::scene::Scene;
use serde_json::Value;

const HOUR: Duration = Duration::from_secs(3600);
/// A request of Claude Code, cut short.
const MESSAGES: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const PATH: &str = "/anthropic/v1/messages";

/// The named tokens of a user, of those that are alive.
fn named(gateway: &Practice, user: &str) -> Vec<Alive> {
    gateway.tokens_alive(user).into_iter().filter(|token| !token.name.is_empty()).collect()
}

/// What `status` says of the default gateway's token.
fn shown(scene: &Scene) -> Value {
    scene.machine.ask(&["status"])["gateways"][0]["token"].clone()
}

/// Until the deployment has only this many tokens with names.
async fn left(gateway: &Practice, count: usize) -> Vec<Alive> {
    aigw_tests::eventually::eventually(&format!("{count} tokens are left"), || {
        Some(named(gateway, "ada")).filter(|tokens| tokens.len() == count)
    })
}
