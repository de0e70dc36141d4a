//! `doctor --tool` with the real programs: what it says of them is what the other tests here see.

use aigw_tests::machine::told;
use serde_json::Value;

use crate::desk::{Desk, client};

/// What `doctor` says of this tool, whose program has this name, at each door.
async fn proved(tool: &str, program: &str) -> Vec<Value> {
    let mut desk = Desk::logged_in().await;
    let folder = client(program).parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").expect("a path");
    desk.machine.set("PATH", &format!("{folder}:{path}"));
    let output = desk.machine.ctl(&["doctor", "--json", "--tool", tool]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}"));
    let asked = desk.gateway.provider_requests();
    assert!(asked.iter().all(|seen| seen.method != "POST"), "{asked:#?}");
    assert!(!told(&output).contains("aigw_"), "{}", told(&output));
    let proofs = report["proofs"].as_array().expect("a list").clone();
    for proof in &proofs {
        assert_eq!((&proof["exit"], &proof["printed"]), (&0.into(), &true.into()), "{report:#}");
    }
    proofs
}

fn known(proof: &Value) -> [&str; 5] {
    ["base_url", "proxy", "ca", "streamed", "websocket"].map(|name| proof[name].as_str().expect("a word"))
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_is_proved_at_both_doors() {
    let proofs = proved("claude-code", "claude").await;
    let [by_url, by_proxy] = proofs.as_slice() else { panic!("{proofs:#?}") };
    assert_eq!(known(by_url), ["yes", "not-seen", "not-seen", "yes", "no"], "{by_url:#}");
    assert_eq!(known(by_proxy), ["not-seen", "yes", "yes", "yes", "no"], "{by_proxy:#}");
    let agent = format!("claude-cli/{}", by_url["version"].as_str().expect("a version"));
    assert!(by_url["user_agent"].as_str().expect("a name").starts_with(&agent), "{by_url:#}");
}

/// It prints its answer when all of it is there, so that nothing is known of its stream.
#[tokio::test(flavor = "multi_thread")]
async fn codex_is_proved_at_both_doors_and_uses_a_websocket() {
    let proofs = proved("codex", "codex").await;
    let [by_url, by_proxy] = proofs.as_slice() else { panic!("{proofs:#?}") };
    assert_eq!(known(by_url), ["yes", "not-seen", "not-seen", "not-seen", "yes"], "{by_url:#}");
    assert_eq!(known(by_proxy), ["not-seen", "yes", "yes", "not-seen", "yes"], "{by_proxy:#}");
}

/// Of most, no more is known than that they ask where they are told.
async fn is_proved_by_its_base_url(tool: &str, program: &str) {
    let proofs = proved(tool, program).await;
    let by_url = proofs.iter().find(|proof| proof["base_url"] == "yes");
    let by_url = by_url.unwrap_or_else(|| panic!("{tool}: {proofs:#?}"));
    assert!(by_url["version"].as_str().is_some_and(|version| !version.is_empty()), "{by_url:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pi_is_proved() {
    is_proved_by_its_base_url("pi", "pi").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gemini_cli_is_proved() {
    is_proved_by_its_base_url("gemini-cli", "gemini").await;
}

#[cfg(feature = "heavy-clients")]
const HEAVIER: [(&str, &str); 4] =
    [("opencode", "opencode"), ("copilot-cli", "copilot"), ("qwen", "qwen"), ("aider", "aider")];

#[cfg(feature = "heavy-clients")]
#[tokio::test(flavor = "multi_thread")]
async fn heavier_ones_are_proved() {
    for (tool, program) in HEAVIER {
        is_proved_by_its_base_url(tool, program).await;
    }
}
