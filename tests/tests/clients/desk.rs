//! Somebody's desk: the daemon, logged in to a practice gateway, and a tool that is started in a home of its own, with
//! nothing in its environment that was not put there.

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use aigw_gateway::{BodyEnd, Credential, Recorded, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::scene::Scene;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::tap::{Sent, Tap};

/// What aigwd replaces, or what belongs to one connection. Everything else arrives as the tool sent it.
const NOT_COMPARED: [&str; 11] = [
    "host",
    ":authority",
    "connection",
    "upgrade",
    "transfer-encoding",
    "authorization",
    "x-api-key",
    "chatgpt-account-id",
    "x-aigw-key",
    "x-aigw-loop",
    "x-coder-ai-governance-token",
];

/// A tool's place: everything between it and a gateway.
pub struct Desk {
    scene: Scene,
    /// What tools are pointed at.
    pub tap: Tap,
    home: TempDir,
}

impl DerefMut for Desk {
    fn deref_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }
}

impl Deref for Desk {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

/// What came of running a tool.
#[derive(Debug)]
pub struct Told {
    /// `None` when it had to be ended.
    pub status: Option<ExitStatus>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Desk {
    /// With somebody logged in.
    pub async fn logged_in() -> Self {
        Self::with(machine!()).await
    }

    /// With somebody logged in on this machine.
    pub async fn with(machine: Machine) -> Self {
        no_way_out();
        let setup = Setup { tls: true, body_kept: 16 << 20, ..Setup::default() };
        let scene = Scene::set(machine, setup).await;
        let tap = Tap::start(scene.address());
        let home = tempfile::Builder::new().prefix("desk").tempdir().expect("a scratch folder");
        for folder in ["tmp", "work"] {
            std::fs::create_dir(home.path().join(folder)).expect("a folder");
        }
        Self { scene, tap, home }
    }

    /// With nobody logged in (any more).
    pub async fn logged_out() -> Self {
        let desk = Self::logged_in().await;
        let output = desk.machine.ctl(&["logout"]);
        assert!(output.status.success(), "{}", told(&output));
        desk.gateway.forget_requests();
        desk
    }

    /// The base URL that ends so, by way of the tap.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.tap.address)
    }

