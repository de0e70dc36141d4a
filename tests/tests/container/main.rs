//! The content of the container's image, as the root of namespaces of its own: without an engine, and with what Containerfile
//! says. `AIGW_IMAGE` names its folder.

#![cfg(target_os = "linux")]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

#[path = "../root/net.rs"]
#[allow(dead_code)]
mod net;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aigw_gateway::{Behaviour, Practice, Setup, Stream};
use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine::told;
use aigw_tests::raw::{Raw, exchange, post};
use net::Net;
use tempfile::TempDir;

const CONTAINERFILE: &str = include_str!("../../../ctl/packaging/container/Containerfile");
const MANIFEST: &str = include_str!("../../../ctl/packaging/container/kubernetes.yaml");
const HELLO: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const MESSAGES: &str = "/anthropic/v1/messages";
const NAME: &str = "gateway.test";
const NUMBER: &str = "65532";

/// The last line of Containerfile that begins with this word, without it.
fn says(word: &str) -> &'static str {
    CONTAINERFILE.lines().rev().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).unwrap()
}

/// A JSON list of words.
fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap()
}

fn health() -> Vec<String> {
    let (_, command) = CONTAINERFILE.split_once("HEALTHCHECK").unwrap();
    words(command.lines().next().unwrap().split_once("CMD ").unwrap().1)
}

fn image() -> PathBuf {
    std::env::var_os("AIGW_IMAGE").expect("AIGW_IMAGE: the folder that `assemble` filled").into()
}

/// What an engine would mount.
struct Host {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// One that runs. It is killed when this is dropped.
struct Container(Child);

impl Host {
    fn new(gateway: &Practice) -> Self {
        let folder = tempfile::Builder::new().prefix("aigw-image").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let copied = Command::new("cp").arg("-a").arg(image()).arg(at("root")).status().unwrap();
        assert!(copied.success());
        // Places to mount at, which an engine makes.
        for place in ["proc", "dev", "run/secrets/aigw"] {
            fs::create_dir_all(at("root").join(place)).unwrap();
        }
        fs::write(at("root/etc/hosts"), "").unwrap();
        fs::create_dir(at("secrets")).unwrap();
        let token = gateway.issue_token("ada", Duration::from_secs(86_400));
        fs::write(at("secrets/token"), token + "\n").unwrap();
        fs::write(at("secrets/key-secret"), [7; 32]).unwrap();
        fs::write(at("hosts"), format!("127.0.0.1 localhost {NAME}\n")).unwrap();
        fs::write(at("roots.pem"), gateway.ca_pem()).unwrap();
        let url = gateway.url().replace("127.0.0.1", NAME);
        let variables = [
            ("AIGW_URL", url.as_str()),
            ("AIGW_TOKEN_FILE", "/run/secrets/aigw/token"),
            ("AIGW_KEY_FILE", "/run/secrets/aigw/key-secret"),
        ];
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { variables: owned.to_vec(), folder }
    }

    /// The image's user in user, mount, process and host-name namespaces, with these words as process 1.
    fn command(&self, run: &[String]) -> Command {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new("bwrap");
        command.args(["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1"]);
        command.args(["--uid", NUMBER, "--gid", NUMBER, "--cap-drop", "ALL", "--die-with-parent"]);
        for (from, to) in [
            ("root", "/"),
            ("secrets", "/run/secrets/aigw"),
            ("hosts", "/etc/hosts"),
            ("roots.pem", "/etc/ssl/certs/ca-certificates.crt"),
        ] {
            command.arg("--ro-bind").arg(at(from)).arg(to);
        }
        command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", says("VOLUME")]);
        command.args(["--chdir", "/", "--clearenv"]);
        let of_image = says("ENV").split(' ').map(|pair| pair.split_once('=').unwrap());
        let given = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        of_image.chain(given).for_each(|(name, value)| {
            command.args(["--setenv", name, value]);
        });
        command.arg("--").args(run).stdin(Stdio::null());
        command
    }

