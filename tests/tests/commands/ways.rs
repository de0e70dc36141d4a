//! Logins that ask nobody, against a real deployment: another program's token is used and never kept, and a workspace's
//! environment is enough.

use std::time::Duration;

use aigw_gateway::Practice;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, gateway, told};

use crate::{failed, text};

const DAY: Duration = Duration::from_secs(86_400);

/// A machine that trusts the gateway, whose Coder CLI is logged in with the token that comes back.
fn with_cli(machine: &mut Machine, gateway: &Practice) -> String {
    let token = gateway.issue_token("ada", DAY);
    let folder = machine.home().join("coderv2");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("url"), gateway.url()).unwrap();
    std::fs::write(folder.join("session"), &token).unwrap();
    machine.set("CODER_CONFIG_DIR", folder.to_str().unwrap());
    token
}

fn trusting(machine: &Machine, gateway: &Practice) -> String {
    let file = machine.home().join("practice-ca.pem");
    std::fs::write(&file, gateway.ca_pem()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn stored(machine: &Machine) -> String {
    std::fs::read_to_string(machine.home().join("state/credentials/default.json")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coder_clis_login_makes_one_of_our_own_and_outlives_it() {
    let gateway = gateway().await;
    let mut machine = machine!();
    let borrowed = with_cli(&mut machine, &gateway);
    let _daemon = machine.start();
    let ca = trusting(&machine, &gateway);
    let output = machine.ctl(&["login", &gateway.url(), "--ca-file", &ca]);
    assert!(text(&output).contains("This machine has a token of its own"), "{}", told(&output));
    assert!(!told(&output).contains(&borrowed));
    assert!(!stored(&machine).contains(&borrowed));
    // `coder logout` is no concern of ours; nor is our logout one of theirs.
    let id = borrowed.split('-').next().unwrap();
    assert!(gateway.tokens_alive("ada").iter().any(|token| token.id == id));
    gateway.revoke(&borrowed);
    let key = machine.key("env");
    let address = machine.ask(&["status"])["daemon"]["listen"][0].as_str().unwrap().to_owned();
    let path = "/anthropic/v1/models";
    let answer = aigw_tests::raw::exchange(&address, aigw_tests::raw::get(&address, path, &key, &[]));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrowed_token_is_not_kept_where_none_can_be_made() {
    let gateway = gateway().await;
    gateway.change(|behaviour| behaviour.minting_refused = true);
    let mut machine = machine!();
    let borrowed = with_cli(&mut machine, &gateway);
    let _daemon = machine.start();
    let ca = trusting(&machine, &gateway);
    let output = machine.ctl(&["login", &gateway.url(), "--ca-file", &ca, "--from-coder-cli", "--json"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(told(&output).contains("gateway-refused"), "{}", told(&output));
    assert!(!told(&output).contains(&borrowed) && !stored(&machine).contains(&borrowed));
    assert!(machine.ask(&["status"])["gateways"][0]["token"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspaces_environment_is_a_login() {
    let gateway = gateway().await;
    for (url, token) in [("CODER_URL", "CODER_SESSION_TOKEN"), ("OPENAI_BASE_URL", "OPENAI_API_KEY")] {
        let mut machine = machine!();
        let secret = gateway.issue_token("ada", DAY);
        let path = if url == "CODER_URL" { "" } else { "/api/v2/aibridge/openai/v1" };
        machine.set(url, &format!("{}{path}", gateway.url()));
        machine.set(token, &secret);
        let _daemon = machine.start();
        let ca = trusting(&machine, &gateway);
        let output = machine.ctl(&["login", "--from-env", "--ca-file", &ca]);
        assert!(text(&output).starts_with(&format!("Logged in to {} as ada.", gateway.url())), "{url}");
        assert!(!told(&output).contains(&secret));
        // It names what it used even where it does not work.
        gateway.revoke(&secret);
        let output = machine.ctl(&["login", "--from-env", "--ca-file", &ca]);
        assert_eq!(output.status.code(), Some(77), "{}", told(&output));
        assert!(told(&output).contains(&format!("Using the login in {url} and {token}.")));
    }
    let machine = machine!();
    let _daemon = machine.start();
    assert_eq!(failed(&machine.ctl(&["login", "--from-env", "--json"])), (2, "usage".to_owned()));
}
