//! `start`: runs the daemon in the background, or has its service do it where one is installed, and waits until it answers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::files::create_private_dir;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::Build;
use serde::Serialize;
use tokio::time::sleep;

use super::{service, status};
use crate::output::{Answer, Output};
use crate::{daemon, os, program};

/// A daemon that is well answers within a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// Names the file of the roots that a program trusts.
const ROOTS: &str = "SSL_CERT_FILE";
/// What is shown of the log of a daemon that ended.
const LOG_LINES: usize = 10;
/// The end of a log in which those lines are looked for.
const LOG_TAIL: u64 = 16 * 1024;

#[derive(Serialize)]
pub(super) struct Started {
    already_running: bool,
    /// By its service, which was stopped.
    by_service: bool,
    version: String,
    pid: u32,
    /// Null when it is of another version.
    listen: Option<Vec<String>>,
    /// Null when we did not start it.
    log: Option<PathBuf>,
}

impl Started {
    /// Whether there was nothing to do.
    pub(super) fn was_running(&self) -> bool {
        self.already_running
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Answer for Started {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let state = if self.already_running { "is already running" } else { "is running" };
        let place =
            self.listen.as_ref().map(|listen| format!(" at {}", listen.join(", "))).unwrap_or_default();
        writeln!(to, "aigwd {} {state}{place}, pid {}.", self.version, self.pid)?;
        if self.by_service {
            writeln!(to, "Its service has started it.")?;
        }
        match &self.log {
            Some(log) => writeln!(to, "Its log is {}", log.display()),
            None => Ok(()),
        }
    }
}

pub(super) async fn run(aigwd: Option<&Path>, output: &Output) -> Result<(), Failure> {
    output.show(&begin(aigwd).await?)
}

/// Starts it, unless it runs.
pub(super) async fn begin(aigwd: Option<&Path>) -> Result<Started, Failure> {
    match describe().await {
        Ok(build) => return Ok(started(build, true, None).await),
        Err(failure) if daemon::is_absent(&failure) => {}
        Err(failure) => return Err(failure),
    }
    if aigwd.is_none() && service::is_installed() {
        service::wake().await?;
        return Ok(Started { by_service: true, ..started(describe().await?, false, None).await });
    }
    let program = match aigwd {
        Some(path) => path.to_path_buf(),
        None => program::aigwd()?,
    };
    let paths = daemon::paths()?;
    create_private_dir(&paths.state)?;
    let log = paths.log_file();
    let unusable =
        |error: io::Error| Fault::new(Kind::File, format!("{} cannot be used: {error}", log.display()));
    let file = os::spawn::open_log(&log).map_err(unusable)?;
    let begin_of_log = file.metadata().map_err(unusable)?.len();
    // A shell that was set up by `env --proxy`: what is for tools would make the daemon trust its own CA at gateways.
    let ours = std::env::var_os(ROOTS).is_some_and(|file| Path::new(&file).starts_with(paths.ca_dir()));
    let without: &[&str] = if ours { &[ROOTS] } else { &[] };
    let mut child = os::spawn::detached(&program, &file, without).map_err(|error| {
        Fault::new(Kind::Impossible, format!("{} cannot be run: {error}", program.display()))
            .cure_with("install aigwd beside aigwctl")
    })?;

    let begun = Instant::now();
    loop {
        let ended = child.try_wait().map_err(|error| Fault::new(Kind::Internal, error.to_string()))?;
        match describe().await {
            Ok(build) => {
                // Somebody else's start may have been faster; then theirs runs and ours has ended.
                let already_running = build.pid != child.id();
                let log = (!already_running).then_some(log);
                return Ok(started(build, already_running, log).await);
            }
            Err(failure) if !daemon::is_absent(&failure) => return Err(failure),
            Err(_) => {}
        }
        if let Some(status) = ended {
            return Err(ended_at_once(status, &log, begin_of_log));
        }
        if begun.elapsed() > PATIENCE {
            let text = format!("aigwd (pid {}) does not answer after {} s", child.id(), PATIENCE.as_secs());
            return Err(Fault::new(Kind::Internal, text)
                .cure_with(format!("read its log, {}", log.display()))
                .into());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

pub(super) async fn describe() -> Result<Build, Failure> {
    match daemon::ask(Request::Describe).await? {
        Response::Described(build) => Ok(build),
        _ => Err(daemon::unexpected()),
    }
}

async fn started(build: Build, already_running: bool, log: Option<PathBuf>) -> Started {
    let listen = status::fetch().await.ok().map(|status| status.daemon.listen);
    Started { already_running, by_service: false, version: build.version, pid: build.pid, listen, log }
}

fn ended_at_once(status: ExitStatus, log: &Path, begin_of_log: u64) -> Failure {
    let kind = match status.code() {
        Some(code) if code == i32::from(Kind::BadConfiguration.face().exit) => Kind::BadConfiguration,
        _ => Kind::Internal,
    };
    let how = status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"));
    let mut text = format!("aigwd has ended with {how}");
    let lines = last_lines(log, begin_of_log).unwrap_or_default();
    if !lines.is_empty() {
        text += ", after these lines:";
        lines.iter().for_each(|line| text += &format!("\n  {line}"));
    }
    let cure = format!("mend that, then run `aigwctl start`; its log is {}", log.display());
    Fault::new(kind, text).cure_with(cure).into()
}

fn last_lines(log: &Path, begin: u64) -> io::Result<Vec<String>> {
    let mut file = File::open(log)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(begin.max(end.saturating_sub(LOG_TAIL))))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(LOG_LINES)..].iter().map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_of_this_start() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("aigwd.log");
        std::fs::write(&log, "old\n").unwrap();
        let new: String = (1..=12).map(|n| format!("line {n}\n\n")).collect();
        std::fs::write(&log, format!("old\n{new}")).unwrap();
        let lines = last_lines(&log, 4).unwrap();
        assert_eq!((lines.len(), lines[0].as_str(), lines[9].as_str()), (10, "line 3", "line 12"));
        assert!(last_lines(&log, 4 + new.len() as u64).unwrap().is_empty());
    }
}
