//! That root is known as root, and another user as another, under the real units: what maps users would hide it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use aigw_gateway::{Practice, Setup};
use aigw_tests::host::{ADA, BOB, Host, ROOT, User};
use aigw_tests::raw::{Answer, exchange, post};
use serde_json::Value;

use crate::{host, within};

const HELLO: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
const MESSAGES: &str = "/anthropic/v1/messages";

/// Somebody's daemon: how `aigwctl` speaks to it.
struct Subject<'a> {
    host: &'a Host,
    owner: User,
    /// What comes before `aigwctl`.
    variables: &'static str,
}

impl Subject<'_> {
    fn ctl(&self, words: &str) -> String {
        self.host.ok(self.owner, &format!("{} aigwctl {words}", self.variables))
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.ctl(&format!("{words} --json"))).unwrap()
    }

    fn findings(&self) -> Vec<String> {
        let status = self.json("status");
        let codes = status["findings"].as_array().unwrap().iter();
        codes.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything that a unit must leave possible.
    async fn holds(&self, other: User) {
        let gateway = Practice::start(Setup::default()).await.unwrap();
        let token = gateway.issue_token("ada", std::time::Duration::from_secs(86_400));
        let login = format!(
            "printf '%s\\n' {token} | {} aigwctl login {} --token-stdin",
            self.variables,
            gateway.url()
        );
        self.host.ok(self.owner, &login);
        let address = self.json("status")["daemon"]["listen"][0].as_str().unwrap().to_owned();
        let key = self.json("env --key env")["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap().to_owned();
        let ask = || exchange(&address, post(&address, MESSAGES, &key, &[], HELLO));
        // This process is root's, and neither the owner nor nobody.
        assert_eq!(ask().status, 200, "root counts as the owner");
        let of = |user: User| -> String {
            let words = format!(
                "curl -s -o /dev/null -w '%{{http_code}}' -H 'x-api-key: {key}' -d '{HELLO}' http://{address}{MESSAGES}"
            );
            self.host.ok(user, &words)
        };
        assert_eq!((of(self.owner).as_str(), of(ROOT).as_str(), of(other).as_str()), ("200", "200", "403"));

        let policy = self.host.path("/etc/aigw/policy.toml");
        fs::create_dir_all(policy.parent().unwrap()).unwrap();
        fs::write(&policy, "[login]\nstore = \"file\"\n").unwrap();
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o644)).unwrap();
        self.ctl("reload");
        assert_eq!((ask().status, self.findings()), (200, Vec::new()));
        let shown = self.json("config show").to_string();
        assert!(shown.contains("policy (/etc/aigw/policy.toml)"), "{shown}");
        chown(&policy, Some(self.owner.uid), None).unwrap();
        self.ctl("reload");
        let answer: Answer = ask();
        assert_eq!((answer.status, answer.error()), (403, Some("policy-unreadable")), "the owner's is none");
        assert!(self.findings().contains(&"policy-unreadable".to_owned()));
        chown(&policy, Some(0), None).unwrap();
        self.ctl("reload");
        assert_eq!(ask().status, 200);
    }
}

#[test]
fn the_users_unit_hides_nobody() {
    let host = host(&[ADA, BOB]);
    host.ok(ADA, "aigwctl service install");
    within(&host, async { Subject { host: &host, owner: ADA, variables: "" }.holds(BOB).await });
}

#[test]
fn the_systems_template_hides_nobody_and_does_its_job() {
    let host = host(&[]);
    let said = host.ok(ROOT, "aigwctl service install --system bob");
    assert!(said.contains("sudo -u bob AIGW_HOME='/var/lib/aigw/bob' aigwctl login"), "{said}");
    let property = |name: &str| host.property(ROOT, "aigwd@bob.service", name);
    assert_eq!((property("ActiveState").as_str(), property("UnitFileState").as_str()), ("active", "enabled"));
    within(&host, async {
        Subject { host: &host, owner: BOB, variables: "AIGW_HOME=/var/lib/aigw/bob" }.holds(ADA).await
    });
    // It is started again, too.
    let process = property("MainPID");
    host.ok(ROOT, &format!("kill -9 {process}"));
    aigw_tests::eventually::eventually("the next one", || {
        (property("ActiveState") == "active" && property("MainPID") != process).then_some(())
    });
    // A second one has a port of its own.
    assert!(host.ok(ROOT, "aigwctl service install --system ada").contains("port 2450"));
    let status = host.ok(ADA, "AIGW_HOME=/var/lib/aigw/ada aigwctl status");
    assert!(status.contains("127.0.0.1:2450"), "{status}");
    for user in ["ada", "bob"] {
        host.ok(ROOT, &format!("aigwctl service uninstall --system {user}"));
    }
    let left = host.ok(ROOT, "find /etc/systemd/system -name '*aigw*'; find /root -name '*aigw*'");
    assert_eq!(left, "");
    assert!(host.path("/var/lib/aigw/bob/state/credentials/default.json").exists());
}

#[test]
fn a_service_of_the_machine_is_roots_to_make_from_what_is_roots() {
    let host = host(&[]);
    let refused = |user: User, words: &str| {
        let output = host.sh(user, words);
        (output.status.code().unwrap(), aigw_tests::machine::told(&output))
    };
    let (code, text) = refused(ADA, "aigwctl service install --system ada");
    assert_eq!(code, 77, "{text}");
    assert!(text.contains("sudo aigwctl service install --system ada"), "{text}");
    host.ok(ADA, "mkdir bin && cp /opt/aigw/* bin");
    let (code, text) = refused(ROOT, "/home/ada/bin/aigwctl service install --system ada");
    assert_eq!(code, 70, "{text}");
    for name in ["../x", "-x", "a b", ""] {
        assert_eq!(refused(ROOT, &format!("aigwctl service install --system='{name}'")).0, 2, "{name}");
    }
    assert_eq!(host.ok(ROOT, "find /etc/systemd/system -name '*aigw*'"), "");
}
