//! What the port turns away, and in what form it lets the rest pass: raw bytes against the real daemon, with a gateway
//! behind it that tells what it saw.

mod browsers;
mod check;
mod chunks;
mod doors;
mod fields;
mod framing;
mod keys;
mod listeners;
mod logins;
mod paths;
mod slow;
mod uploads;
mod upstream;

use aigw_gateway::Setup;
use aigw_tests::scene::Scene;

/// A request of Claude Code, cut short.
const MESSAGES: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

/// A daemon that is logged in to a gateway with TLS and HTTP/1.1, whose record shows every field as it was written.
async fn scene() -> Scene {
    Scene::set(aigw_tests::machine!(), Setup { tls: true, http2: false, ..Setup::default() }).await
}
