//! Nothing of the daemon's memory gets onto a disk, or into another process.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::{Running, gateway};

use crate::marks::{WRONG_TOKEN, found};

fn proc(daemon: &Running, file: &str) -> PathBuf {
    Path::new("/proc").join(daemon.pid().to_string()).join(file)
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(
        &std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
    .into_owned()
}

/// The same command without the rights by which root looks into anything. Others do not have them.
fn ordinary(command: &Command) -> Command {
    let less = ["setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin"];
    let can =
        Command::new(less[0]).args(&less[1..]).arg("true").status().is_ok_and(|status| status.success());
    let words = less.iter().take(if can { less.len() } else { 0 }).map(OsStr::new);
    let mut words = words.chain([command.get_program()]).chain(command.get_args());
    let mut ordinary = Command::new(words.next().expect("a program"));
    // Nor the variables of whoever runs the tests: one that begins as ours do would be a mistake.
    ordinary.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    ordinary.args(words).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    ordinary
}

fn readable(pid: u32) -> bool {
    let mut reader = Command::new("cat");
    reader.arg(format!("/proc/{pid}/environ"));
    ordinary(&reader).output().expect("cat runs").status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_no_core_file() {
    let gateway = gateway().await;
    let machine = machine!();
    let mut daemon = machine.start();
    machine.log_in(&gateway);
    let limits = read(&proc(&daemon, "limits"));
    let core: Vec<_> = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))
        .expect("a limit")
        .split_whitespace()
        .collect();
    assert_eq!(core[..2], ["0", "0"], "{limits}");

    daemon.signal("ABRT");
    assert!(!daemon.ended().success());
    let files: Vec<_> = std::fs::read_dir(machine.home()).expect("a folder").flatten().collect();
    assert!(!files.iter().any(|file| file.file_name().to_string_lossy().starts_with("core")), "{files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_of_the_user_cannot_look_into_the_daemon() {
    let machine = machine!();
    let mut sleep = Command::new("sleep");
    let processes = [ordinary(sleep.arg("60")), ordinary(&machine.aigwd(&["run", "--port", "0"]))];
    let said = machine.home().join("said");
    let [mut sleep, mut aigwd] = processes.map(|mut command| {
        command.stderr(std::fs::File::create(&said).expect("a file")).spawn().expect("a process")
    });
    eventually("aigwd answers", || {
        let ended = aigwd.try_wait().expect("a child");
        assert!(
            ended.is_none(),
            "{ended:?}: {}",
            String::from_utf8_lossy(&std::fs::read(&said).expect("a file"))
        );
        machine.ctl(&["status"]).status.success().then_some(())
    });
    let looked = [readable(sleep.id()), readable(aigwd.id())];
    for process in [&mut sleep, &mut aigwd] {
        let _ = process.kill();
        let _ = process.wait();
    }
    assert_eq!(looked, [true, false], "the first one shows that it can be done");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_holds_no_secret() {
    let gateway = gateway().await;
    let mut machine = machine!();
    machine.set("AIGW_URL", &gateway.url());
    machine.set("AIGW_TOKEN", WRONG_TOKEN);
    let daemon = machine.start();
    let key = machine.key("env");
    let line = read(&proc(&daemon, "cmdline"));
    assert!(line.contains("run"), "{line}");
    let title = read(&proc(&daemon, "comm"));
    for secret in [WRONG_TOKEN, &key] {
        assert!(!found(&line, secret) && !found(&title, secret), "{line} {title}");
    }
}
