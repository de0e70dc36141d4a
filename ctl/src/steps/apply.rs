//! Does the steps of a plan under a journal; completes or undoes what a crash left.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use aigw_shared::fault::{Fault, Kind};

use super::Step;
use super::journal::{Before, Entry, Journal};
use crate::os::rights;

/// How a program is run; tests have their own way.
pub(crate) type Run<'a> = &'a dyn Fn(&Path, &[String]) -> Result<(), Fault>;

/// Does all steps. After a failure the journal is still there, for [`undo`] or [`resume`].
pub(crate) fn apply(journal: &mut Journal, run: Run<'_>) -> Result<(), Fault> {
    (0..journal.entries.len()).try_for_each(|index| step(journal, index, run))
}

/// Completes what a crash left: the step it was at again, since nobody knows whether it was done, and those after it. What
/// cannot be done any more (a program or a folder is gone) does not hold up the rest.
pub(crate) fn resume(journal: &mut Journal, run: Run<'_>) -> Vec<Fault> {
    (journal.begun.saturating_sub(1)..journal.entries.len())
        .filter_map(|index| step(journal, index, run).err())
        .collect()
}

/// Puts the files back as they were, byte for byte, with their modes. Commands are not undone: what undoes them is a plan
/// of its own.
///
/// # Errors
/// When a file is neither as it was nor as we left it, since then somebody else's change would be lost.
#[cfg_attr(not(test), expect(dead_code, reason = "for plans that edit the files of tools"))]
pub(crate) fn undo(journal: &Journal) -> Result<(), Fault> {
    let mut files: Vec<(&Path, Vec<&Before>)> = Vec::new();
    for entry in &journal.entries[..journal.begun] {
        let (Step::Write { file, .. } | Step::Remove { file }, Some(before)) = (&entry.step, &entry.before)
        else {
            continue;
        };
        match files.iter_mut().find(|(known, _)| known == file) {
            Some((_, states)) => states.push(before),
            None => files.push((file, vec![before])),
        }
    }
    // Judged before the first is touched.
    for (file, states) in &files {
        let now = Before::of(file)?;
        let left = |entry: &Entry| match (&entry.step, &now) {
            (Step::Write { file: written, content, .. }, Before::File { content: now, .. }) => {
                written == file && content == now
            }
            (Step::Remove { file: removed }, Before::Absent) => removed == file,
            _ => false,
        };
        if !states.contains(&&now) && !journal.entries[..journal.begun].iter().any(left) {
            return Err(Fault::new(Kind::File, format!("{} was changed by somebody else", file.display()))
                .cure_with("look at it, and take our part out by hand"));
        }
    }
    files.iter().try_for_each(|(file, states)| match states[0] {
        Before::Absent => remove(file),
        Before::File { content, mode } => write(file, &content.0, *mode),
    })
}

fn step(journal: &mut Journal, index: usize, run: Run<'_>) -> Result<(), Fault> {
    journal.begin_step(index)?;
    match &journal.entries[index].step {
        Step::Write { file, content, mode } => write(file, &content.0, *mode),
        Step::Remove { file } => remove(file),
        Step::Run { program, arguments } => run(program, arguments),
        Step::Tell(_) => Ok(()),
    }
}

/// Runs a program that asks nothing, and takes its last words for the reason if it fails.
pub(crate) fn command(program: &Path, arguments: &[String]) -> Result<(), Fault> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let failed = |why: &str| Fault::new(Kind::CommandFailed, format!("{name} failed: {why}"));
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let last = said.iter().find_map(|text| text.lines().next_back());
    Err(failed(last.unwrap_or(&output.status.to_string())))
}

fn write(file: &Path, content: &[u8], mode: Option<u32>) -> Result<(), Fault> {
    let replace = || {
        // A link stays, and what it leads to is replaced.
        let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let folder = target.parent().unwrap_or(Path::new("."));
        let mode = mode.or_else(|| fs::metadata(&target).ok().and_then(|now| rights::mode_of(&now)));
        let mut draft = tempfile::Builder::new().prefix(".aigw-").tempfile_in(folder)?;
        draft.write_all(content)?;
        if let Some(mode) = mode {
            rights::set_mode(draft.as_file(), mode)?;
        }
        draft.as_file().sync_all()?;
        draft.persist(&target).map_err(|error| error.error)?;
        rights::sync_folder(folder)
    };
    replace().map_err(|error: io::Error| {
        Fault::new(Kind::File, format!("{} cannot be written: {error}", file.display()))
    })
}

fn remove(file: &Path) -> Result<(), Fault> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Fault::new(Kind::File, format!("{} cannot be removed: {error}", file.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
