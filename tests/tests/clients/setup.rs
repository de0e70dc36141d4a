//! Tools after `aigwctl setup`, with nothing in their environment: their own files are enough.

use std::time::Duration;

use aigw_gateway::WebSocket;
use aigw_tests::machine::told;

use crate::desk::{Desk, Told, client};
use crate::{claude_code, codex};

const LIMIT: Duration = Duration::from_secs(40);

/// A desk whose owner has set up this tool, in a file that holds something already.
async fn set_up(tool: &str, file: &str, text: &str) -> Desk {
    let mut desk = Desk::logged_in().await;
    let home = desk.tools_home().to_str().expect("a plain path").to_owned();
    desk.machine.set("HOME", &home);
    desk.write(file, text);
    let output = desk.machine.ctl(&["setup", tool, "--yes"]);
    assert!(output.status.success(), "{}", told(&output));
    desk
}

/// The answer came, and what reached the gateway carried the company's token and nothing of ours.
fn answered(desk: &Desk, told: Told, path: &str) {
    let told = told.well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    let seen = desk.gateway.provider_requests();
    assert!(!seen.is_empty(), "nothing reached the gateway");
    for request in seen {
        assert!(request.target.contains(path), "{}", request.target);
        assert_eq!(request.headers("authorization"), [format!("Bearer {}", desk.token)]);
        assert!(!format!("{request:?}").contains("aigw_"), "{request:?}");
    }
}

/// Its file is as it was before.
fn undone(desk: &Desk, tool: &str, file: &str, text: &str) {
    let output = desk.machine.ctl(&["undo", tool, "--yes"]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(std::fs::read_to_string(desk.tools_home().join(file)).expect("a file"), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_after_setup() {
    let (file, text) = (".claude/settings.json", "{\n  \"env\": { \"DISABLE_TELEMETRY\": \"1\" }\n}\n");
    let desk = set_up("claude-code", file, text).await;
    let told = claude_code::say_hi(&desk, &[], LIMIT);
    answered(&desk, told, "/anthropic/v1/messages");
    undone(&desk, "claude-code", file, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_after_setup_over_https_and_over_a_websocket() {
    let file = ".codex/config.toml";
    let text = format!("# quiet\n{}\n{}", codex::QUIET_BASE, codex::QUIET);
    for websocket in [WebSocket::Old, WebSocket::Relay] {
        let desk = set_up("codex", file, &text).await;
        desk.gateway.change(|behaviour| behaviour.websocket = websocket);
        let told = desk.run(&client("codex"), &["exec", "--skip-git-repo-check", "say hi"], &[], LIMIT);
        answered(&desk, told, "/openai/v1/responses");
        let methods: Vec<_> = desk.gateway.provider_requests().into_iter().map(|seen| seen.method).collect();
        match websocket {
            WebSocket::Relay => assert_eq!(methods, ["GET"]),
            _ => assert!(methods.contains(&"POST".to_owned()), "{methods:?}"),
        }
        undone(&desk, "codex", file, &text);
    }
}
