//! A new login, a logout, another gateway: for the next request, with no restart, and no stream that was cut.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aigw_gateway::{Credential, Ending, Practice, Recorded, ResponseEnd, WebSocket};
use aigw_tests::eventually::PATIENCE;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw::{self, Raw};
use aigw_tests::scene::Scene;

use crate::{MESSAGES, RESPONSES, tls};

/// A stream that goes on as long as somebody listens.
fn endless(scene: &Scene) -> Live {
    scene.gateway.change(|behaviour| {
        behaviour.stream.ending = Ending::Endless;
        behaviour.stream.gap = Duration::from_millis(20);
    });
    let mut live = Live::of(scene.begin("/anthropic/v1/messages", &[], MESSAGES));
    assert_eq!(live.head.status, 200);
    assert!(live.until("Hello"));
    scene.gateway.change(|behaviour| {
        behaviour.stream.ending = Ending::Complete;
        behaviour.stream.gap = Duration::ZERO;
    });
    live
}

/// Many events more, all of them from after now.
fn goes_on(live: &mut Live, seen: &Recorded) {
    for round in 0..3 {
        let text = format!("\"text\":\"{}", ["Hello", "from", "the"][round]);
        live.forget();
        assert!(live.until(&text), "the stream was cut");
    }
    assert_eq!(seen.response_end, ResponseEnd::Pending);
}

