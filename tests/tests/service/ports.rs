//! Which port it is, and who says so.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aigw_tests::host::{ADA, BOB, Host, User};
use aigw_tests::machine::told;
use serde_json::Value;

use crate::{host, installed, pid};

fn listens(host: &Host, user: User) -> String {
    let status: Value = serde_json::from_str(&host.ok(user, "aigwctl status --json")).unwrap();
    status["daemon"]["listen"][0].as_str().unwrap().to_owned()
}

fn config(host: &Host, user: User) -> String {
    fs::read_to_string(host.path(&format!("/home/{}/.config/aigw/config.toml", user.name)))
        .unwrap_or_default()
}

#[test]
fn two_users_of_one_machine_have_two_ports() {
    let host = host(&[ADA, BOB]);
    host.ok(BOB, "mkdir -p .config/aigw && echo '# mine' >.config/aigw/config.toml");
    host.ok(ADA, "aigwctl service install");
    assert!(host.ok(BOB, "aigwctl service install").contains("port 2450"));
    assert_eq!(
        (listens(&host, ADA).as_str(), listens(&host, BOB).as_str()),
        ("127.0.0.1:2449", "127.0.0.1:2450")
    );
    assert_eq!(config(&host, ADA), "");
    let text = config(&host, BOB);
    assert!(text.contains("# mine") && text.contains("[listen]\nport = 2450"), "{text}");
    // Both are so after the next logins, whoever comes first.
    for user in [ADA, BOB] {
        host.log_off(user);
    }
    for user in [BOB, ADA] {
        host.log_on(user);
    }
    assert_eq!(
        (listens(&host, ADA).as_str(), listens(&host, BOB).as_str()),
        ("127.0.0.1:2449", "127.0.0.1:2450")
    );
    assert_eq!(host.ok(BOB, "aigwctl service install --dry-run"), "Nothing is to be done.");
}

#[test]
fn another_port_in_the_configuration_is_a_finding_until_it_is_installed() {
    let (host, _) = installed();
    host.ok(ADA, "mkdir -p .config/aigw && printf '[listen]\\nport = 2455\\n' >.config/aigw/config.toml");
    let found = |command: &str| {
        let answer: Value = serde_json::from_slice(&host.sh(ADA, command).stdout).unwrap();
        let lists = [&answer["findings"], &answer["checks"]];
        let all = lists.into_iter().filter_map(Value::as_array).flatten().cloned().collect::<Vec<_>>();
        all.into_iter()
            .filter(|line| {
                line.to_string().contains("port is not the configured one") || line["code"] == "service-port"
            })
            .count()
    };
    assert_eq!(found("aigwctl service status --json"), 1);
    // It runs on what it was handed, and says so itself.
    host.ok(ADA, "systemctl --user restart aigwd");
    assert_eq!(listens(&host, ADA), "127.0.0.1:2449");
    assert_eq!(found("aigwctl status --json"), 1);
    host.ok(ADA, "aigwctl service install");
    assert_eq!(listens(&host, ADA), "127.0.0.1:2455");
    assert_eq!((found("aigwctl service status --json"), found("aigwctl status --json")), (0, 0));
    assert!(host.ok(ADA, "ss -ltn").lines().all(|line| !line.contains(":2449")));
}

#[test]
fn the_policys_port_wins_and_is_never_another() {
    let host = host(&[ADA, BOB]);
    let policy = host.path("/etc/aigw/policy.toml");
    fs::create_dir(policy.parent().unwrap()).unwrap();
    fs::write(&policy, "[listen]\nport = 2460\n").unwrap();
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o644)).unwrap();
    host.ok(ADA, "mkdir -p .config/aigw && printf '[listen]\\nport = 2455\\n' >.config/aigw/config.toml");
    host.ok(ADA, "AIGW_LISTEN_PORT=2470 aigwctl service install");
    assert_eq!(listens(&host, ADA), "127.0.0.1:2460");
    assert!(config(&host, ADA).contains("2455"));
    let output = host.sh(BOB, "aigwctl service install");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let text = told(&output);
    assert!(text.contains("policy (/etc/aigw/policy.toml)") && text.contains("user 1001"), "{text}");
    assert_eq!((pid(&host, BOB), config(&host, BOB).as_str()), (0, ""));
    assert!(!host.path("/home/bob/.config/systemd").exists());
}

#[test]
fn a_variable_of_the_shell_is_not_the_services() {
    let host = host(&[ADA]);
    host.ok(ADA, "AIGW_LISTEN_PORT=2470 aigwctl service install");
    assert_eq!(listens(&host, ADA), "127.0.0.1:2449");
    // But where its files are, the service knows.
    host.ok(BOB, "true");
    host.ok(
        ADA,
        "aigwctl service uninstall && export AIGW_HOME=$HOME/'own 100% $x' && aigwctl service install",
    );
    let status = host.ok(ADA, "AIGW_HOME=$HOME/'own 100% $x' aigwctl status --json");
    assert!(status.contains("127.0.0.1:2449"), "{status}");
    assert!(host.path("/home/ada/own 100% $x/state/lock").exists());
}
