//! The merged bundle: the system's roots, what the user had, and ours; kept up to date.

use std::path::Path;

use aigw_tests::machine;
use aigw_tests::machine::Machine;
use serde_json::Value;

use crate::openssl::{Company, arg, printed};
use crate::{path, pems};

/// What this system trusts, as it is on the machines that run these tests; nothing if it has no store.
fn system() -> Vec<String> {
    let file = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if file.exists() {
        pems(file).into_iter().filter(|pem| pem.starts_with("-----BEGIN")).collect()
    } else {
        Vec::new()
    }
}

/// `env --proxy`, in an environment with these variables more.
fn proxied(machine: &mut Machine, variables: &[(&str, &str)]) -> Value {
    for (name, value) in variables {
        machine.set(name, value);
    }
    let answer = machine.ask(&["env", "--proxy"]);
    for (name, _) in variables {
        machine.set(name, "");
    }
    answer
}

#[test]
fn it_holds_the_systems_roots_the_users_own_and_ours() {
    let mut machine = machine!();
    let _daemon = machine.start();
    let companies = [Company::new(), Company::new(), Company::new()];
    let file = |index: usize| companies[index].file("root.pem");
    // Relative to where the user stands, too.
    std::fs::copy(file(1), machine.home().join("corp.pem")).unwrap();
    let given = [
        ("SSL_CERT_FILE", arg(&file(0)).to_owned()),
        ("CURL_CA_BUNDLE", "corp.pem".to_owned()),
        ("NODE_EXTRA_CA_CERTS", arg(&file(2)).to_owned()),
        ("GIT_SSL_CAINFO", "/nowhere/at/all.pem".to_owned()),
    ];
    let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = proxied(&mut machine, &given);
    let status = machine.ask(&["ca", "status"]);
    assert_eq!(answer["SSL_CERT_FILE"], status["bundle"]);
    let ours = std::fs::read_to_string(path(&status, "root_cert")).unwrap();
    let bundle = pems(path(&status, "bundle"));
    for root in system() {
        assert!(bundle.contains(&root), "{root}");
    }
    for company in &companies {
        assert!(bundle.contains(&company.pem("root")));
    }
    assert!(bundle.contains(&ours));
    assert_eq!(pems(path(&answer, "NODE_EXTRA_CA_CERTS")), [ours.clone(), companies[2].pem("root")]);
    // Tools that read it agree that it is whole.
    let signer = path(&status, "intermediate_cert");
    printed(&["verify", "-CAfile", arg(&path(&status, "bundle")), arg(&signer)]);
    printed(&["verify", "-CAfile", arg(&path(&status, "bundle")), arg(&companies[1].file("sub.pem"))]);
    // Remembered: our own files now stand in the variables, and say nothing new.
    let own: Vec<(String, String)> = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]
        .map(|name| (name.to_owned(), answer[name].as_str().unwrap().to_owned()))
        .into();
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(proxied(&mut machine, &own), answer);
    assert_eq!(pems(path(&status, "bundle")), bundle);
    assert_eq!(bundle.iter().filter(|pem| **pem == ours).count(), 1);
}

#[test]
fn it_follows_what_it_is_made_of() {
    let mut machine = machine!();
    let mut daemon = machine.start();
    let (first, second) = (Company::new().pem("root"), Company::new().pem("root"));
    let corp = machine.home().join("corp.pem");
    std::fs::write(&corp, &first).unwrap();
    let bundle = path(&proxied(&mut machine, &[("REQUESTS_CA_BUNDLE", arg(&corp))]), "REQUESTS_CA_BUNDLE");
    assert!(pems(&bundle).contains(&first));
    let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&bundle).unwrap());
    let before = inode();
    machine.ask(&["ca", "status"]);
    assert_eq!(inode(), before, "not written again without a reason");
    for (content, present, absent) in [(&second, &second, &first), (&first, &first, &second)] {
        std::fs::write(&corp, content).unwrap();
        machine.ask(&["ca", "status"]);
        let now = pems(&bundle);
        assert!(now.contains(present) && !now.contains(absent));
    }
    // Also by itself, without being asked.
    daemon.signal("KILL");
    daemon.ended();
    std::fs::write(&corp, &second).unwrap();
    let _daemon = machine.start();
    aigw_tests::eventually::eventually("the bundle follows", || {
        pems(&bundle).contains(&second).then_some(())
    });
    // A file that is gone, or was never one of certificates, harms nobody.
    std::fs::remove_file(&corp).unwrap();
    let status = machine.ask(&["ca", "status"]);
    let ours = std::fs::read_to_string(path(&status, "root_cert")).unwrap();
    assert!(pems(&bundle).contains(&ours) && !pems(&bundle).contains(&second));
}

/// The daemon may have been started in a shell whose variables name its own file.
#[test]
fn a_bundle_is_never_made_of_itself() {
    let mut machine = machine!();
    let daemon = machine.start();
    let status = machine.ask(&["ca", "status"]);
    let bundle = path(&status, "bundle");
    let old = std::fs::read_to_string(path(&status, "root_cert")).unwrap();
    drop(daemon);
    machine.set("SSL_CERT_FILE", arg(&bundle));
    let _daemon = machine.start();
    machine.ask(&["ca", "rotate"]);
    let new = machine.ask(&["ca", "rotate", "--finish"]);
    machine.ask(&["env", "--proxy"]);
    let now = pems(&bundle);
    assert!(!now.contains(&old) && now.contains(&std::fs::read_to_string(path(&new, "root_cert")).unwrap()));
    assert!(system().iter().all(|root| now.contains(root)));
}
