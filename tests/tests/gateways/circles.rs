//! A gateway's address that leads back to an aigwd: refused at the login, told of when it is configured, and never
//! followed in a circle.

use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::raw;

use crate::{MESSAGES, RESPONSES, will_not_pass};

/// Of a deployment's form, and of no deployment.
pub const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";

#[test]
fn f11_a_login_at_our_own_address_is_refused() {
    let machine = machine!();
    let daemon = machine.start();
    for host in ["127.0.0.1", "[::1]"] {
        let url = format!("http://{host}:{}", daemon.port);
        let output = machine.ctl_with_input(&["login", &url, "--token-stdin", "--json"], TOKEN);
        assert_eq!(output.status.code(), Some(64), "{url} {}", told(&output));
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["error"]["code"], "loop");
    }
    assert!(!machine.home().join("config/config.toml").exists());
}

#[test]
fn f11_our_own_address_in_the_configuration_is_a_finding_and_502() {
    for kind in ["coder", "coder-standalone", "generic"] {
        let mut machine = machine!();
        machine.set("AIGW_TOKEN", TOKEN);
        // A port has to be known beforehand to be written down.
        let port = aigw_tests::port::reserved();
        let url = format!("http://127.0.0.1:{port}");
        machine.configure(&match kind {
            "generic" => format!(
                "[listen]\nport = {port}\n[gateway.default]\nkind = \"generic\"\n\
                 [gateway.default.providers.openai]\nbase_url = \"{url}/openai/v1\"\ncredential = \"none\"\n\
                 [gateway.default.providers.anthropic]\nbase_url = \"{url}/anthropic\"\ncredential = \"none\"\n"
            ),
            _ => format!("[listen]\nport = {port}\n[gateway.default]\nkind = \"{kind}\"\nurl = \"{url}\"\n"),
        });
        let daemon = machine.start();
        assert!(machine.findings().contains(&"gateway-loop".to_owned()), "{kind}");
        let key = machine.key("env");
        for (path, body) in [("/anthropic/v1/messages", MESSAGES), ("/openai/v1/responses", RESPONSES)] {
            let answer = raw::exchange(&daemon.address, raw::post(&daemon.address, path, &key, &[], body));
            will_not_pass(&answer, "loop");
        }
    }
}

#[test]
fn f11_a_second_aigwd_as_the_gateway_is_refused_at_the_login_and_502() {
    let behind = machine!();
    let second = behind.start();
    let mut machine = machine!();
    let url = format!("http://{}", second.address);
    let daemon = machine.start();
    let output = machine.ctl_with_input(&["login", &url, "--token-stdin", "--json"], TOKEN);
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error"]["code"], "loop");
    drop(daemon);

    machine.set("AIGW_TOKEN", TOKEN);
    for kind in ["coder", "coder-standalone"] {
        machine.configure(&format!("[gateway.default]\nkind = \"{kind}\"\nurl = \"{url}\"\n"));
        let daemon = machine.start();
        let key = machine.key("env");
        for (path, body) in [("/anthropic/v1/messages", MESSAGES), ("/openai/v1/responses", RESPONSES)] {
            let answer = raw::exchange(&daemon.address, raw::post(&daemon.address, path, &key, &[], body));
            will_not_pass(&answer, "loop");
        }
    }
    assert!(!behind.log().contains(TOKEN));
}

#[test]
fn f11_two_daemons_that_point_at_each_other_end_in_502() {
    let ports: Vec<u16> = (0..2)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect::<Vec<_>>()
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect();
    let daemons: Vec<_> = [(0, 1), (1, 0)]
        .map(|(own, other)| {
            let mut machine = machine!();
            machine.set("AIGW_TOKEN", TOKEN);
            machine.configure(&format!(
                "[listen]\nport = {}\n[gateway.default]\nkind = \"coder-standalone\"\nurl = \"http://127.0.0.1:{}\"\n",
                ports[own], ports[other]
            ));
            let daemon = machine.start();
            (machine, daemon)
        })
        .into();
    let (machine, daemon) = &daemons[0];
    let key = machine.key("env");
    let message = raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES);
    will_not_pass(&raw::exchange(&daemon.address, message), "loop");
}
