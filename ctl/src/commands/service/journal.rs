//! The steps of the service's files, done under a journal of their own.

use std::path::PathBuf;

use aigw_shared::fault::Failure;
use aigw_shared::files;

use crate::daemon;
use crate::output::Output;
use crate::steps::journal::Journal;
use crate::steps::{Step, apply};
use crate::wording::tame;

fn file() -> Result<PathBuf, Failure> {
    Ok(daemon::paths()?.state.join("service").join("journal.json"))
}

/// Does them. A plan that fails is not resumed: its files say how far it came, and the same command plans anew.
pub(super) fn apply(what: &str, steps: &[Step]) -> Result<(), Failure> {
    if steps.is_empty() {
        return Ok(());
    }
    let file = file()?;
    if let Some(folder) = file.parent() {
        files::create_private_dir(folder)?;
    }
    for folder in steps.iter().filter_map(|step| match step {
        Step::Write { file, .. } => file.parent(),
        _ => None,
    }) {
        std::fs::create_dir_all(folder).map_err(|error| {
            aigw_shared::fault::Fault::new(
                aigw_shared::fault::Kind::File,
                format!("{} cannot be made: {error}", folder.display()),
            )
        })?;
    }
    let mut journal = Journal::begin(&file, what, steps)?;
    let done = apply::apply(&mut journal, &apply::command);
    journal.end()?;
    Ok(done?)
}

/// Completes what a crash left.
pub(super) fn complete(output: &Output) -> Result<(), Failure> {
    let Some(mut journal) = Journal::open(&file()?)? else { return Ok(()) };
    output.note(&format!("Completing an earlier `aigwctl {}` that was cut short.", journal.what));
    for fault in apply::resume(&mut journal, &apply::command) {
        output.note(&format!("  {}", tame(&fault.what)));
    }
    Ok(journal.end()?)
}
