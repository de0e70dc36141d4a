//! `login --store`: where a login is kept, that it moves whole, and that no place stands in for another in silence.

use std::path::Path;
use std::time::Duration;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, failed, json, text};

const DAY: Duration = Duration::from_secs(86_400);

/// Whether a file below this folder holds the text.
fn in_a_file(folder: &Path, what: &str) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => in_a_file(&entry.path(), what),
        kind if kind.is_file() => {
            String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).contains(what)
        }
        _ => false,
    })
}

/// Logs in with a fresh token. Returned is the one that the daemon had made with it, as it is used.
fn log_in(scene: &Scene, more: &[&str]) -> String {
    let token = scene.gateway.issue_token("ada", DAY);
    let output = scene.machine.log_in_with(&scene.gateway, &token, more);
    assert!(output.status.success(), "{}\n{}", told(&output), scene.machine.log());
    let used = sent(scene).expect("a token");
    assert_ne!(used, token);
    used
}

fn store(scene: &Scene) -> String {
    scene.machine.ask(&["status"])["gateways"][0]["store"].as_str().unwrap_or("none").to_owned()
}

/// The token that a request goes out with; `None` when it is refused for want of one.
fn sent(scene: &Scene) -> Option<String> {
    scene.gateway.forget_requests();
    let answer = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    if answer.status == 403 {
        assert!(answer.text().contains("not logged in"), "{}", answer.text());
        return None;
    }
    assert_eq!(answer.status, 200);
    let field = scene.only_request().header("authorization").unwrap().to_owned();
    Some(field.strip_prefix("Bearer ").unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_memory_is_in_no_file_and_gone_with_the_daemon() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    assert_eq!(store(&scene), "file");
    let secret = |token: &str| token.split('-').next_back().unwrap().to_owned();
    assert!(in_a_file(scene.machine.home(), &secret(&scene.token)), "this is how one would be found");

    let token = log_in(&scene, &["--store", "memory"]);
    assert_eq!(store(&scene), "memory");
    for token in [&token, &scene.token] {
        assert!(!in_a_file(scene.machine.home(), &secret(token)));
    }
    assert_eq!(sent(&scene), Some(token.clone()));
    scene.machine.ask(&["reload"]);
    assert_eq!(sent(&scene), Some(token));
    let said = text(&scene.machine.ctl(&["status"]));
    assert!(said.contains(", in memory until aigwd ends"), "{said}");

    scene.restart();
    assert_eq!((sent(&scene), store(&scene)), (None, "none".to_owned()));
    // The choice is remembered, and said again.
    let again = scene.gateway.issue_token("ada", DAY);
    let said = text(&scene.machine.log_in_with(&scene.gateway, &again, &[]));
    assert!(said.contains("gone when aigwd ends"), "{said}");
    assert_eq!((sent(&scene).is_some(), store(&scene)), (true, "memory".to_owned()));
    scene.machine.ask(&["logout"]);
    assert_eq!(sent(&scene), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_moves_to_a_file_stays() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    log_in(&scene, &["--store", "memory"]);
    let token = log_in(&scene, &["--store", "file"]);
    scene.restart();
    assert_eq!((sent(&scene), store(&scene)), (Some(token), "file".to_owned()));
    scene.machine.ask(&["logout"]);
    scene.restart();
    assert_eq!((sent(&scene), store(&scene)), (None, "none".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_is_not_there_is_told_before_anything_is_asked() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let token = scene.gateway.issue_token("ada", DAY);
    let output = scene.machine.log_in_with(&scene.gateway, &token, &["--store", "keyring", "--json"]);
    assert_eq!(failed(&output), (77, "keyring-unavailable".to_owned()));
    let error = &json(&output)["error"];
    assert!(error["cure"].as_str().unwrap().contains("--store file"), "{error}");
    assert!(scene.gateway.requests().is_empty(), "the token was not tried");
    assert_eq!((sent(&scene), store(&scene)), (Some(scene.token.clone()), "file".to_owned()));
    // Nor is one asked for by `status`, or for a login in a file.
    assert!(scene.machine.findings().is_empty());
    let output = scene.machine.ctl(&["login", "--store", "drawer", "--token-stdin"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_says_where_a_first_login_goes() {
    let machine = machine!();
    machine.configure("[login]\nstore = \"memory\"\n");
    let scene = Scene::set(machine, Setup::default()).await;
    assert_eq!(store(&scene), "memory");
    // What a login says itself goes before, and is what the next one does.
    log_in(&scene, &["--store", "file"]);
    log_in(&scene, &[]);
    assert_eq!(store(&scene), "file");
}

/// The file that says where a login is, damaged: it is told, and the next login mends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_note_of_the_place_is_told_and_mended_by_a_login() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    log_in(&scene, &["--store", "memory"]);
    std::fs::write(scene.machine.home().join("state/credentials/default.place"), "{").unwrap();
    scene.restart();
    assert_eq!(scene.machine.findings(), ["login-unreadable"]);
    let token = log_in(&scene, &["--store", "file"]);
    assert_eq!((sent(&scene), store(&scene)), (Some(token), "file".to_owned()));
    assert!(scene.machine.findings().is_empty());
}
