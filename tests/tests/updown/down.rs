//! A whole home before `up` and after `down`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::{CLAUDE, CODEX, Desk, put, read, same, snapshot, steps};

/// aigw's own folders in this home.
fn ours(desk: &Desk) -> Vec<PathBuf> {
    [".config/aigw", ".local", ".cache", "aigw"].map(|folder| desk.machine.home().join(folder)).into()
}

/// How many tokens the deployment has that were made for this machine.
fn own_tokens(desk: &Desk) -> usize {
    desk.gateway.tokens_of("ada").iter().filter(|(_, name)| name.starts_with("aigw-")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_is_as_it_was_but_for_what_is_aigws_own_and_named() {
    let desk = Desk::new().await;
    let (home, before) = (desk.machine.home().to_owned(), snapshot(desk.machine.home(), &[]));
    assert_eq!(desk.up(&["--yes"]).0, 0);
    assert_eq!(own_tokens(&desk), 1);

    let (code, told) = desk.down(&["--dry-run"]);
    assert_eq!((code, &told["dry_run"]), (0, &true.into()), "{told:#}");
    assert_eq!(
        steps(&told),
        [("undo", "planned"), ("trust", "already"), ("logout", "planned"), ("stop", "planned")]
    );
    assert!(read(&desk.machine, CLAUDE.0).contains("http://127.0.0.1"));

    let (code, told) = desk.down(&["--yes"]);
    assert_eq!((code, &told["error"]), (0, &Value::Null), "{told:#}");
    assert_eq!(steps(&told), [("undo", "done"), ("trust", "already"), ("logout", "done"), ("stop", "done")]);
    same(&snapshot(&home, &ours(&desk)), &before);
    assert_eq!(own_tokens(&desk), 0);
    assert!(!desk.machine.ctl(&["status"]).status.success());
    // What is left is said, and is all there is.
    let left = told["left"].to_string();
    assert!(
        left.contains("/.config/aigw:") && left.contains("/.local/state/aigw:") && left.contains("--purge"),
        "{left}"
    );
    // Of the login, where it was kept, and nothing else.
    let credentials = fs::read_dir(home.join(".local/state/aigw/credentials")).unwrap();
    let names: Vec<_> = credentials.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["default.place"]);

    // Once more does nothing, and what is aigw's own goes on request.
    let (code, told) = desk.down(&["--yes"]);
    assert_eq!(code, 0, "{told:#}");
    assert_eq!(steps(&told).iter().map(|(_, state)| *state).collect::<Vec<_>>(), ["already"; 4]);
    let (code, told) = desk.down(&["--yes", "--purge"]);
    assert_eq!((code, &told["left"]), (0, &serde_json::json!([])), "{told:#}");
    same(&snapshot(&home, &[]), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once_leaves_nothing_at_all() {
    let desk = Desk::new().await;
    let before = snapshot(desk.machine.home(), &[]);
    assert_eq!(desk.up(&["--yes"]).0, 0);
    // All that may make files: a CA, a pause, a log that was full four times.
    for number in 1..=4 {
        let older = desk.machine.home().join(format!(".local/state/aigw/aigwd.log.{number}"));
        std::fs::write(older, "").unwrap();
    }
    desk.machine.ask(&["ca", "status"]);
    desk.machine.ask(&["pause"]);
    let (code, told) = desk.down(&["--yes", "--purge"]);
    assert_eq!(code, 0, "{told:#}");
    same(&snapshot(desk.machine.home(), &[]), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_running_daemon_the_deployment_forgets_the_token_too() {
    let desk = Desk::new().await;
    assert_eq!(desk.up(&["--yes"]).0, 0);
    desk.machine.ask(&["stop"]);
    let (code, told) = desk.down(&["--yes"]);
    assert_eq!(code, 0, "{told:#}");
    assert_eq!(steps(&told)[2], ("logout", "done"), "{told:#}");
    assert_eq!(own_tokens(&desk), 0);
    assert!(!desk.machine.ctl(&["status"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_back_stops_it_and_what_somebody_changed_is_named() {
    let desk = Desk::new().await;
    assert_eq!(desk.up(&["--yes"]).0, 0);
    let set_up = read(&desk.machine, CODEX.0);
    put(&desk.machine, CODEX.0, "a = [\n");
    let (code, told) = desk.down(&["--yes", "--purge"]);
    assert_eq!(code, 1, "{told:#}");
    assert_eq!(steps(&told)[..3], [("undo", "failed"), ("trust", "not-reached"), ("logout", "not-reached")]);
    assert!(told["error"]["text"].as_str().unwrap().contains("at the step undo"), "{told:#}");
    assert!(desk.machine.ctl(&["status"]).status.success(), "it still runs");
    put(&desk.machine, CODEX.0, &set_up.replace("\"responses\"", "\"chat\""));
    let (code, told) = desk.down(&["--yes"]);
    assert_eq!(code, 0, "{told:#}");
    assert!(
        told["left"].to_string().contains("model_providers.aigw.wire_api (changed by somebody since)"),
        "{told:#}"
    );
}