fn bearer(seen: &Recorded) -> &str {
    seen.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

fn configured(machine: &Machine, url: &str) {
    let ca = machine.home().join("practice-ca.pem");
    machine.configure(&format!("[gateway.default]\nurl = \"{url}\"\nca_file = \"{}\"\n", ca.display()));
    let output = machine.ctl(&["reload"]);
    assert!(output.status.success(), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_is_for_the_next_request_while_a_stream_of_the_old_one_goes_on() {
    let scene = Scene::set(machine!(), tls()).await;
    let mut live = endless(&scene);
    let token = scene.machine.log_in(&scene.gateway);
    assert_ne!(token, scene.token);
    assert_eq!(scene.post("/openai/v1/responses", &[], RESPONSES).status, 200);
    let seen = scene.gateway.provider_requests();
    let is_ai = |request: &&aigw_gateway::Recorded| request.method == "POST";
    let with: Vec<_> = seen.iter().filter(is_ai).map(bearer).collect();
    assert_eq!(with, [scene.token.as_str(), token.as_str()]);
    goes_on(&mut live, &scene.gateway.provider_requests()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_login_is_mended_by_the_next_one() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.advance_clock(Duration::from_secs(31 * 86_400));
    let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")));
    scene.machine.log_in(&scene.gateway);
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_for_the_next_request_while_a_stream_goes_on() {
    let scene = Scene::set(machine!(), tls()).await;
    let mut live = endless(&scene);
    assert!(scene.machine.ctl(&["logout"]).status.success());
    let answer = scene.post("/openai/v1/responses", &[], RESPONSES);
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    let seen = scene.only_request();
    goes_on(&mut live, &seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_url_never_sees_the_token_of_the_old_one() {
    let scene = Scene::set(machine!(), tls()).await;
    let mut live = endless(&scene);
    let other = Practice::start(tls()).await.unwrap();
    configured(&scene.machine, &other.url());
    for (path, body) in [("/anthropic/v1/messages", MESSAGES), ("/openai/v1/responses", RESPONSES)] {
        let answer = scene.post(path, &[], body);
        assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")), "{}", answer.text());
        assert!(answer.text().contains("aigwctl login"));
    }
    assert!(scene.machine.findings().contains(&"login-for-other-url".to_owned()));
    // Nor after a restart, nor by way of `status`.
    scene.machine.ask(&["status"]);
    assert_eq!(other.connections(), 0);
    let seen = scene.only_request();
    goes_on(&mut live, &seen);

    // Back again, and the login is still there.
    configured(&scene.machine, &scene.gateway.url());
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    assert!(!scene.machine.findings().contains(&"login-for-other-url".to_owned()));
    goes_on(&mut live, &scene.gateway.provider_requests()[0]);
    assert_eq!(other.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_elsewhere_moves_every_later_request_and_none_is_refused_meanwhile() {
    let scene = Scene::set(machine!(), tls()).await;
    let other = Practice::start(tls()).await.unwrap();
    // One file with both authorities.
    let both = scene.machine.home().join("both.pem");
    std::fs::write(&both, format!("{}{}", scene.gateway.ca_pem(), other.ca_pem())).unwrap();
    let log_in = |gateway: &Practice| {
        let token = gateway.issue_token("ada", Duration::from_secs(3600));
        let words = ["login", &gateway.url(), "--token-stdin", "--ca-file", both.to_str().unwrap()];
        let output = scene.machine.ctl_with_input(&words, &token);
        assert!(output.status.success(), "{}", told(&output));
        scene.machine.held_token("default").unwrap()
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                statuses.push(scene.post("/anthropic/v1/messages", &[], MESSAGES).status);
            }
            statuses
        });
        for gateway in [&other, &scene.gateway, &other, &scene.gateway, &other] {
            let token = log_in(gateway);
            gateway.forget_requests();
            assert_eq!(scene.post("/openai/v1/responses", &[], RESPONSES).status, 200);
            let seen = gateway.provider_requests();
            assert!(
                seen.iter().any(|request| bearer(request) == token && request.target.ends_with("/responses"))
            );
        }
        stop.store(true, Ordering::Relaxed);
        let statuses = asking.join().unwrap();
        assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 200), "{statuses:?}");
    });
    // Nobody was shown what the other one gave.
    for gateway in [&scene.gateway, &other] {
        for request in gateway.provider_requests() {
            assert_ne!(request.status, Some(403), "a foreign token");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mode_is_for_the_next_request() {
    let scene = Scene::set(machine!(), tls()).await;
    let ask = || {
        scene.gateway.forget_requests();
        let own = ["authorization: Bearer sk-own"];
        assert_eq!(scene.post("/openai/v1/responses", &own, RESPONSES).status, 200);
        scene.only_request().upstream.unwrap().credential
    };
    assert_eq!(ask(), Credential::Centralized);
    let config = std::fs::read_to_string(scene.machine.home().join("config/config.toml")).unwrap();
    scene.machine.configure(&format!("{config}\n[gateway.default.providers.openai]\nmode = \"byok\"\n"));
    assert_eq!(ask(), Credential::Centralized);
    assert!(scene.machine.ctl(&["reload"]).status.success());
    assert_eq!(ask(), Credential::Byok);
    // A bad one changes nothing.
    scene.machine.configure(&format!("{config}\n[gateway.default.providers.openai]\nmode = \"own\"\n"));
    assert_eq!(scene.machine.ctl(&["reload"]).status.code(), Some(64));
    assert_eq!(ask(), Credential::Byok);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_websocket_outlives_login_and_reload() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    let mut raw = Raw::connect(scene.address());
    raw.send(format!(
        "GET /openai/v1/responses HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        scene.address(),
        scene.key
    ));
    let mut live = Live::of(raw);
    assert_eq!(live.head.status, 101);
    scene.machine.log_in(&scene.gateway);
    assert!(scene.machine.ctl(&["reload"]).status.success());
    assert!(scene.machine.ctl(&["logout"]).status.success());
    // Masked with zeros, which is allowed.
    let text = r#"{"type":"response.create","model":"gpt-5","input":"hi"}"#;
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(text.bytes());
    live.send(&frame);
    assert!(live.until("response.completed"));
    assert!(
        scene.gateway.wait_until(|seen| seen.iter().any(|request| request.frames.len() == 1), PATIENCE).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_a_file_is_read_again_at_reload() {
    let gateway = aigw_tests::machine::gateway().await;
    let mut machine = machine!();
    let file = machine.home().join("token");
    let first = gateway.issue_token("ada", Duration::from_secs(3600));
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let ca = machine.home().join("practice-ca.pem");
    std::fs::write(&ca, gateway.ca_pem()).unwrap();
    machine.set("AIGW_TOKEN_FILE", file.to_str().unwrap());
    machine.set("AIGW_URL", &gateway.url());
    machine.configure(&format!("[gateway.default]\nca_file = \"{}\"\n", ca.display()));
    let daemon = machine.start();
    let key = machine.key("env");
    let ask = || {
        let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
        assert_eq!(raw::exchange(&daemon.address, message).status, 200);
        bearer(gateway.provider_requests().last().unwrap()).to_owned()
    };
    assert_eq!(ask(), first);
    let second = gateway.issue_token("ada", Duration::from_secs(3600));
    std::fs::write(&file, &second).unwrap();
    assert!(machine.ctl(&["reload"]).status.success());
    assert_eq!(ask(), second);
}
