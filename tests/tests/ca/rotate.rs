//! A new CA in two steps: beside the old one first, in its place when everybody trusts it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::told;
use serde_json::Value;

use crate::openssl::{arg, printed};
use crate::{failed, keys, path, pems, text};

#[test]
fn both_are_trusted_until_the_new_one_takes_over_and_the_old_one_is_gone() {
    let machine = machine!();
    let _daemon = machine.start();
    let old = machine.ask(&["ca", "status"]);
    let old_root = std::fs::read_to_string(path(&old, "root_cert")).unwrap();
    let old_key = std::fs::read_to_string(path(&old, "intermediate_key")).unwrap();
    let words = text(&machine.ctl(&["ca", "rotate"]));
    for command in ["aigwctl ca install", "aigwctl ca rotate --finish"] {
        assert!(words.contains(command), "{words}");
    }
    let both = machine.ask(&["ca", "status"]);
    let unchanged = ["root_cert", "intermediate_cert", "intermediate_key", "fingerprint_sha256", "not_after"];
    assert!(unchanged.iter().all(|name| both[name] == old[name]), "{both:#}");
    let next_root = std::fs::read_to_string(path(&both["next"], "root_cert")).unwrap();
    assert_ne!(next_root, old_root);
    // Stores that tell certificates apart by name have to hold both.
    let subject = |file: &std::path::Path| printed(&["x509", "-in", arg(file), "-noout", "-subject"]);
    assert_ne!(subject(&path(&old, "root_cert")), subject(&path(&both["next"], "root_cert")));
    let trusted = machine.ask(&["env", "--proxy"]);
    for file in [path(&both, "bundle"), path(&trusted, "NODE_EXTRA_CA_CERTS")] {
        let pems = pems(&file);
        assert!(pems.contains(&old_root) && pems.contains(&next_root), "{}", file.display());
    }
    assert_eq!(text(&machine.ctl(&["ca", "export"])), format!("{old_root}{next_root}"));
    assert_eq!(machine.findings(), ["ca-change-unfinished"]);
    // Asked again, it is the same one that waits.
    assert_eq!(machine.ask(&["ca", "rotate"])["next"], both["next"]);
    assert_eq!(machine.ask(&["ca", "rotate"])["then"].as_array().unwrap().len(), 2);

    let new = machine.ask(&["ca", "rotate", "--finish"]);
    assert_eq!(new["fingerprint_sha256"], both["next"]["fingerprint_sha256"]);
    assert_eq!((&new["next"], &new["then"]), (&Value::Null, &serde_json::json!([])));
    for file in [path(&new, "bundle"), path(&trusted, "NODE_EXTRA_CA_CERTS")] {
        let pems = pems(&file);
        assert!(!pems.contains(&old_root) && pems.contains(&next_root), "{}", file.display());
    }
    printed(&[
        "verify",
        "-x509_strict",
        "-CAfile",
        arg(&path(&new, "root_cert")),
        arg(&path(&new, "intermediate_cert")),
    ]);
    assert_eq!(keys(&machine), [path(&new, "intermediate_key")]);
    assert_ne!(std::fs::read_to_string(path(&new, "intermediate_key")).unwrap(), old_key);
    assert!(!path(&old, "root_cert").exists());
    assert_eq!(machine.findings(), Vec::<String>::new());
}

#[test]
fn nothing_takes_over_that_was_not_made() {
    let machine = machine!();
    let _daemon = machine.start();
    let finish = || machine.ctl(&["ca", "rotate", "--finish", "--json"]);
    assert_eq!(failed(&finish()), (2, "usage".to_owned()));
    let status = machine.ask(&["ca", "status"]);
    assert_eq!(failed(&finish()), (2, "usage".to_owned()));
    // Nor what others may have read.
    let both = machine.ask(&["ca", "rotate"]);
    let key = path(&both["next"], "root_cert").with_file_name("intermediate.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(failed(&finish()), (1, "ca-unsafe".to_owned()));
    assert_eq!(machine.ask(&["ca", "status"])["fingerprint_sha256"], status["fingerprint_sha256"]);
    // Another one is made, and the bad one removed.
    let again = machine.ask(&["ca", "rotate"]);
    assert_ne!(again["next"], both["next"]);
    assert!(!key.exists());
    machine.ask(&["ca", "rotate", "--finish"]);
}

#[test]
fn without_an_old_one_there_is_nothing_to_wait_for() {
    let machine = machine!();
    let _daemon = machine.start();
    let made = machine.ask(&["ca", "rotate"]);
    assert_eq!(made["next"], Value::Null);
    assert_eq!(made["then"], serde_json::json!(["aigwctl ca install"]));
    assert_eq!(keys(&machine), [path(&made, "intermediate_key")]);
}

/// At every start there is a whole authority: the old one, or the new one, and no key of another.
#[test]
fn kill_9_during_changes_leaves_one_whole_authority() {
    let machine = machine!();
    let mut changes = 0;
    let mut last = Value::Null;
    for round in 0..25u64 {
        let mut daemon = machine.start();
        let status = machine.ask(&["ca", "status"]);
        assert_eq!(status["trouble"], Value::Null, "{}", machine.log());
        let (root, signer) = (path(&status, "root_cert"), path(&status, "intermediate_cert"));
        printed(&["verify", "-x509_strict", "-CAfile", arg(&root), arg(&signer)]);
        let ours = printed(&["pkey", "-in", arg(&path(&status, "intermediate_key")), "-pubout"]);
        assert_eq!(printed(&["x509", "-in", arg(&signer), "-noout", "-pubkey"]), ours);
        assert!(pems(path(&status, "bundle")).contains(&std::fs::read_to_string(&root).unwrap()));
        for code in machine.findings() {
            assert_eq!(code, "ca-change-unfinished");
        }
        changes += u32::from(status["fingerprint_sha256"] != last);
        last = status["fingerprint_sha256"].clone();
        let (over, done) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    machine.ctl(&["ca", "rotate"]);
                    machine.ctl(&["ca", "rotate", "--finish"]);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            eventually("a change", || (done.load(Ordering::Relaxed) > 0).then_some(()));
            // Another moment of the next one each time.
            std::thread::sleep(Duration::from_millis(round * 37 % 150));
            daemon.signal("KILL");
            daemon.ended();
            over.store(true, Ordering::Relaxed);
        });
    }
    assert_eq!(changes, 25, "each round begins with another one");
    let _daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let mut whole = vec![path(&status, "intermediate_key")];
    if status["next"].is_object() {
        whole.push(path(&status["next"], "root_cert").with_file_name("intermediate.key"));
    }
    whole.sort();
    eventually("no key of a killed change is left", || (keys(&machine) == whole).then_some(()));
    let output = machine.ctl(&["ca", "rotate", "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let status = machine.ask(&["ca", "rotate", "--finish"]);
    assert_eq!(keys(&machine), [path(&status, "intermediate_key")]);
    assert!(machine.findings().is_empty());
}
