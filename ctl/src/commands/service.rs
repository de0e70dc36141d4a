//! `service`: aigwd runs whenever this user is logged in, under the system's service manager, which keeps its sockets.

mod handover;
mod host;
mod install;
mod journal;
mod port;
mod record;
mod state;

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aigw_shared::fault::{Failure, Fault, Kind};
use serde::Serialize;
use tokio::time::sleep;

pub(super) use self::install::{Started, is_installed, plan_of_up, remove, up, wake};
pub(super) use self::state::look;
use super::start;
use crate::cli::Service;
use crate::daemon;
use crate::os::service::{self, Act, Manager, Place};
use crate::output::{Answer, GOOD, Output, WARN};
use crate::steps::Step;

/// A daemon that is well answers within a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a report.
const LINES: u32 = 200;

#[derive(Serialize)]
struct Told {
    dry_run: bool,
    /// Whether it is installed now.
    installed: bool,
    /// Whether aigwd answers; null where it was not asked.
    running: Option<bool>,
    port: u16,
    steps: Vec<String>,
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.dry_run {
            if self.steps.is_empty() {
                writeln!(to, "Nothing is to be done.")?;
            }
            return self.steps.iter().try_for_each(|step| writeln!(to, "{}", step.replace('\n', "\n  ")));
        }
        let installed = if self.installed { "is installed" } else { "is not installed" };
        let (style, running) = match self.running {
            Some(true) => (GOOD, ", and aigwd answers"),
            Some(false) => (WARN, ", and aigwd does not run"),
            None => (GOOD, ""),
        };
        writeln!(to, "The service {installed}{style}{running}{style:#}.")?;
        if self.installed { writeln!(to, "Tools connect to port {}.", self.port) } else { Ok(()) }
    }
}

pub(super) async fn run(action: &Service, output: &Output) -> Result<(), Failure> {
    match action {
        Service::Install { dry_run, system: Some(user), .. } => host::install(user, *dry_run, output),
        Service::Install { dry_run, linger, .. } => install::run(*dry_run, *linger, output).await,
        Service::Uninstall { dry_run, system: Some(user) } => host::uninstall(user, *dry_run, output),
        Service::Uninstall { dry_run, .. } => install::undo(*dry_run, output),
        Service::Start { dry_run } => act(Act::Start, *dry_run, output).await,
        Service::Stop { dry_run } => act(Act::Stop, *dry_run, output).await,
        Service::Restart { dry_run, drain } if handover::is_possible()? => {
            handover::restart(*drain, *dry_run, output).await
        }
        Service::Restart { dry_run, .. } => act(Act::Restart, *dry_run, output).await,
        Service::Upgrade { program, drain, dry_run } => {
            handover::upgrade(program, *drain, *dry_run, output).await
        }
        Service::Status => state::show(output),
        Service::Logs { follow, lines } => logs(*follow, *lines),
    }
}

async fn act(act: Act, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let place = here()?;
    if !place.is_installed() {
        return Err(Fault::new(Kind::CommandFailed, "the service is not installed")
            .cure_with("aigwctl service install")
            .into());
    }
    let steps = place.act(act);
    if dry_run {
        return told(&place, true, None, &steps, output);
    }
    if !place.manager.answers() {
        return Err(place.manager.absent().into());
    }
    journal::apply("service", &steps)?;
    if act == Act::Stop {
        return told(&place, false, Some(false), &steps, output);
    }
    answers().await?;
    told(&place, false, Some(true), &steps, output)
}

/// Hands over to the program that shows them.
fn logs(follow: bool, lines: u32) -> Result<(), Failure> {
    let place = here()?;
    let log = daemon::paths()?.log_file();
    let journal = place.manager == Manager::Systemd && place.is_installed();
    if !journal && !log.exists() {
        return Err(Fault::new(Kind::File, format!("there is no log yet: {}", log.display()))
            .cure_with("start aigwd: `aigwctl start`, or `aigwctl service install`")
            .into());
    }
    let words = place.logs(journal, follow, lines, &log);
    let Some((program, words)) = words.split_first() else { return Ok(()) };
    let status = Command::new(program)
        .args(words)
        .status()
        .map_err(|error| Fault::new(Kind::CommandMissing, format!("{program} cannot be run: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let fault = Fault::new(Kind::CommandFailed, format!("{program} ended with {status}"));
    Err(if journal {
        fault.cure_with(
            "a journal that is not kept on the disk is open to administrators only: `sudo mkdir /var/log/journal && \
             sudo systemctl restart systemd-journald`",
        )
    } else {
        fault
    }
    .into())
}

/// What the service wrote last, where the system's journal has it.
pub(super) fn journal_of_service() -> Option<String> {
    let place = here().ok().filter(|place| place.manager == Manager::Systemd && place.is_installed())?;
    let words = place.logs(true, false, LINES, Path::new(""));
    let (program, words) = words.split_first()?;
    let output = Command::new(program).args(words).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn here() -> Result<Place, Failure> {
    Place::here(port::configured()?, None)
}

async fn answers() -> Result<(), Failure> {
    let begun = Instant::now();
    while let Err(failure) = start::describe().await {
        if begun.elapsed() > PATIENCE || !daemon::is_absent(&failure) {
            return Err(Fault::new(Kind::CommandFailed, format!("aigwd does not answer: {}", failure.text))
                .cure_with("aigwctl service logs")
                .into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn told(
    place: &Place,
    dry_run: bool,
    running: Option<bool>,
    steps: &[Step],
    output: &Output,
) -> Result<(), Failure> {
    let steps = steps.iter().map(service::words).collect();
    output.show(&Told { dry_run, installed: place.is_installed(), running, port: place.port, steps })
}
