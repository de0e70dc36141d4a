//! The managed policy, mounted where it belongs: it locks, it cannot be escaped, and one that cannot be believed closes
//! everything but the control socket.

use std::fs;
use std::path::Path;
use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine::told;
use aigw_tests::raw::{exchange, post};

use crate::programs::OTHER;
use crate::stage::{How, Stage, give, mode};
use crate::{HELLO, MESSAGES};

/// A folder of ours in the place of /etc, of which `aigw/policy.toml` is all that matters.
pub const MOUNT: &str = "mount --bind \"$FOLDER/etc\" /etc";

/// Writes the policy, as its owner would have it.
pub fn write(stage: &Stage, text: &str) {
    let folder = stage.folder().join("etc/aigw");
    fs::create_dir_all(&folder).unwrap();
    [stage.folder().join("etc"), folder.clone()].iter().for_each(|path| mode(path, 0o755));
    fs::write(folder.join("policy.toml"), text).unwrap();
    mode(&folder.join("policy.toml"), 0o644);
}

fn locked(url: &str) -> String {
    format!("[listen]\nshare = false\n\n[gateway.default]\nurl = \"{url}\"\n")
}

fn how(user: Option<u32>) -> How {
    How { user, mounts: MOUNT, ..How::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_sets_nothing_else_can() {
    let (right, wrong) =
        (Practice::start(Setup::default()).await.unwrap(), Practice::start(Setup::default()).await.unwrap());
    for user in [None, Some(OTHER)] {
        let mut stage = Stage::new(&how(user));
        let port = aigw_tests::port::reserved();
        write(&stage, &format!("[listen]\nport = {port}\n\n[gateway.default]\nurl = \"{}\"\n", right.url()));
        stage
            .machine
            .configure(&format!("[listen]\nport = 0\n\n[gateway.default]\nurl = \"{}\"\n", wrong.url()));
        let folder = stage.machine.home().join("config");
        if let Some(user) = user {
            [&folder, &folder.join("config.toml")].iter().for_each(|path| give(path, user));
        }
        stage.machine.set("AIGW_URL", &wrong.url());
        stage.machine.set("AIGW_LISTEN_PORT", "0");
        let daemon = stage.machine.start_with(&["--port", "0"]);
        assert_eq!(daemon.port, port, "file, variable and flag say otherwise");

        let shown = stage.machine.ask(&["config", "show"]);
        let row = |key: &str| {
            shown["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone()
        };
        for (key, value, overrides) in
            [("listen.port", port.to_string(), "flag"), ("gateway.default.url", right.url(), "environment")]
        {
            let row = row(key);
            assert_eq!(row["value"].as_str().unwrap().trim_matches('"'), value, "{row}");
            assert_eq!(row["origin"], "policy (/etc/aigw/policy.toml)", "{row}");
            let replaced = row["overrides"].to_string();
            assert!(replaced.contains(overrides) && replaced.contains("user file"), "{row}");
        }
        assert!(stage.machine.findings().contains(&"policy-overrides".to_owned()));
        let text = told(&stage.machine.ctl(&["config", "show"]));
        assert!(text.contains("policy (/etc/aigw/policy.toml)"), "{text}");

        // A login to another deployment is forbidden, and nothing is asked of it.
        let token = wrong.issue_token("ada", Duration::from_secs(3600));
        let output = stage.machine.log_in_with(&wrong, &token, &[]);
        assert_eq!(output.status.code(), Some(77), "{}", told(&output));
        assert_eq!(wrong.connections(), 0);
        stage.machine.log_in(&right);
        let ask = post(&daemon.address, MESSAGES, &stage.machine.key("env"), &[], HELLO);
        assert_eq!(exchange(&daemon.address, ask).status, 200);
    }
    assert_eq!(wrong.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_token_follows_no_policy_to_another_deployment() {
    let (beside, policys) =
        (Practice::start(Setup::default()).await.unwrap(), Practice::start(Setup::default()).await.unwrap());
    let mut stage = Stage::new(&how(None));
    write(&stage, &locked(&policys.url()));
    stage.machine.set("AIGW_URL", &beside.url());
    stage.machine.set("AIGW_TOKEN", &beside.issue_token("ada", Duration::from_secs(3600)));
    let daemon = stage.machine.start();
    let ask = post(&daemon.address, MESSAGES, &stage.machine.key("env"), &[], HELLO);
    assert_eq!(exchange(&daemon.address, ask).error(), Some("not-logged-in"));
    assert!(stage.machine.findings().contains(&"login-for-other-url".to_owned()));
    assert_eq!((beside.connections(), policys.connections()), (0, 0));
}

type Spoil = fn(&Path);

/// What makes a policy incredible, done to its folder `aigw`.
const SPOILT: [(&str, Spoil); 8] = [
    ("the file is another user's", |aigw| give(&aigw.join("policy.toml"), OTHER)),
    ("the folder is another user's", |aigw| give(aigw, OTHER)),
    ("the group may write the file", |aigw| mode(&aigw.join("policy.toml"), 0o664)),
    ("others may write the file", |aigw| mode(&aigw.join("policy.toml"), 0o646)),
    ("the group may write the folder", |aigw| mode(aigw, 0o775)),
    ("others may write the folder", |aigw| mode(aigw, 0o757)),
    ("it is no TOML", |aigw| fs::write(aigw.join("policy.toml"), "[listen\n").unwrap()),
    ("a value makes no sense", |aigw| {
        fs::write(aigw.join("policy.toml"), "[listen]\nport = \"x\"\n").unwrap()
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_believed_closes_everything_but_the_control_socket() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    for user in [None, Some(OTHER)] {
        let stage = Stage::new(&how(user));
        write(&stage, &locked(&gateway.url()));
        let aigw = stage.folder().join("etc/aigw");
        let daemon = stage.machine.start();
        stage.machine.log_in(&gateway);
        let key = stage.machine.key("env");
        let ask = || exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
        assert_eq!(ask().status, 200);
        for (how, spoil) in SPOILT {
            gateway.forget_requests();
            spoil(&aigw);
            stage.machine.ctl(&["reload"]);
            let answer = ask();
            assert_eq!(
                (answer.status, answer.error()),
                (403, Some("policy-unreadable")),
                "{user:?} {how}: {}",
                answer.text()
            );
            assert!(stage.machine.findings().contains(&"policy-unreadable".to_owned()), "{how}");
            assert!(gateway.requests().is_empty(), "{how}");
            assert!(stage.machine.ctl(&["config", "show"]).status.success());
            give(&aigw, 0);
            give(&aigw.join("policy.toml"), 0);
            mode(&aigw, 0o755);
            write(&stage, &locked(&gateway.url()));
            assert!(stage.machine.ctl(&["reload"]).status.success());
            assert_eq!(ask().status, 200, "mended: {how}");
            assert!(!stage.machine.findings().contains(&"policy-unreadable".to_owned()), "{how}");
        }
        // So it is at the start.
        assert!(daemon.stop().success());
        mode(&aigw.join("policy.toml"), 0o666);
        let daemon = stage.machine.start();
        let answer = exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
        assert_eq!((answer.status, answer.error()), (403, Some("policy-unreadable")));
    }
}

/// A mistake in the user's own file must not keep the daemon from hearing of the policy.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_of_the_users_does_not_hide_a_policy_that_cannot_be_believed() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let stage = Stage::new(&how(None));
    write(&stage, &locked(&gateway.url()));
    let daemon = stage.machine.start();
    stage.machine.log_in(&gateway);
    let key = stage.machine.key("env");
    mode(&stage.folder().join("etc/aigw/policy.toml"), 0o666);
    stage.machine.configure("nonsense = 1\n");
    assert_eq!(stage.machine.ctl(&["reload"]).status.code(), Some(64));
    let answer = exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
    assert_eq!((answer.status, answer.error()), (403, Some("policy-unreadable")), "{}", answer.text());
}

#[test]
fn the_tour_obeys_the_policy_too_and_says_so() {
    let stage = Stage::new(&how(None));
    write(&stage, &locked("https://coder.example.com"));
    let output = stage.machine.aigwd(&["try", "--once"]).output().unwrap();
    assert!(!output.status.success());
    let said = told(&output);
    assert!(said.contains("managed policy sets gateway.default.url"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_says_where_logins_are_kept() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let stage = Stage::new(&how(None));
    write(&stage, "");
    let _daemon = stage.machine.start();
    let token = stage.machine.log_in(&gateway);
    gateway.forget_requests();
    write(&stage, "[login]\nstore = \"memory\"\n");
    stage.machine.ask(&["reload"]);
    assert_eq!(stage.machine.findings(), ["login-elsewhere"]);
    let output = stage.machine.log_in_with(&gateway, &token, &["--store", "file", "--json"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(told(&output).contains("policy-forbids") && gateway.requests().is_empty(), "{}", told(&output));
    let output = stage.machine.log_in_with(&gateway, &token, &["--json"]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(stage.machine.ask(&["status"])["gateways"][0]["store"], "memory");
    assert!(stage.machine.findings().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_sets_about_a_gateway_no_command_changes() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let stage = Stage::new(&how(None));
    let mode = "[gateway.default.providers.openai]\nmode = \"central\"\n";
    write(&stage, &format!("default_gateway = \"default\"\n{}\n{mode}", locked(&gateway.url())));
    let _daemon = stage.machine.start();
    stage.machine.log_in(&gateway);
    stage.machine.ask(&["gateway", "add", "other", "https://coder.example.com"]);
    let before = fs::read_to_string(stage.machine.home().join("config/config.toml")).unwrap();
    for words in [
        ["gateway", "add", "default", "https://other.example.com"].as_slice(),
        &["gateway", "use", "other"],
        &["gateway", "remove", "default"],
        &["byok", "set", "openai", "--stdin"],
    ] {
        let output = stage.machine.ctl_with_input(&[words, &["--json"]].concat(), "sk-0123456789");
        assert_eq!(output.status.code(), Some(77), "{words:?} {}", told(&output));
        assert!(told(&output).contains("policy-forbids"), "{words:?} {}", told(&output));
        let after = fs::read_to_string(stage.machine.home().join("config/config.toml")).unwrap();
        assert_eq!(after, before, "{words:?}");
    }
    assert!(stage.machine.held_token("default").is_some());
}

/// A key that the user gave before the policy came is not used any more.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_policy_has_the_deployment_pay_an_own_key_is_not_used() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let stage = Stage::new(&how(None));
    write(&stage, &locked(&gateway.url()));
    let daemon = stage.machine.start();
    stage.machine.log_in(&gateway);
    let output = stage.machine.ctl_with_input(&["byok", "set", "anthropic", "--stdin"], "sk-ant-0123456789");
    assert!(output.status.success(), "{}", told(&output));
    let key = stage.machine.key("env");
    let pays = || {
        gateway.forget_requests();
        assert_eq!(exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO)).status, 200);
        let seen = gateway.provider_requests().pop().unwrap();
        seen.header("x-coder-ai-governance-token").is_some()
    };
    assert!(pays(), "the user's own key");
    let central = "[gateway.default.providers.anthropic]\nmode = \"central\"\n";
    write(&stage, &format!("{}\n{central}", locked(&gateway.url())));
    assert!(stage.machine.ctl(&["reload"]).status.success());
    assert!(!pays(), "the deployment's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_forbids_a_pause_and_keeps_the_hosts_that_it_names() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let stage = Stage::new(&how(None));
    write(&stage, "[policy]\nallow_pause = false\n");
    stage.machine.configure("[policy]\nallow_pause = true\n");
    let _daemon = stage.machine.start();
    stage.machine.log_in(&gateway);
    stage.machine.ask(&["setup", "codex", "--yes"]);
    let file = stage.machine.home().join(".codex/config.toml");
    let before = fs::read(&file).unwrap();
    // aigwctl of this test sees no policy: it is the daemon that refuses, before a file is touched.
    let output = stage.machine.ctl(&["pause", "--json"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(told(&output).contains("policy (/etc/aigw/policy.toml)"), "{}", told(&output));
    assert_eq!(fs::read(&file).unwrap(), before);

    write(&stage, "[intercept]\nhosts = [\"ai.example=openai\"]\n");
    stage.machine.ask(&["reload"]);
    stage.machine.ask(&["pause"]);
    let explained = |url: &str| stage.machine.ask(&["explain", url])["steps"].to_string();
    assert!(explained("https://ai.example/v1/models").contains("the managed policy lists the host"));
    assert!(explained("https://api.openai.com/v1/models").contains("aigw is paused"));
    // One that forbids it ends it.
    write(&stage, "[policy]\nallow_pause = false\n");
    stage.machine.ask(&["reload"]);
    assert!(!stage.machine.findings().contains(&"paused".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_says_how_old_aigwd_may_be() {
    const OURS: &str = env!("CARGO_PKG_VERSION");
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let stage = Stage::new(&how(None));
    write(&stage, &locked(&gateway.url()));
    let daemon = stage.machine.start();
    stage.machine.log_in(&gateway);
    let key = stage.machine.key("env");
    let ask = || exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
    let under = |policy: &str| {
        write(&stage, &format!("{policy}\n{}", locked(&gateway.url())));
        stage.machine.ask(&["reload"]);
        gateway.forget_requests();
    };
    let message = "Get it from https://intranet.example.com/aigw.";
    under(&format!("[policy]\nminimum_version = \"99.1\"\nmessage = \"{message}\"\n"));
    // What the user says of it has no effect, not even by way of a mistake.
    stage.machine.configure("[policy]\nminimum_version = \"0.0.1\"\nmessage = \"\"\n");
    for reload in [true, false] {
        assert_eq!(stage.machine.ctl(&["reload"]).status.success(), reload);
        let answer = ask();
        assert_eq!((answer.status, answer.error()), (403, Some("version-too-old")), "{}", answer.text());
        let said = answer.text();
        for part in [message, OURS, "99.1.0 or newer", "/etc/aigw/policy.toml", "nstall a newer aigw"] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        stage.machine.configure("nonsense = 1\n");
    }
    let tunnel = aigw_tests::raw::tunnel(&daemon.address, "api.anthropic.com:443", Some(&key));
    assert_eq!(tunnel.unwrap_err().error(), Some("version-too-old"));
    assert!(gateway.requests().is_empty());
    // Control works.
    stage.machine.configure("");
    stage.machine.ask(&["reload"]);
    let status = stage.machine.ask(&["status"]);
    let finding = status["findings"].as_array().unwrap().iter().find(|row| row["code"] == "version-too-old");
    assert!(finding.unwrap()["text"].as_str().unwrap().contains(message), "{status:#}");
    let text = told(&stage.machine.ctl(&["config", "show"]));
    for key in ["policy.minimum_version", "policy.message"] {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(line.ends_with("policy (/etc/aigw/policy.toml)"), "{line}");
    }

    for enough in [OURS, "0.0.1"] {
        under(&format!("[policy]\nminimum_version = \"{enough}\"\nmessage = \"{message}\"\n"));
        assert_eq!(ask().status, 200, "{enough}");
        assert!(stage.machine.findings().is_empty());
    }
    under("");
    stage.machine.configure("[policy]\nminimum_version = \"99.0.0\"\n");
    stage.machine.ask(&["reload"]);
    assert_eq!(ask().status, 200);
    assert_eq!(stage.machine.findings(), ["setting-without-effect"]);
    under("[policy]\nminimum_version = \"new\"\n");
    assert_eq!(ask().error(), Some("policy-unreadable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_the_policy_replaces_the_users() {
    let stage = Stage::new(&how(None));
    write(&stage, "[tunnel]\nports = [443]\nallow_cidrs = []\n");
    stage.machine.configure("[tunnel]\nports = [80, 8080]\nallow_cidrs = [\"10.0.0.0/8\"]\n");
    let _daemon = stage.machine.start();
    let shown = stage.machine.ask(&["config", "show"]);
    let value = |key: &str| {
        let rows = shown["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        (row["value"].as_str().unwrap().to_owned(), row["locked"] == true)
    };
    assert_eq!(value("tunnel.ports"), ("443".to_owned(), true));
    assert_eq!(value("tunnel.allow_cidrs"), (String::new(), true));
    let refused = stage.machine.ask(&["explain", "example.com:8080"])["steps"].to_string();
    assert!(refused.contains("8080"), "{refused}");
}

/// The level is the administrator's, too, where the policy names it.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_locks_the_log_level_while_it_runs() {
    let stage = Stage::new(&how(None));
    write(&stage, "[log]\nlevel = \"warn\"\n");
    let _daemon = stage.machine.start();
    let output = stage.machine.ctl(&["log-level", "off", "--json"]);
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(told(&output).contains("policy-forbids"), "{}", told(&output));
}
