//! Tools that are signed in to a plan of their user's, after `aigwctl setup --pays own`: the plan pays, and the gateway knows
//! who asks.

use std::time::Duration;

use aigw_tests::machine::told;

use crate::desk::{Desk, Told, client};
use crate::{claude_code, codex};

const LIMIT: Duration = Duration::from_secs(40);

/// Claude Code's sign-in to a subscription, as it keeps it.
const CLAUDE: &str = "sk-ant-oat01-adas-own-subscription";

fn claude_login(desk: &Desk) {
    let login = serde_json::json!({ "claudeAiOauth": {
        "accessToken": CLAUDE,
        "refreshToken": "sk-ant-ort01-adas-own",
        "expiresAt": 4_102_444_800_000_u64,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    }});
    desk.write(".claude/.credentials.json", &login.to_string());
}

/// A desk in whose home `setup` and the tool are at work.
async fn at_home() -> Desk {
    let mut desk = Desk::logged_in().await;
    let home = desk.tools_home().to_str().expect("a plain path").to_owned();
    desk.machine.set("HOME", &home);
    desk
}

fn set_up(desk: &Desk, words: &[&str]) {
    let output = desk.machine.ctl(&[&["setup"], words, &["--yes"]].concat());
    assert!(output.status.success(), "{}", told(&output));
}

/// The answer came, and each request carried the plan's sign-in and, beside it, who asks.
fn paid_by(desk: &Desk, told: Told, login: &str, path: &str) {
    let told = told.well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    let seen = desk.gateway.provider_requests();
    assert!(seen.iter().any(|seen| seen.target.contains(path)), "{seen:#?}");
    for request in seen {
        assert_eq!(request.headers("authorization"), [format!("Bearer {login}")], "{request:?}");
        assert_eq!(request.headers("x-coder-ai-governance-token"), [desk.token.as_str()]);
        assert!(!format!("{request:?}").contains("aigw_"), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_with_a_subscription_by_its_base_url_and_by_the_proxy() {
    let desk = at_home().await;
    claude_login(&desk);
    for mode in ["base-url", "proxy"] {
        desk.gateway.forget_requests();
        set_up(&desk, &["claude-code", "--mode", mode, "--pays", "own"]);
        paid_by(&desk, claude_code::say_hi(&desk, &[], LIMIT), CLAUDE, "/anthropic/v1/messages");
    }
}

/// As a proxy, the tool is signed in as it was, and the company pays all the same.
#[tokio::test(flavor = "multi_thread")]
async fn claude_code_by_the_proxy_where_the_company_pays() {
    let desk = at_home().await;
    claude_login(&desk);
    set_up(&desk, &["claude-code", "--mode", "proxy"]);
    let told = claude_code::say_hi(&desk, &[], LIMIT).well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    let seen = desk.gateway.provider_requests();
    assert!(!seen.is_empty());
    for request in seen {
        assert_eq!(request.headers("authorization"), [format!("Bearer {}", desk.token)], "{request:?}");
        assert!(!format!("{request:?}").contains(CLAUDE), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_with_a_chatgpt_plan() {
    let desk = at_home().await;
    let login = codex::chatgpt_login(&desk);
    desk.write(".codex/config.toml", &format!("{}\n{}", codex::QUIET_BASE, codex::QUIET));
    set_up(&desk, &["codex", "--pays", "own"]);
    let told = desk.run(&client("codex"), &["exec", "--skip-git-repo-check", "say hi"], &[], LIMIT);
    paid_by(&desk, told, &login, "/chatgpt/v1/responses");
}
