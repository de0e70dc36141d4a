//! What the gateway says, and what the tool is told: its own words where it has a tool's shape, ours where it is about
//! our credential.

use aigw_gateway::{Behaviour, Provider, ProviderFault, ProviderKind, Reply};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::raw::Answer;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{MESSAGES, TOKEN, tls};

const CHAT: &str = r#"{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const DIALECTS: [(&str, &str); 2] =
    [("/anthropic/v1/messages", MESSAGES), ("/openai/v1/chat/completions", CHAT)];

/// The error's message, after a look at the dialect's shape around it.
fn message(path: &str, answer: &Answer) -> String {
    assert_eq!(answer.field("content-type"), Some("application/json"), "{}", answer.text());
    assert!(answer.whole);
    let body: Value = answer.json();
    let error = &body["error"];
    assert!(error["type"].is_string(), "{body}");
    if path.starts_with("/anthropic") {
        assert_eq!(body["type"], "error");
    } else {
        assert!(body["type"].is_null() && error["code"].is_string(), "{body}");
    }
    error["message"].as_str().expect("a message").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_refused_token_is_403_and_names_the_login() {
    let scene = Scene::set(machine!(), tls()).await;
    let restore = |scene: &Scene| scene.gateway.change(|behaviour| *behaviour = Behaviour::default());
    let replies = [
        Reply::plain(403, "unauthorized"),
        Reply::plain(400, "no authentication key provided"),
        // The body tells, not the status.
        Reply::plain(401, "unauthorized"),
        Reply::plain(500, "unauthorized"),
        Reply::new(403).header("content-type", "text/plain").body("unauthorized"),
    ];
    for (path, body) in DIALECTS {
        for reply in &replies {
            restore(&scene);
            scene.gateway.answer_next(1, reply.clone());
            let answer = scene.post(path, &[], body);
            assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")), "{path} {reply:?}");
            let message = message(path, &answer);
            assert!(message.contains("aigwctl login") && message.contains(&scene.gateway.url()), "{message}");
            assert!(!answer.text().contains(&scene.token));
        }
    }
    // A token that the deployment really does not take any more.
    restore(&scene);
    scene.gateway.revoke(&scene.token);
    let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_known_whatever_the_framing() {
    let wire = aigw_tests::wire::Wire::start(|peer| {
        while let Some(request) = peer.request() {
            let start = "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain; charset=utf-8\r\n";
            if request.head.contains("/chunked") {
                peer.send(format!(
                    "{start}transfer-encoding: chunked\r\n\r\n5\r\nunaut\r\n8\r\nhorized\n\r\n0\r\n\r\n"
                ));
            } else {
                peer.send(format!("{start}connection: close\r\n\r\nunauthorized\n"));
                return;
            }
        }
    });
    let machine = crate::wired(&wire);
    let daemon = machine.start();
    let key = machine.key("env");
    for path in ["/openai/v1/models/chunked", "/openai/v1/models/until-close"] {
        let answer = aigw_tests::raw::exchange(
            &daemon.address,
            aigw_tests::raw::get(&daemon.address, path, &key, &[]),
        );
        assert_eq!(
            (answer.status, answer.error()),
            (403, Some("token-rejected")),
            "{path}: {}",
            answer.text()
        );
        assert!(!answer.text().contains(TOKEN));
    }
}

/// A way of refusing, and what it says.
type Refusal = (fn(&mut Behaviour), u16, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn plain_words_keep_status_and_text_in_the_dialects_shape() {
    let scene = Scene::set(machine!(), tls()).await;
    let rows: &[Refusal] = &[
        (
            |b| b.budget_exceeded = true,
            403,
            "AI budget of US$100.00 exceeded. Please contact an administrator for more details.",
        ),
        (|b| b.control_plane_away = true, 503, "could not connect to coderd"),
        (|b| b.body_cap = 20, 413, "Request body too large. The maximum allowed request body size is 0MiB."),
    ];
    for (change, status, words) in rows {
        for (path, body) in DIALECTS {
            scene.gateway.change(|behaviour| {
                *behaviour = Behaviour::default();
                change(behaviour);
            });
            let answer = scene.post(path, &[], body);
            assert_eq!((answer.status, answer.error()), (*status, Some("gateway-refused")));
            assert_eq!(message(path, &answer), *words);
        }
    }
    // Where the name is an administrator's, the path tells the dialect.
    scene.gateway.change(|behaviour| {
        *behaviour = Behaviour::default();
        behaviour
            .providers
            .push(Provider { enabled: false, ..Provider::new("claude-eu", ProviderKind::Anthropic) });
    });
    let answer = scene.post("/claude-eu/v1/messages", &[], MESSAGES);
    assert_eq!(answer.status, 503);
    assert_eq!(message("/anthropic", &answer), "provider_disabled: AI provider \"claude-eu\" is disabled");
    let answer = scene.post("/openai/v1/embeddings", &[], CHAT);
    assert_eq!(answer.status, 404);
    assert_eq!(message("/openai", &answer), "route not supported: POST /openai/v1/embeddings");
}

#[test]
fn words_that_do_not_end_pass_as_they_come() {
    let wire = aigw_tests::wire::Wire::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 503 Busy\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n");
        peer.send("9\r\nplease wa\r\n");
        peer.wait_for_end();
    });
    let machine = crate::wired(&wire);
    let daemon = machine.start();
    let mut raw = aigw_tests::raw::Raw::connect(&daemon.address);
    raw.send(aigw_tests::raw::get(&daemon.address, "/openai/v1/models", &machine.key("env"), &[]));
    let mut live = aigw_tests::live::Live::of(raw);
    assert_eq!((live.head.status, live.head.error()), (503, None));
    assert!(live.until("please wa"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_words_keep_the_fields_beside_them() {
    let scene = Scene::set(machine!(), tls()).await;
    let reply = Reply::plain(429, "slow down")
        .header("retry-after", "7")
        .header("x-ratelimit-remaining-requests", "0")
        .header("x-request-id", "req_1");
    for (path, body) in DIALECTS {
        scene.gateway.answer_next(1, reply.clone());
        let answer = scene.post(path, &[], body);
        assert_eq!(answer.status, 429);
        assert_eq!(message(path, &answer), "slow down");
        for (name, value) in
            [("retry-after", "7"), ("x-ratelimit-remaining-requests", "0"), ("x-request-id", "req_1")]
        {
            assert_eq!(answer.field(name), Some(value), "{name}");
        }
        assert_eq!(answer.fields.iter().filter(|(name, _)| name == "content-type").count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_401_is_the_deployments_fault_in_central_mode_and_untouched_in_own_key_mode() {
    let machine = machine!();
    machine.configure("[gateway.default.providers.openai]\nmode = \"auto\"\n");
    let scene = Scene::set(machine, tls()).await;
    scene.gateway.change(|behaviour| behaviour.provider_fault = Some(ProviderFault::KeyRejected));
    for (path, body) in DIALECTS {
        let answer = scene.post(path, &[], body);
        assert_eq!((answer.status, answer.error()), (403, Some("provider-key-rejected")));
        let message = message(path, &answer);
        let provider = path.split('/').nth(1).unwrap();
        assert!(message.contains("the deployment's key") && message.contains(provider), "{message}");
        assert!(!message.contains("aigwctl login"), "{message}");
    }
    for (path, login) in [
        ("/openai/v1/responses", "authorization: Bearer sk-own"),
        ("/chatgpt/v1/responses", "authorization: Bearer eyJ"),
    ] {
        let answer = scene.post(path, &[login], r#"{"model":"gpt-5","input":"hi"}"#);
        assert_eq!((answer.status, answer.error()), (401, None), "{path}");
        assert_eq!(answer.json()["error"]["message"], "Incorrect API key provided.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_answer_passes_as_it_is() {
    let scene = Scene::set(machine!(), tls()).await;
    let long = "long words ".repeat(1000);
    let replies = [
        Reply::coder(
            403,
            "Bring Your Own Key (BYOK) mode is not enabled.",
            Some("Contact your administrator."),
        ),
        Reply::coder(403, "AI Gateway is a Premium feature. Contact sales!", None),
        Reply::coder(404, "aibridged handler not mounted", None),
        Reply::coder(429, "You've been rate limited. Please try again later.", None)
            .header("retry-after", "1"),
        Reply::coder(503, "AI Gateway is currently at capacity. Please try again later.", None),
        Reply::anthropic_error(400, "invalid_request_error", "unauthorized"),
        Reply::anthropic_error(529, "overloaded_error", "Overloaded").header("x-should-retry", "true"),
        Reply::openai_error(
            429,
            "rate_limit_error",
            Some("rate_limit_exceeded"),
            "all keys are rate-limited",
        )
        .header("retry-after", "20"),
        Reply::json(501, &serde_json::json!({"code": "501"})),
        Reply::new(403).header("content-type", "application/json").body("{"),
        Reply::load_balancer_502(),
        Reply::new(504).header("content-type", "text/html").body("<html>504</html>"),
        Reply::redirect("https://sso.example.com/login?next=/"),
        Reply::new(307).header("location", "/elsewhere"),
        // Plain text that is no error, is too long for a refusal, or none at all.
        Reply::plain(200, "unauthorized"),
        Reply::plain(403, &long),
        Reply::plain(500, ""),
        Reply::new(403).header("content-type", "text/plain"),
        Reply::new(503),
        Reply::new(403)
            .header("content-type", "text/plain")
            .header("content-encoding", "br")
            .body("packed, by luck readable"),
        Reply::new(204),
        Reply::new(418).header("content-type", "application/octet-stream").body(vec![0, 0xff, 0x80]),
    ];
    for reply in replies {
        for (path, body) in DIALECTS {
            scene.gateway.forget_requests();
            scene.gateway.answer_next(1, reply.clone());
            let answer = scene.post(path, &[], body);
            assert_eq!((answer.status, answer.error()), (reply.status, None), "{reply:?}: {}", answer.text());
            assert!(answer.whole && answer.body == reply.body, "{reply:?}: {}", answer.text());
            for (name, value) in &reply.headers {
                assert_eq!(answer.field(name), Some(value.as_str()), "{reply:?}");
            }
            // Neither repeated nor followed.
            scene.only_request();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_stream_passes_as_an_event() {
    let scene = Scene::set(machine!(), tls()).await;
    scene.gateway.change(|behaviour| behaviour.stream.ending = aigw_gateway::Ending::Error);
    for (path, body) in DIALECTS {
        let answer = scene.post(path, &[], body);
        assert_eq!(answer.status, 200);
        assert!(answer.whole && answer.text().contains("\"error\""), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_exchange_is_written_down_with_its_end() {
    let scene = Scene::set(machine!(), tls()).await;
    let ends = |what: &str, wanted: &str| {
        let field = format!("\"end\":\"{wanted}\"");
        eventually(what, || scene.machine.log().contains(&field).then_some(()));
        let log = scene.machine.log();
        let of_exchanges = log.matches("\"message\":\"exchange\"").count();
        (of_exchanges, log.matches(&field).count())
    };
    scene.post("/anthropic/v1/messages", &[], MESSAGES);
    scene.get("/openai/v1/models", &[]);
    scene.gateway.answer_next(1, Reply::new(204));
    scene.get("/openai/v1/models", &[]);
    scene.gateway.answer_next(1, Reply::coder(404, "aibridged handler not mounted", None));
    scene.get("/openai/v1/models", &[]);
    assert_eq!(ends("four whole answers", "Whole"), (4, 4));
    scene.gateway.answer_next(1, Reply::plain(403, "unauthorized"));
    scene.get("/openai/v1/models", &[]);
    assert_eq!(ends("words of ours", "Unanswered"), (5, 1));
    scene.gateway.change(|behaviour| behaviour.stream.ending = aigw_gateway::Ending::Cut);
    scene.post("/anthropic/v1/messages", &[], MESSAGES);
    assert_eq!(ends("a cut", "Cut"), (6, 1));
    scene.gateway.change(|behaviour| behaviour.stream.ending = aigw_gateway::Ending::Silence);
    let mut live = aigw_tests::live::Live::of(scene.begin("/anthropic/v1/messages", &[], MESSAGES));
    assert!(live.until("Hello"));
    drop(live.leave());
    assert_eq!(ends("a client that left", "Left"), (7, 1));
    assert_eq!(scene.machine.ask(&["status"])["daemon"]["requests"], 7);
}
