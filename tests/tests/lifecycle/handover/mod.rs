//! A daemon that hands over to its successor: nothing is refused, nothing breaks, and a successor that fails changes nothing.

mod load;
mod memory;
mod trouble;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aigw_gateway::{Setup, WebSocket};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::raw;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{HELLO, MESSAGES};

/// Whose request is small and answered at once.
const SMALL: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

/// A scene whose daemons after the first are nobody's children: they are ended with it.
struct Line {
    scene: Scene,
    heirs: Vec<u64>,
}

impl Line {
    async fn new(setup: Setup) -> Self {
        let scene = Scene::set(machine!(), setup).await;
        scene.gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
        Self { scene, heirs: Vec::new() }
    }

    fn home(&self) -> &Path {
        self.scene.machine.home()
    }

    /// The process that serves.
    fn pid(&self) -> u64 {
        self.scene.machine.ask(&["status"])["daemon"]["pid"].as_u64().expect("a process")
    }

    /// Hands over, and is sure that the successor serves.
    fn hand_over(&mut self, words: &[&str]) -> Value {
        let before = self.pid();
        let told = self.scene.machine.ask(&[&["service"], words].concat());
        assert_eq!(told["handed_over"], true, "{told}\n{}", self.scene.machine.log());
        assert_eq!(told["from"]["pid"], before);
        let heir = told["to"]["pid"].as_u64().expect("a process");
        self.heirs.push(heir);
        assert_ne!(heir, before);
        assert_eq!(self.pid(), heir);
        told
    }

    /// The same, which must fail and leave everything as it was. Returned is what was said.
    fn fails(&self, words: &[&str]) -> String {
        let before = self.pid();
        let output: Output = self.scene.machine.ctl(&[&["service"], words].concat());
        assert!(!output.status.success(), "{}", told(&output));
        assert_eq!(self.pid(), before);
        assert!(!lock_is_free(self.home()));
        self.works();
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// A request on a new connection is answered.
    fn works(&self) {
        self.answers(&self.scene.key);
    }

    fn answers(&self, key: &str) {
        assert_eq!(self.status(key), 200, "{}", self.scene.machine.log());
    }

    fn status(&self, key: &str) -> u16 {
        let address = self.scene.address();
        raw::exchange(address, raw::post(address, MESSAGES, key, &[], SMALL)).status
    }

    /// A program that can be the successor, when it is let: it waits for a file. Its path, and the files that say that it was
    /// begun, and that it may go on.
    fn hesitant(&self) -> (String, PathBuf, PathBuf) {
        let (begun, go) = (self.home().join("begun"), self.home().join("go"));
        let aigwd = self.scene.machine.aigwd(&[]);
        let aigwd = Path::new(aigwd.get_program()).display().to_string();
        let (begins, goes) = (begun.display(), go.display());
        let path = self.script(
            "hesitant",
            &format!("echo $$ >{begins}.new; mv {begins}.new {begins}\nwhile [ ! -e {goes} ]; do sleep 0.02 </dev/null; done\nexec {aigwd} \"$@\""),
        );
        (path, begun, go)
    }

    /// A program that says that it is aigwd 9.9.9, and does this when it is to run.
    fn script(&self, name: &str, body: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home().join(name);
        let text = format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo aigwd 9.9.9; exit; fi\n{body}\n");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for heir in self.heirs.iter().filter(|heir| lives(**heir)) {
            kill("KILL", *heir);
        }
    }
}

fn kill(signal: &str, pid: u64) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
}

/// Whether a process is there, and not just waits for somebody to ask how it ended.
fn lives(pid: u64) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| !words.is_empty())
}

fn ends(pid: u64) {
    eventually("a daemon ends", || (!lives(pid)).then_some(()));
}

fn lock_is_free(home: &Path) -> bool {
    File::options().append(true).open(home.join("state/lock")).unwrap().try_lock().is_ok()
}
