//! Copilot's language server, as editors start it, by its proxy variable.

use std::path::Path;
use std::thread;
use std::time::Duration;

use aigw_tests::machine::told;
use serde_json::Value;

use super::github::{self, COMPLETION, EXCHANGED};
use super::town::{Town, path};
use crate::desk::client;

const LIMIT: Duration = Duration::from_secs(100);
const GITHUB: &str = "ghu_somebodysown0000000000000000000000000";
const PLAN: &str = "api.individual.githubcopilot.com";
/// What the server makes of an answer without `x-github-request-id`.
const NOT_GITHUBS: &str = "does not appear to originate from GitHub";

/// An editor's session, and what came of it. This happens before the chat.
fn edit(town: &mut Town, before_chat: impl FnOnce(&Town)) -> Value {
    let editor = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/proxy/copilot_server.py");
    let server = client("copilot-language-server");
    let mut variables = town.variables();
    variables.push(("GH_COPILOT_TOKEN".to_owned(), GITHUB.to_owned()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let town = &*town;
    let told = thread::scope(|scope| {
        let words = [path(&editor), path(&server)];
        let running = scope.spawn(move || town.run(&client("python"), &words, &variables, LIMIT));
        while town.onward("/v1/engines/gpt-41-copilot/completions").is_empty() && !running.is_finished() {
            thread::sleep(Duration::from_millis(10));
        }
        before_chat(town);
        town.write("work/chat", "");
        running.join().expect("it was run").well()
    });
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:#?}"))
}

fn log_out(town: &Town) {
    let output = town.machine.ctl(&["logout"]);
    assert!(output.status.success(), "{}", told(&output));
}

/// It changes its GitHub token for another, and with that one it asks for models, completions and a chat. Completions
/// are on another host, which no gateway stands for.
#[tokio::test(flavor = "multi_thread")]
async fn copilot_language_server_by_proxy_chats_with_the_gateway() {
    let mut town = Town::open().await;
    github::open(&town);
    let told = edit(&mut town, |_| {});
    assert_eq!(told["status"]["status"], "OK", "{told:#}");
    let models = told["models"].as_array().unwrap_or_else(|| panic!("no models: {told:#}"));
    assert!(models.iter().any(|model| model["id"] == "gpt-5-codex"), "{told:#}");
    assert_eq!(told["completion"]["items"][0]["insertText"], COMPLETION, "{told:#}");
    let rounds = told["chat"].as_array().expect("a chat").iter().flat_map(|part| {
        part["editAgentRounds"].as_array().into_iter().flatten().filter_map(|round| round["reply"].as_str())
    });
    assert_eq!(rounds.collect::<String>(), town.gateway.behaviour().stream.text, "{told:#}");
    assert!(!told.to_string().contains(NOT_GITHUBS), "{told:#}");

    let seen = town.at_gateway(&[GITHUB]);
    for seen in &seen {
        assert!(["/copilot/models", "/copilot/responses"].contains(&seen.path.as_str()), "{seen:?}");
        assert_eq!(seen.headers("authorization"), [format!("Bearer {EXCHANGED}")]);
        assert_eq!(seen.headers("x-coder-ai-governance-token"), [town.token.as_str()]);
        assert_eq!(seen.header("editor-version"), Some("ed/1.19"));
    }
    assert!(seen.iter().any(|seen| seen.body_text().contains("say hi")), "{seen:#?}");

    for (host, at, token) in [
        ("api.github.com", "/copilot_internal/v2/token", GITHUB),
        ("api.github.com", "/copilot_internal/user", GITHUB),
        ("proxy.individual.githubcopilot.com", "/models", EXCHANGED),
        ("proxy.individual.githubcopilot.com", "/v1/engines/gpt-41-copilot/completions", EXCHANGED),
    ] {
        let onward = town.onward(at);
        assert!(!onward.is_empty(), "{at}: {:#?}", town.origin.requests());
        for seen in onward {
            assert_eq!(seen.server_name.as_deref(), Some(host), "{at}");
            assert_eq!(seen.headers("authorization"), [format!("Bearer {token}")]);
        }
    }
    github::looked_only_into(&town, &["copilot", PLAN]);
    town.nothing_leaked(&[GITHUB, EXCHANGED]);
}

/// An answer of ours is taken for one of GitHub's, and its words are shown in the chat.
#[tokio::test(flavor = "multi_thread")]
async fn copilot_language_server_by_proxy_says_that_nobody_is_logged_in() {
    let mut town = Town::open().await;
    github::open(&town);
    let told = edit(&mut town, log_out);
    assert_eq!(told["status"]["status"], "OK", "{told:#}");
    assert!(told["models"].is_array(), "{told:#}");
    let shown = format!("{}{}", told["chat"], told["turn"]);
    assert!(shown.contains("aigwctl login"), "{told:#}");
    assert!(!told.to_string().contains(NOT_GITHUBS), "{told:#}");
    assert!(town.gateway.provider_requests().iter().all(|seen| seen.method == "GET"));
}
