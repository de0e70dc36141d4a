//! Codex: `codex exec`.

use std::time::Duration;

use aigw_gateway::{Recorded, WebSocket};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::desk::{Desk, Told, client};
use crate::tap::Sent;

const LIMIT: Duration = Duration::from_secs(40);

/// A turn that waits for a second try takes longer.
const AT_ONCE: Duration = Duration::from_secs(3);

/// It asks nobody but its gateway then.
pub const QUIET_BASE: &str = "chatgpt_base_url = \"http://127.0.0.1:9/backend-api/\"";
pub const QUIET: &str = "
[analytics]
enabled = false
[features]
plugins = false
apps = false
[otel]
metrics_exporter = \"none\"
";

/// `codex exec --skip-git-repo-check 'say hi'`, with this in front of its `config.toml`.
pub fn say_hi(desk: &Desk, config: &str, variables: &[(&str, &str)], limit: Duration) -> Told {
    desk.write(".codex/config.toml", &format!("{QUIET_BASE}\n{config}\n{QUIET}"));
    desk.run(&client("codex"), &["exec", "--skip-git-repo-check", "say hi"], variables, limit)
}

/// A provider of the user's own, which brings the key itself: with this setting.
pub fn own_provider(desk: &Desk, more: &str) -> String {
    let url = desk.url("/openai/v1");
    format!(
        "model_provider = \"aigw\"\n[model_providers.aigw]\nname = \"aigw\"\nbase_url = {url:?}\nwire_api = \"responses\"\n{more}"
    )
}

fn answered(desk: &Desk, told: Told, credentials: &[&str]) -> Vec<(Sent, Recorded)> {
    let told = told.well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    assert!(!told.all().to_lowercase().contains("reconnect"), "{told:#?}");
    desk.central_pairs(credentials)
}

fn check_fields((sent, seen): &(Sent, Recorded)) {
    assert!(seen.target.ends_with("/openai/v1/responses"), "{}", seen.target);
    for name in ["user-agent", "originator", "session-id", "thread-id", "x-client-request-id"] {
        assert!(seen.header(name).is_some(), "{name}: {seen:?}");
        assert_eq!(seen.header(name), sent.header(name));
    }
}

/// How often it tried a WebSocket.
pub fn upgrades(desk: &Desk) -> usize {
    desk.tap.sent().iter().filter(|sent| sent.header("upgrade").is_some()).count()
}

/// The first turn at a gateway without WebSocket, told to the tool by its base URL.
async fn first_turn() -> (Desk, Told) {
    let desk = Desk::logged_in().await;
    desk.gateway.change(|behaviour| behaviour.websocket = WebSocket::Old);
    let told = by_base_url(&desk);
    (desk, told)
}

fn by_base_url(desk: &Desk) -> Told {
    let config = format!("openai_base_url = {:?}", desk.url("/openai/v1"));
    say_hi(desk, &config, &[("CODEX_API_KEY", &desk.key)], LIMIT)
}

