//! The system's store.

use std::fs;

use aigw_tests::machine::told;

use crate::desk::{Desk, USER, same, states};

#[test]
fn t11_the_system_trusts_the_root_and_afterwards_is_byte_for_byte_as_before() {
    let desk = Desk::new();
    let root = desk.root("root");
    let before = desk.everything();
    let install = ["ca", "install", "--store", "system", "--root-cert", &root.certificate];
    assert!(!desk.is_trusted(&root));

    let plan = desk.ask(None, &[&install[..], &["--dry-run"]].concat());
    assert_eq!(states(&plan, "system"), ["planned"]);
    assert_eq!(plan["stores"][0]["steps"].as_array().unwrap().len(), 2, "{plan}");
    same(&desk.everything(), &before);

    let done = desk.ask(None, &install);
    assert_eq!(states(&done, "system"), ["installed"]);
    assert_eq!(done["fingerprints_sha256"][0], root.fingerprint);
    assert!(desk.is_trusted(&root));
    let installed = desk.everything();
    assert_eq!(states(&desk.ask(None, &install), "system"), ["already-installed"]);
    same(&desk.everything(), &installed);
    let text = desk.ctl(None, &install);
    assert!(String::from_utf8_lossy(&text.stdout).contains("already, nothing changed"), "{}", told(&text));
    for (path, (content, _)) in desk.snapshot(&["local", "var-lib"]) {
        assert!(!String::from_utf8_lossy(&content).contains("PRIVATE KEY"), "{}", path.display());
    }

    let plan = desk.ask(None, &["ca", "uninstall", "--dry-run"]);
    assert_eq!(states(&plan, "system"), ["planned"]);
    same(&desk.everything(), &installed);
    assert_eq!(states(&desk.ask(None, &["ca", "uninstall"]), "system"), ["removed"]);
    assert!(!desk.is_trusted(&root));
    same(&desk.everything(), &before);
    let again = desk.everything();
    let text = desk.ctl(None, &["ca", "uninstall"]);
    assert!(
        text.status.success() && String::from_utf8_lossy(&text.stdout).contains("nothing to remove"),
        "{}",
        told(&text)
    );
    let by_name = desk.ask(None, &["ca", "uninstall", "--fingerprint", &root.fingerprint]);
    assert_eq!(states(&by_name, "system"), ["absent"]);
    same(&desk.everything(), &again);
}

#[test]
fn t11_an_older_root_goes_too_when_the_cas_files_are_gone_and_others_stay() {
    let desk = Desk::new();
    // Another user's, with the name and the file name that ours would have.
    let theirs = desk.root("theirs");
    fs::write(desk.path("local/aigw-0123456789abcdef.crt"), theirs.pem()).unwrap();
    fs::write(desk.path("local/corp.crt"), desk.root("corp").pem()).unwrap();
    assert!(desk.inside(None, &["update-ca-certificates"]).status.success());
    let before = desk.snapshot(&["ssl", "local"]);
    for name in ["old", "new"] {
        let root = desk.root(name);
        desk.ask(None, &["ca", "install", "--store", "system", "--root-cert", &root.certificate]);
        assert!(desk.is_trusted(&root));
        fs::remove_file(&root.certificate).unwrap();
    }
    let done = desk.ask(None, &["ca", "uninstall"]);
    assert_eq!(done["fingerprints_sha256"].as_array().unwrap().len(), 2);
    same(&desk.snapshot(&["ssl", "local"]), &before);
    assert!(desk.is_trusted(&theirs));
}

#[test]
fn what_needs_root_is_said_first_with_the_line_that_does_it() {
    let desk = Desk::new();
    let root = desk.root("root");
    let before = desk.everything();
    let only = ["ca", "install", "--store", "system", "--root-cert", &root.certificate];
    let output = desk.ctl(Some(USER), &[&only[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    let failure: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(failure["error"]["code"], "needs-root");
    same(
        &desk.snapshot(&["ssl", "local", "var-lib"]),
        &desk_part(&before, &["ssl", "local", "var-lib"], &desk),
    );

    // With a database of their own as well, that is done and the rest is told.
    desk.nss("home/.pki/nssdb");
    let output = desk.ctl(Some(USER), &["ca", "install", "--root-cert", &root.certificate, "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(states(&answer, "system"), ["needs-root"]);
    assert_eq!(states(&answer, "nss"), ["installed"]);
    let line = answer["as_root"].as_str().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains(line), "{}", told(&output));
    assert_eq!(
        line,
        format!("sudo {} ca install --store system --root-cert {}", desk.text("aigwctl"), root.certificate)
    );
    root_does(&desk, line);
    assert!(desk.is_trusted(&root));
    let again = desk.ask(Some(USER), &["ca", "install", "--root-cert", &root.certificate]);
    assert_eq!(states(&again, "system"), ["already-installed"]);
    assert!(again["as_root"].is_null());

    // Out again, in the same way.
    let answer = desk.ask(Some(USER), &["ca", "uninstall"]);
    assert_eq!(
        (states(&answer, "system"), states(&answer, "nss")),
        (vec!["needs-root".into()], vec!["removed".into()])
    );
    let line = answer["as_root"].as_str().unwrap();
    assert!(
        line.ends_with(&format!("ca uninstall --store system --fingerprint {}", root.fingerprint)),
        "{line}"
    );
    root_does(&desk, line);
    assert!(!desk.is_trusted(&root));
    assert_eq!(states(&desk.ask(Some(USER), &["ca", "uninstall"]), "system"), ["absent"]);
    let note = desk.ask(Some(USER), &["ca", "uninstall"])["note"].to_string();
    assert!(note.contains("nothing to remove"), "{note}");
    same(&desk.snapshot(&["ssl", "local"]), &desk_part(&before, &["ssl", "local"], &desk));
}

/// Runs the line as sudo does.
fn root_does(desk: &Desk, line: &str) {
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let output = desk.inside(None, &words);
    assert!(output.status.success(), "{line}: {}", told(&output));
}

fn desk_part(all: &crate::desk::Snapshot, names: &[&str], desk: &Desk) -> crate::desk::Snapshot {
    let folders: Vec<_> = names.iter().map(|name| desk.path(name)).collect();
    let within = |path: &std::path::PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    all.iter().filter(|(path, _)| within(path)).map(|(path, state)| (path.clone(), state.clone())).collect()
}

#[test]
fn a_file_with_a_key_or_a_made_up_fingerprint_changes_nothing() {
    let desk = Desk::new();
    let root = desk.root("root");
    let both = desk.text("made/both.pem");
    fs::write(&both, root.pem() + &fs::read_to_string(&root.key).unwrap()).unwrap();
    let before = desk.everything();
    for words in [
        &["ca", "install", "--root-cert", &both][..],
        &["ca", "install", "--root-cert", "/nowhere.pem"],
        &["ca", "uninstall", "--fingerprint", "AB:CD"],
    ] {
        let output = desk.ctl(None, words);
        assert!(!output.status.success(), "{words:?}");
        assert!(!told(&output).contains("BEGIN"), "{}", told(&output));
    }
    same(&desk.everything(), &before);
}
