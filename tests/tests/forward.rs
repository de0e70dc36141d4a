//! Door 1 with a gateway behind it: what goes through, and what comes back.

use aigw_tests::machine;
use aigw_tests::machine::gateway;
use aigw_tests::raw::{exchange, post};

const HELLO: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_streams_back_and_the_gateway_sees_one_token_and_the_clients_bytes() {
    let gateway = gateway().await;
    let machine = machine!();
    let daemon = machine.start();
    let token = machine.log_in(&gateway);
    let key = machine.key("env");
    gateway.forget_requests();

    let more = [
        "user-agent: claude-cli/2.1",
        "anthropic-beta: a,b",
        "session_id: s-1",
        "content-type: application/json",
    ];
    let answer = exchange(
        &daemon.address,
        post(&daemon.address, "/anthropic/v1/messages?beta=true", &key, &more, HELLO),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.whole);
    assert!(answer.text().contains("message_stop"));

    let seen = gateway.provider_requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].headers("authorization"), [format!("Bearer {token}")]);
    assert_eq!(seen[0].header("x-api-key"), None);
    assert_eq!(seen[0].header("user-agent"), Some("claude-cli/2.1"));
    assert_eq!(seen[0].header("anthropic-beta"), Some("a,b"));
    assert_eq!(seen[0].header("session_id"), Some("s-1"));
    assert!(seen[0].target.ends_with("/anthropic/v1/messages?beta=true"));
    assert_eq!(seen[0].body_text(), HELLO);
}
