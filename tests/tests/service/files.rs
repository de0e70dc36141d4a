//! What lies in the home, and how it is told from what somebody else has made of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aigw_tests::host::{ADA, Host, ROOT};
use aigw_tests::machine::told;
use serde_json::Value;

use crate::{host, installed, pid};

const UNIT: &str = ".config/systemd/user/aigwd.service";

/// Everything below a folder, with contents and modes, but for aigw's own folder.
fn snapshot(home: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".local/state/aigw") {
                continue;
            }
            let metadata = path.symlink_metadata().unwrap();
            let is_folder = metadata.is_dir();
            let content = if is_folder { Vec::new() } else { fs::read(&path).unwrap_or_default() };
            if is_folder {
                folders.push(path.clone());
            }
            found.insert(path, (content, metadata.permissions().mode()));
        }
    }
    found
}

fn status(host: &Host) -> Value {
    serde_json::from_str(&host.ok(ADA, "aigwctl service status --json")).unwrap()
}

fn findings(host: &Host) -> Vec<String> {
    let status = status(host);
    let codes = status["findings"].as_array().unwrap().iter();
    codes.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn uninstall_leaves_the_home_as_it_was() {
    let host = host(&[ADA]);
    for before in [
        "mkdir -p .local/state",
        "mkdir -p .config/systemd/user/own.service.d && echo x >.config/systemd/user/own.service",
    ] {
        host.ok(ADA, before);
        let home = host.path("/home/ada");
        let before = snapshot(&home);
        host.ok(ADA, "aigwctl service install");
        assert_ne!(snapshot(&home), before);
        assert!(host.ok(ADA, "aigwctl service uninstall").contains("is not installed"));
        assert_eq!(snapshot(&home), before);
        assert_eq!(host.property(ADA, "aigwd.service", "LoadState"), "not-found");
        assert_eq!(host.property(ADA, "aigwd.socket", "LoadState"), "not-found");
        // What is aigw's own has no trace of it.
        assert!(!host.path("/home/ada/.local/state/aigw/service").exists());
        // Once more there is nothing to do.
        host.ok(ADA, "aigwctl service uninstall");
    }
}

#[test]
fn without_a_manager_the_files_go_all_the_same() {
    let host = host(&[ADA]);
    host.ok(ADA, "mkdir -p .local/state");
    let before = snapshot(&host.path("/home/ada"));
    host.ok(ADA, "aigwctl service install");
    host.log_off(ADA);
    host.ok(ADA, "aigwctl service uninstall");
    assert_eq!(snapshot(&host.path("/home/ada")), before);
    let output = host.sh(ADA, "aigwctl service install");
    assert_eq!(output.status.code(), Some(70), "{}", told(&output));
    let text = told(&output);
    assert!(text.contains("no systemd of this user answers") && text.contains("--system USER"), "{text}");
    assert_eq!(snapshot(&host.path("/home/ada")), before);
}

#[test]
fn a_second_install_does_nothing_and_a_dry_run_neither() {
    let host = host(&[ADA]);
    let plan = host.ok(ADA, "aigwctl service install --dry-run");
    assert!(plan.contains("run systemctl --user enable aigwd.socket aigwd.service"), "{plan}");
    assert!(!host.path("/home/ada/.config").exists());
    host.ok(ADA, "aigwctl service install");
    let process = pid(&host, ADA);
    assert_eq!(host.ok(ADA, "aigwctl service install --dry-run"), "Nothing is to be done.");
    host.ok(ADA, "aigwctl service install");
    assert_eq!(pid(&host, ADA), process);
    assert_eq!(findings(&host), [""; 0]);
    // Stopped, there is something to do.
    host.ok(ADA, "aigwctl service stop");
    host.ok(ADA, "aigwctl service install");
    assert_ne!(pid(&host, ADA), 0);
}

#[test]
fn a_unit_that_was_edited_or_is_old_or_lost_is_told_with_its_cure() {
    let (host, _) = installed();
    let cured = |code: &str| {
        let doctor: Value = serde_json::from_slice(&host.sh(ADA, "aigwctl doctor --json").stdout).unwrap();
        let line = doctor["checks"].as_array().unwrap().iter().find(|line| {
            line["check"] == "service" && ["warning", "error"].contains(&line["state"].as_str().unwrap())
        });
        assert!(line.unwrap()["cure"].as_str().unwrap().contains("aigwctl service install"), "{doctor}");
        assert_eq!(findings(&host), [code]);
        host.ok(ADA, "aigwctl service install");
        assert_eq!(findings(&host), [""; 0]);
    };
    host.ok(ADA, &format!("echo '# mine' >>{UNIT}"));
    cured("service-edited");
    // As an older version had written it, whose record it is.
    host.ok(
        ADA,
        &format!("sed -i s/WatchdogSec=30/WatchdogSec=31/ {UNIT} .local/state/aigw/service/installed.json"),
    );
    cured("service-old");
    host.ok(ADA, "rm .config/systemd/user/aigwd.socket.d/port.conf");
    cured("service-incomplete");
    // A drop-in is the user's own, and stays.
    host.ok(ADA, &format!("mkdir {UNIT}.d && printf '[Service]\\nNice=1\\n' >{UNIT}.d/own.conf && systemctl --user daemon-reload"));
    assert_eq!(findings(&host), [""; 0]);
    host.ok(ADA, "aigwctl service uninstall");
    assert!(host.path(&format!("/home/ada/{UNIT}.d/own.conf")).exists());
}

#[test]
fn a_program_that_is_gone_is_told() {
    let host = host(&[ADA]);
    host.ok(ADA, "mkdir bin && cp /opt/aigw/* bin && bin/aigwctl service install");
    assert!(
        host.ok(ADA, "systemctl --user cat aigwd.service").contains("ExecStart=\"/home/ada/bin/aigwd\" run")
    );
    assert_eq!(findings(&host), [""; 0]);
    host.ok(ADA, "rm -r bin");
    assert_eq!(findings(&host), ["service-program"]);
    host.ok(ADA, "aigwctl service install");
    assert!(host.ok(ADA, "systemctl --user cat aigwd.service").contains("ExecStart=\"/opt/aigw/aigwd\" run"));
    assert_eq!(findings(&host), [""; 0]);
}

#[test]
fn lingering_is_switched_on_only_when_asked_and_off_again() {
    let host = host(&[ROOT, ADA]);
    let lingers = |user: &str| host.path(&format!("/var/lib/systemd/linger/{user}")).exists();
    host.ok(ROOT, "aigwctl service install");
    assert!(!lingers("root"));
    host.ok(ROOT, "aigwctl service install --linger");
    assert!(lingers("root"));
    assert!(host.ok(ROOT, "aigwctl service status").contains("runs without a login"));
    host.ok(ROOT, "aigwctl service uninstall");
    assert!(!lingers("root"));
    host.ok(ADA, "aigwctl service install --linger");
    assert!(lingers("ada"));
    host.ok(ADA, "aigwctl service uninstall");
    assert!(!lingers("ada"));
    // What an administrator has switched on is not ours to switch off.
    host.log_on(ADA);
    host.ok(ROOT, "loginctl enable-linger ada");
    host.ok(ADA, "aigwctl service install --linger && aigwctl service uninstall");
    assert!(lingers("ada"));
}

#[test]
fn stop_and_start_know_the_service() {
    let (host, process) = installed();
    let said = host.ok(ADA, "aigwctl stop");
    assert!(said.contains("aigwd has stopped") && said.contains("aigwctl service stop"), "{said}");
    for question in ["aigwctl stop", "aigwctl service status", "aigwctl service logs -n 1"] {
        host.ok(ADA, question);
        assert_eq!(pid(&host, ADA), 0, "{question}");
    }
    assert!(host.ok(ADA, "aigwctl stop").contains("is not running"));
    host.ok(ADA, "aigwctl service stop");
    assert_eq!(host.property(ADA, "aigwd.socket", "ActiveState"), "inactive");
    assert!(!host.sh(ADA, "aigwctl status").status.success());
    let doctor = told(&host.sh(ADA, "aigwctl doctor"));
    assert!(doctor.contains("aigwctl service start"), "{doctor}");
    assert!(host.ok(ADA, "aigwctl start").contains("Its service has started it."));
    assert_ne!((pid(&host, ADA), pid(&host, ADA)), (0, process));
    host.ok(ADA, "aigwctl service restart");
    assert!(host.ok(ADA, "aigwctl service restart --dry-run").contains("would hand over"));
    for verb in ["start", "stop"] {
        let before = pid(&host, ADA);
        assert!(host.ok(ADA, &format!("aigwctl service {verb} --dry-run")).contains("run systemctl --user"));
        assert_eq!(pid(&host, ADA), before);
    }
}

#[test]
fn one_that_was_started_by_hand_makes_room() {
    let host = host(&[ADA]);
    host.ok(ADA, "aigwctl start");
    let output = host.sh(ADA, "aigwctl service install");
    assert!(told(&output).contains("Stopping the aigwd that was started by hand."), "{}", told(&output));
    assert_ne!(pid(&host, ADA), 0);
    let port: Value = serde_json::from_str(&host.ok(ADA, "aigwctl status --json")).unwrap();
    assert_eq!(port["daemon"]["listen"][0], "127.0.0.1:2449");
    assert!(!host.path("/home/ada/.config/aigw/config.toml").exists());
}
