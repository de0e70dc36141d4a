//! What a login makes of the token that it was given.

use std::time::{Duration, SystemTime};

use aigw_gateway::{Scopes, Setup};
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

use crate::{HOUR, MESSAGES, PATH, left, named, shown};

async fn logged_in(change: impl FnOnce(&mut Setup)) -> Scene {
    let mut setup = Setup { tls: true, ..Setup::default() };
    change(&mut setup);
    Scene::set(machine!(), setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_makes_a_token_of_its_own_with_a_name_an_end_and_little_scope() {
    let scene = logged_in(|_| {}).await;
    let [own] = &named(&scene.gateway, "ada")[..] else { panic!("one token") };
    assert!(own.name.starts_with("aigw-") && own.name.len() <= 32, "{}", own.name);
    assert!(scene.token.starts_with(&own.id), "it is the one in use");
    assert!(!own.scopes.iter().any(|scope| scope == "all"), "{:?}", own.scopes);
    let left = own.expires.duration_since(SystemTime::now()).unwrap();
    assert!(left > 29 * 24 * HOUR && left <= 30 * 24 * HOUR, "{left:?}");

    let token = shown(&scene);
    assert_eq!((&token["name"], &token["lasting"]), (&own.name.clone().into(), &"own".into()));
    assert_eq!(token["scope"], own.scopes.join(" "));
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
    let said = String::from_utf8(scene.machine.ctl(&["status"]).stdout).unwrap();
    assert!(said.contains(&own.name) && said.contains("replaced in"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_gives_the_one_scope_that_it_knows() {
    let scene = logged_in(|setup| setup.behaviour.scopes = Scopes::OLD).await;
    let [own] = &named(&scene.gateway, "ada")[..] else { panic!("one token") };
    assert_eq!(own.scopes, ["all"]);
    assert_eq!(shown(&scene)["scope"], "all");
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
}

/// The narrow ones do not reach the providers: what was made with them is deleted again.
#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_are_too_narrow_are_given_up_step_by_step() {
    const FEW: Scopes = Scopes {
        names: &[
            "all",
            "user:read",
            "user:read_personal",
            "api_key:create",
            "api_key:read",
            "api_key:delete",
        ],
        ..Scopes::NARROW
    };
    let scene = logged_in(|setup| setup.behaviour.scopes = FEW).await;
    let own = left(&scene.gateway, 1).await;
    assert_eq!(own[0].scopes, ["all"]);
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lifetime_is_what_is_set_and_no_more_than_the_deployment_gives() {
    for (tells, longest, set, expected) in [
        (true, 720 * HOUR, "", 720 * HOUR),
        (true, 10 * HOUR, "", 10 * HOUR),
        (true, 720 * HOUR, "token_lifetime_s = 7200\n", 2 * HOUR),
        // It only refuses what is too long.
        (false, 30 * HOUR, "", 24 * HOUR),
    ] {
        let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
        gateway.change(|behaviour| {
            behaviour.tells_token_lifetime = tells;
            behaviour.max_token_lifetime = longest;
        });
        let machine = machine!();
        machine.configure(&format!("[gateway.default]\nurl = \"{}\"\n{set}", gateway.url()));
        let _daemon = machine.start();
        machine.log_in(&gateway);
        let [own] = &named(&gateway, "ada")[..] else { panic!("one token") };
        let left = own.expires.duration_since(SystemTime::now()).unwrap();
        assert!(left <= expected && left > expected - Duration::from_secs(60), "{left:?} {expected:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_makes_no_tokens_is_logged_in_to_all_the_same_and_says_why() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    gateway.change(|behaviour| behaviour.minting_refused = true);
    let machine = machine!();
    let _daemon = machine.start();
    let token = gateway.issue_token("ada", HOUR);
    let output = machine.log_in_with(&gateway, &token, &[]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("makes no token for this machine"), "{}", told(&output));
    assert_eq!(machine.held_token("default").as_deref(), Some(token.as_str()));
    let shown = machine.ask(&["status"])["gateways"][0]["token"].clone();
    assert_eq!(shown["lasting"], "session");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_login_deletes_the_token_of_the_one_before_and_a_logout_its_own() {
    let scene = logged_in(|_| {}).await;
    let first = named(&scene.gateway, "ada").remove(0);
    scene.machine.log_in(&scene.gateway);
    let own = left(&scene.gateway, 1).await;
    assert_ne!(own[0].name, first.name);
    let output = scene.machine.ctl(&["logout"]);
    assert!(told(&output).contains(&own[0].name), "{}", told(&output));
    assert!(named(&scene.gateway, "ada").is_empty());

    // A deployment that is away cannot be told; the login is gone here all the same.
    scene.machine.log_in(&scene.gateway);
    let own = named(&scene.gateway, "ada").remove(0);
    scene.gateway.stop().await;
    let answer = scene.machine.ask(&["logout"]);
    assert_eq!((&answer["deleted"], &answer["left"]), (&serde_json::Value::Null, &own.name.into()));
    assert_eq!(scene.machine.held_token("default"), None);
}
