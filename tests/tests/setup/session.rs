//! Proxy variables for the whole desktop session.

use std::os::unix::fs::PermissionsExt;

use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};

use crate::{put, read, same, snapshot};

const FILE: &str = ".config/environment.d/60-aigw.conf";
const THEIRS: &str = "# theirs\nNO_PROXY=corp.example\nOTHER=1\n";

/// A machine whose `systemctl` says that of the daemon's socket.
fn with_socket(active: bool) -> Machine {
    let mut machine = machine!();
    let program = machine.home().join("bin/systemctl");
    std::fs::create_dir(machine.home().join("bin")).unwrap();
    let answer = if active { "0" } else { "3" };
    let script = format!(
        "#!/bin/sh\ntest \"$*\" = '--user is-active --quiet aigwd.socket' || exit 9\nexit {answer}\n"
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", machine.home().join("bin").display());
    machine.set("PATH", &path);
    machine
}

#[test]
fn without_a_socket_that_is_kept_nothing_is_written() {
    let machine = with_socket(false);
    let _daemon = machine.start();
    let before = snapshot(&machine);
    for words in [&["setup", "--session-wide", "--yes"][..], &["setup", "session", "--yes"]] {
        let output = machine.ctl(words);
        assert_eq!(output.status.code(), Some(70), "{}", told(&output));
        assert!(told(&output).contains("aigwd.socket is not active"), "{}", told(&output));
    }
    same(&snapshot(&machine), &before);
    assert!(machine.ask(&["keys"])["keys"].as_array().unwrap().is_empty());
}

#[test]
fn with_one_the_session_gets_the_variables_and_gives_them_back() {
    let machine = with_socket(true);
    let _daemon = machine.start();
    put(&machine, FILE, THEIRS, 0o644);
    let before = snapshot(&machine);
    let set_up = machine.ask(&["setup", "--session-wide", "--yes"]);
    assert_eq!(set_up["tools"][0]["state"], "set-up", "{set_up:#}");
    let text = read(&machine, FILE);
    let proxy = format!("http://aigw:{}@127.0.0.1:", machine.key("session"));
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        assert!(text.lines().any(|line| line.starts_with(name) && line.contains(&proxy)), "{name}: {text}");
    }
    assert!(text.contains("corp.example,127.0.0.1,localhost,::1"), "{text}");
    assert!(text.starts_with("# theirs\n") && text.contains("OTHER=1\n"), "{text}");
    assert_eq!(machine.ask(&["setup", "--session-wide", "--yes"])["tools"][0]["state"], "unchanged");
    machine.ask(&["undo", "session", "--yes"]);
    same(&snapshot(&machine), &before);
}
