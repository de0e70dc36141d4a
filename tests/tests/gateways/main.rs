//! The kinds of gateways: where their routes are, how a credential is shown to them, what leads back to ourselves, and
//! what changes while requests go on.

mod changes;
mod circles;
mod fronts;
mod generic;
mod kinds;
mod prefixes;

use aigw_gateway::Setup;
use aigw_tests::raw::Answer;

/// A request of Claude Code, cut short.
const MESSAGES: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
/// And one of Codex.
const RESPONSES: &str = r#"{"model":"gpt-5","stream":true,"input":"hi"}"#;

/// TLS with a private authority, as deployments have it.
fn tls() -> Setup {
    Setup { tls: true, ..Setup::default() }
}

/// Ours, of this kind, and not to be tried again.
fn will_not_pass(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.error()), (502, Some(code)), "{}", answer.text());
    assert_eq!(answer.field("x-should-retry"), Some("false"));
    assert_eq!(answer.field("retry-after"), None);
}

/// Ours, and to be tried again.
fn may_pass(answer: &Answer) {
    assert_eq!((answer.status, answer.error()), (503, Some("gateway-unreachable")), "{}", answer.text());
    assert_eq!(answer.field("retry-after"), Some("2"));
}
