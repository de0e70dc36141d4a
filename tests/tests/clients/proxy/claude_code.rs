//! Claude Code by its proxy variable, with no base URL.

use std::time::Duration;

use aigw_gateway::{Manner, Recorded, Reply};

use super::town::{Town, path, unlike};
use crate::desk::client;

const LIMIT: Duration = Duration::from_secs(40);
const OWN_KEY: &str = "sk-ant-api03-somebodys-own";

/// What it makes anew each time, or what belongs to a connection or to us.
const OF_ONE_RUN: [&str; 11] = [
    "x-claude-code-session-id",
    "x-claude-code-prompt-id",
    "x-client-request-id",
    "content-length",
    "host",
    ":authority",
    "connection",
    "authorization",
    "x-api-key",
    "x-aigw-loop",
    "x-coder-ai-governance-request-id",
];

/// Its telemetry goes to the same host as its model calls, and is none of the gateway's business.
#[tokio::test(flavor = "multi_thread")]
async fn claude_code_by_proxy_asks_the_gateway_and_its_telemetry_goes_home() {
    let mut town = Town::open().await;
    let claude = client("claude");
    let own = [("ANTHROPIC_API_KEY", OWN_KEY)];
    let told = town.proxied(&claude, &["-p", "say hi"], &own, LIMIT).well();
    assert_eq!(told.out.trim(), town.gateway.behaviour().stream.text, "{told:#?}");

    let seen = town.at_gateway(&[OWN_KEY]);
    for seen in &seen {
        assert!(seen.target.ends_with("/anthropic/v1/messages?beta=true"), "{}", seen.target);
        assert_eq!(seen.headers("authorization"), [format!("Bearer {}", town.token)]);
        assert_eq!(seen.header("x-api-key"), None);
    }
    assert!(town.onward("/v1/messages").is_empty(), "{:#?}", town.origin.requests());

    let events: Vec<_> = town.origin.requests();
    let events: Vec<_> = events.iter().filter(|seen| seen.target.starts_with("/api/event_logging")).collect();
    assert!(!events.is_empty(), "no telemetry: {:#?}", town.origin.requests());
    for event in events {
        assert_eq!(event.server_name.as_deref(), Some("api.anthropic.com"));
        let authority = event.header("host").or(event.header(":authority"));
        assert_eq!(authority, Some("api.anthropic.com"));
        assert_eq!(event.headers("x-api-key"), [OWN_KEY], "{event:#?}");
    }
    town.nothing_leaked(&[OWN_KEY]);

    // The same without us, to know what it says by itself.
    let by_proxy = turn(&seen);
    town.origin.forget_requests();
    town.origin.at("/v1/messages", Manner::Reply(Reply::anthropic_error(403, "permission_error", "no")));
    let ca = path(&town.origin_ca).to_owned();
    town.run(&claude, &["-p", "say hi"], &[own[0], ("NODE_EXTRA_CA_CERTS", &ca)], LIMIT);
    let by_itself = turn(&town.onward("/v1/messages"));
    assert_eq!(unlike(&by_itself, &by_proxy, &OF_ONE_RUN), [] as [&str; 0]);
}

/// The request with the prompt.
fn turn(seen: &[Recorded]) -> Recorded {
    let turn = seen.iter().find(|seen| seen.body_text().contains("say hi"));
    turn.unwrap_or_else(|| panic!("no turn in {seen:#?}")).clone()
}
