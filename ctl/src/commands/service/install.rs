//! Installs the service of this user and takes it away, for `service`, `up` and `down`.

use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};

use super::port::{Choice, Variables};
use super::record::Record;
use super::{Told, answers, here, journal, port, state, told};
use crate::commands::{start, stop};
use crate::os::service::{Act, Manager, Place};
use crate::output::Output;
use crate::settings::ledger::Ledger;
use crate::steps::{Step, apply};
use crate::{daemon, program};

/// What there is to do.
struct Plan {
    place: Place,
    /// Nothing, where all is so already.
    steps: Vec<Step>,
    linger: Option<Step>,
}

/// How aigwd came to run, in `up`.
pub(in crate::commands) enum Started {
    /// By the service.
    Service {
        /// There was nothing to do.
        already: bool,
        /// In words, and for scripts.
        kept: crate::output::Kept,
    },
    /// By hand, since no service manager of this user answers.
    ByHand(start::Started),
}

pub(super) async fn run(dry_run: bool, linger: bool, output: &Output) -> Result<(), Failure> {
    let plan = plan(None, linger).await?;
    if dry_run {
        let steps: Vec<Step> = plan.steps.into_iter().chain(plan.linger).collect();
        return told(&plan.place, true, None, &steps, output);
    }
    install(&plan, output).await?;
    told(&plan.place, false, Some(true), &plan.steps, output)
}

async fn plan(aigwd: Option<&Path>, linger: bool) -> Result<Plan, Failure> {
    let aigwd = match aigwd {
        Some(path) => program::given(path)?,
        None => program::aigwd()?,
    };
    let now = Place::here(0, Some(&aigwd))?;
    let installed = now.is_installed();
    let texts = now.files().into_iter().filter_map(|(file, _)| std::fs::read_to_string(file).ok());
    let kept = texts.filter(|_| installed).find_map(|text| state::kept(&text));
    let Choice { port, step } = port::choose(Variables::DoNot, kept).await?;
    let place = Place { port, ..now };
    let is_written = |file: &Path, text: &str| std::fs::read_to_string(file).is_ok_and(|now| now == text);
    let files = place.files();
    let is_so = installed && step.is_none() && files.iter().all(|(file, text)| is_written(file, text)) && {
        let state = place.state();
        state.enabled && !["", "inactive", "failed"].contains(&state.words.as_str())
    };
    let steps = if is_so { Vec::new() } else { step.into_iter().chain(place.install()).collect() };
    let linger = if linger && !place.lingers() { Some(place.linger(true)?) } else { None };
    Ok(Plan { place, steps, linger })
}

async fn install(plan: &Plan, output: &Output) -> Result<(), Failure> {
    let Plan { place, steps, linger } = plan;
    if !place.manager.answers() {
        return Err(place.manager.absent().into());
    }
    journal::complete(output)?;
    if !steps.is_empty() {
        if !place.is_installed() && !daemon::has_ended()? {
            output.note("Stopping the aigwd that was started by hand.");
            stop::end(output).await?;
        }
        Record::begin(place)?;
        journal::apply("service install", steps)?;
    }
    answers().await?;
    if let Some(Step::Run { program, arguments }) = linger {
        apply::command(program, arguments).map_err(|fault| {
            fault.cure_with(format!("aigwd runs; as root: `loginctl enable-linger {}`", place.user))
        })?;
        Record::linger()?;
    }
    Ok(())
}

pub(super) fn undo(dry_run: bool, output: &Output) -> Result<(), Failure> {
    let place = here()?;
    let steps = if place.is_installed() { steps_back(&place)? } else { Vec::new() };
    if !dry_run {
        take_away(&place, &steps, output)?;
    }
    told(&place, dry_run, None, &steps, output)
}

fn steps_back(place: &Place) -> Result<Vec<Step>, Failure> {
    let mut steps = place.uninstall(place.manager.answers());
    if Record::read()?.linger {
        steps.push(place.linger(false)?);
    }
    Ok(steps)
}

fn take_away(place: &Place, steps: &[Step], output: &Output) -> Result<(), Failure> {
    let session = crate::tools::SESSION.id;
    if place.is_installed() && Ledger::look(&daemon::paths()?)?.all_tools().contains(session) {
        return Err(Fault::new(
            Kind::CommandFailed,
            "every program of the desktop session comes through aigwd, and would reach nothing without its service",
        )
        .cure_with(format!("aigwctl undo {session}"))
        .into());
    }
    journal::complete(output)?;
    let faults = journal::apply_all("service uninstall", steps)?;
    Record::read()?.end()?;
    match faults.into_iter().next() {
        // Its files are gone all the same.
        Some(fault) => Err(fault.into()),
        None => Ok(()),
    }
}

// -- for the other commands -------------------------------------------------------------------------------------------

/// Whether this user has the service.
pub(in crate::commands) fn is_installed() -> bool {
    here().is_ok_and(|place| place.is_installed())
}

/// Has the service that is installed start aigwd.
pub(in crate::commands) async fn wake() -> Result<(), Failure> {
    let place = here()?;
    if !place.manager.answers() {
        return Err(place.manager.absent().into());
    }
    journal::apply("service start", &place.act(Act::Start))?;
    answers().await
}

/// What `up` would do about it, if anything.
pub(in crate::commands) async fn plan_of_up(aigwd: Option<&Path>) -> Result<Option<String>, Failure> {
    let manager = Manager::here();
    if !manager.answers() {
        let words = format!("start aigwd (no {} of this user answers)", manager.name());
        return Ok(daemon::has_ended()?.then_some(words));
    }
    let plan = plan(aigwd, false).await?;
    let words = format!("install aigwd as a service of {}, at port {}", manager.name(), plan.place.port);
    Ok((!plan.steps.is_empty()).then_some(words))
}

/// Installs the service, or starts aigwd where there is no manager for one. The port is chosen before.
pub(in crate::commands) async fn up(aigwd: Option<&Path>) -> Result<Started, Failure> {
    if !Manager::here().answers() {
        if daemon::has_ended()?
            && let Some(step) = port::choose(Variables::Count, None).await?.step
        {
            journal::apply("up", &[step])?;
        }
        return Ok(Started::ByHand(start::begin(aigwd).await?));
    }
    let plan = plan(aigwd, false).await?;
    let aside = Output::aside();
    install(&plan, &aside).await?;
    aside.show(&Told {
        dry_run: false,
        installed: true,
        running: Some(true),
        port: plan.place.port,
        steps: plan.steps.iter().map(Step::words).collect(),
    })?;
    Ok(Started::Service { already: plan.steps.is_empty(), kept: aside.kept() })
}

/// Takes the service away, if there is one. Whether there was.
pub(in crate::commands) fn remove(dry_run: bool) -> Result<bool, Failure> {
    let place = here()?;
    let installed = place.is_installed();
    if installed && !dry_run {
        take_away(&place, &steps_back(&place)?, &Output::aside())?;
    }
    Ok(installed)
}
