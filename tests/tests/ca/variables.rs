//! `env --proxy`: what every kind of program is told to trust.

use std::process::Command;

use aigw_tests::machine;

use crate::{path, pems};

const ADDING: [&str; 3] = ["NODE_EXTRA_CA_CERTS", "CODEX_CA_CERTIFICATE", "DENO_CERT"];
const REPLACING: [&str; 8] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "DEVIN_CA_BUNDLE",
];
const OTHERS: [&str; 5] =
    ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_USE_ENV_PROXY", "NODE_USE_SYSTEM_CA"];

#[test]
fn each_variable_names_the_file_of_its_kind_and_the_ca_is_made() {
    let machine = machine!();
    let _daemon = machine.start();
    let answer = machine.ask(&["env", "--proxy"]);
    let status = machine.ask(&["ca", "status"]);
    let ours = std::fs::read_to_string(path(&status, "root_cert")).unwrap();
    for name in ADDING {
        assert_eq!(pems(path(&answer, name)), std::slice::from_ref(&ours), "{name}");
    }
    for name in REPLACING {
        assert_eq!(answer[name], status["bundle"], "{name}");
    }
    assert_eq!((&answer["NODE_USE_ENV_PROXY"], &answer["NODE_USE_SYSTEM_CA"]), (&"1".into(), &"1".into()));
    let count = ADDING.len() + REPLACING.len() + OTHERS.len();
    assert_eq!(answer.as_object().unwrap().len(), count, "{answer:#}");
    assert!(OTHERS.iter().all(|name| answer[name].is_string()));
    // Base URLs need nobody's trust.
    assert!(ADDING.iter().chain(&REPLACING).all(|name| machine.ask(&["env"]).get(name).is_none()));
}

#[test]
fn a_shell_takes_them_all_and_gives_them_all_back() {
    let machine = machine!();
    let _daemon = machine.start();
    let answer = machine.ask(&["env", "--proxy"]);
    let sh = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-euc", script]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("CTL", env!("CARGO_BIN_EXE_aigwctl_under_test")).env("AIGW_HOME", machine.home());
        let output = command.env("HOME", machine.home()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let set = sh(r#"eval "$("$CTL" env --proxy)"; env"#);
    for (name, value) in answer.as_object().unwrap() {
        assert!(
            set.lines().any(|line| line == format!("{name}={}", value.as_str().unwrap())),
            "{name}: {set}"
        );
    }
    let left = sh(r#"eval "$("$CTL" env --proxy)"; eval "$("$CTL" env --proxy --unset)"; env"#);
    for name in ADDING.iter().chain(&REPLACING).chain(&OTHERS) {
        let lower = name.to_lowercase();
        let is_set =
            |line: &str| line.starts_with(&format!("{name}=")) || line.starts_with(&format!("{lower}="));
        assert!(!left.lines().any(is_set), "{name}: {left}");
    }
}
