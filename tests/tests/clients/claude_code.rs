//! Claude Code: `claude -p`.

use std::time::Duration;

use aigw_gateway::Recorded;

use crate::desk::{Desk, Told, client};
use crate::tap::Sent;

const LIMIT: Duration = Duration::from_secs(40);

/// It asks nobody but its gateway then.
pub const QUIET: (&str, &str) = ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");

/// `claude -p 'say hi'`
pub fn say_hi(desk: &Desk, variables: &[(&str, &str)], limit: Duration) -> Told {
    desk.run(&client("claude"), &["-p", "say hi"], &[variables, &[QUIET]].concat(), limit)
}

fn answered(desk: &Desk, told: Told) -> Vec<(Sent, Recorded)> {
    let told = told.well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    let pairs = desk.central_pairs(&[]);
    for (sent, seen) in &pairs {
        assert!(seen.target.ends_with("/anthropic/v1/messages?beta=true"), "{}", seen.target);
        assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("claude-cli/")), "{seen:?}");
        for name in ["anthropic-beta", "anthropic-version", "x-claude-code-session-id"] {
            assert!(seen.header(name).is_some(), "{name}: {seen:?}");
            assert_eq!(seen.header(name), sent.header(name));
        }
    }
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_by_variables() {
    let desk = Desk::logged_in().await;
    let base = desk.url("/anthropic");
    let told = say_hi(&desk, &[("ANTHROPIC_BASE_URL", &base), ("ANTHROPIC_AUTH_TOKEN", &desk.key)], LIMIT);
    let pairs = answered(&desk, told);
    let bearer = format!("Bearer {}", desk.key);
    assert!(pairs.iter().all(|(sent, _)| sent.header("authorization") == Some(&bearer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_by_settings_file() {
    let desk = Desk::logged_in().await;
    let settings = serde_json::json!({ "env": {
        "ANTHROPIC_BASE_URL": desk.url("/anthropic"),
        "ANTHROPIC_AUTH_TOKEN": desk.key,
    }});
    desk.write(".claude/settings.json", &settings.to_string());
    let told = say_hi(&desk, &[], LIMIT);
    answered(&desk, told);
}

/// With a helper program for its key it sends the key twice.
#[tokio::test(flavor = "multi_thread")]
async fn claude_code_by_key_helper_sends_the_key_twice_and_none_arrives() {
    let desk = Desk::logged_in().await;
    let settings = serde_json::json!({
        "apiKeyHelper": format!("echo {}", desk.key),
        "env": { "ANTHROPIC_BASE_URL": desk.url("/anthropic") },
    });
    desk.write(".claude/settings.json", &settings.to_string());
    let told = say_hi(&desk, &[], LIMIT);
    let pairs = answered(&desk, told);
    assert!(pairs.iter().all(|(sent, _)| sent.header("authorization").is_some()), "{pairs:?}");
    assert!(pairs.iter().all(|(sent, _)| sent.header("x-api-key") == Some(&desk.key)), "{pairs:?}");
}
