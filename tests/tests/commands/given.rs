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

/// A login that the environment would overrule is not reported as one.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_environment_gives_is_not_replaced_by_a_login() {
    let gateway = practice().await;
    for (form, cure) in [("AIGW_TOKEN", "AIGW_TOKEN"), ("AIGW_URL", "AIGW_URL")] {
        let mut machine = machine!();
        let token = gateway.issue_token("ada", DAY);
        machine.set(form, if form == "AIGW_URL" { "https://nobody.invalid" } else { &token });
        let _daemon = machine.start();
        let login = machine.log_in_with(&gateway, &token, &[]);
        assert_eq!(login.status.code(), Some(64), "{form}: {}", told(&login));
        assert!(told(&login).contains(cure), "{form}: {}", told(&login));
        assert!(!machine.home().join("config/config.toml").exists(), "{form}");
        // Another gateway can be logged in to beside it.
        assert!(machine.log_in_with(&gateway, &token, &["--name", "work"]).status.success(), "{form}");
        if form == "AIGW_TOKEN" {
            assert_eq!(
                machine.ctl(&["logout", "default"]).status.code(),
                Some(2),
                "there is no such gateway"
            );
        }
    }
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", &gateway.issue_token("ada", DAY));
    machine.set("AIGW_URL", &gateway.url());
    let _daemon = machine.start();
    let logout = machine.ctl(&["logout"]);
    assert_eq!(logout.status.code(), Some(64), "{}", told(&logout));
    assert!(told(&logout).contains("AIGW_TOKEN"), "{}", told(&logout));
}

#[test]
fn names_of_keys_without_a_given_secret_are_told_of() {
    let machine = machine!();
    machine.configure("[listen]\nkeys = [\"ci\"]\n");
    let _daemon = machine.start();
    assert_eq!(machine.findings(), ["setting-without-effect"]);
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
