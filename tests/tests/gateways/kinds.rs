//! Coder's gateway inside a deployment, below a path or not; as a program of its own; several of them at once.

use std::net::Ipv6Addr;
use std::time::Duration;

use aigw_gateway::{Mounts, Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, RESPONSES, tls, will_not_pass};

const HOUR: Duration = Duration::from_secs(3600);

fn ca_file(machine: &Machine, gateway: &Practice) -> String {
    let file = machine.home().join(format!("{}.pem", gateway.port()));
    std::fs::write(&file, gateway.ca_pem()).expect("a file");
    file.to_str().expect("a plain path").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_may_sit_below_a_path_and_its_url_may_end_with_a_slash() {
    for path in ["", "/coder", "/a/b%20c"] {
        for slash in ["", "/", "//"] {
            let gateway = Practice::start(Setup { path: path.to_owned(), ..tls() }).await.unwrap();
            let machine = machine!();
            let daemon = machine.start();
            let token = gateway.issue_token("ada", HOUR);
            let url = format!("{}{slash}", gateway.url());
            let words = ["login", &url, "--token-stdin", "--ca-file", &ca_file(&machine, &gateway)];
            let output = machine.ctl_with_input(&words, &token);
            assert!(output.status.success(), "{url}: {}", told(&output));
            let status = machine.ask(&["status"]);
            assert_eq!(status["gateways"][0]["url"], gateway.url().as_str());
            assert_eq!(status["gateways"][0]["user"], "ada");
            let key = machine.key("env");
            let message = raw::post(&daemon.address, "/anthropic/v1/messages?beta=true", &key, &[], MESSAGES);
            let answer = raw::exchange(&daemon.address, message);
            assert_eq!(answer.status, 200, "{url} {}", answer.text());
            let seen = gateway.provider_requests().pop().unwrap();
            assert_eq!(seen.target, format!("{path}/api/v2/ai-gateway/anthropic/v1/messages?beta=true"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stands_alone_is_logged_in_to_at_its_deployment() {
    let mut setup = tls();
    setup.behaviour.mounts = Mounts::all();
    let gateway = Practice::start(setup).await.unwrap();
    let machine = machine!();
    // One server, two names: the request tells which one was meant.
    let deployment = gateway.url().replace("127.0.0.1", "localhost");
    machine.configure(&format!(
        "[gateway.default]\nkind = \"coder-standalone\"\nurl = \"{}\"\ncoder_url = \"{deployment}\"\nca_file = \"{}\"\n",
        gateway.url(),
        ca_file(&machine, &gateway)
    ));
    let daemon = machine.start();
    let token = gateway.issue_token("ada", HOUR);
    let output = machine.ctl_with_input(&["login", "--token-stdin"], &token);
    assert!(output.status.success(), "{}", told(&output));
    let seen = gateway.requests();
    assert!(!seen.is_empty());
    for request in &seen {
        // A new token is tried where it is to be used.
        let tried = request.target.starts_with("/anthropic/");
        assert!(tried || request.target.starts_with("/api/v2/users/me"), "{}", request.target);
        assert_eq!(request.server_name.as_deref(), (!tried).then_some("localhost"), "{}", request.target);
    }
    let token = machine.held_token("default").unwrap();
    let status = machine.ask(&["status"]);
    assert_eq!(status["gateways"][0]["kind"], "coder-standalone");
    assert_eq!(status["gateways"][0]["user"], "ada");

    gateway.forget_requests();
    let key = machine.key("env");
    for (path, body) in [("/anthropic/v1/messages", MESSAGES), ("/openai/v1/responses", RESPONSES)] {
        let answer = raw::exchange(&daemon.address, raw::post(&daemon.address, path, &key, &[], body));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let seen = gateway.requests().pop().unwrap();
        assert_eq!(seen.target, path);
        assert_eq!(seen.server_name, None);
        assert_eq!(seen.headers("authorization"), [format!("Bearer {token}")]);
    }
    // It has no other prefix to look for.
    gateway.change(|behaviour| behaviour.mounts = Mounts::coder());
    for _ in 0..2 {
        let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
        will_not_pass(&raw::exchange(&daemon.address, message), "wrong-prefix");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_are_told_apart_by_the_path_and_get_their_own_tokens() {
    let one = Scene::set(machine!(), tls()).await;
    let two = Practice::start(tls()).await.unwrap();
    let token = two.issue_token("bob", HOUR);
    let words =
        ["login", &two.url(), "--name", "work", "--token-stdin", "--ca-file", &ca_file(&one.machine, &two)];
    let output = one.machine.ctl_with_input(&words, &token);
    assert!(output.status.success(), "{}", told(&output));
    let token = one.machine.held_token("work").unwrap();
    two.forget_requests();
    one.gateway.forget_requests();

    for (path, name) in [
        ("/anthropic/v1/messages", "default"),
        ("/_g/default/anthropic/v1/messages", "default"),
        ("/_g/work/anthropic/v1/messages", "work"),
        ("/_g/work/api/v2/aibridge/anthropic/v1/messages", "work"),
    ] {
        assert_eq!(one.post(path, &[], MESSAGES).status, 200, "{path}");
        let (right, wrong, held) =
            if name == "work" { (&two, &one.gateway, &token) } else { (&one.gateway, &two, &one.token) };
        assert!(wrong.requests().is_empty(), "{path}");
        let seen = right.provider_requests();
        assert_eq!(seen.len(), 1, "{path}");
        assert_eq!(seen[0].target, "/api/v2/ai-gateway/anthropic/v1/messages");
        assert_eq!(seen[0].headers("authorization"), [format!("Bearer {held}")]);
        one.gateway.forget_requests();
        two.forget_requests();
    }
    // With the key in the path, for tools that need their header for another one.
    let path = format!("/_k/{}/_g/work/openai/v1/responses", one.key);
    let message = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{RESPONSES}",
        one.address(),
        RESPONSES.len()
    );
    assert_eq!(raw::exchange(one.address(), message).status, 200);
    assert_eq!(two.provider_requests()[0].target, "/api/v2/ai-gateway/openai/v1/responses");
    for path in ["/_g/none/anthropic/v1/messages", "/_g//anthropic/v1/messages", "/_g/work"] {
        let answer = one.post(path, &[], MESSAGES);
        assert!([403, 404].contains(&answer.status), "{path} {}", answer.text());
        assert!(answer.error().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_by_its_file_and_by_nothing_else() {
    let gateway = Practice::start(tls()).await.unwrap();
    let machine = machine!();
    let _daemon = machine.start();
    let token = gateway.issue_token("ada", HOUR);
    let url = gateway.url();
    let output = machine.ctl_with_input(&["login", &url, "--token-stdin", "--json"], &token);
    assert_eq!(output.status.code(), Some(75), "{}", told(&output));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error"]["code"], "gateway-untrusted");
    assert!(gateway.requests().is_empty());
    assert!(!machine.home().join("config/config.toml").exists());

    let file = ca_file(&machine, &gateway);
    let output = machine.ctl_with_input(&["login", &url, "--token-stdin", "--ca-file", &file], &token);
    assert!(output.status.success(), "{}", told(&output));
    // It is in the configuration now.
    let output = machine.ctl_with_input(&["login", &url, "--token-stdin"], &token);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn plain_http_is_for_loopback_addresses_only() {
    let machine = machine!();
    let _daemon = machine.start();
    for url in [
        "http://gateway.example",
        "http://localhost:1",
        "http://192.0.2.1",
        "http://127.0.0.1.example",
        "http://[2001:db8::1]",
    ] {
        let output =
            machine.ctl_with_input(&["login", url, "--token-stdin", "--json"], crate::circles::TOKEN);
        assert_eq!(output.status.code(), Some(2), "{url}: {}", told(&output));
        machine.configure(&format!("[gateway.default]\nurl = \"{url}\"\n"));
        let output = machine.ctl(&["reload", "--json"]);
        assert_eq!(output.status.code(), Some(64), "{url}: {}", told(&output));
        machine.configure("");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_may_be_at_an_ipv6_address() {
    let gateway = Practice::start(Setup { address: Ipv6Addr::LOCALHOST.into(), ..tls() }).await.unwrap();
    assert!(gateway.url().starts_with("https://[::1]:"));
    let machine = machine!();
    let daemon = machine.start();
    machine.log_in(&gateway);
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &machine.key("env"), &[], MESSAGES);
    assert_eq!(raw::exchange(&daemon.address, message).status, 200);
    let seen = gateway.provider_requests().pop().unwrap();
    assert_eq!(seen.header(":authority"), Some(gateway.address().to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_the_settings_go_with_everything_that_the_gateway_is_asked() {
    let machine = machine!();
    machine.configure("[gateway.default]\nheaders = { CF-Access-Client-Id = \"front\", X-Team = \"a b\" }\n");
    let scene = Scene::set(machine, tls()).await;
    scene.machine.log_in(&scene.gateway);
    assert_eq!(scene.post("/anthropic/v1/messages", &["x-team: mine"], MESSAGES).status, 200);
    let upgrade =
        ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: eA=="];
    assert_eq!(scene.get("/openai/v1/responses", &upgrade).status, 426);
    let seen = scene.gateway.requests();
    // Who it is, what the token may do, where the prefix is, a request and a WebSocket.
    assert!(seen.len() >= 5, "{seen:#?}");
    for request in seen {
        assert_eq!(request.headers("cf-access-client-id"), ["front"], "{}", request.target);
        assert_eq!(request.headers("x-team"), ["a b"], "{}", request.target);
    }
}
