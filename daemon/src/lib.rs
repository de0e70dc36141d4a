//! aigwd: the local door to a company's AI gateway.
//!
//! ```text
//! tool --base URL--> listen/forward --+
//!                                     +--> pipeline: admit -> route -> credential -> upstream -> relay -> record
//! tool --CONNECT---> listen/connect --+
//!
//! aigwctl --Unix socket / named pipe--> control
//! ```
//!
//! One port has two doors: requests for a path are the forwarder's, requests for another address the proxy's. From
//! `pipeline/inbound.rs` on, nothing asks which door it was.
//!
//! What always holds:
//! - Only `pipeline/credential.rs` puts a secret into a request; only it, the stores and the key list reveal one.
//! - Bodies are neither logged nor stored, and pass unread, but for short refusals of the gateway.
//! - A local key is gone from a request before anything else sees it.
//! - Nothing is sent twice unless nothing of it was taken.
//! - No tool's file is touched: that is `aigwctl`'s work, which in turn never opens the credential store.

pub mod app;
mod ca;
mod cli;
mod control;
mod credentials;
mod deployment;
mod dial;
mod gateway;
mod handover;
mod header_command;
mod keys;
mod listen;
mod observe;
mod os;
mod pipeline;
#[cfg(feature = "practice")]
mod practice;
mod random;
pub mod run;

pub use cli::main;

/// Seconds since 1970, UTC.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
