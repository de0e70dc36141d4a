//! The user's own provider keys: kept with the login, sent to its gateway and nobody else, and gone when they are unset.

use aigw_gateway::{Practice, ProviderFault, Setup};
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, failed, text};

const KEY: &str = "sk-ant-api03-hush-0123456789";
const PATH: &str = "/anthropic/v1/messages";
const RESPONSES: &str = r#"{"model":"gpt-5","input":"hi"}"#;

async fn scene() -> Scene {
    Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await
}

fn set(scene: &Scene, provider: &str, key: &str) -> std::process::Output {
    scene.machine.ctl_with_input(&["byok", "set", provider, "--stdin"], key)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_key_travels_in_the_providers_field_beside_our_token() {
    let scene = scene().await;
    let output = set(&scene, "anthropic", KEY);
    assert!(text(&output).contains("Your own key is used for anthropic"), "{}", told(&output));
    assert!(set(&scene, "openai", "sk-hush-openai-0123").status.success());
    scene.gateway.forget_requests();
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
    let seen = scene.only_request();
    assert_eq!(seen.header("x-api-key"), Some(KEY));
    assert_eq!(seen.header("x-coder-ai-governance-token"), Some(scene.token.as_str()));
    assert_eq!(seen.header("authorization"), None);
    scene.gateway.forget_requests();
    assert_eq!(scene.post("/openai/v1/responses", &[], RESPONSES).status, 200);
    let seen = scene.only_request();
    assert_eq!(seen.header("authorization"), Some("Bearer sk-hush-openai-0123"));
    assert_eq!(seen.header("x-coder-ai-governance-token"), Some(scene.token.as_str()));

    let list = scene.machine.ask(&["byok", "list"]);
    assert_eq!(list["keys"][0]["provider"], "anthropic");
    assert_eq!(list["keys"][0]["fingerprint"], "sk-a");
    for words in [["byok", "list"].as_slice(), &["status"], &["config", "show"]] {
        assert!(!told(&scene.machine.ctl(words)).contains("hush"));
    }
    assert!(!scene.machine.log().contains("hush"));

    // A new login keeps it; an unset one is gone.
    let token = scene.machine.log_in(&scene.gateway);
    scene.gateway.forget_requests();
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
    assert_eq!(scene.only_request().header("x-api-key"), Some(KEY));
    assert!(text(&scene.machine.ctl(&["byok", "unset", "anthropic"])).contains("is forgotten"));
    scene.gateway.forget_requests();
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
    let seen = scene.only_request();
    assert_eq!(seen.header("x-api-key"), None);
    assert_eq!(seen.header("x-coder-ai-governance-token"), None);
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {token}").as_str()));
    let stored =
        std::fs::read_to_string(scene.machine.home().join("state/credentials/default.json")).unwrap();
    assert!(!stored.contains(KEY) && stored.contains("sk-hush-openai-0123"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_another_url_never_sees_it() {
    let scene = scene().await;
    assert!(set(&scene, "anthropic", KEY).status.success());
    let other = Practice::start(Setup { tls: true, ..Setup::default() }).await.unwrap();
    let ca = scene.machine.home().join("other.pem");
    std::fs::write(&ca, other.ca_pem()).unwrap();
    scene.machine.ask(&["gateway", "add", "default", &other.url(), "--ca-file", ca.to_str().unwrap()]);
    let token = other.issue_token("ada", std::time::Duration::from_secs(3600));
    let output = scene.machine.ctl_with_input(&["login", "--token-stdin"], &token);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(scene.post(PATH, &[], MESSAGES).status, 200);
    let seen = format!("{:?}", other.requests());
    assert!(!seen.contains(KEY) && !seen.contains("governance"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_words_and_change_nothing() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| behaviour.byok_off = true);
    let output = scene.machine.ctl_with_input(&["byok", "set", "anthropic", "--stdin", "--json"], KEY);
    assert_eq!(failed(&output), (77, "gateway-refused".to_owned()));
    assert!(told(&output).contains("does not let its users bring their own key"), "{}", told(&output));
    scene.gateway.change(|behaviour| {
        behaviour.byok_off = false;
        behaviour.provider_fault = Some(ProviderFault::KeyRejected);
    });
    let output = scene.machine.ctl_with_input(&["byok", "set", "anthropic", "--stdin", "--json"], KEY);
    assert_eq!(failed(&output), (77, "token-rejected".to_owned()), "{}", told(&output));
    scene.gateway.change(|behaviour| behaviour.provider_fault = None);
    for (words, input) in [
        (["byok", "set", "chatgpt", "--stdin", "--json"].as_slice(), KEY),
        (&["byok", "set", "Not A Name", "--stdin", "--json"], KEY),
        (&["byok", "set", "anthropic", "--stdin", "--json"], ""),
        (&["byok", "unset", "anthropic", "--json"], ""),
        (&["byok", "list", "--gateway", "nowhere", "--json"], ""),
    ] {
        let output = scene.machine.ctl_with_input(words, input);
        assert_eq!(failed(&output), (2, "usage".to_owned()), "{words:?} {}", told(&output));
    }
    assert_eq!(scene.machine.ask(&["byok"])["keys"], serde_json::json!([]));

    // Switched off later, and refused by the provider later: the tool is told which command mends it.
    assert!(set(&scene, "anthropic", KEY).status.success());
    scene.gateway.change(|behaviour| behaviour.byok_off = true);
    let answer = scene.post(PATH, &[], MESSAGES);
    assert_eq!((answer.status, answer.error()), (403, Some("gateway-refused")));
    assert!(answer.text().contains("aigwctl byok unset anthropic"), "{}", answer.text());
    scene.gateway.change(|behaviour| {
        behaviour.byok_off = false;
        behaviour.provider_fault = Some(ProviderFault::KeyRejected);
    });
    let answer = scene.post(PATH, &[], MESSAGES);
    assert_eq!((answer.status, answer.error()), (403, Some("provider-key-rejected")));
    assert!(answer.text().contains("aigwctl byok set anthropic"), "{}", answer.text());
}
