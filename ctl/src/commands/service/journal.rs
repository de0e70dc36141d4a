//! The steps of the service's files, done under a journal of their own.

use std::path::PathBuf;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::files;

use super::record;
use crate::output::Output;
use crate::settings::place;
use crate::steps::journal::Journal;
use crate::steps::{Step, apply};
use crate::wording::tame;

fn file() -> Result<PathBuf, Failure> {
    Ok(record::folder()?.join("journal.json"))
}

/// Does them. A plan that fails is not resumed: its files say how far it came, and the same command plans anew.
pub(super) fn apply(what: &str, steps: &[Step]) -> Result<(), Failure> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut journal = begin(what, steps)?;
    let done = apply::apply(&mut journal, &apply::command);
    end(journal)?;
    Ok(done?)
}

/// Does all of them, also when one fails. What failed.
pub(super) fn apply_all(what: &str, steps: &[Step]) -> Result<Vec<Fault>, Failure> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let mut journal = begin(what, steps)?;
    let faults = apply::resume(&mut journal, &apply::command);
    end(journal)?;
    Ok(faults)
}

/// Completes what a crash left.
pub(super) fn complete(output: &Output) -> Result<(), Failure> {
    let Some(mut journal) = Journal::open(&file()?)? else { return Ok(()) };
    output.note(&format!("Completing an earlier `aigwctl {}` that was cut short.", journal.what));
    for fault in apply::resume(&mut journal, &apply::command) {
        output.note(&format!("  {}", tame(&fault.what)));
    }
    end(journal)
}

fn begin(what: &str, steps: &[Step]) -> Result<Journal, Failure> {
    files::create_private_dir(&record::folder()?)?;
    for folder in steps.iter().filter_map(|step| match step {
        Step::Write { file, .. } => file.parent(),
        _ => None,
    }) {
        std::fs::create_dir_all(folder).map_err(|error| {
            Fault::new(Kind::File, format!("{} cannot be made: {error}", folder.display()))
        })?;
    }
    Ok(Journal::begin(&file()?, what, steps)?)
}

fn end(journal: Journal) -> Result<(), Failure> {
    journal.end()?;
    place::remove_empty(&[record::folder()?]);
    Ok(())
}
