//! The system's trust store, mounted where the daemon looks for it: the merged bundle follows it, and a company's root is
//! found in it.

use aigw_tests::machine::told;

use crate::openssl::{Company, Recipe, arg};
use crate::policy::MOUNT;
use crate::stage::{How, Stage};

/// A machine whose system trusts these certificates.
fn stage(roots: &str) -> Stage {
    let stage = Stage::new(&How { mounts: MOUNT, ..How::default() });
    std::fs::create_dir_all(stage.folder().join("etc/ssl/certs")).unwrap();
    trust(&stage, roots);
    stage
}

fn trust(stage: &Stage, roots: &str) {
    std::fs::write(stage.folder().join("etc/ssl/certs/ca-certificates.crt"), roots).unwrap();
}

fn file(answer: &serde_json::Value, name: &str) -> String {
    std::fs::read_to_string(answer[name].as_str().unwrap()).unwrap()
}

#[test]
fn the_bundle_follows_the_systems_store() {
    let (first, second) = (Company::new().pem("root"), Company::new().pem("root"));
    let stage = stage(&first);
    let _daemon = stage.machine.start();
    let status = stage.machine.ask(&["ca", "status"]);
    let ours = file(&status, "root_cert");
    assert_eq!(file(&status, "bundle"), format!("{first}{ours}"));
    trust(&stage, &second);
    stage.machine.ask(&["env", "--proxy"]);
    assert_eq!(file(&status, "bundle"), format!("{second}{ours}"));
    // Our own root is in the store once `ca install` was there, and may still be when it is not ours any more.
    trust(&stage, &format!("{first}{ours}"));
    assert_eq!(file(&stage.machine.ask(&["ca", "status"]), "bundle"), format!("{first}{ours}"));
    stage.machine.ask(&["ca", "rotate"]);
    let new = stage.machine.ask(&["ca", "rotate", "--finish"]);
    assert_eq!(file(&new, "bundle"), format!("{first}{}", file(&new, "root_cert")));
}

#[test]
fn the_root_of_a_company_is_found_in_the_store() {
    let company = Company::new();
    let stage = stage(&(Company::new().pem("root") + &company.pem("root")));
    let _daemon = stage.machine.start();
    let csr = stage.machine.ask(&["ca", "request"]);
    let csr = company.write("csr", csr["request_pem"].as_str().unwrap());
    let chain = company.sign(&csr, "root", &Recipe::intermediate());
    let chain = company.write("chain.pem", &chain);
    let output = stage.machine.ctl(&["ca", "import", arg(&chain)]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(file(&stage.machine.ask(&["ca", "status"]), "root_cert"), company.pem("root"));
}
