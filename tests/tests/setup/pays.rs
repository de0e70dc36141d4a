//! A plan of the user's own: what the tool's files then make it send, and what the gateway sees of that.

use aigw_gateway::{Credential, Recorded, Setup};
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{put, read, same, snapshot};

const GOVERNANCE: &str = "x-coder-ai-governance-token";

fn field<'a>(seen: &'a Recorded, name: &str) -> Option<&'a str> {
    seen.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// What the gateway sees of a tool that asks at this base URL with these fields of its own.
fn asked(scene: &Scene, base: &str, path: &str, fields: &[&str], body: &str) -> Recorded {
    scene.gateway.forget_requests();
    let base = base.strip_prefix(&format!("http://{}", scene.address())).unwrap();
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let (host, length) = (scene.address(), body.len());
    let answer = raw::exchange(
        scene.address(),
        format!(
            "POST {base}{path} HTTP/1.1\r\nhost: {host}\r\n{fields}content-length: {length}\r\n\r\n{body}"
        ),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    scene.only_request()
}

fn claude(scene: &Scene) -> Value {
    serde_json::from_str(&read(&scene.machine, ".claude/settings.json")).unwrap()
}

const BEFORE: &str = "{\n  \"env\": { \"MINE\": \"1\" }\n}\n";
const MESSAGE: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
const SIGNED_IN: &str = "authorization: Bearer sk-ant-oat01-own";

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_goes_on_and_the_gateway_knows_who_it_is() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let config = scene.machine.home().join("config/config.toml");
    let auto = || std::fs::read_to_string(&config).unwrap_or_default().contains("auto");
    put(&scene.machine, ".claude/settings.json", BEFORE, 0o600);
    let before = snapshot(&scene.machine);

    let told = scene.machine.ask(&["setup", "claude-code", "--pays", "own", "--yes"]);
    assert_eq!(told["tools"][0]["pays"], "own");
    let env = claude(&scene)["env"].clone();
    assert_eq!(env["ANTHROPIC_AUTH_TOKEN"], Value::Null);
    let base = env["ANTHROPIC_BASE_URL"].as_str().unwrap().to_owned();
    let seen = asked(&scene, &base, "/v1/messages?beta=true", &[SIGNED_IN], MESSAGE);
    assert_eq!(field(&seen, "authorization"), Some("Bearer sk-ant-oat01-own"));
    assert_eq!(field(&seen, GOVERNANCE), Some(&*scene.token));
    assert_eq!(seen.upstream.unwrap().credential, Credential::Byok);
    assert!(!seen.target.contains("aigw_"), "{}", seen.target);

    // Where nothing can be written, nothing is let through.
    let good = read(&scene.machine, ".claude/settings.json");
    scene.machine.ask(&["undo", "--yes"]);
    put(&scene.machine, ".claude/settings.json", "{ \"env\": ", 0o600);
    let refused = scene.machine.ctl(&["setup", "claude-code", "--pays", "own", "--yes"]);
    assert!(refused.status.code() == Some(1) && !auto(), "{}", machine::told(&refused));
    put(&scene.machine, ".claude/settings.json", BEFORE, 0o600);
    scene.machine.ask(&["setup", "claude-code", "--pays", "own", "--yes"]);
    assert_eq!(read(&scene.machine, ".claude/settings.json").len(), good.len());

    // Another tool is paid for as before, and this one stays as it was chosen.
    scene.machine.ask(&["setup", "opencode", "--yes"]);
    let key = format!("x-api-key: {}", scene.machine.key("opencode"));
    let other =
        asked(&scene, &format!("http://{}/anthropic", scene.address()), "/v1/messages", &[&key], MESSAGE);
    assert_eq!(other.upstream.unwrap().credential, Credential::Centralized);
    let told = scene.machine.ask(&["setup", "claude-code", "--yes"]);
    assert_eq!((&told["tools"][0]["state"], &told["tools"][0]["pays"]), (&"unchanged".into(), &"own".into()));

    assert!(auto());
    scene.machine.ask(&["setup", "claude-code", "--pays", "company", "--yes"]);
    let env = claude(&scene)["env"].clone();
    let token = format!("authorization: Bearer {}", env["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap());
    let base = env["ANTHROPIC_BASE_URL"].as_str().unwrap().to_owned();
    assert!(!base.contains("aigw_") && !auto());
    let seen = asked(&scene, &base, "/v1/messages", &[&token], MESSAGE);
    assert_eq!(field(&seen, "authorization"), Some(&*format!("Bearer {}", scene.token)));
    assert_eq!(field(&seen, GOVERNANCE), None);

    // Undone, nothing of the tool's own goes through any more either.
    scene.machine.ask(&["setup", "claude-code", "--pays", "own", "--yes"]);
    assert!(auto());
    scene.machine.ask(&["undo", "--all", "--yes"]);
    assert!(!auto());
    same(&snapshot(&scene.machine), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chatgpt_plan_goes_on_at_the_provider_that_is_for_it() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    scene.machine.ask(&["setup", "codex", "--pays", "own", "--yes"]);
    let config = read(&scene.machine, ".codex/config.toml");
    assert!(config.contains("requires_openai_auth = true") && !config.contains("bearer"), "{config}");
    let base = config.lines().find_map(|line| line.strip_prefix("base_url = \"")?.strip_suffix('"')).unwrap();
    let fields = ["authorization: Bearer eyJh.eyJz.sig", "chatgpt-account-id: account"];
    let seen = asked(&scene, base, "/responses", &fields, r#"{"model":"gpt-5","input":"hi"}"#);
    assert_eq!(field(&seen, "authorization"), Some("Bearer eyJh.eyJz.sig"));
    assert_eq!(field(&seen, "chatgpt-account-id"), Some("account"));
    assert_eq!(field(&seen, GOVERNANCE), Some(&*scene.token));
    assert!(seen.target.ends_with("/chatgpt/v1/responses"), "{}", seen.target);
}

#[test]
fn what_has_no_way_for_an_own_plan_says_so() {
    let machine = machine!();
    let _daemon = machine.start();
    let before = snapshot(&machine);
    let output = machine.ctl(&["setup", "opencode", "--pays", "own", "--yes"]);
    assert_eq!(output.status.code(), Some(70), "{}", machine::told(&output));
    same(&snapshot(&machine), &before);
}
