//! A login that comes from the environment: enough by itself, told of when it lies open, and bound to the URL that it
//! came with.

use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::raw;

use crate::MESSAGES;

const DAY: Duration = Duration::from_secs(86_400);

async fn practice() -> Practice {
    Practice::start(Setup::default()).await.expect("a practice gateway")
}

fn bearer(gateway: &Practice) -> Vec<String> {
    let seen = gateway.provider_requests();
    seen.iter().filter_map(|request| request.header("authorization").map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_and_a_token_file_are_enough() {
    let gateway = practice().await;
    let mut machine = machine!();
    let token = gateway.issue_token("ada", DAY);
    std::fs::write(machine.home().join("token"), format!("{token}\n")).unwrap();
    machine.set("AIGW_TOKEN_FILE", machine.home().join("token").to_str().unwrap());
    machine.set("AIGW_URL", &gateway.url());
    let daemon = machine.start();
    let key = machine.key("env");
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
    assert_eq!(raw::exchange(&daemon.address, message).status, 200);
    assert_eq!(bearer(&gateway), [format!("Bearer {token}")]);
    let status = machine.ask(&["status"]);
    assert_eq!(status["findings"], serde_json::json!([]));
    assert_eq!(status["gateways"][0]["token"]["fingerprint"], token[..4]);
    // It is where it was, and nowhere else.
    assert!(!machine.home().join("config/config.toml").exists());
    assert_eq!(std::fs::read_dir(machine.home().join("state/credentials")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_environment_works_and_is_a_finding() {
    let gateway = practice().await;
    let mut machine = machine!();
    let token = gateway.issue_token("ada", DAY);
    machine.set("AIGW_TOKEN", &token);
    machine.set("AIGW_URL", &gateway.url());
    let daemon = machine.start();
    let key = machine.key("env");
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
    assert_eq!(raw::exchange(&daemon.address, message).status, 200);
    assert_eq!(bearer(&gateway), [format!("Bearer {token}")]);
    let status = machine.ask(&["status"]);
    let [finding] = status["findings"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!((&finding["code"], &finding["severity"]), (&"token-in-environment".into(), &"warning".into()));
    assert!(finding["cure"].as_str().unwrap().contains("AIGW_TOKEN_FILE"), "{finding}");
    for words in [&["status"][..], &["config", "show"], &[]] {
        assert!(!told(&machine.ctl(words)).contains(&token), "{words:?}");
    }
    assert!(!machine.log().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_is_not_there_is_a_finding_and_nobody_is_logged_in() {
    let gateway = practice().await;
    let mut machine = machine!();
    machine.set("AIGW_TOKEN_FILE", "/no/such/token");
    machine.set("AIGW_URL", &gateway.url());
    let daemon = machine.start();
    let key = machine.key("env");
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
    assert_eq!(raw::exchange(&daemon.address, message).error(), Some("not-logged-in"));
    assert!(machine.findings().contains(&"token-file".to_owned()));
}

/// Whoever can write the settings could otherwise have the token sent to a place of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_given_token_is_never_shown_to_a_url_that_came_later() {
    for form in ["AIGW_TOKEN", "AIGW_TOKEN_FILE"] {
        let (gateway, other) = (practice().await, practice().await);
        let mut machine = machine!();
        let token = gateway.issue_token("ada", DAY);
        std::fs::write(machine.home().join("token"), &token).unwrap();
        let file = machine.home().join("token");
        machine.set(form, if form == "AIGW_TOKEN" { &token } else { file.to_str().unwrap() });
        let configure = |gateway: &Practice| {
            machine.configure(&format!("[gateway.default]\nurl = \"{}\"\n", gateway.url()));
        };
        configure(&gateway);
        let daemon = machine.start();
        let key = machine.key("env");
        let ask = || {
            let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
            raw::exchange(&daemon.address, message)
        };
        assert_eq!(ask().status, 200, "{form}");

        configure(&other);
        // However often it is read again.
        for _ in 0..2 {
            assert!(machine.ctl(&["reload"]).status.success());
            let answer = ask();
            assert_eq!(
                (answer.status, answer.error()),
                (403, Some("not-logged-in")),
                "{form} {}",
                answer.text()
            );
        }
        machine.ask(&["status"]);
        let seen = format!("{:?}", other.requests());
        assert!(!seen.contains(&token), "{form} went to another deployment");

        configure(&gateway);
        assert!(machine.ctl(&["reload"]).status.success());
        assert_eq!(ask().status, 200, "{form}");
    }
}
