//! A token that is refused in the middle.

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::{HOUR, MESSAGES, PATH};

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_else_to_try_it_is_403_and_a_finding_until_the_next_login() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    assert!(scene.gateway.revoke(&scene.token));
    for _ in 0..2 {
        let answer = scene.post(PATH, &[], MESSAGES);
        assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")));
        assert!(answer.text().contains("aigwctl login"));
    }
    assert!(scene.machine.findings().contains(&"login-refused".to_owned()));
    scene.machine.log_in(&scene.gateway);
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
    assert!(scene.machine.findings().is_empty());
}

/// Somebody else has put another token where ours comes from: the tool is told to repeat, and then it works.
#[tokio::test(flavor = "multi_thread")]
async fn with_another_one_in_the_store_it_is_503_once() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    let mut machine = machine!();
    let file = machine.home().join("token");
    let first = gateway.issue_token("ada", HOUR);
    std::fs::write(&file, &first).unwrap();
    machine.set("AIGW_TOKEN_FILE", file.to_str().unwrap());
    machine.set("AIGW_URL", &gateway.url());
    let daemon = machine.start();
    let key = machine.key("env");
    let ask = || raw::exchange(&daemon.address, raw::post(&daemon.address, PATH, &key, &[], MESSAGES));
    assert_eq!(ask().status, 200);
    std::fs::write(&file, gateway.issue_token("ada", HOUR)).unwrap();
    assert!(gateway.revoke(&first));
    let answer = ask();
    assert_eq!((answer.status, answer.error()), (503, Some("token-renewed")), "{}", answer.text());
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(answer.json()["type"], "error", "in the tool's own dialect");
    assert_eq!(ask().status, 200);
}
