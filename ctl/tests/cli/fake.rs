//! A daemon that answers what a test tells it to and remembers what it was asked, in a scratch home of its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigw_shared::ipc::hello::{Hello, LEN};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::{codec, frame};
use aigw_shared::os::socket::{self, Stream};
use aigw_shared::paths::Paths;
use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A scratch home in which nothing runs yet.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a program said and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

type Answer = dyn Fn(&Request) -> Response + Send + Sync;

/// The daemon; it ends with the test program, or after it has answered `Stop`.
pub(crate) struct Fake {
    pub(crate) home: Home,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn paths(&self) -> Paths {
        Paths::under(self.folder.path())
    }

    /// A command that sees this home, and none of the variables of whoever runs the tests.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for name in [
            "XDG_RUNTIME_DIR",
            "TMPDIR",
            "NO_PROXY",
            "no_proxy",
            "CODER_URL",
            "CODER_SESSION_TOKEN",
            "BROWSER",
        ] {
            command.env_remove(name);
        }
        // No tool is found, whoever runs the tests.
        command.env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("CODER_CONFIG_DIR", self.folder.path().join("coderv2"));
        command.env("AIGW_HOME", self.folder.path()).env("SHELL", "/bin/sh").current_dir(self.folder.path());
        command
    }

    pub(crate) fn aigwctl(&self, line: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_aigwctl"));
        command.args(line);
        command
    }

    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        run(&mut self.aigwctl(line), "")
    }
}

/// Runs it with this stdin.
pub(crate) fn run(command: &mut Command, stdin: &str) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended without reading it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Fake {
    pub(crate) fn new(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::greeting(Hello::OURS, answer)
    }

    /// One that speaks other versions.
    pub(crate) fn greeting(
        hello: Hello,
        answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        let home = Home::new();
        let seen = serve(&home.paths(), hello, Arc::new(answer));
        Self { home, seen }
    }

    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        self.home.run(line)
    }

    /// What it was asked since it was last asked this.
    pub(crate) fn seen(&self) -> Vec<Request> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Serves on a thread of its own; returns when the socket is there.
pub(crate) fn serve(paths: &Paths, hello: Hello, answer: Arc<Answer>) -> Arc<Mutex<Vec<Request>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let place = paths.socket();
    place.prepare().unwrap();
    // As long as it lives, like a daemon.
    std::fs::create_dir_all(&paths.state).unwrap();
    let lock = std::fs::File::create(paths.lock_file()).unwrap();
    lock.try_lock().unwrap();
    let (ready, wait) = std::sync::mpsc::channel();
    let kept = seen.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            use interprocess::local_socket::traits::tokio::Listener;
            let listener = socket::listen(&place.address).unwrap();
            ready.send(()).unwrap();
            while let Ok(stream) = listener.accept().await {
                if converse(stream, hello, &*answer, &kept).await.unwrap_or(false) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    drop(lock);
                    return;
                }
            }
        });
    });
    wait.recv_timeout(Duration::from_secs(10)).unwrap();
    seen
}

/// True after `Stop`.
async fn converse(
    mut stream: Stream,
    hello: Hello,
    answer: &Answer,
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<bool> {
    stream.write_all(&hello.encode()).await?;
    stream.read_exact(&mut [0; LEN]).await?;
    let mut frames = frame::frames(stream);
    while let Some(bytes) = frames.next().await {
        let request: Request = codec::decode(&bytes?).unwrap();
        let response = codec::encode(&answer(&request)).unwrap();
        let stop = matches!(request, Request::Stop);
        seen.lock().unwrap().push(request);
        frames.send(response.as_slice()).await?;
        if stop {
            return Ok(true);
        }
    }
    Ok(false)
}
