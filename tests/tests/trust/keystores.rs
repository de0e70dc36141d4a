//! Java keystores, with the JDK's own program.

use std::fs;

use crate::desk::{Desk, USER, states};

#[test]
fn t11_a_java_keystore_gets_the_root_on_request_and_uninstall_remembers_which() {
    let desk = Desk::new();
    let root = desk.root("root");
    let store = desk.text("home/cacerts");
    let theirs = desk.root("theirs");
    let list = || desk.tool("keytool", &["-list", "-rfc", "-keystore", &store, "-storepass", "changeit"]);
    desk.tool(
        "keytool",
        &[
            "-importcert",
            "-noprompt",
            "-alias",
            "theirs",
            "-file",
            &theirs.certificate,
            "-keystore",
            &store,
            "-storepass",
            "changeit",
        ],
    );
    desk.tool("chown", &[&USER.to_string(), &store]);
    let before = list();
    let install = ["ca", "install", "--root-cert", &root.certificate, "--store", "java"];
    assert_eq!(states(&desk.ask(Some(USER), &install), "java").len(), 0);
    assert_eq!(list(), before);

    let install = [&install[..], &["--java", &store]].concat();
    assert_eq!(states(&desk.ask(Some(USER), &install), "java"), ["installed"]);
    let shown = list().replace("\r\n", "\n");
    assert!(shown.contains(root.pem().trim()), "{shown}");
    let bytes = fs::read(&store).unwrap();
    assert_eq!(states(&desk.ask(Some(USER), &install), "java"), ["already-installed"]);
    assert_eq!(fs::read(&store).unwrap(), bytes);

    assert_eq!(states(&desk.ask(Some(USER), &["ca", "uninstall"]), "java"), ["removed"]);
    assert_eq!(list(), before);
    assert!(desk.ask(Some(USER), &["ca", "uninstall"])["note"].is_string());
}

#[test]
fn a_keystore_of_roots_is_roots_to_change() {
    let desk = Desk::new();
    let root = desk.root("root");
    let store = desk.text("made/cacerts");
    desk.tool(
        "keytool",
        &[
            "-importcert",
            "-noprompt",
            "-alias",
            "x",
            "-file",
            &root.certificate,
            "-keystore",
            &store,
            "-storepass",
            "changeit",
        ],
    );
    let other = desk.root("other");
    let words = ["ca", "install", "--store", "java", "--java", &store, "--root-cert", &other.certificate];
    let output = desk.ctl(Some(USER), &words);
    assert_eq!(output.status.code(), Some(77));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&format!("--store java --java {store} --root-cert {}", other.certificate)),
        "{said}"
    );
}
