//! `keys`: the list, what a revocation does, and keys that are computed without a daemon.

use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw;
use aigw_tests::scene::Scene;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::{MESSAGES, failed, is_moment, names, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_each_key_and_when_it_was_used() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    scene.machine.key("idle");
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);
    for words in [&["keys"][..], &["keys", "list"]] {
        let answer = scene.machine.ask(words);
        let rows = answer["keys"].as_array().unwrap();
        assert_eq!(rows.iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["env", "idle"]);
        for row in rows {
            assert_eq!(
                names(row),
                ["created_at", "expires_at", "gateway", "generation", "last_used_at", "name"]
            );
            assert!(is_moment(&row["created_at"]) && row["generation"] == 1, "{row}");
            assert_eq!((&row["expires_at"], &row["gateway"]), (&Value::Null, &Value::Null));
            assert_eq!(is_moment(&row["last_used_at"]), row["name"] == "env", "{row}");
        }
    }
    let shown = text(&scene.machine.ctl(&["keys"]));
    assert!(shown.starts_with("NAME   GENERATION   CREATED") && !shown.contains("aigw_"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_over_at_once_and_for_ever_and_the_name_gets_another() {
    let mut scene = Scene::set(machine!(), Setup::default()).await;
    let old = scene.machine.key("tool");
    let ask = |scene: &Scene, key: &str| {
        let message = raw::post(scene.address(), "/anthropic/v1/messages", key, &[], MESSAGES);
        raw::exchange(scene.address(), message).status
    };
    assert_eq!(ask(&scene, &old), 200);
    let answer = scene.machine.ask(&["keys", "revoke", "tool"]);
    assert_eq!((&answer["name"], &answer["revoked"]), (&"tool".into(), &true.into()));
    assert_eq!((ask(&scene, &old), ask(&scene, &scene.key)), (403, 200));
    assert_eq!(failed(&scene.machine.ctl(&["keys", "revoke", "tool", "--json"])), (2, "usage".to_owned()));
    let new = scene.machine.key("tool");
    assert_ne!(new, old);
    scene.restart();
    assert_eq!((ask(&scene, &old), ask(&scene, &new)), (403, 200));
    let keys = scene.machine.ask(&["keys"])["keys"].clone();
    let row = keys.as_array().unwrap().iter().find(|row| row["name"] == "tool").unwrap();
    assert_eq!(row["generation"], 2);
    for bad in ["Tool", "", "a_b", &"x".repeat(33)] {
        for words in [["keys", "revoke", bad, "--json"], ["env", "--key", bad, "--json"]] {
            assert_eq!(failed(&scene.machine.ctl(&words)), (2, "usage".to_owned()), "{words:?}");
        }
    }
}

/// A machine as a container has it: secret and names come from outside.
async fn container(keys: &str) -> (Practice, Machine, String) {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let mut machine = machine!();
    let secret = machine.home().join("secret");
    std::fs::write(&secret, [7; 32]).unwrap();
    let token = machine.home().join("token");
    std::fs::write(&token, gateway.issue_token("ada", Duration::from_secs(3600))).unwrap();
    machine.set("AIGW_KEY_FILE", secret.to_str().unwrap());
    machine.set("AIGW_TOKEN_FILE", token.to_str().unwrap());
    machine.set("AIGW_URL", &gateway.url());
    machine.configure(keys);
    (gateway, machine, secret.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_derived_key_is_the_daemons_and_only_the_listed_generation_is_valid() {
    let (_gateway, machine, secret) = container("[listen]\nkeys = [\"ci:2\", \"env\"]\n").await;
    let derive = |spec: &str| {
        let key = text(&machine.ctl(&["keys", "derive", spec, "--secret-file", &secret]));
        assert_eq!((key.lines().count(), key.ends_with('\n')), (1, true));
        key.trim_end().to_owned()
    };
    // Without any daemon.
    let (first, second, third) = (derive("ci"), derive("ci:2"), derive("ci:3"));
    assert_eq!(derive("ci:1"), first);
    let answer = machine.ask(&["keys", "derive", "ci:2", "--secret-file", &secret]);
    assert_eq!(names(&answer), ["generation", "key", "name", "schema"]);
    assert_eq!((&answer["key"], &answer["generation"]), (&second.as_str().into(), &2.into()));

    let daemon = machine.start();
    assert_eq!((machine.key("ci"), machine.key("env")), (second.clone(), derive("env")));
    let ask = |key: &str| {
        let message = raw::post(&daemon.address, "/anthropic/v1/messages", key, &[], MESSAGES);
        let answer = raw::exchange(&daemon.address, message);
        (answer.status, answer.error().unwrap_or_default().to_owned())
    };
    let wrong = (403, "key-wrong".to_owned());
    assert_eq!(ask(&second).0, 200);
    assert_eq!(ask(&derive("env")).0, 200);
    for bad in [&first, &third, &derive("other")] {
        assert_eq!(ask(bad), wrong);
    }
    // The list is the setting, and nothing else changes it.
    for words in [["keys", "revoke", "ci", "--json"], ["env", "--key", "other", "--json"]] {
        let output = machine.ctl(&words);
        assert_eq!(failed(&output), (64, "bad-configuration".to_owned()), "{words:?}");
        assert!(told(&output).contains("listen.keys"), "{}", told(&output));
    }
    assert!(!machine.home().join("state/key").exists());
    machine.configure("[listen]\nkeys = [\"ci:3\"]\n");
    assert!(machine.ctl(&["reload"]).status.success());
    assert_eq!((ask(&second), ask(&derive("env"))), (wrong.clone(), wrong));
    assert_eq!(ask(&third).0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_a_container_has_the_key_env() {
    let (_gateway, machine, secret) = container("").await;
    let derived = text(&machine.ctl(&["keys", "derive", "env", "--secret-file", &secret]));
    let daemon = machine.start();
    assert_eq!(machine.key("env"), derived.trim_end());
    let rows = machine.ask(&["keys"])["keys"].clone();
    assert_eq!(rows.as_array().unwrap().iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["env"]);
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", derived.trim_end(), &[], MESSAGES);
    assert_eq!(raw::exchange(&daemon.address, message).status, 200);
}

#[test]
fn a_secret_file_is_raw_or_base64_and_long_enough() {
    let machine = machine!();
    let derive = |content: &[u8], spec: &str| {
        std::fs::write(machine.home().join("secret"), content).unwrap();
        machine.ctl(&["keys", "derive", spec, "--secret-file", "secret", "--json"])
    };
    let raw = text(&derive(&[9; 40], "ci"));
    assert_eq!(text(&derive((STANDARD.encode([9; 40]) + "\n").as_bytes(), "ci")), raw);
    assert_ne!(text(&derive(&[9; 41], "ci")), raw);
    assert_eq!(failed(&derive(&[9; 31], "ci")), (64, "bad-configuration".to_owned()));
    for spec in ["", "CI", "ci:0", "ci:-1", "ci:x", "ci:", "ci:2:3", "ci:4294967296"] {
        assert_eq!(failed(&derive(&[9; 40], spec)), (2, "usage".to_owned()), "{spec}");
    }
    let output = machine.ctl(&["keys", "derive", "ci", "--secret-file", "nowhere", "--json"]);
    assert_eq!(failed(&output), (1, "file".to_owned()));
}
