//! Logging in with the browser, with the real programs and the practice gateway; a plain HTTP client plays the browser.

#![allow(clippy::unwrap_used, reason = "a test may end wherever something is not as it must be")]

mod begun;
mod browser;
#[cfg(feature = "browser")]
mod chromium;
mod kept;
mod login;
mod refused;

use aigw_gateway::{OAuth, Practice, Setup};

/// A request of Claude Code, cut short.
const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

/// A deployment with an authorization server that takes clients of these kinds.
async fn deployment(methods: &[&str]) -> Practice {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let auth_methods = methods.iter().map(|method| (*method).to_owned()).collect();
    gateway.change(|b| b.oauth = Some(OAuth { auth_methods, ..OAuth::default() }));
    gateway
}
