//! `header_command`: a program that prints fields for every request to a gateway, which a zero-trust front end demands. Run
//! once for many requests; what it prints is in no log and in no error.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aigw_shared::fault::{Fault, Kind};
use http::header::{HeaderName, HeaderValue};
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::os::shell;
use crate::pipeline::{credential, headers};

/// For the program.
const PATIENCE: Duration = Duration::from_secs(10);
/// What it prints is used so long, unless the front end refuses it before.
const MAX_AGE: Duration = Duration::from_secs(300);
/// What was printed just now is not printed better at once.
const MIN_AGE: Duration = Duration::from_secs(1);
/// It prints no more than fits into a request's head.
const LIMIT: u64 = 64 * 1024;

/// Fields for a request.
pub type Fields = Arc<Vec<(HeaderName, HeaderValue)>>;

/// The command of one gateway.
pub struct HeaderCommand {
    gateway: String,
    line: String,
    url: String,
    printed: Arc<Mutex<Printed>>,
}

#[derive(Default)]
struct Printed {
    good: Option<(Instant, Fields)>,
    failed: Option<(Instant, Fault)>,
}

impl HeaderCommand {
    /// Of this gateway. The program is told the deployment's URL.
    pub fn new(gateway: &str, line: &str, url: &str) -> Self {
        Self { gateway: gateway.into(), line: line.into(), url: url.into(), printed: Arc::default() }
    }

    /// What it has printed, or prints now.
    ///
    /// # Errors
    /// When it fails, or prints something else.
    pub async fn fields(&self) -> Result<Fields, Fault> {
        self.younger_than(MAX_AGE).await
    }

    /// What it prints now: the front end has refused what it printed before.
    ///
    /// # Errors
    /// As [`fields`](Self::fields).
    pub async fn anew(&self) -> Result<Fields, Fault> {
        self.younger_than(MIN_AGE).await
    }

    /// The next request has it run again.
    pub fn forget(&self) {
        // Whoever holds the lock runs it just now.
        if let Ok(mut printed) = self.printed.try_lock() {
            *printed = Printed::default();
        }
    }

    async fn younger_than(&self, age: Duration) -> Result<Fields, Fault> {
        let came = Instant::now();
        let mut printed = self.printed.clone().lock_owned().await;
        if let Some((at, fields)) = &printed.good
            && (at.elapsed() < age || *at >= came)
        {
            return Ok(fields.clone());
        }
        // Of many that came while it ran, not each waits for a run of its own.
        if let Some((at, fault)) = &printed.failed
            && *at >= came
        {
            return Err(fault.clone());
        }
        let (gateway, line, url) = (self.gateway.clone(), self.line.clone(), self.url.clone());
        // Whoever asked may leave; those behind him want it all the same.
        let run = tokio::spawn(async move {
            let outcome = run(&gateway, &line, &url).await.map(Arc::new);
            match &outcome {
                Ok(fields) => {
                    *printed = Printed { good: Some((Instant::now(), fields.clone())), failed: None }
                }
                Err(fault) => {
                    *printed = Printed { good: None, failed: Some((Instant::now(), fault.clone())) }
                }
            }
            outcome
        });
        run.await.map_err(|error| Fault::new(Kind::Internal, format!("header_command: {error}")))?
    }
}

async fn run(gateway: &str, line: &str, url: &str) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let failed = |what: &str| {
        Fault::new(Kind::CommandFailed, format!("`header_command` of the gateway {gateway} {what}"))
            .cure_with(format!("run it in a terminal; `aigwctl gateway show {gateway}` prints it"))
    };
    let mut command = shell::command(line);
    command
        .env("CODER_URL", url)
        // Not its business.
        .env_remove("AIGW_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(&format!("cannot be run: {error}")))?;
    let mut output = Vec::new();
    let stdout = child.stdout.take();
    let ended = timeout(PATIENCE, async {
        if let Some(stdout) = stdout {
            stdout.take(LIMIT + 1).read_to_end(&mut output).await?;
        }
        child.wait().await
    });
    let status = ended
        .await
        .map_err(|_| failed(&format!("did not end in {} seconds", PATIENCE.as_secs())))?
        .map_err(|error| failed(&format!("cannot be heard: {error}")))?;
    if output.len() as u64 > LIMIT {
        return Err(failed("prints far too much"));
    }
    if !status.success() {
        return Err(failed(&format!("failed with {status}")));
    }
    read(&output).map_err(|what| failed(&what))
}

/// Lines `NAME=VALUE`, as Coder's own tools read them. What is wrong is told without showing any of it but names.
fn read(output: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let text = std::str::from_utf8(output).map_err(|_| "prints no text".to_owned())?;
    let mut fields = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let odd = || format!("prints something else than NAME=VALUE in line {number}");
        let (name, value) = line.split_once('=').ok_or_else(odd)?;
        let name: HeaderName = name.trim().parse().map_err(|_| odd())?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| odd())?;
        if credential::is_field(&name) || headers::is_ours(&name) {
            return Err(format!("prints a field that aigwd sets itself, {name}"));
        }
        value.set_sensitive(true);
        fields.push((name, value));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_fields_and_what_is_wrong_is_not_shown() {
        let fields = read(b"X-Access = hush\r\n\nx-other=a=b\n").unwrap();
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(fields, [("x-access", "hush"), ("x-other", "a=b")]);
        for bad in [
            "hush\n",
            "a b=hush\n",
            "x-a=hush\x01\n",
            "Authorization=Bearer hush\n",
            "Cookie=hush\n",
            "X-Coder-AI-Governance-Token=hush\n",
            "Host=hush\n",
            "Connection=hush\n",
            "Content-Length=5\n",
            "Transfer-Encoding=hush\n",
        ] {
            let said = read(bad.as_bytes()).unwrap_err();
            assert!(!said.contains("hush"), "{said}");
        }
        assert!(read(b"\xff").is_err());
    }
}
