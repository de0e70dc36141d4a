//! `start`, `stop` and `reload`, with a script in the place of `aigwd`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aigw_shared::ipc::hello::Hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{Build, Status};

use super::fake::{Fake, Home, run, serve};

/// A program made of these lines. Another process writes it: while this one has it open, it could not be run.
fn script(home: &Home, lines: &str) -> Option<PathBuf> {
    if !Path::new("/bin/sh").exists() {
        return None;
    }
    let path = home.file("aigwd-script");
    let mut writer = Command::new("/bin/sh");
    writer.args(["-c", r#"cat > "$1"; chmod 700 "$1""#, "sh"]).arg(&path);
    assert_eq!(run(&mut writer, &format!("#!/bin/sh\n{lines}\n")).code, 0);
    Some(path)
}

fn status(pid: u32) -> Status {
    Status {
        build: build(pid),
        listen: vec!["127.0.0.1:2449".into()],
        uptime_s: 0,
        rss_bytes: 0,
        cpu_s: 0.0,
        requests: 0,
        tunnels: 0,
        gateways: Vec::new(),
        findings: Vec::new(),
    }
}

fn build(pid: u32) -> Build {
    Build { version: "0.1.0".into(), pid, protocol: 1 }
}

fn answer(request: &Request, pid: u32) -> Response {
    match request {
        Request::Describe => Response::Described(build(pid)),
        Request::Status => Response::Status(Box::new(status(pid))),
        Request::Stop | Request::Reload => Response::Done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn start_waits_until_the_daemon_answers() {
    let home = Home::new();
    let Some(program) = script(
        &home,
        r#"echo "$1" $$ > "$AIGW_HOME/pid.new"; mv "$AIGW_HOME/pid.new" "$AIGW_HOME/pid"; echo hello; exec sleep 30"#,
    ) else {
        return;
    };
    let mut start = home.aigwctl(&["start", "--aigwd", program.to_str().unwrap()]);
    let started = std::thread::spawn(move || run(&mut start, ""));
    let begin = Instant::now();
    let text = loop {
        match std::fs::read_to_string(home.file("pid")) {
            Ok(text) => break text,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
        assert!(begin.elapsed() < Duration::from_secs(20));
    };
    let pid: u32 = text.trim().strip_prefix("run ").unwrap().parse().unwrap();
    serve(&home.paths(), Hello::OURS, Arc::new(move |request: &Request| answer(request, pid)));

    let ran = started.join().unwrap();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let log = home.paths().log_file();
    assert_eq!(
        ran.stdout,
        format!("aigwd 0.1.0 is running at 127.0.0.1:2449, pid {pid}.\nIts log is {}\n", log.display())
    );
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "hello\n");

    let again = home.run(&["start", "--json"]);
    assert_eq!(
        again.stdout,
        format!(
            "{{\"schema\":1,\"already_running\":true,\"by_service\":false,\"version\":\"0.1.0\",\"pid\":{pid},\
             \"listen\":[\"127.0.0.1:2449\"],\"log\":null}}\n"
        )
    );
    assert!(
        Command::new("/bin/sh")
            .args(["-c", "kill \"$1\"", "sh", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_daemon_that_ends_at_once_is_quoted() {
    let home = Home::new();
    let Some(program) = script(&home, "echo 'config.toml:3: unknown key' >&2; exit 64") else { return };
    let line = ["start", "--aigwd", program.to_str().unwrap()];
    let ran = home.run(&line);
    assert_eq!((ran.code, ran.stdout.as_str()), (64, ""));
    assert!(
        ran.stderr.starts_with(
            "error: aigwd has ended with exit code 64, after these lines:\n  config.toml:3: unknown key\ncure:  "
        ),
        "{}",
        ran.stderr
    );
    let json = home.run(&[&line[..], &["--json"]].concat());
    assert_eq!(json.code, 64);
    assert!(json.stdout.contains(r#""code":"bad-configuration""#), "{}", json.stdout);
    // The log keeps both.
    assert_eq!(std::fs::read_to_string(home.paths().log_file()).unwrap().lines().count(), 2);
}

#[test]
fn a_program_that_is_not_there_cannot_be_started() {
    let home = Home::new();
    let ran = home.run(&["start", "--aigwd", "/nowhere/aigwd"]);
    assert_eq!(ran.code, 70);
    assert!(ran.stderr.contains("/nowhere/aigwd cannot be run"), "{}", ran.stderr);
}

#[test]
fn stop_waits_until_nobody_answers() {
    let fake = Fake::new(|request| answer(request, 4711));
    let ran = fake.run(&["stop"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "aigwd has stopped.\n"));
    assert!(matches!(fake.seen().as_slice(), [Request::Stop]));
    assert_eq!(fake.run(&["stop"]).stdout, "aigwd is not running.\n");
}

#[test]
fn reload_says_so() {
    let fake = Fake::new(|request| answer(request, 4711));
    assert_eq!(fake.run(&["reload", "--json"]).stdout, "{\"schema\":1,\"reloaded\":true}\n");
}
