//! Files that cannot be trusted, damaged ones, an end that comes near, hosts that are too many: told of, never passed
//! over, and mended by a new CA.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aigw_tests::machine;
use aigw_tests::machine::Machine;
use serde_json::Value;

use crate::openssl::{Company, Recipe, arg, printed};
use crate::{failed, keys, path, text};

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn finding(machine: &Machine) -> Value {
    let status = machine.ask(&["status"]);
    assert_eq!(status["findings"].as_array().unwrap().len(), 1, "{status:#}");
    status["findings"][0].clone()
}

/// T1: what others may have read signs nothing, at the start and later.
#[test]
fn t1_a_key_that_others_may_read_is_not_used_and_told_of() {
    let machine = machine!();
    let mut daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let key = path(&status, "intermediate_key");
    let folders = [key.parent().unwrap().to_owned(), machine.home().join("state/ca")];
    for (place, bad, good) in
        [(&key, 0o640, 0o600), (&key, 0o604, 0o600), (&folders[0], 0o750, 0o700), (&folders[1], 0o705, 0o700)]
    {
        chmod(place, bad);
        for at_start in [false, true] {
            if at_start {
                daemon.signal("TERM");
                daemon.ended();
                daemon = machine.start();
            }
            let told = finding(&machine);
            assert_eq!(
                (&told["code"], &told["severity"]),
                (&"ca-unsafe".into(), &"error".into()),
                "{told:#}"
            );
            assert!(told["text"].as_str().unwrap().contains(arg(place)), "{told:#}");
            assert!(told["cure"].as_str().unwrap().contains("aigwctl ca rotate"), "{told:#}");
            assert_eq!(failed(&machine.ctl(&["env", "--proxy", "--json"])), (1, "ca-unsafe".to_owned()));
            assert!(machine.ask(&["ca", "status"])["trouble"].as_str().unwrap().contains(arg(place)));
        }
        assert_eq!(std::fs::metadata(place).unwrap().permissions().mode() & 0o777, bad, "left as it was");
        chmod(place, good);
        assert_eq!(machine.findings(), Vec::<String>::new());
        machine.ask(&["env", "--proxy"]);
    }
    assert_eq!(machine.ask(&["ca", "status"])["fingerprint_sha256"], status["fingerprint_sha256"]);
}

#[test]
fn an_unsafe_ca_is_replaced_at_once_and_its_key_is_gone() {
    for folder in [false, true] {
        let machine = machine!();
        let _daemon = machine.start();
        let old = machine.ask(&["ca", "status"]);
        let key = path(&old, "intermediate_key");
        if folder {
            chmod(&machine.home().join("state/ca"), 0o755);
        } else {
            chmod(&key, 0o644);
        }
        let words = text(&machine.ctl(&["ca", "rotate"]));
        assert!(words.contains("aigwctl ca install") && !words.contains("--finish"), "{words}");
        let new = machine.ask(&["ca", "status"]);
        assert_ne!(new["fingerprint_sha256"], old["fingerprint_sha256"]);
        assert_eq!((&new["next"], &new["trouble"]), (&Value::Null, &Value::Null));
        assert_eq!(keys(&machine), [path(&new, "intermediate_key")]);
        assert_eq!(machine.findings(), Vec::<String>::new());
    }
}

