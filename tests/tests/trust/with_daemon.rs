//! With the daemon's own CA: what is asked of it, and what works when it is gone.

use std::fs;

use aigw_tests::machine;

use crate::desk::{Desk, same, states};

#[test]
fn the_daemons_root_and_the_next_one_are_installed_and_leave_without_it() {
    let mut desk = Desk::new();
    let machine = machine!();
    let home = machine.home().to_str().unwrap().to_owned();
    desk.variables = vec![("AIGW_HOME", home.clone()), ("XDG_RUNTIME_DIR", home)];
    desk.nss("root-home/.pki/nssdb");
    let before = desk.snapshot(&["ssl", "local"]);
    let daemon = machine.start();

    let status = desk.ask(None, &["ca", "status"]);
    let installed = |status: &serde_json::Value| -> Vec<bool> {
        status["stores"]
            .as_array()
            .unwrap()
            .iter()
            .map(|store| store["installed"].as_bool().unwrap())
            .collect()
    };
    assert_eq!(installed(&status), [false, false], "{status}");
    let done = desk.ask(None, &["ca", "install"]);
    assert_eq!(done["fingerprints_sha256"][0], status["fingerprint_sha256"]);
    assert_eq!(
        (states(&done, "system"), states(&done, "nss")),
        (vec!["installed".into()], vec!["installed".into()])
    );
    assert_eq!(installed(&desk.ask(None, &["ca", "status"])), [true, true]);

    desk.ask(None, &["ca", "rotate"]);
    let both = desk.ask(None, &["ca", "install"]);
    assert_eq!(both["fingerprints_sha256"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(states(&both, "system"), ["installed"]);
    let anchors = fs::read_dir(desk.path("local")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(anchors.filter(|name| name.to_str().unwrap().starts_with("aigw-")).count(), 2);

    assert!(daemon.stop().success());
    fs::remove_dir_all(machine.home().join("state/ca")).unwrap();
    let gone = desk.ask(None, &["ca", "uninstall"]);
    assert_eq!(
        (states(&gone, "system"), states(&gone, "nss")),
        (vec!["removed".into()], vec!["removed".into()])
    );
    same(&desk.snapshot(&["ssl", "local"]), &before);
    let listed = desk.tool("certutil", &["-L", "-d", &format!("sql:{}", desk.text("root-home/.pki/nssdb"))]);
    assert!(!listed.contains("aigw"), "{listed}");
}

#[test]
fn down_takes_it_out_of_every_store() {
    let mut desk = Desk::new();
    let machine = machine!();
    let home = machine.home().to_str().unwrap().to_owned();
    desk.variables = vec![("AIGW_HOME", home.clone()), ("XDG_RUNTIME_DIR", home)];
    desk.nss("root-home/.pki/nssdb");
    let before = desk.snapshot(&["ssl", "local"]);
    let mut daemon = machine.start();
    desk.ask(None, &["ca", "install"]);
    let done = desk.ask(None, &["down", "--yes", "--purge"]);
    let trust = &done["steps"][1];
    assert_eq!((&trust["step"], &trust["state"]), (&"trust".into(), &"done".into()), "{done:#}");
    assert_eq!(
        (states(&trust["answer"], "system"), states(&trust["answer"], "nss")),
        (vec!["removed".into()], vec!["removed".into()])
    );
    same(&desk.snapshot(&["ssl", "local"]), &before);
    assert!(daemon.ended().success());
    assert!(!machine.home().join("state").exists(), "{done:#}");
}
