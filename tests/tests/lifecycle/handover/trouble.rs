//! Successors that fail, and daemons that are killed in the middle of it: there is always one that serves.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_fails_changes_nothing_and_says_why() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let dies = line.script("dies", "exit 3");
    let said = line.fails(&["upgrade", &dies]);
    assert!(said.contains("this aigwd goes on") && said.contains("it has ended"), "{said}");

    let said = line.fails(&["upgrade", "/bin/true"]);
    assert!(said.contains("/bin/true is no aigwd") || said.contains("is no aigwd"), "{said}");
    let said = line.fails(&["upgrade", "/nowhere/aigwd"]);
    assert!(said.contains("/nowhere/aigwd is no aigwd"), "{said}");

    // Anybody could have put another one there.
    let open = line.script("open", "exit 3");
    assert!(Command::new("chmod").args(["777", &open]).status().unwrap().success());
    let said = line.fails(&["upgrade", &open]);
    assert!(said.contains("others may write it"), "{said}");

    let before = std::fs::read_to_string(line.home().join("config/config.toml")).unwrap_or_default();
    line.scene.machine.configure("[listen]\nport = \"no number\"\n");
    let said = line.fails(&["restart"]);
    assert!(said.contains("config.toml"), "{said}");
    line.scene.machine.configure(&before);

    line.hand_over(&["restart"]);
    line.works();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_never_ready_is_ended() {
    let line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let (path, begun, _) = line.hesitant();
    let said = line.fails(&["upgrade", &path]);
    assert!(said.contains("not ready after 20 s"), "{said}");
    ends(std::fs::read_to_string(begun).unwrap().trim().parse().unwrap());
}

/// It has everything by then: it serves.
#[tokio::test(flavor = "multi_thread")]
async fn the_successor_serves_when_the_old_one_is_killed_meanwhile() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let (mut ctl, heir, go) = begun(&line);
    line.heirs.push(heir);
    eventually("it has everything", || {
        line.scene.machine.log().contains("the successor has all that is open").then_some(())
    });
    line.scene.daemon.signal("KILL");
    line.scene.daemon.ended();
    assert!(!lock_is_free(line.home()), "the successor has it");
    std::fs::write(go, "").unwrap();
    assert!(!ctl.wait().unwrap().success());
    assert_eq!(line.pid(), heir);
    line.works();
    line.hand_over(&["restart"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_one_serves_when_the_successor_is_killed_meanwhile() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let (mut ctl, heir, go) = begun(&line);
    // Tools are served meanwhile, and nothing is free.
    line.works();
    assert!(!lock_is_free(line.home()));
    kill("KILL", heir);
    assert!(!ctl.wait().unwrap().success());
    assert_eq!(line.pid(), u64::from(line.scene.daemon.pid()));
    line.works();
    std::fs::write(go, "").unwrap();
    line.hand_over(&["restart"]);
    line.works();
}

/// Who asks to stop is not kept waiting by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_to_stop_ends_its_successor() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let (mut ctl, heir, _) = begun(&line);
    line.scene.daemon.signal("TERM");
    assert_eq!(line.scene.daemon.ended().code(), Some(0));
    assert!(!ctl.wait().unwrap().success());
    ends(heir);
    assert!(lock_is_free(line.home()));
}

/// The command that asks for it, the successor that hesitates, and the file that it waits for.
fn begun(line: &Line) -> (std::process::Child, u64, PathBuf) {
    let (path, begun, go) = line.hesitant();
    let ctl = line.scene.machine.ctl_begun(&["service", "upgrade", &path]);
    let heir =
        eventually("the successor begins", || std::fs::read_to_string(&begun).ok()?.trim().parse().ok());
    (ctl, heir, go)
}
