//! A token in a file that somebody else changes, as Kubernetes changes its secrets: by a symbolic link to another folder.

use std::path::Path;
use std::time::Duration;

use aigw_gateway::Practice;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, gateway};
use aigw_tests::raw::{self, Answer};

use crate::MESSAGES;

const HOUR: Duration = Duration::from_secs(3600);

/// The files of a mounted secret: `token` leads to `..data/token`, and `..data` to a folder that is never changed.
fn mount(folder: &Path, number: u32, token: &str) {
    let data = format!("..{number}");
    std::fs::create_dir_all(folder.join(&data)).unwrap();
    std::fs::write(folder.join(&data).join("token"), token).unwrap();
    std::os::unix::fs::symlink(&data, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    let link = folder.join("token");
    if std::fs::symlink_metadata(&link).is_err() {
        std::os::unix::fs::symlink("..data/token", link).unwrap();
    }
}

fn mounted(gateway: &Practice, token: &str) -> Machine {
    let mut machine = machine!();
    let folder = machine.home().join("secret");
    std::fs::create_dir_all(&folder).unwrap();
    mount(&folder, 1, token);
    let ca = machine.home().join("practice-ca.pem");
    std::fs::write(&ca, gateway.ca_pem()).unwrap();
    machine.configure(&format!("[gateway.default]\nca_file = \"{}\"\n", ca.display()));
    machine.set("AIGW_URL", &gateway.url());
    machine.set("AIGW_TOKEN_FILE", folder.join("token").to_str().unwrap());
    machine
}

fn post(address: &str, key: &str) -> Answer {
    raw::exchange(address, raw::post(address, "/anthropic/v1/messages", key, &[], MESSAGES))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_between_is_asked_to_come_again_and_then_succeeds() {
    let gateway = gateway().await;
    let (first, second) = (gateway.issue_token("ada", HOUR), gateway.issue_token("ada", HOUR));
    let machine = mounted(&gateway, &first);
    let daemon = machine.start();
    let key = machine.key("env");
    assert_eq!(post(&daemon.address, &key).status, 200);

    // Refused while there is no other.
    gateway.revoke(&first);
    let answer = post(&daemon.address, &key);
    assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")));
    assert!(machine.findings().contains(&"login-refused".to_owned()));

    mount(&machine.home().join("secret"), 2, &second);
    let answer = post(&daemon.address, &key);
    // The daemon may have looked by itself just before.
    if answer.status != 200 {
        assert_eq!((answer.status, answer.error()), (503, Some("token-renewed")), "{}", answer.text());
        assert_eq!(answer.field("retry-after"), Some("1"));
        assert_eq!(post(&daemon.address, &key).status, 200);
    }
    let seen = gateway.provider_requests().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {second}").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_for_a_moment_leaves_the_token_in_use() {
    let gateway = gateway().await;
    let (first, second) = (gateway.issue_token("ada", HOUR), gateway.issue_token("ada", HOUR));
    let machine = mounted(&gateway, &first);
    let daemon = machine.start();
    let key = machine.key("env");
    let folder = machine.home().join("secret");
    std::fs::remove_file(folder.join("..data")).unwrap();
    assert_eq!(post(&daemon.address, &key).status, 200);
    // The other one is used without any request that is refused: the file is looked at now and then.
    mount(&folder, 2, &second);
    aigw_tests::eventually::eventually("the new token is held", || {
        let status = machine.ask(&["status"]);
        (status["gateways"][0]["token"]["fingerprint"] == second[..4]).then_some(())
    });
    assert_eq!(post(&daemon.address, &key).status, 200);
    let seen = gateway.provider_requests().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {second}").as_str()));
}
