//! A scratch machine: a home of its own, the real `aigwd` on a free port, `aigwctl` beside it, and a practice gateway
//! to log in to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use aigw_gateway::{Practice, Setup};
use serde_json::Value;
use tempfile::TempDir;

use crate::eventually::eventually;

/// The programs, as the test's package built them: `program!("aigwd")`.
#[macro_export]
macro_rules! machine {
    () => {
        $crate::machine::Machine::new(
            env!("CARGO_BIN_EXE_aigwd_under_test"),
            env!("CARGO_BIN_EXE_aigwctl_under_test"),
        )
    };
}

/// A home with programs to run in it.
pub struct Machine {
    home: TempDir,
    aigwd: PathBuf,
    aigwctl: PathBuf,
    environment: Vec<(String, String)>,
    log_level: String,
}

/// A daemon that is running. It is killed when this is dropped.
pub struct Running {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The port.
    pub port: u16,
}

impl Machine {
    /// An empty home. Use [`machine!`](crate::machine!), which knows where the programs are.
    ///
    /// # Panics
    /// When there is no room for a folder.
    pub fn new(aigwd: &str, aigwctl: &str) -> Self {
        let home = tempfile::Builder::new().prefix("aigw").tempdir().expect("a scratch folder");
        // Others of the same names, such as those for another processor.
        let instead = std::env::var_os("AIGW_PROGRAMS").map(PathBuf::from);
        let program = |built: &str| match (&instead, Path::new(built).file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => built.into(),
        };
        Self {
            home,
            aigwd: program(aigwd),
            aigwctl: program(aigwctl),
            environment: Vec::new(),
            log_level: "trace".to_owned(),
        }
    }

    /// `AIGW_HOME`.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// One more variable for both programs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Logs less than everything (for what is measured).
    pub fn log_level(&mut self, level: &str) {
        level.clone_into(&mut self.log_level);
    }

