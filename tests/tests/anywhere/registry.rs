//! A policy in the registry of Windows: it locks, and one that others could have written stops all forwarding. Needs an
//! administrator.

use std::process::Command;

use crate::{MESSAGES, scene};

const KEY: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\aigw";

fn reg(words: &[&str]) {
    let output = Command::new("reg").args(words).output().expect("reg runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// Takes the policy away again, however the test ends.
struct Policy;

impl Policy {
    fn set(&self, table: &str, name: &str, kind: &str, value: &str) {
        reg(&["add", &format!(r"{KEY}\{table}"), "/v", name, "/t", kind, "/d", value, "/f"]);
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        reg(&["delete", KEY, "/f"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_is_locked_and_a_mistake_in_it_closes_the_door() {
    let scene = scene().await;
    let policy = Policy;
    policy.set("intercept", "unmatched", "REG_SZ", "refuse");
    policy.set("listen", "share", "REG_DWORD", "0");
    policy.set("tunnel", "ports", "REG_MULTI_SZ", r"443\08443");
    assert!(scene.machine.ctl(&["reload"]).status.success());
    let shown = scene.machine.ask(&["config", "show"]);
    for (key, value) in
        [("intercept.unmatched", "refuse"), ("listen.share", "false"), ("tunnel.ports", "443, 8443")]
    {
        let rows = shown["settings"].as_array().or(shown.as_array()).expect("rows");
        let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}: {shown}"));
        assert_eq!((row["value"].as_str(), row["locked"].as_bool()), (Some(value), Some(true)), "{row}");
        assert_eq!(row["origin"], format!("policy ({KEY})"));
    }
    assert_eq!(scene.post("/anthropic/v1/messages", &[], MESSAGES).status, 200);

    policy.set("listen", "port", "REG_SZ", "https");
    scene.machine.ctl(&["reload"]);
    let refused = scene.post("/anthropic/v1/messages", &[], MESSAGES);
    assert!(refused.status >= 400 && refused.error() == Some("policy-unreadable"), "{refused:?}");
}
