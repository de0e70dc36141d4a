//! What the practice gateway promises, seen through its sockets.

#![allow(clippy::unwrap_used, reason = "the helpers here are tests too")]

mod api;
mod client;
mod connections;
mod corporate;
mod front;
mod gates;
mod oauth;
mod origins;
mod proxy;
mod recording;
mod streams;
mod websockets;

use std::time::Duration;

use aigw_gateway::{Practice, Setup};

const HOUR: Duration = Duration::from_secs(3600);
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway without TLS and a good token.
async fn started() -> (Practice, String) {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let token = gateway.issue_token("ada", HOUR);
    (gateway, token)
}
