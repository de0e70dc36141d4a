//! What Claude Code and Codex tell their user when something is wrong, and that it does not take them long.

use std::sync::Arc;
use std::time::Duration;

use aigw_tests::eventually::eventually;

use crate::desk::{Desk, Told};
use crate::{claude_code, codex};

/// Some of them retry for minutes; these do not.
const LIMIT: Duration = Duration::from_secs(50);

/// As few retries as each tool can be told to make: what is asked here is what it says at the end.
const CLAUDE_RETRIES: (&str, &str) = ("CLAUDE_CODE_MAX_RETRIES", "1");
const CODEX_RETRIES: &str = "request_max_retries = 0\nstream_max_retries = 1";

fn claude(desk: &Desk, key: &str, more: &[(&str, &str)]) -> Told {
    let base = desk.url("/anthropic");
    let variables = [("ANTHROPIC_BASE_URL", base.as_str()), ("ANTHROPIC_AUTH_TOKEN", key)];
    claude_code::say_hi(desk, &[&variables, more].concat(), LIMIT)
}

fn codex(desk: &Desk, key: &str, more: &str) -> Told {
    let config = codex::own_provider(desk, &format!("experimental_bearer_token = {key:?}\n{more}"));
    codex::say_hi(desk, &config, &[], LIMIT)
}

/// Both tools fail by themselves and show these words to their user. What Claude Code does not retry, it sends once.
fn both_say(desk: &Desk, key: &str, words: &[&str]) {
    let told = claude(desk, key, &[]);
    let tries = desk.tap.sent().iter().filter(|sent| sent.method == "POST").count();
    assert_eq!(tries, 1, "{told:#?}");
    says(&told, &told.out, words);
    let told = codex(desk, key, CODEX_RETRIES);
    says(&told, &told.err, words);
}

fn says(told: &Told, text: &str, words: &[&str]) {
    assert!(told.status.is_some_and(|status| !status.success()), "{told:#?}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_logged_in_both_name_the_login() {
    let desk = Desk::logged_out().await;
    let words = ["not logged in", "aigwctl login"];
    both_say(&desk, &desk.key, &words);
    // As its user has it: the refused WebSocket costs nothing, and it gives up by itself.
    let config = format!("openai_base_url = {:?}", desk.url("/openai/v1"));
    let told = codex::say_hi(&desk, &config, &[("CODEX_API_KEY", &desk.key)], LIMIT);
    says(&told, &told.err, &words);
    assert_eq!(codex::upgrades(&desk), 1);
    assert!(desk.gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_refused_token_both_name_the_login() {
    let desk = Desk::logged_in().await;
    assert!(desk.gateway.revoke(&desk.token));
    both_say(&desk, &desk.key, &["does not accept the stored token", "aigwctl login"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_key_both_name_where_a_right_one_comes_from() {
    let desk = Desk::logged_in().await;
    let wrong = format!("aigw_env_{}", "A".repeat(43));
    both_say(&desk, &wrong, &["local key is not valid", "aigwctl env", "aigwctl setup"]);
    assert!(desk.gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_budget_spent_both_show_the_gateways_words() {
    let desk = Desk::logged_in().await;
    desk.gateway.change(|behaviour| behaviour.budget_exceeded = true);
    both_say(&desk, &desk.key, &["AI budget of US$100.00 exceeded. Please contact an administrator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_gateway_down_both_say_so() {
    let desk = Desk::logged_in().await;
    desk.gateway.stop().await;
    let words = ["503", "cannot be reached", "aigwctl status"];
    let told = claude(&desk, &desk.key, &[CLAUDE_RETRIES]);
    says(&told, &told.out, &words);
    let told = codex(&desk, &desk.key, CODEX_RETRIES);
    says(&told, &told.err, &words);
}

/// The tools' own retries last as long as most restarts; their user sees an answer, only later.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_of_the_gateway_is_bridged() {
    let desk = Desk::logged_in().await;
    desk.gateway.stop().await;
    let desk = Arc::new(desk);
    let at_work = desk.clone();
    let tool = tokio::task::spawn_blocking(move || claude(&at_work, &at_work.key, &[]));
    // It was told once, after all that the daemon itself waits, and asks again.
    eventually("a second try", || (desk.tap.sent().len() > 1).then_some(()));
    desk.gateway.restart().await.expect("the same port");
    let told = tool.await.expect("no panic");
    let told = told.well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    assert_eq!(desk.central_pairs(&[]).len(), 1);
}
