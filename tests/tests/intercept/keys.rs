//! Local keys inside a tunnel, and what ends with a key.

use aigw_tests::raw;

use crate::stage::{Stage, credentials};
use crate::{H1, H2, MESSAGES};

/// A key of the right form that was never given out.
fn wrong(key: &str) -> String {
    let at = key.len() - 20;
    let other = if key.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &key[..at], &key[at + 1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn f8_a_wrong_key_inside_is_refused_and_a_right_one_taken_out() {
    let stage = Stage::set("anthropic", "").await;
    let (key, wrong) = (stage.scene.key.clone(), wrong(&stage.scene.key));
    for protocols in [H1, H2] {
        for path in ["/v1/messages", "/api/x"] {
            let fields = |key: &str| {
                [
                    format!("x-api-key: {key}"),
                    format!("authorization: Bearer {key}"),
                    format!("x-aigw-key: {key}"),
                    format!("proxy-authorization: {}", raw::login(key)),
                    format!("cookie: a={key}"),
                ]
            };
            for field in fields(&wrong) {
                let answer = stage.http(protocols).await.ask("POST", path, &[&field], MESSAGES).await;
                assert_eq!((answer.status, answer.error()), (403, Some("key-wrong")), "{path} {field}");
                assert!(!format!("{answer:?}").contains(&wrong));
                stage.nobody_saw(&field);
            }
            let answer =
                stage.http(protocols).await.ask("POST", &format!("{path}?key={wrong}"), &[], "{}").await;
            assert_eq!(answer.error(), Some("key-wrong"));
            for field in fields(&key) {
                let answer = stage.http(protocols).await.ask("POST", path, &[&field], MESSAGES).await;
                assert_eq!(answer.status, 200, "{path} {field} {}", answer.text());
                let seen =
                    if path == "/api/x" { stage.only_the_host_saw() } else { stage.only_the_gateway_saw() };
                assert!(!format!("{seen:?}").contains("aigw_"), "{field} {seen:?}");
                let ours = format!("authorization: Bearer {}", stage.scene.token);
                let expected = if path == "/api/x" { vec![] } else { vec![ours] };
                assert_eq!(credentials(&seen), expected, "{field}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_opens_no_further_tunnel() {
    let stage = Stage::set("anthropic", "").await;
    let key = stage.scene.machine.key("tool");
    assert!(raw::tunnel(stage.scene.address(), &stage.target, Some(&key)).is_ok());
    stage.scene.machine.ask(&["keys", "revoke", "tool"]);
    let refusal = raw::tunnel(stage.scene.address(), &stage.target, Some(&key)).unwrap_err();
    assert_eq!((refusal.status, refusal.error()), (407, Some("proxy-key-missing")));
    assert!(refusal.field("proxy-authenticate").unwrap().starts_with("Basic "));
    // Others' keys are as good as before.
    assert_eq!(stage.http(H2).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_there_is_no_tunnel_and_no_certificate() {
    let stage = Stage::set("anthropic", "").await;
    let wrong = wrong(&stage.scene.key);
    for key in [None, Some(wrong.as_str())] {
        let refusal = raw::tunnel(stage.scene.address(), &stage.target, key).unwrap_err();
        assert_eq!(refusal.status, 407, "{key:?}");
    }
    assert!(
        !stage.scene.machine.home().join("state/ca").exists()
            || !stage.scene.machine.log().contains("made a CA")
    );
    stage.nobody_saw("no key");
}
