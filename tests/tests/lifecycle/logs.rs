//! Where the log goes, how large it becomes, and how its level changes while the daemon runs.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use aigw_tests::eventually::eventually;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw::{self, Raw};
use aigw_tests::{machine, port};
use serde_json::Value;

/// A daemon with none of the flags that tests usually give it. It is killed when this is dropped.
struct Plain {
    child: Child,
    address: String,
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn plain(machine: &Machine, stderr: impl Into<Stdio>) -> Plain {
    let port = port::reserved();
    let child =
        machine.aigwd(&["run", "--port", &port.to_string()]).stderr(stderr).stdout(Stdio::null()).spawn();
    let child = child.unwrap();
    eventually("aigwd answers", || {
        let output = machine.ctl(&["--json"]);
        let status: Value = serde_json::from_slice(&output.stdout).ok()?;
        status["daemon"]["listen"][0].as_str().map(drop)
    });
    Plain { child, address: format!("127.0.0.1:{port}") }
}

/// What is served in any case, and what is logged at the level `debug`: a connection that ends badly.
fn ask(address: &str) {
    let mut bad = Raw::connect(address);
    bad.send(b"\x01\r\n\r\n");
    bad.rest();
    assert_eq!(raw::exchange(address, raw::get(address, "/healthz", "none", &[])).status, 200);
}

fn own_log(machine: &Machine) -> String {
    fs::read_to_string(machine.home().join("state/aigwd.log")).unwrap_or_default()
}

#[test]
fn the_log_of_its_own_is_private_full_and_few() {
    let mut machine = machine!();
    machine.configure("[log]\nfile_kb = 16\n");
    machine.set("AIGW_LOG_TO", "file");
    let daemon = machine.start();
    let names = ["aigwd.log", "aigwd.log.1", "aigwd.log.2", "aigwd.log.3", "aigwd.log.4"];
    let files: Vec<PathBuf> = names.iter().map(|name| machine.home().join("state").join(name)).collect();
    let mut inodes = Vec::new();
    // Until the oldest one has been replaced, too.
    for _ in 0..5_000 {
        if let Ok(oldest) = fs::metadata(&files[4])
            && !inodes.contains(&oldest.ino())
        {
            inodes.push(oldest.ino());
        }
        if inodes.len() == 2 {
            break;
        }
        ask(&daemon.address);
    }
    assert_eq!(inodes.len(), 2, "the log did not move on");
    // They move on one after the other.
    eventually("all are there", || files.iter().all(|file| file.exists()).then_some(()));
    for file in &files {
        let found = fs::metadata(file).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{file:?}");
        assert!(found.len() <= 16 * 1024, "{file:?}: {}", found.len());
        for line in fs::read_to_string(file).unwrap().lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
    let count = fs::read_dir(machine.home().join("state")).unwrap().flatten();
    assert_eq!(count.filter(|file| file.file_name().to_string_lossy().starts_with("aigwd.log")).count(), 5);
}

#[test]
fn the_level_changes_while_it_runs() {
    let mut machine = machine!();
    machine.configure("[log]\nlevel = \"warn\"\nto = \"file\"\n");
    let daemon = plain(&machine, Stdio::null());
    let lines = |level: &str| own_log(&machine).matches(&format!("\"level\":\"{level}\"")).count();
    assert_eq!(lines("INFO"), 0, "{}", own_log(&machine));

    let changed = machine.ask(&["log-level", "trace"]);
    assert_eq!(changed["log_level"], "trace");
    ask(&daemon.address);
    eventually("details are logged", || (lines("DEBUG") + lines("TRACE") > 0).then_some(()));

    // The settings' own level again, without a word about a restart.
    machine.configure("[log]\nlevel = \"error\"\nto = \"file\"\n");
    machine.ask(&["reload"]);
    assert!(machine.findings().is_empty(), "{:?}", machine.findings());
    let before = own_log(&machine);
    ask(&daemon.address);
    machine.ask(&["status"]);
    assert_eq!(own_log(&machine), before);

    machine.configure("[log]\nlevel = \"debug\"\nto = \"stderr\"\n");
    machine.ask(&["reload"]);
    assert_eq!(machine.findings(), ["restart-needed"]);
    ask(&daemon.address);
    eventually("the new level counts", || (own_log(&machine).len() > before.len()).then_some(()));

    let output = machine.ctl(&["log-level", "loud"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    machine.set("AIGW_HOME", machine.home().join("nobody").to_str().unwrap());
    let output = machine.ctl(&["log-level", "info"]);
    assert_eq!(output.status.code(), Some(69), "{}", told(&output));
}

/// As systemd starts it: the variable names the stream that standard error is.
#[test]
fn the_journal_gets_priorities_and_no_colours() {
    for (is_journal, format) in [(true, "auto"), (true, "json"), (false, "auto")] {
        let mut machine = machine!();
        let stderr = File::create(machine.home().join("log")).unwrap();
        let stream = stderr.metadata().unwrap();
        let inode = stream.ino() + u64::from(!is_journal);
        machine.set("JOURNAL_STREAM", &format!("{}:{inode}", stream.dev()));
        // It is told of at the start.
        machine.set("AIGW_TOKEN", "abcdefghij-0123456789abcdefghijkl");
        machine.configure(&format!("[log]\nlevel = \"debug\"\nformat = \"{format}\"\n"));
        let daemon = plain(&machine, stderr);
        ask(&daemon.address);
        drop(daemon);
        let log = machine.log();
        assert!(log.contains("aigwd is ready") && !log.contains('\x1b'), "{log}");
        for line in log.lines() {
            let rest = match is_journal {
                true => {
                    let (priority, rest) = line.split_at(3);
                    assert!(["<3>", "<4>", "<6>", "<7>"].contains(&priority), "{line}");
                    rest
                }
                false => line,
            };
            let json = serde_json::from_str::<Value>(rest);
            assert_eq!(json.is_ok(), !is_journal || format == "json", "{line}");
        }
        if is_journal && format == "auto" {
            assert!(log.contains("\n<6>aigwd is ready"), "{log}");
            assert!(log.lines().any(|line| line.starts_with("<4>")), "a finding is a warning: {log}");
        }
    }
}

/// Neither of them can be written to. The daemon has more to do than to log.
#[test]
fn a_log_that_cannot_be_written_harms_nobody() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut machine = machine!();
    machine.configure("[log]\nlevel = \"trace\"\n");
    let daemon = plain(&machine, full());
    ask(&daemon.address);
    drop(daemon);

    machine.set("AIGW_LOG_TO", "file");
    let log = machine.home().join("state/aigwd.log");
    fs::create_dir_all(&log).unwrap();
    let daemon = plain(&machine, full());
    ask(&daemon.address);
    fs::remove_dir(&log).unwrap();
    ask(&daemon.address);
    eventually("it logs again", || (!own_log(&machine).is_empty()).then_some(()));
}
