//! What the deployment says of the account, and the sessions: asked when somebody wants to know, never waited for long.

use std::time::{Duration, Instant};

use aigw_gateway::{History, MANAGEMENT_MARK, Scopes, Setup, Spend, Transport};
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

use crate::{failed, is_moment, text};

async fn scene() -> Scene {
    Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_version_entitlement_and_budget_and_asks_once_a_minute() {
    let scene = scene().await;
    let status = scene.machine.ask(&["status"]);
    let account = &status["gateways"][0]["account"];
    assert_eq!(
        (&account["user"], &account["version"], &account["entitlement"], &account["enabled"]),
        (&"ada".into(), &"v2.36.0+practice".into(), &"entitled".into(), &true.into())
    );
    assert_eq!(
        (&account["spent_micros"], &account["budget_micros"]),
        (&12_340_000.into(), &100_000_000.into())
    );
    assert!(is_moment(&account["period_end"]), "{account}");
    let said = text(&scene.machine.ctl(&["status"]));
    assert!(said.contains("version   Coder v2.36.0+practice, AI gateway entitled\n"), "{said}");
    assert!(said.contains("budget    US$12.34 of US$100.00 spent, US$87.66 left until "), "{said}");
    let asked = scene.gateway.requests().iter().filter(|it| it.path == "/api/v2/buildinfo").count();
    assert_eq!(asked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deployment_does_not_have_is_not_shown() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| behaviour.spend = Spend::Absent);
    let said = text(&scene.machine.ctl(&["status"]));
    assert!(said.contains("version ") && !said.contains("budget"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_does_not_wait_for_a_deployment_that_is_silent() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| behaviour.transport = Transport::NeverAnswer);
    scene.gateway.close_connections();
    let began = Instant::now();
    let status = scene.machine.ask(&["status"]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(status["gateways"][0]["user"], "ada");
    assert!(status["gateways"][0]["account"]["version"].is_null(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_with_prompts_only_when_asked_for() {
    for history in [History::Sessions, History::Interceptions] {
        for scopes in [Scopes::NARROW, Scopes::OLD] {
            let mut setup = Setup { tls: true, ..Setup::default() };
            setup.behaviour.history = history;
            setup.behaviour.history_length = 5;
            setup.behaviour.scopes = scopes;
            let scene = Scene::set(machine!(), setup).await;
            let before = scene.gateway.tokens_of("ada");
            let list = scene.machine.ask(&["sessions", "--limit", "3"]);
            let sessions = list["sessions"].as_array().unwrap();
            assert_eq!(sessions.len(), 3, "{history:?} {list}");
            assert!(is_moment(&sessions[0]["started_at"]), "{list}");
            assert_eq!(
                (&sessions[0]["input_tokens"], &sessions[0]["output_tokens"]),
                (&25.into(), &12.into())
            );
            assert!(!list.to_string().contains(MANAGEMENT_MARK), "{list}");
            let said = text(&scene.machine.ctl(&["sessions"]));
            assert!(said.starts_with("STARTED ") && said.lines().count() == 6, "{said}");
            assert!(!said.contains(MANAGEMENT_MARK));
            assert!(text(&scene.machine.ctl(&["sessions", "--prompts"])).contains(MANAGEMENT_MARK));
            // A token that was made to read them is gone.
            assert_eq!(scene.gateway.tokens_of("ada"), before, "{history:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_not_told_are_words() {
    let mut setup = Setup { tls: true, ..Setup::default() };
    setup.behaviour.scopes = Scopes::NARROW;
    let scene = Scene::set(machine!(), setup).await;
    scene.gateway.change(|behaviour| behaviour.minting_refused = true);
    let output = scene.machine.ctl(&["sessions", "--json"]);
    assert_eq!(failed(&output), (77, "gateway-refused".to_owned()), "{}", told(&output));
    assert!(scene.machine.ctl(&["logout"]).status.success());
    assert_eq!(failed(&scene.machine.ctl(&["sessions", "--json"])), (77, "not-logged-in".to_owned()));
}
