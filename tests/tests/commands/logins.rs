//! `login` and `logout`: what is kept, what is not, and that a failed one changes nothing.

use std::time::Duration;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::machine::{gateway, told};
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{MESSAGES, failed, is_moment, json, names, text};

const DAY: Duration = Duration::from_secs(86_400);

fn config(scene: &Scene) -> String {
    std::fs::read_to_string(scene.machine.home().join("config/config.toml")).unwrap()
}

/// All that a login changes.
fn kept(scene: &Scene) -> (String, Vec<u8>, Value) {
    let stored = std::fs::read(scene.machine.home().join("state/credentials/default.json")).unwrap();
    let gateways = scene.machine.ask(&["status"])["gateways"].clone();
    (config(scene), stored, gateways)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_says_who_and_until_when_and_never_the_token() {
    let gateway = gateway().await;
    let machine = machine!();
    let _daemon = machine.start();
    let token = gateway.issue_token("ada", DAY);
    let output = machine.log_in_with(&gateway, &token, &["--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let answer = json(&output);
    assert_eq!(
        names(&answer),
        [
            "checked",
            "expires_at",
            "name",
            "no_own_token",
            "prefix",
            "schema",
            "store",
            "token",
            "url",
            "user"
        ]
    );
    assert_eq!(
        (&answer["name"], &answer["url"], &answer["user"], &answer["checked"]),
        (&"default".into(), &gateway.url().into(), &"ada".into(), &true.into())
    );
    assert!(["/api/v2/aibridge", "/api/v2/ai-gateway"].contains(&answer["prefix"].as_str().unwrap()));
    assert!(is_moment(&answer["expires_at"]), "{answer}");
    let status = machine.ask(&["status"]);
    assert_eq!(status["gateways"][0]["token"]["expires_at"], answer["expires_at"]);

    let output = machine.log_in_with(&gateway, &token, &[]);
    let said = text(&output);
    let words = format!("Logged in to {} as ada.\nThis machine has a token of its own, aigw-", gateway.url());
    assert!(said.starts_with(&words), "{said}");
    assert!(said.contains(" UTC (in "), "{said}");
    assert!(!told(&output).contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_leaves_the_old_one_as_it_was() {
    let scene = Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await;
    let before = kept(&scene);
    let expired = scene.gateway.issue_token("ada", Duration::from_secs(1));
    scene.gateway.advance_clock(Duration::from_secs(2));
    let revoked = scene.gateway.issue_token("ada", DAY);
    scene.gateway.revoke(&revoked);
    let unknown = "abcdefghij-0123456789abcdefghijkl";
    for bad in [&expired, &revoked, unknown, "no-token-at-all"] {
        let output = scene.machine.log_in_with(&scene.gateway, bad, &["--json"]);
        assert_eq!(failed(&output), (77, "token-rejected".to_owned()));
        assert!(!told(&output).contains(bad));
        let output = scene.machine.log_in_with(&scene.gateway, bad, &[]);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(77), &b""[..]));
        let told = told(&output);
        assert!(
            told.contains("\ncure:  ") && told.contains("aigwctl login") && !told.contains(bad),
            "{told}"
        );
    }
    // Nor does one that never gets as far as asking, here or elsewhere.
    let other = gateway().await;
    let token = other.issue_token("ada", DAY);
    for (words, input, code, kind) in [
        (["login", "--token-stdin"].as_slice(), "", 2, "usage"),
        (&["login", "--token-stdin"], "two words", 2, "usage"),
        (&["login", "http://192.0.2.1", "--token-stdin"], &token, 2, "usage"),
        (&["login", "ftp://127.0.0.1", "--token-stdin"], &token, 2, "usage"),
        (&["login", "https://ada:pw@127.0.0.1", "--token-stdin"], &token, 2, "usage"),
        (&["login", &other.url(), "--token-stdin"], &token, 75, "gateway-untrusted"),
        (&["login", "--ca-file", "/no/such/file", "--token-stdin"], &token, 1, "file"),
        (&["login", &format!("http://{}", scene.address()), "--token-stdin"], &token, 64, "loop"),
    ] {
        let output = scene.machine.ctl_with_input(&[words, &["--json"]].concat(), input);
        assert_eq!(failed(&output), (code, kind.to_owned()), "{words:?} {}", told(&output));
    }
    assert_eq!(kept(&scene), before);
    assert!(other.requests().is_empty());
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    let seen = scene.gateway.provider_requests().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {}", scene.token).as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_not_there_is_75_and_the_old_login_stays() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let before = kept(&scene);
    let nobody = format!("127.0.0.1:{}", aigw_tests::port::reserved());
    let url = format!("http://{nobody}");
    let output = scene.machine.ctl_with_input(&["login", &url, "--token-stdin", "--json"], &scene.token);
    assert_eq!(failed(&output), (75, "gateway-unreachable".to_owned()), "{}", told(&output));
    assert!(told(&output).contains(&nobody), "{}", told(&output));
    assert_eq!(kept(&scene), before);
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_has_a_name_and_a_login_of_its_own() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let other = gateway().await;
    let token = other.issue_token("bob", DAY);
    std::fs::write(scene.machine.home().join("other.pem"), other.ca_pem()).unwrap();
    // A relative file is one of the person's folder, not of the daemon's.
    let words = ["login", &other.url(), "--name", "work", "--ca-file", "other.pem", "--token-stdin"];
    let output = scene.machine.ctl_with_input(&words, &token);
    assert!(output.status.success(), "{}", told(&output));
    let token = scene.machine.held_token("work").unwrap();

    let status = scene.machine.ask(&["status"]);
    let rows = status["gateways"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&row("default")["user"], &row("default")["default"]), (&"ada".into(), &true.into()));
    assert_eq!((&row("work")["user"], &row("work")["default"]), (&"bob".into(), &false.into()));
    let ca_file = scene.machine.home().join("other.pem");
    assert!(config(&scene).contains(&format!("ca_file = \"{}\"", ca_file.display())), "{}", config(&scene));

    assert_eq!(scene.post("/_g/work/anthropic/v1/messages", &[], MESSAGES).status, 200);
    let seen = other.provider_requests().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {token}").as_str()));
    assert!(scene.gateway.provider_requests().is_empty());

    // Each logs out by itself.
    assert!(scene.machine.ctl(&["logout", "work"]).status.success());
    assert_eq!(scene.post("/_g/work/anthropic/v1/messages", &[], MESSAGES).error(), Some("not-logged-in"));
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    let output = scene.machine.ctl(&["logout", "nobody", "--json"]);
    assert_eq!(failed(&output), (2, "usage".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_keeps_every_line_of_the_configuration_that_it_does_not_change() {
    let gateway = gateway().await;
    let machine = machine!();
    let before = "# Our company's settings.\n\n[log]   # less of it\nformat   = 'text' # for people\n\n\
                  [gateway.default] # the one\nwait_s = 5 # patience\n# url comes with the login\n\n\
                  [gateway.default.providers.openai]\nmode = \"auto\"\n\n# the end\n";
    machine.configure(before);
    let _daemon = machine.start();
    machine.log_in(&gateway);
    let after = std::fs::read_to_string(machine.home().join("config/config.toml")).unwrap();
    let mut rest = after.lines();
    for line in before.lines() {
        assert!(rest.any(|found| found == line), "{line:?} is gone or has moved:\n{after}");
    }
    let new: Vec<_> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert_eq!(new.len(), 2, "{new:?}");
    assert!(new.contains(&format!("url = \"{}\"", gateway.url()).as_str()), "{new:?}");
    assert!(new.iter().any(|line| line.starts_with("ca_file = ")), "{new:?}");
    // The same login again changes nothing.
    machine.log_in(&gateway);
    assert_eq!(std::fs::read_to_string(machine.home().join("config/config.toml")).unwrap(), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_stand_in_the_variable_that_the_deployments_own_tool_reads() {
    let gateway = aigw_gateway::Practice::start(Setup::default()).await.unwrap();
    let mut machine = machine!();
    machine.set("CODER_SESSION_TOKEN", &gateway.issue_token("ada", DAY));
    let _daemon = machine.start();
    let output = machine.ctl(&["login", &gateway.url(), "--no-open"]);
    assert!(text(&output).contains(" as ada."), "{}", told(&output));
    assert!(told(&output).contains("Using the token in CODER_SESSION_TOKEN."));
    // The environment is read at this login only: nothing was kept of it that a logout leaves.
    machine.ask(&["logout"]);
    assert_eq!(machine.ask(&["status"])["gateways"][0]["token"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_forgets_the_token_on_the_disk_too() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    let answer = scene.machine.ask(&["logout"]);
    assert_eq!((&answer["schema"], &answer["logged_out"]), (&1.into(), &true.into()));
    let state = scene.machine.home().join("state/credentials");
    for entry in std::fs::read_dir(&state).unwrap().flatten() {
        assert!(!std::fs::read_to_string(entry.path()).unwrap().contains(&scene.token), "{entry:?}");
    }
    for _ in 0..2 {
        let gateway = scene.machine.ask(&["status"])["gateways"][0].clone();
        assert_eq!((&gateway["user"], &gateway["token"]), (&Value::Null, &Value::Null));
        assert_eq!(gateway["url"], scene.gateway.url());
        assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).error(), Some("not-logged-in"));
        scene.restart();
    }
    // The URL was kept, so that nobody has to type it again.
    let token = scene.gateway.issue_token("ada", DAY);
    assert!(scene.machine.ctl_with_input(&["login", "--token-stdin"], &token).status.success());
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
}