    fn start(&self) -> Container {
        let run = [words(says("ENTRYPOINT")), words(says("CMD"))].concat();
        Container(self.command(&run).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Container {
    /// Its process 1, seen from outside.
    fn pid(&self) -> Option<u32> {
        let pid = self.0.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        let child: u32 = children.trim().parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        (name.trim() == "aigwd").then_some(child)
    }

    /// Runs the health check in it, as an engine does.
    fn is_healthy(&self) -> Option<Output> {
        let pid = self.pid()?.to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-U", "-m", "-p", "-i", "-u", "-r", "-w", "--preserve-credentials"]);
        command.args(["/usr/bin/aigwctl"]).args(&health()[1..]).env_clear();
        for pair in says("ENV").split(' ') {
            let (name, value) = pair.split_once('=').unwrap();
            command.env(name, value);
        }
        Some(command.stdin(Stdio::null()).output().unwrap())
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid().unwrap())).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn files_of(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found
}

#[test]
fn the_image_holds_two_programs_and_little_else() {
    let files = files_of(&image());
    let expected = [
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/aigwctl",
        "usr/bin/aigwd",
        "usr/share/doc/aigw/LICENSE",
        "usr/share/doc/aigw/SECURITY.md",
    ];
    assert_eq!(files, expected.map(str::to_owned).into());
    assert_eq!(says("USER"), format!("{NUMBER}:{NUMBER}"));
    assert_eq!(health()[0], "/usr/bin/aigwctl");
    // The manifest says the same.
    let probe = format!("command: [{}]", health().join(", "));
    assert_eq!(MANIFEST.matches(&probe).count(), 2, "{probe}");
    for part in [NUMBER, says("VOLUME"), "http://127.0.0.1:2449/anthropic"] {
        assert!(MANIFEST.contains(part), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_variables_are_enough_and_nothing_is_cut_at_the_end() {
    let network = Net::new();
    network.enter();
    let stream = Stream { gap: Duration::from_millis(150), ..Stream::default() };
    let gateway = Practice::start(Setup {
        tls: true,
        names: vec![NAME.to_owned()],
        behaviour: Behaviour { stream, ..Behaviour::default() },
        ..Setup::default()
    })
    .await
    .unwrap();
    let host = Host::new(&gateway);

    // Without aigwd, the check says so.
    let output = host.command(&health()).output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", told(&output));

    let mut container = host.start();
    eventually("it is healthy", || {
        if let Some(status) = container.0.try_wait().unwrap() {
            panic!("it ended: {status}");
        }
        container.is_healthy().filter(|output| output.status.success())
    });
    let map = container.file("uid_map");
    let map: Vec<_> = map.split_whitespace().collect();
    assert_eq!((map[0], map[2]), (NUMBER, "1"), "it is not root, and there is none");
    let root = container.file("mountinfo");
    let root = root.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.split(' ').nth(5).unwrap().split(',').any(|option| option == "ro"), "{root}");
    let status = container.file("status");
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{status}");
    }

    let derive = host.command(
        &["/usr/bin/aigwctl", "keys", "derive", "env", "--secret-file", "/run/secrets/aigw/key-secret"]
            .map(str::to_owned),
    );
    let key = { derive }.output().unwrap();
    assert!(key.status.success(), "{}", told(&key));
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let address = "127.0.0.1:2449";
    let answer = exchange(address, post(address, MESSAGES, &key, &[], HELLO));
    assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.text());
    assert_eq!(exchange(address, post(address, MESSAGES, "aigw_env_no", &[], HELLO)).status, 403);

    // A stream that has begun is let finish.
    let mut raw = Raw::connect(address);
    raw.send(post(address, MESSAGES, &key, &[], HELLO));
    let mut live = Live::of(raw);
    assert!(live.until("content_block_delta") && !live.has("message_stop"));
    let pid = container.pid().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(live.ends_well(), "the stream was cut");
    let ended = eventually("it ends", || container.0.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0), "{ended}");
}

/// What is missing is said, and not by a daemon that waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_file_that_is_one_it_ends_with_words() {
    let gateway = Practice::start(Setup { tls: true, ..Setup::default() }).await.unwrap();
    let mut host = Host::new(&gateway);
    for (name, value) in &mut host.variables {
        if name == "AIGW_KEY_FILE" {
            *value = "/run/secrets/aigw/none".to_owned();
        }
    }
    let run = [words(says("ENTRYPOINT")), words(says("CMD"))].concat();
    let output = host.command(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    assert!(told(&output).contains("/run/secrets/aigw/none does not exist"), "{}", told(&output));
}