    /// The tool's home.
    pub fn tools_home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file in the tool's home.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.home.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Runs a program to its end, or for as long as it may take.
    pub fn run(&self, program: &Path, words: &[&str], variables: &[(&str, &str)], limit: Duration) -> Told {
        let home = self.home.path();
        let file = |name: &str| File::create(home.join("tmp").join(name)).expect("a file");
        let begun = Instant::now();
        let mut child = Command::new(program)
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("TMPDIR", home.join("tmp"))
            .envs(variables.iter().copied())
            .current_dir(home.join("work"))
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            if begun.elapsed() > limit {
                // Its children too: some tools are launchers.
                let group = format!("-{}", child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let text = |name: &str| {
            String::from_utf8_lossy(&std::fs::read(home.join("tmp").join(name)).unwrap_or_default())
                .into_owned()
        };
        Told { status, out: text("out"), err: text("err"), took: begun.elapsed() }
    }

    /// Runs `aigwctl` as a tool is run, in the tool's home.
    pub fn aigwctl(&self, words: &[&str], variables: &[(&str, &str)], limit: Duration) -> Told {
        let home = self.machine.home().to_str().expect("a plain path");
        let ours = [("AIGW_HOME", home), ("XDG_RUNTIME_DIR", home)];
        self.run(self.machine.aigwctl(), words, &[&ours, variables].concat(), limit)
    }

    /// The deployment pays for all that reached the gateway, with its token alone.
    pub fn nothing_else_paid(&self) {
        for seen in self.gateway.provider_requests() {
            assert_eq!(seen.headers("authorization"), [format!("Bearer {}", self.token)]);
            assert_eq!(seen.header("x-api-key"), None);
        }
    }

    /// Ends what a tool has left running: whatever has this desk's home in its environment.
    pub fn end_leftovers(&self) {
        let home = format!("HOME={}", self.home.path().display());
        let ours =
            |environment: Vec<u8>| environment.split(|byte| *byte == 0).any(|set| set == home.as_bytes());
        for process in std::fs::read_dir("/proc").expect("the processes").flatten() {
            if std::fs::read(process.path().join("environ")).is_ok_and(ours) {
                let _ = Command::new("kill").arg("-KILL").arg(process.file_name()).status();
            }
        }
    }

    /// Everything that reached the gateway, each beside what the tool sent: its target, fields and body, byte for byte,
    /// and nothing of a local key.
    pub fn pairs(&self) -> Vec<(Sent, Recorded)> {
        let mut sent = self.tap.sent();
        let in_path = format!("/_k/{}", self.key);
        let mut pairs = Vec::new();
        for seen in self.gateway.provider_requests() {
            let at = sent.iter().position(|sent| {
                let target = sent.target.strip_prefix(&in_path).unwrap_or(&sent.target);
                sent.method == seen.method
                    && seen.target.ends_with(target)
                    && compared(&sent.headers) == compared(&seen.headers)
                    && sent.body == seen.body
            });
            let sent = sent.remove(at.unwrap_or_else(|| {
                panic!(
                    "{} {} {:?}, {} bytes, is none of\n{sent:#?}",
                    seen.method, seen.target, seen.headers, seen.body_len
                )
            }));
            assert_eq!(seen.body_end, BodyEnd::Complete);
            assert_eq!(seen.body_sha256, sha256(&sent.body));
            let all = format!("{seen:?}\n{}", seen.body_text());
            assert!(!all.contains("aigw_") && !all.contains(&self.key[self.key.len() - 43..]), "{all}");
            assert_eq!(all.matches(&self.token).count(), 1, "{all}");
            pairs.push((sent, seen));
        }
        assert!(!pairs.is_empty(), "nothing reached the gateway");
        let log = self.machine.log();
        for secret in [&self.key[self.key.len() - 43..], &self.token, "say hi"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
        pairs
    }

    /// The same where the deployment pays: its token is the only credential, and none of the tool's is left.
    pub fn central_pairs(&self, credentials: &[&str]) -> Vec<(Sent, Recorded)> {
        let pairs = self.pairs();
        for (_, seen) in &pairs {
            assert_eq!(seen.headers("authorization"), [format!("Bearer {}", self.token)]);
            assert!(seen.upstream.iter().all(|upstream| upstream.credential == Credential::Centralized));
            let all = format!("{seen:?}");
            let left: Vec<_> = credentials.iter().filter(|credential| all.contains(**credential)).collect();
            assert!(left.is_empty(), "{left:?} in {all}");
            for name in ["x-api-key", "chatgpt-account-id", "x-coder-ai-governance-token"] {
                assert_eq!(seen.header(name), None, "{name}");
            }
        }
        pairs
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.end_leftovers();
    }
}

impl Told {
    /// It ended by itself and is content.
    pub fn well(self) -> Self {
        assert!(self.status.is_some_and(|status| status.success()), "{self:#?}");
        self
    }

    /// Everything it printed.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}

/// The folder that `AIGW_CLIENTS` names, where `.ci/clients` puts the tools.
pub fn clients() -> PathBuf {
    std::env::var_os("AIGW_CLIENTS").expect("AIGW_CLIENTS; run these tests by `.ci/clients`").into()
}

/// A program among those.
pub fn client(name: &str) -> PathBuf {
    clients().join("bin").join(name)
}

/// These tools talk to their makers. Here they get nowhere, or the test does not begin.
fn no_way_out() {
    let routes = std::fs::read_to_string("/proc/self/net/route").unwrap_or_default();
    assert!(routes.lines().count() <= 1, "run these tests in a namespace without a route, by `.ci/clients`");
}

fn compared(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut compared: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
        .collect();
    compared.sort();
    compared
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