/// Nothing is replaced without being asked for, and what was damaged stays for whoever wants to see it.
#[test]
fn damaged_files_are_told_of_and_kept_aside_by_the_new_ca() {
    for name in ["root_cert", "intermediate_cert", "intermediate_key", "list"] {
        for content in [Some("garbage"), Some(""), None] {
            let machine = machine!();
            let mut daemon = machine.start();
            let status = machine.ask(&["ca", "status"]);
            let list = machine.home().join("state/ca/list.json");
            let file = if name == "list" { list } else { path(&status, name) };
            let is_lost_list = name == "list" && content.is_none();
            match content {
                Some(content) => std::fs::write(&file, content).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            daemon.signal("KILL");
            daemon.ended();
            let _daemon = machine.start();
            if is_lost_list {
                // There is only one that it can be.
                assert_eq!(machine.ask(&["ca", "status"]), status);
                continue;
            }
            let told = finding(&machine);
            assert_eq!(told["code"], "ca-unsafe", "{name} {content:?}: {told:#}");
            assert!(told["text"].as_str().unwrap().contains("damaged"), "{told:#}");
            assert_eq!(failed(&machine.ctl(&["env", "--proxy", "--json"])), (1, "ca-unsafe".to_owned()));
            assert_eq!(file.exists(), content.is_some(), "{name} {content:?}");
            let new = machine.ask(&["ca", "rotate"]);
            assert_ne!(new["fingerprint_sha256"], status["fingerprint_sha256"]);
            assert_eq!(machine.findings(), Vec::<String>::new(), "{name} {content:?}");
            let kept = std::fs::read_dir(machine.home().join("state/ca")).unwrap().flatten();
            let kept = kept.filter(|entry| entry.file_name().to_str().unwrap().contains(".damaged-")).count();
            assert_eq!(kept, 1, "{name} {content:?}");
        }
    }
}

#[test]
fn hosts_that_it_cannot_sign_for_are_named_until_there_is_a_new_ca() {
    let machine = machine!();
    let _daemon = machine.start();
    machine.ask(&["ca", "status"]);
    machine.configure(
        "[intercept]\nhosts = [\"ai.example.com=my-ai\", \"api.openai.com\", \"10.0.0.1=my-ai\"]\n",
    );
    machine.ask(&["reload"]);
    let outgrown = |status: &Value| status["outgrown"].clone();
    assert_eq!(outgrown(&machine.ask(&["ca", "status"])), serde_json::json!(["ai.example.com"]));
    let status = machine.ask(&["status"]);
    let told = status["findings"].as_array().unwrap().iter().find(|found| found["code"] == "ca-outgrown");
    let told = told.unwrap_or_else(|| panic!("{status:#}"));
    assert!(told["text"].as_str().unwrap().contains("ai.example.com"), "{told:#}");
    assert!(told["cure"].as_str().unwrap().contains("aigwctl ca rotate"), "{told:#}");
    machine.ask(&["ca", "rotate"]);
    assert_eq!(outgrown(&machine.ask(&["ca", "status"])), serde_json::json!(["ai.example.com"]), "not yet");
    let new = machine.ask(&["ca", "rotate", "--finish"]);
    assert_eq!(outgrown(&new), serde_json::json!([]));
    assert!(new["permitted"].as_array().unwrap().contains(&"ai.example.com".into()));
    assert!(!machine.findings().iter().any(|code| code.starts_with("ca-")));
}

/// Puts certificates of this lifetime in the place of those that the daemon made.
fn age(machine: &Machine, days: i32) {
    let status = machine.ask(&["ca", "status"]);
    let company = Company::new();
    let (key, csr) = (path(&status, "intermediate_key"), company.file("csr"));
    printed(&["req", "-new", "-key", arg(&key), "-subj", "/CN=aged", "-out", arg(&csr)]);
    let aged = company.sign(&csr, "root", &Recipe { days, ..Recipe::intermediate() });
    std::fs::write(path(&status, "intermediate_cert"), aged).unwrap();
    std::fs::write(path(&status, "root_cert"), company.pem("root")).unwrap();
}

#[test]
fn a_new_one_is_offered_sixty_days_before_the_end() {
    for (days, codes) in [(62, &[][..]), (59, &["ca-expiring"])] {
        let machine = machine!();
        let mut daemon = machine.start();
        age(&machine, days);
        daemon.signal("KILL");
        daemon.ended();
        let _daemon = machine.start();
        assert_eq!(machine.findings(), codes, "{days}");
        machine.ask(&["ca", "rotate"]);
        assert_eq!(machine.findings(), ["ca-change-unfinished"]);
        machine.ask(&["ca", "rotate", "--finish"]);
        assert!(machine.findings().is_empty());
    }
}

#[test]
fn what_has_ended_is_told_of_and_replaced_at_once() {
    let machine = machine!();
    let _daemon = machine.start();
    age(&machine, -1);
    let told = finding(&machine);
    assert_eq!((&told["code"], &told["severity"]), (&"ca-expired".into(), &"error".into()));
    assert!(machine.ask(&["ca", "status"])["trouble"].is_string());
    let new = machine.ask(&["ca", "rotate"]);
    assert_eq!(new["next"], Value::Null);
    assert!(machine.findings().is_empty());
}
