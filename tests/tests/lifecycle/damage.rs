//! Starting on damaged files: the daemon comes up, says what is wrong and where, and resets nothing in silence.

use std::path::{Path, PathBuf};

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{HELLO, MESSAGES};

fn tls() -> Setup {
    Setup { tls: true, ..Setup::default() }
}

fn finding(status: &Value, code: &str) -> Value {
    let all = status["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("{code}: {all:#?}")).clone()
}

fn set_aside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_str().unwrap().contains(".damaged-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_configuration_starts_a_daemon_that_says_where_and_forwards_nothing() {
    let mut scene = Scene::set(machine!(), tls()).await;
    let file = scene.machine.home().join("config/config.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let bad = format!("{good}[log]\nlevel = \n");
    let line = good.lines().count() + 2;
    scene.machine.configure(&bad);
    scene.restart();

    let place = format!("config.toml:{line}");
    let status = scene.machine.ask(&["status"]);
    let told = finding(&status, "configuration-refused");
    assert!(told["text"].as_str().unwrap().contains(&place), "{told}");
    assert_eq!(told["severity"], "error");
    assert!(scene.machine.ask(&["config", "show"])["refused"].as_str().unwrap().contains(&place));

    let answer = scene.post(MESSAGES, &[], HELLO);
    assert_eq!((answer.status, answer.error()), (500, Some("bad-configuration")));
    assert!(answer.text().contains(&place), "{}", answer.text());
    assert_eq!(answer.field("x-should-retry"), Some("false"));
    assert_eq!(scene.get("/readyz", &[]).status, 503);
    assert_eq!(scene.get("/healthz", &[]).status, 200);
    assert_eq!(scene.gateway.provider_requests().len(), 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), bad, "the file is left to its owner");

    // Another mistake is the one that is told from now on.
    scene.machine.configure("prot = 1\n");
    assert_eq!(scene.machine.ctl(&["reload"]).status.code(), Some(64));
    let text = scene.post(MESSAGES, &[], HELLO).text();
    assert!(text.contains("config.toml:1") && !text.contains(&place), "{text}");

    scene.machine.configure(&good);
    scene.machine.ask(&["reload"]);
    assert_eq!(scene.post(MESSAGES, &[], HELLO).status, 200, "the login is still there");
    assert_eq!(scene.machine.findings(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_login_is_kept_aside_and_told_of_until_the_next_login() {
    let mut scene = Scene::set(machine!(), tls()).await;
    let folder = scene.machine.home().join("state/credentials");
    let file = folder.join("default.json");
    let whole = std::fs::read(&file).unwrap();
    let damaged = &whole[..whole.len() / 2];
    std::fs::write(&file, damaged).unwrap();
    scene.restart();

    let told = finding(&scene.machine.ask(&["status"]), "login-damaged")["text"].as_str().unwrap().to_owned();
    let aside = set_aside(&folder);
    assert_eq!(aside.len(), 1);
    assert!(told.contains(aside[0].to_str().unwrap()) && told.contains("line "), "{told}");
    assert_eq!(std::fs::read(&aside[0]).unwrap(), damaged);
    let answer = scene.post(MESSAGES, &[], HELLO);
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    scene.machine.ask(&["reload"]);
    finding(&scene.machine.ask(&["status"]), "login-damaged");

    scene.machine.log_in(&scene.gateway);
    assert_eq!(scene.machine.findings(), Vec::<String>::new());
    assert_eq!(scene.post(MESSAGES, &[], HELLO).status, 200);
    assert_eq!(set_aside(&folder).len(), 1, "what was kept is not touched");
}

/// Nothing that was revoked may come back, so a list or a secret that is lost or damaged makes every key new.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_whole_key_list_or_secret_all_keys_are_new_and_it_says_so() {
    let mut scene = Scene::set(machine!(), tls()).await;
    let state = scene.machine.home().join("state");
    for (file, content, code) in [
        ("keys.json", Some("{\"env\": {\"gen"), "key-list-damaged"),
        ("keys.json", None, "key-list-lost"),
        ("key", Some("short"), "key-secret-damaged"),
        ("key", None, "key-list-lost"),
    ] {
        let before = scene.machine.key("env");
        match content {
            Some(content) => std::fs::write(state.join(file), content).unwrap(),
            None => std::fs::remove_file(state.join(file)).unwrap(),
        }
        scene.restart();
        let told = finding(&scene.machine.ask(&["status"]), code);
        assert!(told["cure"].as_str().unwrap().contains("aigwctl env"), "{told}");
        let answer = scene.post(MESSAGES, &[&format!("x-aigw-key: {before}")], HELLO);
        assert_eq!((answer.status, answer.error()), (403, Some("key-wrong")), "{file} {content:?}");
        let after = scene.machine.key("env");
        assert_ne!(before, after);
        scene.key = after;
        assert_eq!(scene.post(MESSAGES, &[], HELLO).status, 200);
    }
    assert_eq!(set_aside(&state).len(), 2, "what was damaged is kept");
}
