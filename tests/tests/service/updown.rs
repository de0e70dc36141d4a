//! `up` and `down` where there is a service manager, and where there is none.

use std::fs;

use aigw_gateway::{Practice, Setup};
use aigw_tests::host::{ADA, BOB, Host, User};
use aigw_tests::machine::told;
use serde_json::Value;

use crate::{host, pid, within};

/// Somebody who is logged on by no session manager.
const LIKE_SU: &str = "unset XDG_RUNTIME_DIR;";
const CLAUDE: &str = "{\n  \"model\": \"opus\"\n}\n";

fn steps(answer: &Value) -> Vec<(&str, &str)> {
    let rows = answer["steps"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().map(|row| (row["step"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

fn up(host: &Host, user: User, gateway: &Practice, more: &str, first: &str) -> Value {
    let token = gateway.issue_token(user.name, std::time::Duration::from_secs(86_400));
    let words =
        format!("{first} printf %s {token} | aigwctl up {} --token-stdin --json {more}", gateway.url());
    let output = host.sh(user, &words);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)))
}

fn down(host: &Host, user: User, first: &str) -> Value {
    let output = host.sh(user, &format!("{first} aigwctl down --purge --yes --json"));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)))
}

fn all(host: &Host, user: User) -> String {
    let home = format!("/home/{}", user.name);
    host.ok(
        user,
        &format!("find {home} -exec ls -ld --time-style=+ {{}} + ; find {home} -type f -exec cat {{}} +"),
    )
}

fn put_claude(host: &Host, user: User) {
    host.ok(user, &format!("mkdir .claude && printf '%s' '{CLAUDE}' >.claude/settings.json"));
}

#[test]
fn up_installs_the_service_and_down_leaves_nothing() {
    let host = host(&[ADA, BOB]);
    within(&host, async {
        let gateway = Practice::start(Setup::default()).await.unwrap();
        for (user, port) in [(ADA, 2449), (BOB, 2450)] {
            put_claude(&host, user);
            let before = all(&host, user);
            let plan = host.ok(user, "aigwctl up http://127.0.0.1:1 --dry-run");
            let words = format!("install aigwd as a service of systemd, at port {port}");
            assert!(plan.contains(&words), "{plan}");
            assert_eq!(all(&host, user), before);

            let told = up(&host, user, &gateway, "--yes", "");
            assert_eq!(
                steps(&told),
                [("start", "done"), ("login", "done"), ("setup", "done"), ("doctor", "done")],
                "{told:#}"
            );
            assert_eq!(
                (told["error"].clone(), &told["steps"][3]["answer"]["summary"]["errors"]),
                (Value::Null, &0.into())
            );
            let process = pid(&host, user);
            assert_ne!(process, 0);
            let settings = format!("/home/{}/.claude/settings.json", user.name);
            let settings = fs::read_to_string(host.path(&settings)).unwrap();
            assert!(settings.contains(&format!("http://127.0.0.1:{port}/")), "{settings}");

            let again = up(&host, user, &gateway, "", "");
            assert_eq!(
                steps(&again),
                [("start", "already"), ("login", "already"), ("setup", "already"), ("doctor", "done")],
                "{again:#}"
            );
            assert_eq!(pid(&host, user), process);
            // Asleep, it is well: a request wakes it.
            host.ok(user, "aigwctl stop");
            assert_eq!(steps(&up(&host, user, &gateway, "", ""))[0], ("start", "already"));
            if user == ADA {
                continue;
            }
            let told = down(&host, user, "");
            assert_eq!(told["error"], Value::Null, "{told:#}");
            assert_eq!(host.property(user, "aigwd.service", "LoadState"), "not-found");
            assert_eq!(all(&host, user), before);
        }
    });
}

#[test]
fn where_no_manager_answers_up_starts_it_by_hand_and_says_so() {
    let host = host(&[ADA]);
    within(&host, async {
        let gateway = Practice::start(Setup::default()).await.unwrap();
        host.ok(ADA, "aigwctl service install");
        put_claude(&host, BOB);
        host.ok(BOB, "mkdir -p .local/state .config .cache");
        let before = all(&host, BOB);
        // As over `su`: there is not even a folder for what is running.
        let told = up(&host, BOB, &gateway, "--yes", LIKE_SU);
        assert_eq!(steps(&told)[..3], [("start", "done"), ("login", "done"), ("setup", "done")], "{told:#}");
        let details = told["steps"][0]["details"].to_string();
        assert!(details.contains("no service manager of this user answers"), "{told:#}");
        let settings = fs::read_to_string(host.path("/home/bob/.claude/settings.json")).unwrap();
        assert!(settings.contains("http://127.0.0.1:2450/"), "{settings}");
        let told = down(&host, BOB, LIKE_SU);
        assert_eq!(told["error"], Value::Null, "{told:#}");
        assert_eq!(all(&host, BOB), before);
    });
}

#[test]
fn a_service_that_the_desktop_needs_is_not_taken_away() {
    let host = host(&[ADA]);
    within(&host, async {
        let gateway = Practice::start(Setup::default()).await.unwrap();
        let told_ = up(&host, ADA, &gateway, "--yes", "");
        assert_eq!(told_["error"], Value::Null, "{told_:#}");
        host.ok(ADA, "aigwctl setup --session-wide --yes");
        let output = host.sh(ADA, "aigwctl service uninstall");
        assert!(!output.status.success());
        assert!(told(&output).contains("aigwctl undo session"), "{}", told(&output));
        assert_ne!(pid(&host, ADA), 0);
        assert_eq!(down(&host, ADA, "")["error"], Value::Null);
    });
}