/// It tries a WebSocket first. Told at once that there is none, it does not try again.
#[tokio::test(flavor = "multi_thread")]
async fn codex_by_base_url_goes_over_to_https_at_once() {
    let (mut desk, mut told) = first_turn().await;
    // A machine that is busy with something else may be slow, but not each time.
    for _ in 0..2 {
        if told.took > AT_ONCE {
            (desk, told) = first_turn().await;
        }
    }
    assert!(told.took < AT_ONCE, "{told:#?}");
    let pairs = answered(&desk, told, &[]);
    pairs.iter().for_each(check_fields);
    let methods: Vec<_> = pairs.iter().map(|(sent, _)| sent.method.as_str()).collect();
    assert_eq!(methods, ["GET", "POST"]);
    assert_eq!(upgrades(&desk), 1);

    // The next turn is not even asked about at the gateway.
    desk.gateway.forget_requests();
    let told = by_base_url(&desk);
    let pairs = answered(&desk, told, &[]);
    let methods: Vec<_> = pairs.iter().map(|(sent, _)| sent.method.as_str()).collect();
    assert_eq!(methods, ["POST"]);
    assert_eq!(upgrades(&desk), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_by_base_url_over_a_websocket() {
    let desk = Desk::logged_in().await;
    desk.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    let told = by_base_url(&desk);
    let pairs = answered(&desk, told, &[]);
    pairs.iter().for_each(check_fields);
    let [(sent, seen)] = pairs.as_slice() else { panic!("{pairs:#?}") };
    assert_eq!(sent.method, "GET");
    assert!(seen.header("openai-beta").is_some_and(|beta| beta.starts_with("responses_websockets=")));
    assert!(seen.frames.iter().all(|frame| frame.contains("response.create")), "{:?}", seen.frames);
    assert!(seen.frames.last().is_some_and(|frame| frame.contains("say hi")), "{:?}", seen.frames);
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_by_a_provider_with_the_key_in_a_header() {
    let desk = Desk::logged_in().await;
    let header = format!("http_headers = {{ \"x-aigw-key\" = {:?} }}", desk.key);
    let told = say_hi(&desk, &own_provider(&desk, &header), &[], LIMIT);
    let pairs = answered(&desk, told, &[]);
    pairs.iter().for_each(check_fields);
    assert!(pairs.iter().all(|(sent, _)| sent.header("x-aigw-key") == Some(&desk.key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_by_a_provider_with_a_bearer_token() {
    let desk = Desk::logged_in().await;
    let bearer = format!("experimental_bearer_token = {:?}", desk.key);
    let told = say_hi(&desk, &own_provider(&desk, &bearer), &[], LIMIT);
    let pairs = answered(&desk, told, &[]);
    pairs.iter().for_each(check_fields);
    assert_eq!(upgrades(&desk), 0);
}

/// Somebody's ChatGPT login, as the tool keeps it. It does not check the signature.
pub fn chatgpt_login(desk: &Desk) -> String {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = serde_json::json!({
        "email": "ada@example.com",
        "exp": 4_102_444_800_u64,
        "https://api.openai.com/auth": {
            "chatgpt_plan_type": "plus", "chatgpt_user_id": "user-ada", "chatgpt_account_id": "account-ada",
        },
    });
    let token = format!("{}.{}.c2lnbmF0dXJl", encode(serde_json::json!({ "alg": "none" })), encode(claims));
    let login = serde_json::json!({
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": token, "access_token": token, "refresh_token": "refresh-ada", "account_id": "account-ada",
        },
        "last_refresh": "2099-01-01T00:00:00Z",
    });
    desk.write(".codex/auth.json", &login.to_string());
    token
}

/// It then sends its bodies compressed, and its login to whatever base URL it has. The local key stands in that.
#[tokio::test(flavor = "multi_thread")]
async fn codex_signed_in_with_chatgpt_leaves_its_login_behind_and_its_body_as_it_is() {
    let desk = Desk::logged_in().await;
    let login = chatgpt_login(&desk);
    let config = format!("openai_base_url = {:?}", desk.url(&format!("/_k/{}/openai/v1", desk.key)));
    let told = say_hi(&desk, &config, &[], LIMIT);
    let pairs = answered(&desk, told, &[&login, "account-ada"]);
    let turn = check_compressed(&pairs);
    assert_eq!(turn.header("chatgpt-account-id"), Some("account-ada"));
    assert!(turn.header("authorization").is_some_and(|value| value.ends_with(&login)));
}

/// The provider of that name takes the tool's own login and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn codex_signed_in_with_chatgpt_keeps_its_login_where_that_pays() {
    let desk = Desk::logged_in().await;
    let login = chatgpt_login(&desk);
    let config = format!("openai_base_url = {:?}", desk.url(&format!("/_k/{}/chatgpt/v1", desk.key)));
    let told = say_hi(&desk, &config, &[], LIMIT).well();
    assert_eq!(told.out.trim(), desk.gateway.behaviour().stream.text, "{told:#?}");
    let pairs = desk.pairs();
    check_compressed(&pairs);
    for (_, seen) in &pairs {
        assert_eq!(seen.headers("authorization"), [format!("Bearer {login}")]);
        assert_eq!(seen.headers("chatgpt-account-id"), ["account-ada"]);
        assert_eq!(seen.headers("x-coder-ai-governance-token"), [desk.token.as_str()]);
    }
}

/// The turn is zstd, at both ends.
fn check_compressed(pairs: &[(Sent, Recorded)]) -> &Sent {
    let turn = pairs.iter().find(|(sent, _)| sent.method == "POST");
    let (sent, seen) = turn.unwrap_or_else(|| panic!("no turn in {pairs:#?}"));
    assert_eq!(seen.headers("content-encoding"), ["zstd"]);
    assert_eq!(seen.body, sent.body);
    assert!(seen.body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]), "no frame of zstd");
    sent
}
