//! Several gateways at once: added, chosen, shown and removed by command; each with a login that no other sees.

use std::time::Duration;

use aigw_gateway::{Mounts, Practice, Setup};
use aigw_tests::machine::{Machine, gateway, told};
use aigw_tests::{machine, raw};

use crate::{MESSAGES, failed, json, names, text};

const HOUR: Duration = Duration::from_secs(3600);
const PATH: &str = "/anthropic/v1/messages";

fn ca_file(machine: &Machine, gateway: &Practice) -> String {
    let file = machine.home().join(format!("{}.pem", gateway.port()));
    std::fs::write(&file, gateway.ca_pem()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn config(machine: &Machine) -> String {
    std::fs::read_to_string(machine.home().join("config/config.toml")).unwrap_or_default()
}

/// Adds it, and logs in to it.
fn add(machine: &Machine, name: &str, gateway: &Practice) {
    let output =
        machine.ctl(&["gateway", "add", name, &gateway.url(), "--ca-file", &ca_file(machine, gateway)]);
    assert!(output.status.success(), "{}", told(&output));
    let token = gateway.issue_token("ada", HOUR);
    let output = machine.ctl_with_input(&["login", "--name", name, "--token-stdin"], &token);
    assert!(output.status.success(), "{}", told(&output));
}

/// Asks for a message, and says which of the gateways saw it with its own token.
fn asked(
    machine: &Machine,
    address: &str,
    path: &str,
    key: &str,
    gateways: &[(&str, &Practice)],
) -> Vec<String> {
    gateways.iter().for_each(|(_, gateway)| gateway.forget_requests());
    let answer = raw::exchange(address, raw::post(address, path, key, &[], MESSAGES));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let saw = |(name, gateway): &(&str, &Practice)| {
        let seen = gateway.provider_requests().pop()?;
        let bearer = format!("Bearer {}", machine.held_token(name).unwrap());
        assert_eq!(seen.header("authorization"), Some(bearer.as_str()));
        Some((*name).to_owned())
    };
    gateways.iter().filter_map(saw).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_at_once_by_path_and_by_key() {
    let (one, two) = (gateway().await, gateway().await);
    let machine = machine!();
    machine.configure("# mine\n[log]\nlevel = \"trace\" # all\n");
    let daemon = machine.start();
    add(&machine, "one", &one);
    add(&machine, "two", &two);
    assert!(config(&machine).starts_with("# mine\n[log]\nlevel = \"trace\" # all\n"), "{}", config(&machine));
    assert_eq!(
        text(&machine.ctl(&["gateway", "use", "one"])),
        "Requests that name no gateway go to one now.\n"
    );

    let bound =
        machine.ask(&["env", "--gateway", "two"])["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap().to_owned();
    let free = machine.key("env");
    assert_ne!(bound, free);
    let both = [("one", &one), ("two", &two)];
    let at = &daemon.address;
    assert_eq!(asked(&machine, at, PATH, &free, &both), ["one"]);
    assert_eq!(asked(&machine, at, &format!("/_g/two{PATH}"), &free, &both), ["two"]);
    assert_eq!(asked(&machine, at, PATH, &bound, &both), ["two"]);
    // A key that is bound stays so, and no other name is.
    let output = machine.ctl(&["env", "--gateway", "one", "--key", "env-two", "--json"]);
    assert_eq!(failed(&output), (2, "usage".to_owned()));
    let output = machine.ctl(&["env", "--gateway", "three", "--json"]);
    assert_eq!(failed(&output), (2, "usage".to_owned()));

    machine.ask(&["gateway", "use", "two"]);
    assert_eq!(asked(&machine, at, PATH, &free, &both), ["two"]);
    let list = machine.ask(&["gateway", "list"]);
    let of = |index: usize| {
        let it = &list["gateways"][index];
        (it["name"].as_str().unwrap(), it["user"].as_str().unwrap(), it["default"].as_bool().unwrap())
    };
    assert_eq!([of(0), of(1)], [("one", "ada", false), ("two", "ada", true)]);
    let shown = machine.ask(&["gateway", "show", "one"]);
    let settings = shown["settings"].as_array().unwrap();
    assert!(settings.iter().any(|row| row["key"] == "url" && row["value"] == one.url().as_str()), "{shown}");
    assert!(text(&machine.ctl(&["gateway"])).contains("two *"));

    // Gone, with its token.
    let own = machine.held_token("two").unwrap();
    let id = own.split('-').next().unwrap();
    assert!(two.tokens_alive("ada").iter().any(|token| token.id == id));
    let said = text(&machine.ctl(&["gateway", "remove", "two"]));
    assert!(said.contains("Logged out of two") && said.contains("Removed the gateway two."), "{said}");
    assert!(!two.tokens_alive("ada").iter().any(|token| token.id == id));
    assert!(!config(&machine).contains("two"), "{}", config(&machine));
    assert!(config(&machine).contains(&one.url()));
    let answer = raw::exchange(at, raw::post(at, PATH, &bound, &[], MESSAGES));
    assert_eq!((answer.status, answer.error()), (403, Some("no-gateway")), "{}", answer.text());
    assert_eq!(asked(&machine, at, PATH, &free, &both), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_url_for_a_name_never_sees_the_login_of_the_old_one() {
    let (old, new) = (gateway().await, gateway().await);
    let machine = machine!();
    let daemon = machine.start();
    add(&machine, "work", &old);
    let before = machine.held_token("work").unwrap();
    let url = new.url();
    let changed = json(&machine.ctl(&[
        "gateway",
        "add",
        "work",
        &url,
        "--ca-file",
        &ca_file(&machine, &new),
        "--json",
    ]));
    assert_eq!(names(&changed), ["done", "logged_out", "name", "new", "schema"]);
    assert_eq!(changed["new"], false);
    let key = machine.key("env");
    let answer = raw::exchange(&daemon.address, raw::post(&daemon.address, PATH, &key, &[], MESSAGES));
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    assert!(machine.findings().contains(&"login-for-other-url".to_owned()));
    let sent = format!("{:?}", new.requests());
    assert!(!sent.contains(&before), "{sent}");
    // Back, and it is good again.
    machine.ask(&["gateway", "add", "work", &old.url(), "--ca-file", &ca_file(&machine, &old)]);
    let answer = raw::exchange(&daemon.address, raw::post(&daemon.address, PATH, &key, &[], MESSAGES));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_another_deployment_behind_a_stand_alone_gateway() {
    let mut setup = Setup { tls: true, ..Setup::default() };
    setup.behaviour.mounts = Mounts::all();
    let alone = Practice::start(setup).await.unwrap();
    let other = gateway().await;
    let machine = machine!();
    let _daemon = machine.start();
    let ca = machine.home().join("both.pem");
    std::fs::write(&ca, format!("{}{}", alone.ca_pem(), other.ca_pem())).unwrap();
    let url = alone.url();
    let line =
        ["gateway", "add", "default", &url, "--kind", "coder-standalone", "--ca-file", ca.to_str().unwrap()];
    machine.ask(&[&line[..], &["--coder-url", &url]].concat());
    let token = alone.issue_token("ada", HOUR);
    let output = machine.ctl_with_input(&["login", "--token-stdin"], &token);
    assert!(output.status.success(), "{}", told(&output));
    machine.ask(&[&line[..], &["--coder-url", &other.url()]].concat());
    // Renewing asks the deployment.
    assert_eq!(failed(&machine.ctl(&["login", "--renew", "--json"])), (77, "not-logged-in".to_owned()));
    assert!(other.requests().is_empty(), "{:?}", other.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_changes_nothing() {
    let gateway = gateway().await;
    let machine = machine!();
    let daemon = machine.start();
    add(&machine, "one", &gateway);
    let before = config(&machine);
    let own = format!("http://{}", daemon.address);
    for (words, code, kind) in [
        (["add", "Bad Name", "https://coder.example.com"].as_slice(), 2, "usage"),
        (&["add", "two", "http://coder.example.com"], 64, "bad-configuration"),
        (&["add", "two", "https://ada:pw@coder.example.com"], 64, "bad-configuration"),
        (&["add", "two", "https://coder.example.com", "--kind", "cider"], 64, "bad-configuration"),
        (&["add", "two", "https://coder.example.com", "--header", "no-value"], 2, "usage"),
        (&["add", "two", "https://coder.example.com", "--header", "Host=x"], 64, "bad-configuration"),
        (&["add", "two", &own], 64, "loop"),
        (&["add", "two"], 2, "usage"),
        (&["use", "two"], 2, "usage"),
        (&["remove", "two"], 2, "usage"),
        (&["show", "two"], 2, "usage"),
    ] {
        let output = machine.ctl(&[&["gateway"], words, &["--json"]].concat());
        assert_eq!(failed(&output), (code, kind.to_owned()), "{words:?} {}", told(&output));
        assert_eq!(config(&machine), before, "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_above_the_file_is_named() {
    let mut machine = machine!();
    machine.set("AIGW_URL", "https://coder.example.com");
    let _daemon = machine.start();
    let output = machine.ctl(&["gateway", "add", "default", "https://other.example.com"]);
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    assert!(told(&output).contains("AIGW_URL"), "{}", told(&output));
    let output = machine.ctl(&["gateway", "remove", "default"]);
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    assert!(told(&output).contains("AIGW_URL"), "{}", told(&output));
    assert_eq!(config(&machine), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_shell_is_a_finding_that_does_not_show_it() {
    let token = "abcdefghij-0123456789abcdefghijkl";
    let mut machine = machine!();
    machine.set("ANTHROPIC_API_KEY", token);
    machine.set("OPENAI_API_KEY", token);
    let _daemon = machine.start();
    let output = machine.ctl(&["status"]);
    let said = text(&output);
    assert!(said.contains("ANTHROPIC_API_KEY in this shell holds a deployment's token"), "{said}");
    assert!(said.contains("aigwctl env") && !told(&output).contains(token), "{said}");
    let findings = machine.ask(&["status"])["findings"].clone();
    let held = findings.as_array().unwrap().iter().filter(|it| it["code"] == "environment-holds-token");
    assert_eq!(held.count(), 2);
    // The lines of `env` replace one of them; the other stays, and is told of.
    let output = machine.ctl(&["env"]);
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        noted.contains("ANTHROPIC_API_KEY in this shell") && !noted.contains("OPENAI_API_KEY"),
        "{noted}"
    );
    assert!(!told(&output).contains(token));
}
