//! Requests that have a key and yet no login behind them: 403 with the command, never 401.

use std::time::Duration;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::MESSAGES;
use crate::check::stops;
use crate::scene;

const ASKING: [&str; 3] = [
    "POST /anthropic/v1/messages HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\ncontent-length: 2\r\n\r\n{}",
    "POST /openai/v1/responses HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-length: 2\r\n\r\n{}",
    "GET /openai/v1/models HTTP/1.1\r\nhost: {host}\r\nx-aigw-key: {key}\r\n\r\n",
];

#[tokio::test(flavor = "multi_thread")]
async fn f13_without_a_login_every_route_says_how_to_log_in() {
    // No gateway at all.
    let machine = machine!();
    let daemon = machine.start();
    let key = machine.key("env");
    for path in ["/anthropic/v1/messages", "/openai/v1/responses"] {
        let answer = raw::exchange(&daemon.address, raw::post(&daemon.address, path, &key, &[], MESSAGES));
        assert_eq!((answer.status, answer.error()), (403, Some("no-gateway")));
        let said = answer.json();
        assert_eq!(said["type"] == "error", path.contains("anthropic"));
        assert!(answer.text().contains("un `aigwctl login URL`"), "{}", answer.text());
        assert_eq!(answer.field("x-should-retry"), Some("false"));
    }
    // One that nobody is logged in to.
    let scene = scene().await;
    scene.machine.ask(&["logout"]);
    for request in ASKING {
        scene.gateway.forget_requests();
        let answer = raw::exchange(scene.address(), crate::check::bytes(&scene, request));
        assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")), "{request}");
        assert_eq!(answer.json()["type"] == "error", request.contains("anthropic"));
        assert!(answer.text().contains("un `aigwctl login`"), "{}", answer.text());
        assert!(scene.gateway.requests().is_empty());
    }
    // And with a login again, the next request works.
    scene.machine.log_in(&scene.gateway);
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_an_expired_a_revoked_and_a_deleted_login_are_403_and_no_token_is_shown() {
    for fault in ["expired", "revoked", "deleted"] {
        let scene = Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await;
        match fault {
            "expired" => scene.gateway.advance_clock(Duration::from_secs(31 * 86_400)),
            "revoked" => assert!(scene.gateway.revoke(&scene.token)),
            _ => scene.gateway.delete_user("ada"),
        }
        for request in ASKING {
            let answer = raw::exchange(scene.address(), crate::check::bytes(&scene, request));
            assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")), "{fault} {request}");
            assert_eq!(answer.json()["type"] == "error", request.contains("anthropic"));
            assert!(answer.text().contains("un `aigwctl login`"), "{}", answer.text());
            let whole = format!("{:?} {}", answer.fields, answer.text());
            assert!(!whole.contains(&scene.token) && !whole.contains("aigw_"), "{whole}");
        }
        let log = scene.machine.log();
        assert!(!log.contains(&scene.token) && !log.contains(&scene.key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_needs_the_tools_own_login_says_so() {
    let scene = scene().await;
    for path in ["/copilot/chat/completions", "/copilot-business/responses", "/chatgpt/v1/responses"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        stops(&scene, &request, 403, "tool-not-signed-in", "the tool's own login only");
    }
}
