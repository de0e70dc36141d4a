//! The shape of the certificates, as `openssl` reads and enforces it.

use aigw_tests::machine;

use crate::openssl::{Company, NAMES, Recipe, arg, printed, run};
use crate::path;

/// T2: read back by another library than the one that made them.
#[test]
fn t2_openssl_reads_the_shape_that_was_asked_for() {
    let machine = machine!();
    let _daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let (root, signer) = (path(&status, "root_cert"), path(&status, "intermediate_cert"));
    printed(&["verify", "-x509_strict", "-CAfile", arg(&root), arg(&signer)]);
    let (root, signer) = (text_of(arg(&root)), text_of(arg(&signer)));
    for text in [&root, &signer] {
        assert!(after(text, "X509v3 Basic Constraints: critical").starts_with("CA:TRUE"), "{text}");
        assert_eq!(after(text, "X509v3 Extended Key Usage:"), "TLS Web Server Authentication");
        assert!(after(text, "X509v3 Key Usage: critical").contains("Certificate Sign"), "{text}");
        assert!(text.contains("NIST CURVE: P-256"), "{text}");
    }
    assert_eq!(after(&signer, "X509v3 Basic Constraints: critical"), "CA:TRUE, pathlen:0");
    let constraints = &signer[signer.find("X509v3 Name Constraints: critical").unwrap()..];
    let lines: Vec<&str> = constraints.lines().skip(1).map(str::trim).take(NAMES.len() + 6).collect();
    let mut expected = vec!["Permitted:".to_owned()];
    expected.extend(NAMES.iter().map(|name| format!("DNS:{name}")));
    expected.extend(["email:none.invalid", "Excluded:", "IP:0.0.0.0/0.0.0.0"].map(str::to_owned));
    expected.push("IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0".to_owned());
    expected.push("email:none.invalid".to_owned());
    assert_eq!(lines, expected);
    assert!(!root.contains("Name Constraints"), "{root}");
}

/// T4, as far as `openssl` goes: what a thief of the key could make is refused, and accepted without the constraints.
#[test]
fn t4_a_stolen_key_is_of_no_use_beyond_the_names() {
    let machine = machine!();
    let _daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let thief = Company::new();
    std::fs::copy(path(&status, "intermediate_key"), thief.file("stolen.key")).unwrap();
    std::fs::copy(path(&status, "intermediate_cert"), thief.file("stolen.pem")).unwrap();
    let key = thief.key("leaf");
    let csr = thief.file("leaf.csr");
    printed(&["req", "-new", "-key", arg(&key), "-subj", "/CN=leaf", "-out", arg(&csr)]);
    let leaf = |signer: &str, extensions: &str| {
        let recipe = Recipe { extensions: extensions.to_owned(), days: 3 };
        thief.write("leaf.pem", &thief.sign(&csr, signer, &recipe))
    };
    let verifies = |signer: &str, root: &str, extensions: &str| {
        let (leaf, signer) = (leaf(signer, extensions), thief.file(&format!("{signer}.pem")));
        run(&["verify", "-CAfile", root, "-untrusted", arg(&signer), arg(&leaf)]).status.success()
    };
    let (ours, theirs) = (path(&status, "root_cert"), thief.file("root.pem"));
    let server = "extendedKeyUsage=serverAuth\nsubjectAltName=";
    assert!(verifies("stolen", arg(&ours), &format!("{server}DNS:api.openai.com\n")));
    for theft in ["DNS:bank.example", "IP:192.0.2.1", "email:ada@example.com"] {
        let extensions = format!("{server}{theft}\n");
        assert!(!verifies("stolen", arg(&ours), &extensions), "{theft}");
        assert!(verifies("sub", arg(&theirs), &extensions), "{theft} under an unconstrained CA");
    }
}

fn text_of(file: &str) -> String {
    printed(&["x509", "-in", file, "-noout", "-text"])
}

/// The line that follows a heading.
fn after<'a>(text: &'a str, heading: &str) -> &'a str {
    let at = text.find(heading).unwrap_or_else(|| panic!("{heading}: {text}"));
    text[at..].lines().nth(1).unwrap().trim()
}
