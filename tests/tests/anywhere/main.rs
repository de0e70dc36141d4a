//! What differs between systems, once through the real programs: control socket or named pipe, private folders, whose a
//! connection is, both doors, a tool's file, the keyring, the policy. The same on Linux, macOS and Windows.

#[cfg(feature = "keyring")]
mod keyring;
#[cfg(all(windows, feature = "root"))]
mod registry;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::raw;
use aigw_tests::scene::Scene;

const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}"#;

/// Wine takes no roots besides its own, and refuses a certificate that nobody can revoke. There the gateway is without TLS.
fn setup() -> Setup {
    Setup { tls: std::env::var_os("WINEPREFIX").is_none(), ..Setup::default() }
}

async fn scene() -> Scene {
    Scene::set(machine!(), setup()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_through_the_forwarder_with_the_token_of_the_login() {
    let scene = scene().await;
    let answer = scene.post("/anthropic/v1/messages", &["anthropic-version: 2023-06-01"], MESSAGES);
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), scene.machine.log());
    let authorization = scene.only_request().header("authorization").map(str::to_owned);
    assert_eq!(authorization, Some(format!("Bearer {}", scene.token)));

    let wrong = raw::post(scene.address(), "/anthropic/v1/messages", "aigw_env_1_wrong", &[], MESSAGES);
    assert_eq!(raw::exchange(scene.address(), wrong).status, 403);
    assert_eq!(scene.gateway.provider_requests().len(), 1);
}

/// Were it otherwise, another user's connection could not be told from ours.
#[tokio::test(flavor = "multi_thread")]
async fn the_system_tells_whose_a_connection_is() {
    let scene = scene().await;
    let findings = scene.machine.findings();
    assert!(!findings.contains(&"owner-unknown".to_owned()), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_carries_bytes_and_an_opened_host_is_answered_by_the_gateway() {
    let scene = scene().await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = listener.local_addr().expect("an address").to_string();
    let mut raw = scene.tunnel(&target).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let (mut far, _) = listener.accept().expect("the daemon");
    let mut read = [0; 5];
    raw.stream().write_all(b"there").expect("room");
    far.read_exact(&mut read).expect("bytes");
    assert_eq!(&read, b"there");
    far.write_all(b"again").expect("room");
    raw.stream().read_exact(&mut read).expect("bytes");
    assert_eq!(&read, b"again");
    drop(raw);

    for protocol in ["h2", "http/1.1"] {
        let mut http = scene.inside("api.anthropic.com", &[protocol]).await.http().await;
        let answer = http.ask("POST", "/v1/messages", &["anthropic-version: 2023-06-01"], MESSAGES).await;
        assert_eq!(answer.status, 200, "{protocol}: {}\n{}", answer.text(), scene.machine.log());
    }
    assert_eq!(scene.gateway.provider_requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tools_file_is_set_up_and_comes_back_byte_for_byte() {
    const BEFORE: &str = "{\r\n  // mine\r\n  \"model\": \"opus\"\r\n}\r\n";
    let mut machine = machine!();
    let folder = machine.home().join("claude");
    machine.set("CLAUDE_CONFIG_DIR", folder.to_str().expect("a plain path"));
    fs::create_dir(&folder).expect("a folder");
    let file = folder.join("settings.json");
    fs::write(&file, BEFORE).expect("a file");
    let scene = Scene::set(machine, setup()).await;

    scene.machine.ask(&["setup", "claude-code", "--yes"]);
    let after = fs::read_to_string(&file).expect("a file");
    assert!(after.contains(&format!("http://{}/", scene.address())) && after.contains("// mine"), "{after}");
    scene.machine.ask(&["undo", "claude-code", "--yes"]);
    assert_eq!(fs::read_to_string(&file).expect("a file"), BEFORE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_finds_the_first_and_the_first_stops_when_it_is_asked_to() {
    let mut scene = scene().await;
    let second = scene.machine.aigwd(&["run", "--port", "0"]).output().expect("aigwd runs");
    assert!(!second.status.success() && told(&second).contains("another aigwd"), "{}", told(&second));

    let stopped = scene.machine.ctl(&["stop"]);
    assert!(stopped.status.success(), "{}", told(&stopped));
    assert!(scene.daemon.ended().success(), "{}", scene.machine.log());
    let nobody = scene.machine.ctl(&["status"]);
    assert!(!nobody.status.success(), "{}", told(&nobody));
}
