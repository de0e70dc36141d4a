//! A login in the system's own keyring, across a restart.

use aigw_tests::machine::told;

use crate::{MESSAGES, scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_the_keyring_outlives_the_daemon_and_is_removed_by_logout() {
    let mut scene = scene().await;
    let token = scene.gateway.issue_token("ada", std::time::Duration::from_secs(86_400));
    let login = scene.machine.log_in_with(&scene.gateway, &token, &["--store", "keyring"]);
    assert!(login.status.success(), "{}", told(&login));
    scene.restart();
    assert_eq!(scene.machine.ask(&["status"])["gateways"][0]["store"], "keyring");
    assert_eq!(scene.machine.held_token("default"), None);

    scene.gateway.forget_requests();
    let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(scene.only_request().header("authorization").is_some_and(|field| field.starts_with("Bearer ")));

    let logout = scene.machine.ctl(&["logout"]);
    assert!(logout.status.success(), "{}", told(&logout));
    scene.restart();
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 403);
}
