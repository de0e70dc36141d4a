//! `service`: aigwd runs whenever this user is logged in, under the system's service manager, which keeps its sockets.

mod journal;
mod port;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use aigw_shared::fault::{Failure, Fault, Kind};
use serde::Serialize;
use tokio::time::sleep;

use super::{start, stop};
use crate::cli::Service;
use crate::daemon;
use crate::os::service::{self, Act, Place};
use crate::output::{Answer, GOOD, Output, WARN};
use crate::steps::Step;

/// A daemon that is well answers within a second.
const PATIENCE: Duration = Duration::from_secs(30);

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
            return self.steps.iter().try_for_each(|step| writeln!(to, "{}", step.replace('\n', "\n  ")));
        }
        let installed = if self.installed { "is installed" } else { "is not installed" };
        let (style, running) = match self.running {
            Some(true) => (GOOD, ", and aigwd answers"),
            Some(false) => (WARN, ", and aigwd does not answer"),
            None => (GOOD, ""),
        };
        writeln!(to, "The service {installed}{style}{running}{style:#}.")?;
        if self.installed { writeln!(to, "Tools connect to port {}.", self.port) } else { Ok(()) }
    }
}

pub(super) async fn run(action: &Service, output: &Output) -> Result<(), Failure> {
    match action {
        Service::Install { dry_run, linger } => install(*dry_run, *linger, output).await,
        Service::Uninstall { dry_run } => uninstall(*dry_run, output).await,
        Service::Start { dry_run } => act(Act::Start, *dry_run, output).await,
        Service::Stop { dry_run } => act(Act::Stop, *dry_run, output).await,
        Service::Restart { dry_run } => act(Act::Restart, *dry_run, output).await,
        Service::Status => status(output).await,
        Service::Logs { follow } => logs(*follow),
    }
}

async fn install(dry_run: bool, linger: bool, output: &Output) -> Result<(), Failure> {
    let choice = port::choose().await?;
    let place = Place::here(choice.port)?;
    let mut steps: Vec<Step> = choice.step.into_iter().collect();
    steps.extend(place.install());
    if linger {
        steps.push(place.linger()?);
    }
    if dry_run {
        return told(&place, true, None, &steps, output);
    }
    journal::complete(output)?;
    if !place.is_installed() && daemon::is_there().await? {
        output.note("Stopping the aigwd that was started by hand.");
        stop::end(output).await?;
    }
    journal::apply("service install", &steps)?;
    answers().await?;
    told(&place, false, Some(true), &steps, output)
}

async fn uninstall(dry_run: bool, output: &Output) -> Result<(), Failure> {
    let place = here()?;
    let steps = if place.is_installed() { place.uninstall() } else { Vec::new() };
    if !dry_run {
        journal::complete(output)?;
        journal::apply("service uninstall", &steps)?;
    }
    told(&place, dry_run, None, &steps, output)
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
    journal::apply("service", &steps)?;
    if act == Act::Stop {
        return told(&place, false, Some(false), &steps, output);
    }
    answers().await?;
    told(&place, false, Some(true), &steps, output)
}

async fn status(output: &Output) -> Result<(), Failure> {
    let place = here()?;
    // Under a service that keeps the control socket, the question itself would start it.
    let running = !daemon::has_ended()?;
    told(&place, false, Some(running), &[], output)
}

/// Hands over to the program that shows them.
fn logs(follow: bool) -> Result<(), Failure> {
    let place = here()?;
    let mut command = place.logs(follow, &daemon::paths()?.log_file());
    let status = command.status().map_err(|error| {
        Fault::new(Kind::CommandMissing, format!("{:?} cannot be run: {error}", command.get_program()))
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Fault::new(Kind::CommandFailed, format!("{:?} ended with {status}", command.get_program())).into())
}

fn here() -> Result<Place, Failure> {
    Place::here(port::configured()?)
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
