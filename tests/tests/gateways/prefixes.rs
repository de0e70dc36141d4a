//! A deployment has its AI gateway under one of two prefixes, or under both: found by asking, remembered, and asked for
//! again when the deployment says that there is no such route.

use std::time::Duration;

use aigw_gateway::{Mounts, Reply, Setup};
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::raw::Raw;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, RESPONSES, may_pass, tls, will_not_pass};

const NONE: Mounts = Mounts { coder_api: true, aibridge: false, ai_gateway: false, root: false };
const ONLY_NEW: Mounts = Mounts { ai_gateway: true, ..NONE };
const ONLY_OLD: Mounts = Mounts::coder_before_rename();

fn setup(mounts: Mounts) -> Setup {
    let mut setup = tls();
    setup.behaviour.mounts = mounts;
    setup
}

fn shown_prefix(scene: &Scene) -> serde_json::Value {
    scene.machine.ask(&[])["gateway"]["prefix"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefix_that_works_is_found_shown_and_remembered() {
    for (mounts, prefix) in [
        (Mounts::coder(), "/api/v2/ai-gateway"),
        (ONLY_NEW, "/api/v2/ai-gateway"),
        (ONLY_OLD, "/api/v2/aibridge"),
    ] {
        let mut scene = Scene::set(machine!(), setup(mounts)).await;
        assert_eq!(shown_prefix(&scene), prefix);
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
        assert_eq!(scene.only_request().target, format!("{prefix}/anthropic/v1/messages"));

        // Over a restart, too: nothing is asked again.
        scene.restart();
        scene.gateway.forget_requests();
        assert_eq!(shown_prefix(&scene), prefix);
        assert_eq!(scene.post("/openai/v1/responses", &[], RESPONSES).status, 200);
        let seen = scene.gateway.requests();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert_eq!(seen[0].target, format!("{prefix}/openai/v1/responses"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_is_gone_is_asked_for_again_and_the_next_try_succeeds() {
    let scene = Scene::set(machine!(), setup(ONLY_OLD)).await;
    for (mounts, prefix) in [(ONLY_NEW, "/api/v2/ai-gateway"), (ONLY_OLD, "/api/v2/aibridge")] {
        scene.gateway.change(|behaviour| behaviour.mounts = mounts);
        let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
        may_pass(&answer);
        assert_eq!(answer.json()["type"], "error");
        assert_eq!(shown_prefix(&scene), prefix);
        scene.gateway.forget_requests();
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
        assert_eq!(scene.only_request().target, format!("{prefix}/anthropic/v1/messages"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_hears_late_of_the_move_may_pass_too() {
    let scene = Scene::set(machine!(), setup(Mounts::coder())).await;
    let gone = Reply::coder(404, "Route not found.", None);
    // Both were sent to the old place; this one hears of it when the other has long found the new one.
    scene.gateway.answer_next(1, gone.delay(Duration::from_secs(2)));
    let mut late = scene.begin("/anthropic/v1/messages", &[], MESSAGES);
    scene.gateway_sees("the late one", |seen| !seen.is_empty()).await;
    scene.gateway.change(|behaviour| behaviour.mounts = ONLY_OLD);
    may_pass(&scene.post("/anthropic/v1/messages", &[], MESSAGES));
    may_pass(&late.answer());
    assert_eq!(shown_prefix(&scene), "/api/v2/aibridge");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_with_neither_prefix_is_502_and_will_not_pass() {
    let scene = Scene::set(machine!(), setup(ONLY_OLD)).await;
    scene.gateway.change(|behaviour| behaviour.mounts = NONE);
    for (path, body) in [("/anthropic/v1/messages", MESSAGES), ("/openai/v1/responses", RESPONSES)] {
        let answer = scene.post(path, &[], body);
        will_not_pass(&answer, "wrong-prefix");
        let text = answer.text();
        assert!(text.contains("/api/v2/ai-gateway") && text.contains("/api/v2/aibridge"), "{text}");
    }
    // At a login, the old one stays as it was.
    let token = scene.gateway.issue_token("ada", Duration::from_secs(3600));
    let output = scene.machine.log_in_with(&scene.gateway, &token, &["--json"]);
    assert_eq!(output.status.code(), Some(75));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["error"]["code"], "wrong-prefix");
    scene.gateway.change(|behaviour| behaviour.mounts = ONLY_NEW);
    scene.gateway.forget_requests();
    assert_eq!(scene.post("/openai/v1/responses", &[], RESPONSES).status, 200);
    let seen = scene.gateway.provider_requests().pop().unwrap();
    assert_eq!(seen.headers("authorization"), [format!("Bearer {}", scene.token)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_speaks_for_a_deployment_says_nothing_about_its_prefix() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    gateway.change(|behaviour| {
        behaviour.mounts = ONLY_OLD;
        behaviour.answer_front = Some(Reply::load_balancer_502());
    });
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", &gateway.issue_token("ada", Duration::from_secs(3600)));
    machine.set("AIGW_URL", &gateway.url());
    let daemon = machine.start();
    let key = machine.key("env");
    let ask = || {
        raw::exchange(
            &daemon.address,
            raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES),
        )
    };
    may_pass(&ask());
    gateway.change(|behaviour| behaviour.answer_front = None);
    let answer = ask();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployments_own_paths_lead_to_the_prefix_that_works() {
    for (mounts, prefix) in [(ONLY_NEW, "/api/v2/ai-gateway"), (ONLY_OLD, "/api/v2/aibridge")] {
        let scene = Scene::set(machine!(), setup(mounts)).await;
        for said in ["/api/v2/aibridge", "/api/v2/ai-gateway"] {
            for (path, body) in
                [("/anthropic/v1/messages?beta=true", MESSAGES), ("/openai/v1/responses", RESPONSES)]
            {
                scene.gateway.forget_requests();
                assert_eq!(scene.post(&format!("{said}{path}"), &[], body).status, 200);
                assert_eq!(scene.only_request().target, format!("{prefix}{path}"));
            }
            // What holds the user's history is nobody's business here.
            scene.gateway.forget_requests();
            for segment in ["sessions", "models", "clients", "providers", "interceptions", "proxy", "keys"] {
                for path in
                    [format!("{said}/{segment}"), format!("{said}/{segment}/x"), format!("/{segment}")]
                {
                    let answer = scene.get(&path, &[]);
                    assert_eq!((answer.status, answer.error()), (404, Some("management-route")), "{path}");
                }
            }
            assert!(scene.gateway.requests().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_requests_ask_for_the_prefix_once() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", &gateway.issue_token("ada", Duration::from_secs(3600)));
    machine.set("AIGW_URL", &gateway.url());
    let daemon = machine.start();
    let key = machine.key("env");
    let mut all: Vec<Raw> = Vec::new();
    for _ in 0..6 {
        let mut raw = Raw::connect(&daemon.address);
        raw.send(raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES));
        all.push(raw);
    }
    for mut raw in all {
        assert_eq!(raw.answer().status, 200);
    }
    let about_it = |request: &&aigw_gateway::Recorded| request.target.ends_with("/anthropic/v1/models");
    let asked = gateway.requests().iter().filter(about_it).count();
    assert_eq!(asked, 1);
}
