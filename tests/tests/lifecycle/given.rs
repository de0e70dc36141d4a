//! A token from the environment belongs to one deployment, however the settings change.

use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::raw::{self, Answer};

use crate::{HELLO, MESSAGES};

async fn plain() -> Practice {
    Practice::start(Setup::default()).await.unwrap()
}

fn configure(machine: &Machine, gateway: Option<&Practice>) {
    let url = gateway.map(|gateway| format!("url = \"{}\"\n", gateway.url())).unwrap_or_default();
    machine.configure(&format!("[gateway.default]\n{url}"));
}

fn reload(machine: &Machine) {
    let output = machine.ctl(&["reload"]);
    assert!(output.status.success(), "{}", told(&output));
}

fn ask(machine: &Machine, daemon: &Running) -> Answer {
    let key = machine.key("env");
    raw::exchange(&daemon.address, raw::post(&daemon.address, MESSAGES, &key, &[], HELLO))
}

/// Both ways to give a token.
fn give(machine: &mut Machine, by_file: bool, token: &str) {
    if by_file {
        let file = machine.home().join("token");
        std::fs::write(&file, token).unwrap();
        machine.set("AIGW_TOKEN_FILE", file.to_str().unwrap());
    } else {
        machine.set("AIGW_TOKEN", token);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_token_is_never_sent_to_a_url_that_came_later() {
    for by_file in [false, true] {
        for begins_without_url in [false, true] {
            let (first, second) = (plain().await, plain().await);
            let mut machine = machine!();
            give(&mut machine, by_file, &first.issue_token("ada", Duration::from_secs(3600)));
            configure(&machine, (!begins_without_url).then_some(&first));
            let daemon = machine.start();
            if begins_without_url {
                assert_eq!(ask(&machine, &daemon).status, 403);
                configure(&machine, Some(&first));
                reload(&machine);
            }
            assert_eq!(ask(&machine, &daemon).status, 200, "{}", machine.log());

            for gateway in [Some(&second), None, Some(&second)] {
                configure(&machine, gateway);
                reload(&machine);
                let answer = ask(&machine, &daemon);
                assert_eq!(answer.status, 403, "{}", answer.text());
            }
            let told = machine.ask(&["status"])["findings"].to_string();
            assert!(told.contains("login-for-other-url") && told.contains(&first.url()), "{told}");
            assert_eq!(second.connections(), 0, "the other deployment was asked");

            configure(&machine, Some(&first));
            reload(&machine);
            assert_eq!(ask(&machine, &daemon).status, 200);
            assert!(
                machine.findings().iter().all(|code| code == "token-in-environment"),
                "{:?}",
                machine.findings()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_about_the_tokens_file_goes_when_the_file_comes() {
    let gateway = plain().await;
    let mut machine = machine!();
    let file = machine.home().join("token");
    machine.set("AIGW_TOKEN_FILE", file.to_str().unwrap());
    configure(&machine, Some(&gateway));
    let daemon = machine.start();
    assert_eq!(machine.findings(), ["token-file"]);
    assert_eq!(ask(&machine, &daemon).error(), Some("not-logged-in"));
    std::fs::write(&file, gateway.issue_token("ada", Duration::from_secs(3600))).unwrap();
    reload(&machine);
    assert!(machine.findings().is_empty(), "{:?}", machine.findings());
    assert_eq!(ask(&machine, &daemon).status, 200);
}
