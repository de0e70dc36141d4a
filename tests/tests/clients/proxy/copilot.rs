//! GitHub Copilot CLI with a plan of GitHub's, by its proxy variable.

use std::time::Duration;

use super::github;
use super::town::Town;
use crate::desk::{Told, client};

const LIMIT: Duration = Duration::from_secs(60);
const GITHUB: &str = "gho_somebodysown0000000000000000000000000";
const PLAN: &str = "api.individual.githubcopilot.com";

fn say_hi(town: &mut Town) -> Told {
    let own = [("COPILOT_GITHUB_TOKEN", GITHUB), ("COPILOT_AUTO_UPDATE", "false")];
    town.proxied(&client("copilot"), &["-p", "say hi"], &own, LIMIT)
}

/// It learns of its plan's host from GitHub, and only what that host's models are asked goes to the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn copilot_cli_by_proxy_asks_the_gateway_with_its_own_login() {
    let mut town = Town::open().await;
    github::open(&town);
    let told = say_hi(&mut town).well();
    assert_eq!(told.out.trim(), town.gateway.behaviour().stream.text, "{told:#?}");

    let seen = town.at_gateway(&[]);
    let routes: Vec<_> = seen.iter().map(|seen| (seen.method.as_str(), seen.path.as_str())).collect();
    assert_eq!(routes, [("GET", "/copilot/models"), ("POST", "/copilot/responses")]);
    for seen in &seen {
        assert_eq!(seen.headers("authorization"), [format!("Bearer {GITHUB}")]);
        assert_eq!(seen.headers("x-coder-ai-governance-token"), [town.token.as_str()]);
        assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("copilot/")), "{seen:?}");
        let upstream = seen.upstream.as_ref().expect("it got as far as the provider");
        assert_eq!(upstream.header("x-coder-ai-governance-token"), None);
    }
    assert!(seen[1].body_text().contains("say hi"), "{:?}", seen[1]);
    assert!(seen[1].header("x-client-session-id").is_some(), "{:?}", seen[1]);

    // GitHub's own requests went home with its own token, by a tunnel; the plan's host has more than models.
    for (host, at) in [
        ("api.github.com", "/copilot_internal/user"),
        ("api.github.com", "/copilot_internal/managed_settings"),
        (PLAN, "/mcp/readonly"),
    ] {
        let onward = town.onward(at);
        assert!(!onward.is_empty(), "{at}: {:#?}", town.origin.requests());
        for seen in onward {
            assert_eq!(seen.server_name.as_deref(), Some(host));
            assert!(seen.header("authorization").is_some_and(|sent| sent.ends_with(GITHUB)), "{seen:?}");
        }
    }
    for path in ["/models", "/responses", "/chat/completions"] {
        assert!(town.onward(path).is_empty(), "{:#?}", town.origin.requests());
    }
    github::looked_only_into(&town, &["copilot", PLAN]);
    town.nothing_leaked(&[GITHUB]);
}

/// Our word on what to do reaches whoever looks at the screen.
#[tokio::test(flavor = "multi_thread")]
async fn copilot_cli_by_proxy_says_that_nobody_is_logged_in() {
    let mut town = Town::open().await;
    github::open(&town);
    assert!(town.machine.ctl(&["logout"]).status.success());
    town.gateway.forget_requests();
    let told = say_hi(&mut town);
    assert!(told.status.is_some_and(|status| !status.success()), "{told:#?}");
    assert!(told.all().contains("aigwctl login"), "{told:#?}");
    assert!(town.gateway.provider_requests().is_empty());
}
