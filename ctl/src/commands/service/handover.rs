//! `service restart` and `service upgrade`: the running aigwd starts its successor and hands it everything that is open, so
//! that no tool notices. Where a system or an older aigwd cannot do that, it is started again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{Build, HandOver};
use serde::Serialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::super::{start, stop};
use crate::cli::Drain;
use crate::daemon;
use crate::os::service::Manager;
use crate::output::{Answer, GOOD, Output};

/// A program says its version at once.
const VERSION: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct HandedOver {
    dry_run: bool,
    /// Whether it went without a gap: everything open was handed over.
    handed_over: bool,
    from: Build,
    to: Build,
    /// Null where the program stays where it is.
    program: Option<PathBuf>,
}

impl Answer for HandedOver {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let (from, now) = (&self.from, &self.to);
        if self.dry_run {
            return writeln!(
                to,
                "aigwd {} (pid {}) would hand over to aigwd {}.",
                from.version, from.pid, now.version
            );
        }
        if self.handed_over {
            writeln!(
                to,
                "{GOOD}aigwd {} (pid {}) has handed over to aigwd {} (pid {}){GOOD:#}, and finishes what it had begun.",
                from.version, from.pid, now.version, now.pid
            )?;
        } else {
            writeln!(
                to,
                "aigwd {} has ended, and aigwd {} (pid {}) runs.",
                from.version, now.version, now.pid
            )?;
        }
        match &self.program {
            Some(program) => writeln!(
                to,
                "It runs {} until it is started anew, which is then the program of `aigwctl start` or of the service's files.",
                program.display()
            ),
            None => Ok(()),
        }
    }
}

/// Whether there is somebody to hand over, and nobody who would start another one instead.
pub(super) fn is_possible() -> Result<bool, Failure> {
    let others = super::here().is_ok_and(|place| place.is_installed() && place.manager != Manager::Systemd);
    Ok(!others && !daemon::has_ended()?)
}

/// `service restart`.
pub(super) async fn restart(drain: Drain, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let from = start::describe().await?;
    let now = Build { pid: 0, ..from.clone() };
    if dry_run {
        return output.show(&HandedOver { dry_run, handed_over: false, from, to: now, program: None });
    }
    over(from, None, drain, output).await
}

/// `service upgrade`.
pub(super) async fn upgrade(
    program: &Path,
    drain: Drain,
    dry_run: bool,
    output: &Output,
) -> Result<(), Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Fault::new(Kind::CommandNotExecutable, format!("{} is no aigwd: {error}", program.display()))
            .cure_with("name the program aigwd of another version")
    };
    // Links are followed now: what they lead to may be another tomorrow.
    let program = program.canonicalize().map_err(|error| unusable(&error))?;
    let version = version(&program).await.map_err(|error| unusable(&error))?;
    let from = start::describe().await?;
    let now = Build { version, pid: 0, ..from.clone() };
    if dry_run {
        return output.show(&HandedOver {
            dry_run,
            handed_over: false,
            from,
            to: now,
            program: Some(program),
        });
    }
    output.note(&format!("From aigwd {} to aigwd {}.", from.version, now.version));
    over(from, Some(program), drain, output).await
}

async fn over(from: Build, program: Option<PathBuf>, drain: Drain, output: &Output) -> Result<(), Failure> {
    let words = program.as_ref().map(|program| program.to_string_lossy().into_owned());
    let how = HandOver { program: words, drain_s: drain.seconds() };
    let (handed_over, to) = match daemon::ask(Request::HandOver(how)).await {
        Ok(Response::HandedOver(build)) => (true, build),
        Ok(_) => return Err(daemon::unexpected()),
        Err(failure) if cannot(&failure) => {
            output.note(&format!("{}: aigwd is started again instead.", failure.text));
            stop::end(output).await?;
            start::begin(program.as_deref()).await?;
            (false, start::describe().await?)
        }
        Err(failure) => return Err(failure),
    };
    output.show(&HandedOver { dry_run: false, handed_over, from, to, program })
}

/// The system lets nobody hand over, or this aigwd is older than that and does not know the word.
fn cannot(failure: &Failure) -> bool {
    [Kind::Impossible, Kind::BadRequest].iter().any(|kind| kind.face().code == failure.code)
}

async fn version(program: &Path) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = timeout(VERSION, command.output()).await;
    let output =
        output.map_err(|_| "it does not say its version".to_owned())?.map_err(|error| error.to_string())?;
    let words = String::from_utf8_lossy(&output.stdout);
    match words.trim().split_once(' ') {
        Some(("aigwd", version)) if output.status.success() && !version.contains(char::is_whitespace) => {
            Ok(version.to_owned())
        }
        _ => Err("asked for its version, it does not say `aigwd`".to_owned()),
    }
}
