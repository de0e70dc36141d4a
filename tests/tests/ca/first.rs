//! It is made when it is first needed, and shown as it is.

use std::os::unix::fs::PermissionsExt;

use aigw_tests::machine;

use crate::openssl::{NAMES, arg, printed};
use crate::{failed, keys, path, pems, text};

#[test]
fn there_is_none_before_one_is_needed_and_the_same_one_from_then_on() {
    let machine = machine!();
    let daemon = machine.start();
    machine.ask(&["status"]);
    machine.ask(&["env"]);
    assert!(!machine.home().join("state/ca").exists());
    let made = machine.ask(&["ca", "status"]);
    assert_eq!(machine.ask(&["ca"]), made);
    drop(daemon);
    let _daemon = machine.start();
    assert_eq!(machine.ask(&["ca", "status"]), made);
    assert_eq!(machine.findings(), Vec::<String>::new());
}

#[test]
fn without_a_daemon_there_is_no_answer() {
    for command in ["status", "show", "export", "rotate", "request", "explain"] {
        let output = machine!().ctl(&["ca", command, "--json"]);
        assert_eq!(failed(&output), (69, "daemon-not-running".to_owned()), "{command}");
    }
}

#[test]
fn t1_the_key_is_for_its_owner_only_and_is_the_only_one() {
    let machine = machine!();
    let _daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let key = path(&status, "intermediate_key");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&key), 0o600);
    for folder in key.ancestors().skip(1).take_while(|folder| *folder != machine.home()) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    assert_eq!(keys(&machine), std::slice::from_ref(&key));
    let ours = printed(&["pkey", "-in", arg(&key), "-pubout"]);
    assert_eq!(
        printed(&["x509", "-in", arg(&path(&status, "intermediate_cert")), "-noout", "-pubkey"]),
        ours
    );
    assert_ne!(printed(&["x509", "-in", arg(&path(&status, "root_cert")), "-noout", "-pubkey"]), ours);
}

#[test]
fn status_says_what_scripts_rely_on() {
    let machine = machine!();
    machine
        .configure("[intercept]\nhosts = [\"ai.example.com=my-ai\", \"api.business.githubcopilot.com\"]\n");
    let _daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    assert_eq!(status["schema"], 1);
    let root = path(&status, "root_cert");
    let told = printed(&["x509", "-in", arg(&root), "-noout", "-fingerprint", "-sha256"]);
    assert_eq!(Some(status["fingerprint_sha256"].as_str().unwrap()), told.trim().split('=').nth(1));
    let mut names: Vec<&str> = NAMES.to_vec();
    names.push("ai.example.com");
    let permitted: Vec<&str> =
        status["permitted"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(permitted, names, "a host below a permitted name needs no name of its own");
    assert!(status["stores"].is_array());
    assert!(status["not_after"].as_str().unwrap().ends_with('Z'));
    let bundle = path(&status, "bundle");
    assert!(pems(&bundle).contains(&std::fs::read_to_string(&root).unwrap()));
    let words = text(&machine.ctl(&["ca", "status"]));
    for said in [&status["fingerprint_sha256"], &status["root_cert"], &status["bundle"]] {
        assert!(words.contains(said.as_str().unwrap()), "{words}");
    }
}

#[test]
fn show_and_export_give_certificates_and_never_the_key() {
    let machine = machine!();
    let _daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let root = std::fs::read_to_string(path(&status, "root_cert")).unwrap();
    assert_eq!(text(&machine.ctl(&["ca", "export"])), root);
    assert_eq!(machine.ask(&["ca", "export"])["root_pem"], root.as_str());
    let said = text(&machine.ctl(&["ca", "export", "--out", "root.pem"]));
    assert!(said.contains("root.pem"));
    assert_eq!(std::fs::read_to_string(machine.home().join("root.pem")).unwrap(), root);
    let nowhere = machine.ctl(&["ca", "export", "--out", "no/root.pem", "--json"]);
    assert_eq!(failed(&nowhere), (1, "file".to_owned()));

    let shown = machine.ask(&["ca", "show"]);
    let roles: Vec<&str> =
        shown["certificates"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["intermediate", "root"]);
    let intermediate = &shown["certificates"][0];
    assert_eq!(
        (&intermediate["pathlen"], &intermediate["extended_key_usage"][0]),
        (&0.into(), &"serverAuth".into())
    );
    assert_eq!(
        intermediate["excluded"],
        serde_json::json!(["IP 0.0.0.0/0", "IP ::/0", "e-mail none.invalid"])
    );
    let words = text(&machine.ctl(&["ca", "show"]));
    assert!(words.contains("api.openai.com") && words.contains("pathlen 0"), "{words}");
    let key = std::fs::read_to_string(path(&status, "intermediate_key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    for command in ["status", "show", "export", "explain", "request"] {
        for flags in [&["ca", command][..], &["ca", command, "--json"]] {
            let output = text(&machine.ctl(flags));
            assert!(!output.contains("PRIVATE KEY") && !output.contains(secret), "{command}");
        }
    }
    assert!(!machine.log().contains(secret));
}

/// Its commands are run as they stand there.
#[test]
fn explain_states_what_holds_and_how_to_check_it() {
    let machine = machine!();
    let _daemon = machine.start();
    let explained = machine.ask(&["ca", "explain"]);
    let page = text(&machine.ctl(&["ca", "explain"]));
    assert_eq!(explained["statement"], page.as_str());
    for name in NAMES {
        assert!(page.contains(name), "{name}");
    }
    for said in ["Bun", "destroyed", "same user", "aigwctl ca uninstall", "7 days", "0600"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(page.lines().count() < 80, "one page:\n{page}");
    let commands = explained["verify"].as_array().unwrap();
    assert_eq!(commands.len(), 4);
    let mut told = String::new();
    for command in commands {
        let command = command.as_str().unwrap();
        assert!(page.contains(command), "{command}");
        let output = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        told += &String::from_utf8(output.stdout).unwrap();
    }
    assert!(told.contains(explained["fingerprint_sha256"].as_str().unwrap()));
    assert!(told.contains("X509v3 Name Constraints: critical") && told.contains("-rw-------"), "{told}");
}