    /// Writes `config.toml`.
    ///
    /// # Panics
    /// When it cannot.
    pub fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.home().join("config")).expect("a folder");
        std::fs::write(self.home().join("config/config.toml"), text).expect("a file");
    }

    /// What `aigwd` wrote to its standard error and to its own log, of every run.
    pub fn log(&self) -> String {
        let files = ["log", "state/aigwd.log.1", "state/aigwd.log"];
        files.map(|file| std::fs::read_to_string(self.home().join(file)).unwrap_or_default()).concat()
    }

    /// A command in this home, in an environment of nothing but `PATH` and what was [`set`](Self::set).
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Without these Windows has no sockets, no folders and, under Wine, no Windows; elsewhere they are not set.
        let system = [
            "SystemRoot",
            "SystemDrive",
            "USERPROFILE",
            "USERNAME",
            "APPDATA",
            "LOCALAPPDATA",
            "TEMP",
            "WINEPREFIX",
        ];
        let system = system.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .env_clear()
            .envs(system)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("AIGW_HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.home())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// `aigwd` with these words, ready to be started.
    pub fn aigwd(&self, words: &[&str]) -> Command {
        let mut command = self.command(&self.aigwd);
        command.args(words);
        command
    }

    /// Starts `aigwd run` on a free port (unless the configuration names one) and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// The same with further flags.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(&self, flags: &[&str]) -> Running {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.home().join("log"))
            .expect("a log file");
        let mut command = self.command(&self.aigwd);
        command.arg("run").args(["--log-level", &self.log_level]).args(flags);
        if !flags.contains(&"--port") && !self.names_port() {
            command.args(["--port", "0"]);
        }
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().expect("aigwd starts");
        let address = eventually("aigwd answers on its control socket", || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("aigwd ended with {status}:\n{}", self.log());
            }
            // Unlike `status`, this asks no deployment.
            let output = self.ctl(&["--json"]);
            let status: Value = serde_json::from_slice(&output.stdout).ok()?;
            Some(status["daemon"]["listen"][0].as_str()?.to_owned())
        });
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Running { child, address, port }
    }

    fn names_port(&self) -> bool {
        let config = std::fs::read_to_string(self.home().join("config/config.toml")).unwrap_or_default();
        config.lines().any(|line| line.split('=').next().is_some_and(|key| key.trim() == "port"))
    }

    /// The program.
    pub fn aigwctl(&self) -> &Path {
        &self.aigwctl
    }

    /// Runs `aigwctl` with these words.
    ///
    /// # Panics
    /// When it cannot be run at all.
    pub fn ctl(&self, words: &[&str]) -> Output {
        self.ctl_with_input(words, "")
    }

    /// The same with something on its standard input.
    ///
    /// # Panics
    /// When it cannot be run at all.
    pub fn ctl_with_input(&self, words: &[&str], input: &str) -> Output {
        let mut command = self.command(&self.aigwctl);
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("aigwctl starts");
        // It may have ended without reading.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        child.wait_with_output().expect("aigwctl ends")
    }

    /// Starts `aigwctl` with these words, without a terminal that it could ask on, and with pipes for what it says.
    ///
    /// # Panics
    /// When it cannot be run at all.
    pub fn ctl_begun(&self, words: &[&str]) -> Child {
        let mut command = self.command(Path::new("setsid"));
        command.arg(&self.aigwctl).args(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("aigwctl starts")
    }

    /// Begins `aigwctl` with these words and kills it after so much time. Returned is whether it was still at work.
    ///
    /// # Panics
    /// When it does not start.
    pub fn ctl_killed(&self, words: &[&str], after: Duration) -> bool {
        let mut child = self.ctl_begun(words);
        let begun = Instant::now();
        while begun.elapsed() < after {
            if child.try_wait().expect("its state").is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = child.kill();
        !child.wait().expect("its end").success()
    }

    /// Runs `aigwctl` on a terminal where somebody types this. Its exit code, and all that was to be seen.
    ///
    /// # Panics
    /// When it cannot be run at all.
    pub fn ctl_on_terminal(&self, words: &str, typed: &str) -> (Option<i32>, String) {
        let mut command = self.command(Path::new("script"));
        let line = format!("exec {} {words}", self.aigwctl.display());
        command.args(["-qec", &line, "/dev/null"]).env("NO_COLOR", "1").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("script starts");
        // Held until it has ended: at the end of what is typed, the terminal would be hung up.
        let mut types = child.stdin.take().expect("a pipe");
        types.write_all(typed.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("script ends");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).replace('\r', ""))
    }

    /// Runs `aigwctl`, which must succeed, and reads the JSON it prints.
    ///
    /// # Panics
    /// When it fails, or prints something else.
    pub fn ask(&self, words: &[&str]) -> Value {
        let output = self.ctl(&[words, &["--json"]].concat());
        assert!(output.status.success(), "{words:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {}", told(&output)))
    }

    /// The local key of this name.
    ///
    /// # Panics
    /// When the daemon does not give it.
    pub fn key(&self, name: &str) -> String {
        self.ask(&["env", "--key", name])["ANTHROPIC_AUTH_TOKEN"].as_str().expect("a key").to_owned()
    }

    /// The root certificate of this machine's CA: what a tool is made to trust.
    ///
    /// # Panics
    /// When there is none.
    pub fn root_pem(&self) -> String {
        let status = self.ask(&["ca", "status"]);
        let path = status["root_cert"].as_str().unwrap_or_else(|| panic!("no root_cert: {status}"));
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The codes of the present findings.
    ///
    /// # Panics
    /// When there is no status.
    pub fn findings(&self) -> Vec<String> {
        let status = self.ask(&[]);
        let findings = status["findings"].as_array().expect("a list");
        findings.iter().map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
    }

    /// Logs in to a practice gateway with a fresh token. Returned is the one that the daemon had made with it, if that is in a
    /// file.
    ///
    /// # Panics
    /// When the login does not work.
    pub fn log_in(&self, gateway: &Practice) -> String {
        let token = gateway.issue_token("ada", Duration::from_secs(86_400));
        let output = self.log_in_with(gateway, &token, &[]);
        assert!(output.status.success(), "login: {}\n{}", told(&output), self.log());
        self.held_token("default").unwrap_or_default()
    }

    /// The token that is kept for a gateway.
    ///
    /// # Panics
    /// When the file is damaged.
    pub fn held_token(&self, gateway: &str) -> Option<String> {
        let file = self.home().join(format!("state/credentials/{gateway}.json"));
        let held: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).expect("JSON");
        held["token"].as_str().map(str::to_owned)
    }

    /// Tries to log in with this token.
    ///
    /// # Panics
    /// When the certificate cannot be written.
    pub fn log_in_with(&self, gateway: &Practice, token: &str, more: &[&str]) -> Output {
        let ca = self.home().join("practice-ca.pem");
        std::fs::write(&ca, gateway.ca_pem()).expect("a file");
        let url = gateway.url();
        let mut words = vec!["login", &url, "--token-stdin"];
        if url.starts_with("https") {
            words.extend(["--ca-file", ca.to_str().expect("a plain path")]);
        }
        words.extend(more);
        self.ctl_with_input(&words, &format!("{token}\n"))
    }
}

impl Running {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name, such as `TERM`.
    ///
    /// # Panics
    /// When there is no `kill` program.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Ends it at once, and waits. Unlike [`signal`](Self::signal), on every system.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.ended();
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("aigwd ends", || self.child.try_wait().expect("a child"))
    }

    /// Stops it as a service manager does, and waits.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A practice gateway with TLS and a private CA, as most tests want it.
///
/// # Panics
/// When there is no port for it.
pub async fn gateway() -> Practice {
    Practice::start(Setup { tls: true, ..Setup::default() }).await.expect("a practice gateway")
}

/// Everything a program printed, for a failing test's message.
pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}
