//! A session bus that starts nothing by itself, and the keyring on it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aigw_tests::eventually::eventually;
use tempfile::TempDir;

const PASSWORD: &str = "open sesame";

/// No folder of services: whoever is asked for and not there, is not there.
const CONFIG: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:path=FOLDER/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// The bus. All of it is killed when this is dropped.
pub struct Bus {
    pub address: String,
    folder: TempDir,
    bus: Child,
    keyring: Option<Child>,
}

impl Bus {
    /// A bus without a keyring.
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("aigw-bus").tempdir().unwrap();
        let config = folder.path().join("bus.conf");
        std::fs::write(&config, CONFIG.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
        let mut bus = command("dbus-daemon", folder.path())
            .args(["--nofork", "--print-address", "--config-file"])
            .arg(&config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon runs");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { address: address.trim().to_owned(), folder, bus, keyring: None }
    }

    /// One with a keyring that is open.
    pub fn with_open_keyring() -> Self {
        let mut bus = Self::empty();
        bus.start_keyring(true);
        bus
    }

    /// Starts the keyring, open or locked. Its first start has to be an open one: that makes it.
    pub fn start_keyring(&mut self, open: bool) {
        self.end_keyring();
        let mut keyring = command("gnome-keyring-daemon", self.folder.path());
        keyring.env("DBUS_SESSION_BUS_ADDRESS", &self.address).args(["--foreground", "--components=secrets"]);
        if open {
            keyring.arg("--unlock");
        }
        let mut keyring =
            keyring.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("gnome-keyring-daemon runs");
        keyring.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        self.keyring = Some(keyring);
        eventually("the keyring is on the bus", || self.has_keyring().then_some(()));
    }

    pub fn end_keyring(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            let _ = keyring.kill();
            let _ = keyring.wait();
            eventually("the keyring is off the bus", || (!self.has_keyring()).then_some(()));
        }
    }

    /// Locks everything in it.
    pub fn lock(&self) {
        let told = self.send(&[
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.Lock",
            "array:objpath:/org/freedesktop/secrets/collection/login",
        ]);
        assert!(told.contains("collection/login"), "{told}");
    }

    /// Makes the keyring keep its place on the bus and answer nobody.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    /// Lets it answer again.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    /// How many items of ours are in it.
    pub fn items(&self) -> usize {
        self.search("service,aigw")
    }

    /// How many of them were left by a probe of the daemon with this home.
    pub fn probes(&self, home: &Path) -> usize {
        self.search(&format!("service,aigw,username,probe at {}", home.join("state/credentials").display()))
    }

    fn search(&self, attributes: &str) -> usize {
        let told = self.send(&[
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.SearchItems",
            &format!("dict:string:string:{attributes}"),
        ]);
        told.matches("object path").count()
    }

    fn signal(&self, name: &str) {
        let pid = self.keyring.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    fn has_keyring(&self) -> bool {
        let told = self.send(&[
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ]);
        told.contains("boolean true")
    }

    fn send(&self, words: &[&str]) -> String {
        let output = command("dbus-send", self.folder.path())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .args(["--session", "--print-reply", "--type=method_call"])
            .args(words)
            .output()
            .expect("dbus-send runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// With all its folders in this one.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        command.env(name, folder);
    }
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}
