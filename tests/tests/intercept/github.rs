//! GitHub's clients take no answer without an `x-github-request-id`, and show nothing of a 403.

use aigw_gateway::{Manner, Reply, WebSocket};
use aigw_tests::raw::Answer;

use crate::sockets::greeting;
use crate::stage::{Stage, restart};
use crate::{H1, H2, RESPONSES};

const ID: &str = "x-github-request-id";
const OWN: &str = "authorization: Bearer tid=1";

/// In the form that GitHub's have: five groups of hexadecimal digits with colons in between, or three as here.
fn has_id(answer: &Answer, what: &str) {
    let id = answer.field(ID).unwrap_or_else(|| panic!("{what}: {answer:?}"));
    let groups: Vec<_> = id.split(':').collect();
    let hex = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(groups.len() >= 3 && groups.iter().all(hex), "{what}: {id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_one_and_the_gateways_own_stays() {
    let stage = Stage::set("copilot", "").await;
    let gateway = &stage.scene.gateway;
    for protocols in [H1, H2] {
        let mut ids = std::collections::HashSet::new();
        for (what, method, path, fields, status) in [
            ("an AI call", "POST", "/chat/completions", &[OWN][..], 200),
            ("again", "POST", "/chat/completions", &[OWN], 200),
            ("a list", "GET", "/models", &[OWN], 200),
            ("no login", "POST", "/chat/completions", &[], 400),
            ("a wrong key", "POST", "/chat/completions", &["x-api-key: aigw_env_wrong"], 400),
            ("a method without sense", "TRACE", "/models", &[], 405),
        ] {
            let answer = stage.http(protocols).await.ask(method, path, fields, RESPONSES).await;
            assert_eq!(answer.status, status, "{what} {}", answer.text());
            // On what it passes through, the practice gateway gives its own.
            if what != "a list" {
                has_id(&answer, what);
            }
            ids.insert(answer.field(ID).unwrap().to_owned());
        }
        assert_eq!(ids.len(), 6, "each has its own");

        let mut http = stage.http(protocols).await;
        http.authority = "api.github.com".to_owned();
        let answer = http.ask("GET", "/models", &[OWN], "").await;
        assert_eq!(answer.status, 421);
        has_id(&answer, "another host");

        for status in [200, 429, 500] {
            gateway.answer_next(1, Reply::new(status).header(ID, "THEIRS:1"));
            let answer =
                stage.http(protocols).await.ask("POST", "/chat/completions", &[OWN], RESPONSES).await;
            assert_eq!((answer.status, answer.field(ID)), (status, Some("THEIRS:1")));
            gateway.answer_next(1, Reply::new(status));
            let answer =
                stage.http(protocols).await.ask("POST", "/chat/completions", &[OWN], RESPONSES).await;
            has_id(&answer, "the gateway without one");
        }

        stage.origin.at("/telemetry", Manner::Reply(Reply::new(200).header(ID, "REAL:1")));
        let answer = stage.http(protocols).await.ask("POST", "/telemetry", &[OWN], "{}").await;
        assert_eq!((answer.status, answer.field(ID)), (200, Some("REAL:1")));
    }
    gateway.stop().await;
    let answer = stage.http(H2).await.ask("POST", "/chat/completions", &[OWN], RESPONSES).await;
    assert_eq!(answer.status, 503);
    has_id(&answer, "the gateway is down");
    restart(gateway).await;
    stage.origin.stop().await;
    let answer = stage.http(H2).await.ask("POST", "/telemetry", &[OWN], "{}").await;
    assert_eq!(answer.status, 502);
    has_id(&answer, "the host is down");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_other_kinds_and_websockets_have_one() {
    let stage = Stage::set("copilot", "unmatched = \"refuse\"").await;
    for (path, status) in [("/agents/x", 400), ("/responses", 426)] {
        let mut inside = stage.inside(H1).await;
        inside.send(greeting(&stage.target, path, &[OWN]));
        let answer = inside.answer();
        assert_eq!(answer.status, status, "{}", answer.text());
        has_id(&answer, path);
    }
    stage.scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    stage.scene.machine.ask(&["reload"]);
    let mut inside = stage.inside(H1).await;
    inside.send(greeting(&stage.target, "/responses", &[OWN]));
    let answer = inside.answer();
    assert_eq!(answer.status, 101);
    has_id(&answer, "a WebSocket");

    let many: Vec<_> = (0..101).map(|number| format!("x-{number}: 1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let answer = stage.http(H2).await.ask("GET", "/models", &many, "").await;
    assert_eq!(answer.status, 431);
    has_id(&answer, "too many fields");
}

/// Other providers' clients get nothing of the kind.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_one() {
    let stage = Stage::set("openai", "").await;
    for (path, fields) in
        [("/v1/responses", &[][..]), ("/v1/responses", &["x-api-key: aigw_env_wrong"]), ("/x", &[])]
    {
        let answer = stage.http(H2).await.ask("POST", path, fields, RESPONSES).await;
        assert_eq!(answer.field(ID), None, "{path}");
    }
}
