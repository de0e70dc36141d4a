//! Codex after setup, on each of its two transports.

use std::time::Duration;

use aigw_gateway::WebSocket;
use aigw_tests::machine::told;

use crate::codex;
use crate::desk::{Desk, client};

const LIMIT: Duration = Duration::from_secs(40);

/// A gateway that refuses WebSockets is asked over HTTPS; one that relays them, over nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn codex_after_setup_over_https_and_over_a_websocket() {
    let text = format!("# quiet\n{}\n{}", codex::QUIET_BASE, codex::QUIET);
    for websocket in [WebSocket::Old, WebSocket::Relay] {
        let mut desk = Desk::logged_in().await;
        let home = desk.tools_home().to_str().expect("a plain path").to_owned();
        desk.machine.set("HOME", &home);
        desk.write(".codex/config.toml", &text);
        let output = desk.machine.ctl(&["setup", "codex", "--yes"]);
        assert!(output.status.success(), "{}", told(&output));
        desk.gateway.change(|behaviour| behaviour.websocket = websocket);
        let told =
            desk.run(&client("codex"), &["exec", "--skip-git-repo-check", "say hi"], &[], LIMIT).well();
        assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
        let seen = desk.gateway.provider_requests();
        let methods: Vec<_> = seen.iter().map(|seen| seen.method.as_str()).collect();
        match websocket {
            WebSocket::Relay => assert_eq!(methods, ["GET"]),
            _ => assert!(methods.contains(&"POST"), "{methods:?}"),
        }
        for seen in &seen {
            assert!(seen.target.contains("/openai/v1/responses"), "{}", seen.target);
            assert_eq!(seen.headers("authorization"), [format!("Bearer {}", desk.token)]);
            assert!(!format!("{seen:?}").contains("aigw_"), "{seen:?}");
        }
    }
}
