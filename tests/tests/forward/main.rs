//! Door 1 with a gateway behind it: what goes through, what comes back, and what becomes of it when something fails.

mod answers;
mod certificates;
mod dialects;
mod failures;
mod fields;
mod leaving;
mod modes;
mod odd;
mod once;
mod streams;
mod websocket;

use aigw_gateway::Setup;
use aigw_tests::wire::Wire;

/// A request of Claude Code, cut short.
const MESSAGES: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

/// TLS with a private authority, as deployments have it.
fn tls() -> Setup {
    Setup { tls: true, ..Setup::default() }
}

/// A token of the form that deployments give.
const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";

/// A machine whose gateway is a hand-written one, without a login.
fn wired(wire: &Wire) -> aigw_tests::machine::Machine {
    let mut machine = aigw_tests::machine!();
    machine.set("AIGW_TOKEN", TOKEN);
    machine.configure(&format!("[gateway.default]\nurl = \"{}\"\nkind = \"coder-standalone\"\n", wire.url()));
    machine
}
