//! A desk with copies of the machine's stores: a folder, and a mount namespace in which the copies stand where the stores
//! stand.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use aigw_tests::eventually::eventually;
use aigw_tests::machine::told;
use serde_json::Value;
use tempfile::TempDir;

/// Somebody who is not root.
pub const USER: u32 = 12345;

/// Hides what else the system does after its store has changed.
const MOUNTS: &str = r#"#!/bin/sh
set -e
mount --bind "$DESK/ssl" /etc/ssl
mount --bind "$DESK/local" /usr/local/share/ca-certificates
mount --bind "$DESK/var-lib" /var/lib
mount --bind "$DESK/conf" /etc/ca-certificates.conf
mount -t tmpfs none /etc/ca-certificates/update.d
[ -z "$AS" ] || exec setpriv --reuid "$AS" --regid "$AS" --clear-groups "$@"
exec "$@"
"#;

/// Files and links below a folder: what they hold or lead to, and their modes.
pub type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32)>;

pub struct Desk {
    folder: TempDir,
    /// Further variables.
    pub variables: Vec<(&'static str, String)>,
}

impl Desk {
    pub fn new() -> Self {
        assert!(rustix::process::getuid().is_root(), "these tests need root: run them as uid 0");
        let folder = tempfile::Builder::new().prefix("aigw-trust").tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let desk = Self { folder, variables: Vec::new() };
        for name in ["home", "root-home", "var-lib", "first", "made"] {
            fs::create_dir(desk.path(name)).unwrap();
        }
        chown(desk.path("home"), Some(USER), Some(USER)).unwrap();
        desk.tool("cp", &["-a", "/etc/ssl", &desk.text("ssl")]);
        desk.tool("cp", &["-a", "/usr/local/share/ca-certificates", &desk.text("local")]);
        // A few of the world's roots are enough, and take a tenth of the time.
        let all = fs::read_to_string("/etc/ca-certificates.conf").unwrap();
        let few = all.lines().filter(|line| line.starts_with("mozilla/")).take(5);
        fs::write(desk.path("conf"), few.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        fs::write(desk.path("text"), MOUNTS).unwrap();
        // By another process: were they written by this one, a child that another test starts at that moment would hold
        // them open, and they could not be run.
        desk.tool("install", &["-m", "755", &desk.text("text"), &desk.text("inside")]);
        let built = env!("CARGO_BIN_EXE_aigwctl_under_test");
        desk.tool("install", &["-m", "755", built, &desk.text("aigwctl")]);
        // What was put there by other means is made what the program would make of it.
        let made = desk.inside(None, &["update-ca-certificates", "--fresh"]);
        assert!(made.status.success(), "{}", told(&made));
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A program outside, which must succeed.
    pub fn tool(&self, program: &str, words: &[&str]) -> String {
        let output = Command::new(program).args(words).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{program} {words:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A script that is found before the programs of its name.
    pub fn first_in_path(&self, name: &str, script: &str) {
        fs::write(self.path("text"), script).unwrap();
        self.tool("install", &["-m", "755", &self.text("text"), &self.text(&format!("first/{name}"))]);
    }

    /// A command inside, as this user or root.
    pub fn inside(&self, user: Option<u32>, words: &[&str]) -> Output {
        let home = if user.is_some() { "home" } else { "root-home" };
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private"]).arg(self.path("inside")).args(words);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.text("first")))
            .env("DESK", self.folder.path())
            .env("AS", user.map(|user| user.to_string()).unwrap_or_default())
            .env("HOME", self.path(home))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    pub fn ctl(&self, user: Option<u32>, words: &[&str]) -> Output {
        let program = self.text("aigwctl");
        self.inside(user, &[&[&*program], words].concat())
    }

    /// The same for a program: it must succeed with JSON.
    pub fn ask(&self, user: Option<u32>, words: &[&str]) -> Value {
        let output = self.ctl(user, &[words, &["--json"]].concat());
        assert!(output.status.success(), "{words:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {}", told(&output)))
    }

    /// A root like the daemon's, and its fingerprint. All have one name.
    pub fn root(&self, name: &str) -> Made {
        let (certificate, key) =
            (self.text(&format!("made/{name}.pem")), self.text(&format!("made/{name}.key")));
        // Each lives longer than the one before: NSS puts the newest first, whichever was asked for.
        let days = (30 + fs::read_dir(self.path("made")).unwrap().count()).to_string();
        let subject = "/O=aigw/CN=aigw root (this machine only)";
        let words = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            &days,
        ];
        let more = [
            "-subj",
            subject,
            "-addext",
            "extendedKeyUsage=serverAuth",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ];
        self.tool("openssl", &[&words[..], &more].concat());
        fs::set_permissions(&certificate, Permissions::from_mode(0o644)).unwrap();
        let shown = self.tool("openssl", &["x509", "-in", &certificate, "-noout", "-fingerprint", "-sha256"]);
        let fingerprint = shown.trim().split_once('=').unwrap().1.to_owned();
        Made { certificate, key, fingerprint }
    }

    pub fn snapshot(&self, names: &[&str]) -> Snapshot {
        let mut found = Snapshot::new();
        names.iter().for_each(|name| walk(&self.path(name), &mut found));
        found
    }

    /// The system's stores, and what is ours to write.
    pub fn everything(&self) -> Snapshot {
        self.snapshot(&["ssl", "local", "var-lib", "home", "root-home"])
    }

    /// Whether curl and openssl, as they come, believe a server whose certificate this root has signed.
    pub fn is_trusted(&self, root: &Made) -> bool {
        let leaf = self.leaf(root);
        let port = aigw_tests::port::reserved();
        let address = format!("127.0.0.1:{port}");
        let words = [
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            &address,
            "-cert",
            &leaf.certificate,
            "-key",
            &leaf.key,
        ];
        let server =
            Command::new("openssl").args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let _server = Ended(server);
        eventually("a TLS server", || std::net::TcpStream::connect(&address).ok());
        let url = format!("https://localhost:{port}/");
        let curl = self.inside(None, &["curl", "-sS", "--noproxy", "*", "-o", "/dev/null", &url]);
        let openssl =
            self.inside(None, &["openssl", "verify", "-CApath", "/etc/ssl/certs", &leaf.certificate]);
        assert_eq!(curl.status.success(), openssl.status.success(), "{}{}", told(&curl), told(&openssl));
        // 60: the certificate is not believed. Anything else would prove nothing.
        assert!(curl.status.success() || curl.status.code() == Some(60), "{}", told(&curl));
        curl.status.success()
    }

    fn leaf(&self, root: &Made) -> Made {
        let (certificate, key) = (self.text("made/leaf.pem"), self.text("made/leaf.key"));
        let words =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7"];
        let more = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext"];
        let signed = ["basicConstraints=critical,CA:FALSE", "-CA", &root.certificate, "-CAkey", &root.key];
        self.tool(
            "openssl",
            &[&words[..], &more, &signed, &["-keyout", &key, "-out", &certificate]].concat(),
        );
        Made { certificate, key, fingerprint: String::new() }
    }
}

/// Files of a certificate.
pub struct Made {
    pub certificate: String,
    pub key: String,
    pub fingerprint: String,
}

impl Made {
    pub fn pem(&self) -> String {
        fs::read_to_string(&self.certificate).unwrap()
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn walk(folder: &Path, into: &mut Snapshot) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, metadata) = (entry.path(), entry.path().symlink_metadata().unwrap());
        let content = if metadata.is_symlink() {
            fs::read_link(&path).unwrap().to_str().unwrap().as_bytes().to_vec()
        } else if metadata.is_dir() {
            walk(&path, into);
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        into.insert(path, (content, metadata.permissions().mode()));
    }
}

/// Which paths differ; contents would fill the screen.
#[track_caller]
pub fn same(now: &Snapshot, before: &Snapshot) {
    let differ: Vec<_> =
        now.keys().chain(before.keys()).filter(|path| now.get(*path) != before.get(*path)).collect();
    assert!(differ.is_empty(), "changed: {differ:#?}");
}

/// What the answer says of the stores of a kind.
pub fn states(answer: &Value, kind: &str) -> Vec<String> {
    let rows = answer["stores"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter()
        .filter(|row| row["store"] == kind)
        .map(|row| row["state"].as_str().unwrap().to_owned())
        .collect()
}
