//! Gateways that are not Coder's: each provider has a base URL, and a key that is shown in the way it wants.

use aigw_gateway::{Mounts, Practice, Recorded, Reply, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::raw::{self, Answer};
use serde_json::{Value, json};

use crate::{MESSAGES, RESPONSES};

/// A server that answers everything with the same JSON, and remembers.
async fn server() -> Practice {
    let mut setup = Setup::default();
    setup.behaviour.mounts = Mounts::stand_alone();
    setup.behaviour.answer_all = Some(Reply::json(200, &json!({"answer": true})));
    Practice::start(setup).await.expect("a practice gateway")
}

/// A machine with one generic gateway named `lite`, of these tables; `URL` stands for the server's.
fn machine(server: &Practice, tables: &str) -> Machine {
    let machine = machine!();
    let tables = tables.replace("URL", &server.url());
    machine.configure(&format!("[gateway.lite]\nkind = \"generic\"\nwait_s = 1\n{tables}"));
    machine
}

fn log_in(machine: &Machine, keys: &str) -> Value {
    let output = machine.ctl_with_input(&["login", "--name", "lite", "--token-stdin", "--json"], keys);
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Asks with the local key in a field of its own.
fn ask(machine: &Machine, daemon: &Running, path: &str, fields: &[&str], body: &str) -> Answer {
    let key = format!("x-aigw-key: {}", machine.key("env"));
    let message = raw::post(&daemon.address, path, "", &[&[key.as_str()], fields].concat(), body);
    raw::exchange(&daemon.address, message.replace("x-api-key: \r\n", ""))
}

fn credentials(seen: &Recorded) -> Vec<String> {
    let shown = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"];
    let mut all: Vec<String> = seen
        .headers
        .iter()
        .filter(|(name, _)| shown.contains(&name.as_str()) || name.contains("coder"))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    all.sort();
    all
}

const TWO: &str = "[gateway.lite.providers.openai]\nbase_url = \"URL/proxy/openai\"\n\
                   [gateway.lite.providers.anthropic]\nbase_url = \"URL/anthropic/\"\ncredential = \"x-api-key\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_stands_for_the_prefix_of_its_dialect() {
    let server = server().await;
    let machine = machine(&server, TWO);
    let daemon = machine.start();
    let said = log_in(&machine, "openai=lite-key\nanthropic=other-key\n");
    assert_eq!(said["checked"], true);
    // Each key was tried where its provider lists its models.
    let seen = server.requests();
    let mut tried: Vec<_> =
        seen.iter().map(|request| (request.target.as_str(), credentials(request))).collect();
    tried.sort();
    assert_eq!(
        tried,
        [
            ("/anthropic/v1/models", vec!["x-api-key: other-key".to_owned()]),
            ("/proxy/openai/models", vec!["authorization: Bearer lite-key".to_owned()]),
        ]
    );

    for (path, target, body) in [
        ("/openai/v1/responses?a=b", "/proxy/openai/responses?a=b", RESPONSES),
        ("/openai/v1/chat/completions", "/proxy/openai/chat/completions", RESPONSES),
        ("/openai/v1/embeddings", "/proxy/openai/embeddings", RESPONSES),
        ("/openai/responses", "/proxy/openai/responses", RESPONSES),
        ("/anthropic/v1/messages?beta=true", "/anthropic/v1/messages?beta=true", MESSAGES),
        ("/anthropic/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens", MESSAGES),
        ("/_g/lite/anthropic/v1/messages", "/anthropic/v1/messages", MESSAGES),
    ] {
        server.forget_requests();
        let answer =
            ask(&machine, &daemon, path, &["authorization: Bearer placeholder", "cookie: a=b"], body);
        assert_eq!((answer.status, answer.text().as_str()), (200, "{\"answer\":true}"), "{path}");
        let seen = server.requests();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].target, target);
        assert_eq!(seen[0].body_text(), body);
        let expected = if path.contains("anthropic") {
            "x-api-key: other-key"
        } else {
            "authorization: Bearer lite-key"
        };
        assert_eq!(credentials(&seen[0]), [expected]);
    }
    // What has no place below the base URL, and whom nobody configured.
    server.forget_requests();
    for path in ["/openai/other", "/openai", "/gemini/other", "/copilot/responses"] {
        let answer = ask(&machine, &daemon, path, &[], RESPONSES);
        assert_eq!((answer.status, answer.error()), (404, Some("no-such-route")), "{path}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_in_the_form_that_is_set() {
    let server = server().await;
    for (form, expected) in [
        ("bearer", vec!["authorization: Bearer lite-key"]),
        ("x-api-key", vec!["x-api-key: lite-key"]),
        ("x-goog-api-key", vec!["x-goog-api-key: lite-key"]),
        ("none", vec![]),
    ] {
        let table =
            format!("[gateway.lite.providers.openai]\nbase_url = \"URL/v1\"\ncredential = \"{form}\"\n");
        let machine = machine(&server, &table);
        let daemon = machine.start();
        if form != "none" {
            log_in(&machine, "lite-key");
        }
        server.forget_requests();
        let answer = ask(&machine, &daemon, "/openai/v1/responses", &["x-goog-api-key: client"], RESPONSES);
        assert_eq!(answer.status, 200, "{form} {}", answer.text());
        assert_eq!(credentials(&server.requests()[0]), expected, "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_credential_is_not_asked_for_one() {
    let server = server().await;
    let table = "[gateway.lite.providers.local]\nbase_url = \"URL/local/v1\"\ncredential = \"none\"\n\
                 [gateway.lite.providers.openai]\nbase_url = \"URL/v1\"\n";
    let machine = machine(&server, table);
    let daemon = machine.start();
    log_in(&machine, "lite-key");
    for (provider, expected) in [("local", vec![]), ("openai", vec!["authorization: Bearer lite-key"])] {
        server.forget_requests();
        let answer = ask(&machine, &daemon, &format!("/{provider}/v1/chat/completions"), &[], RESPONSES);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(credentials(&server.requests()[0]), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn byok_passes_the_tools_credential_and_adds_nothing() {
    let server = server().await;
    for (form, own) in [
        ("bearer", "authorization: Bearer sk-own"),
        ("bearer", "x-api-key: sk-own"),
        ("x-api-key", "x-api-key: sk-own"),
        ("x-goog-api-key", "x-goog-api-key: AIza-own"),
        ("none", "authorization: Bearer sk-own"),
    ] {
        let table = format!(
            "[gateway.lite.providers.openai]\nbase_url = \"URL/v1\"\ncredential = \"{form}\"\nmode = \"byok\"\n"
        );
        let machine = machine(&server, &table);
        let daemon = machine.start();
        server.forget_requests();
        let answer = ask(&machine, &daemon, "/openai/v1/responses", &[own, "cookie: a=b"], RESPONSES);
        assert_eq!(answer.status, 200, "{form}: {}", answer.text());
        assert_eq!(credentials(&server.requests()[0]), [own], "{form}");
        // Its provider's 401 is between the two of them.
        server.answer_next(1, Reply::openai_error(401, "invalid_request_error", None, "expired"));
        let answer = ask(&machine, &daemon, "/openai/v1/responses", &[own], RESPONSES);
        assert_eq!((answer.status, answer.error()), (401, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_is_about_our_key_and_names_the_login() {
    let server = server().await;
    let machine = machine(&server, TWO);
    let daemon = machine.start();
    // Before there is any.
    for (path, body) in [("/openai/v1/responses", RESPONSES), ("/anthropic/v1/messages", MESSAGES)] {
        let answer = ask(&machine, &daemon, path, &[], body);
        assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")), "{}", answer.text());
        assert!(answer.text().contains("`aigwctl login --name lite`"), "{}", answer.text());
    }
    assert!(server.requests().is_empty());
    log_in(&machine, "openai=lite-key\nanthropic=other-key\n");
    for (path, body) in [("/openai/v1/responses", RESPONSES), ("/anthropic/v1/messages", MESSAGES)] {
        for reply in [
            Reply::openai_error(401, "invalid_request_error", None, "bad key"),
            Reply::plain(401, "no"),
            Reply::new(401),
        ] {
            server.answer_next(1, reply);
            let answer = ask(&machine, &daemon, path, &[], body);
            assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")), "{}", answer.text());
            assert!(answer.text().contains("`aigwctl login --name lite`"), "{}", answer.text());
            assert_eq!(answer.json()["type"] == "error", path.starts_with("/anthropic"));
        }
    }
    // Coder's words mean nothing here.
    for reply in [Reply::plain(403, "unauthorized"), Reply::coder(404, "Route not found.", None)] {
        server.answer_next(1, reply.clone());
        let answer = ask(&machine, &daemon, "/openai/v1/responses", &[], RESPONSES);
        assert_eq!((answer.status, answer.error()), (reply.status, None));
        assert_eq!(answer.body, reply.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_checks_each_key_where_there_is_a_way_to() {
    let server = server().await;
    let machine = machine(&server, TWO);
    let daemon = machine.start();
    log_in(&machine, "openai=good\nanthropic=good-too\n");
    // A bad one leaves all as it was.
    server.answer_next(1, Reply::openai_error(401, "invalid_request_error", None, "bad key"));
    let words = ["login", "--name", "lite", "--token-stdin", "--json"];
    let output = machine.ctl_with_input(&words, "openai=bad\nanthropic=bad-too\n");
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    server.forget_requests();
    assert_eq!(ask(&machine, &daemon, "/openai/v1/responses", &[], RESPONSES).status, 200);
    assert_eq!(credentials(&server.requests()[0]), ["authorization: Bearer good"]);
    // No such route: kept, and said to be unchecked.
    server.change(|behaviour| behaviour.answer_all = Some(Reply::new(404)));
    assert_eq!(log_in(&machine, "openai=new\nanthropic=new-too\n")["checked"], false);
    server.change(|behaviour| behaviour.answer_all = Some(Reply::new(200)));
    server.forget_requests();
    assert_eq!(ask(&machine, &daemon, "/anthropic/v1/messages", &[], MESSAGES).status, 200);
    assert_eq!(credentials(&server.requests()[0]), ["x-api-key: new-too"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialect_of_a_name_that_says_nothing_is_set_or_told_by_the_path() {
    let server = server().await;
    let table = "[gateway.lite.providers.claude-eu]\nbase_url = \"URL/claude\"\ndialect = \"anthropic\"\n\
                 [gateway.lite.providers.vendor]\nbase_url = \"URL/vendor/v1\"\ndialect = \"openai\"\n\
                 [gateway.lite.providers.other]\nbase_url = \"URL/other\"\n";
    let machine = machine(&server, table);
    let daemon = machine.start();
    log_in(&machine, "claude-eu=a\nvendor=b\nother=c\n");
    for (path, target) in [
        ("/claude-eu/v1/messages", "/claude/v1/messages"),
        ("/claude-eu/messages", "/claude/v1/messages"),
        ("/vendor/v1/chat/completions", "/vendor/v1/chat/completions"),
        ("/vendor/chat/completions", "/vendor/v1/chat/completions"),
        ("/other/v1/messages", "/other/v1/messages"),
        ("/other/v1/chat/completions", "/other/chat/completions"),
    ] {
        server.forget_requests();
        let answer = ask(&machine, &daemon, path, &[], MESSAGES);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(server.requests()[0].target, target, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_never_sent_to_another_base_url_than_it_was_given_for() {
    let server = server().await;
    let other = self::server().await;
    let machine = machine(&server, TWO);
    let daemon = machine.start();
    log_in(&machine, "openai=lite-key\nanthropic=other-key\n");
    let moved = TWO.replace("URL/proxy", &format!("{}/proxy", other.url())).replace("URL", &server.url());
    machine.configure(&format!("[gateway.lite]\nkind = \"generic\"\n{moved}"));
    assert!(machine.ctl(&["reload"]).status.success());
    let answer = ask(&machine, &daemon, "/openai/v1/responses", &[], RESPONSES);
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    assert!(other.requests().is_empty());
    // The other provider stayed where it was.
    assert_eq!(ask(&machine, &daemon, "/anthropic/v1/messages", &[], MESSAGES).status, 200);
}
