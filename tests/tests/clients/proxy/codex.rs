//! Codex by its proxy variable, with an API key of somebody's own.

use std::time::Duration;

use aigw_gateway::{Recorded, WebSocket};

use super::town::Town;
use crate::codex::QUIET;
use crate::desk::{Told, client};

const LIMIT: Duration = Duration::from_secs(40);
const OWN_KEY: &str = "sk-proj-somebodys-own";
/// A turn that waits for a second try takes longer.
const AT_ONCE: Duration = Duration::from_secs(4);

fn say_hi(town: &mut Town) -> Told {
    town.write(".codex/config.toml", QUIET);
    let words = ["exec", "--skip-git-repo-check", "say hi"];
    town.proxied(&client("codex"), &words, &[("CODEX_API_KEY", OWN_KEY)], LIMIT).well()
}

/// What arrived for the provider that the deployment pays. It also asks chatgpt.com for that host's models, with
/// whatever login it has, and there it keeps it.
fn turns(town: &Town) -> Vec<Recorded> {
    let (own, turns) =
        town.at_gateway(&[]).into_iter().partition::<Vec<_>, _>(|seen| seen.path.starts_with("/chatgpt/"));
    for seen in own {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/chatgpt/v1/models"));
        assert_eq!(seen.headers("x-coder-ai-governance-token"), [town.token.as_str()]);
    }
    assert!(
        turns.iter().all(|seen| !format!("{seen:?}{}", seen.body_text()).contains(OWN_KEY)),
        "{turns:#?}"
    );
    turns
}

/// It tries a WebSocket first. Told that there is none, it goes on at once.
#[tokio::test(flavor = "multi_thread")]
async fn codex_by_proxy_asks_the_gateway() {
    let mut town = Town::open().await;
    town.gateway.change(|behaviour| behaviour.websocket = WebSocket::Old);
    let mut told = say_hi(&mut town);
    // A machine that is busy with something else may be slow, but not each time.
    for _ in 0..2 {
        if told.took > AT_ONCE {
            told = say_hi(&mut town);
        }
    }
    assert_eq!(told.out.trim(), town.gateway.behaviour().stream.text, "{told:#?}");
    assert!(!told.all().to_lowercase().contains("reconnect"), "{told:#?}");
    assert!(told.took < AT_ONCE, "{told:#?}");

    let seen = turns(&town);
    let methods: Vec<_> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert!(methods.starts_with(&["GET", "POST"]), "{methods:?}");
    for seen in &seen {
        assert!(seen.target.ends_with("/openai/v1/responses"), "{}", seen.target);
        assert_eq!(seen.headers("authorization"), [format!("Bearer {}", town.token)]);
        for name in ["user-agent", "originator", "session-id", "thread-id"] {
            assert!(seen.header(name).is_some(), "{name}: {seen:?}");
        }
    }
    assert!(town.onward("/v1/responses").is_empty(), "{:#?}", town.origin.requests());
    town.nothing_leaked(&[OWN_KEY]);
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_by_proxy_over_a_websocket() {
    let mut town = Town::open().await;
    town.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    let told = say_hi(&mut town);
    assert_eq!(told.out.trim(), town.gateway.behaviour().stream.text, "{told:#?}");
    let seen = turns(&town);
    let [turn] = seen.as_slice() else { panic!("{seen:#?}") };
    assert_eq!(turn.method, "GET");
    assert!(turn.frames.last().is_some_and(|frame| frame.contains("say hi")), "{:?}", turn.frames);
    town.nothing_leaked(&[OWN_KEY]);
}
