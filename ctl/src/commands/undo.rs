//! `undo`: takes out of tools' files what `setup` put in, and revokes their keys.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use serde::Serialize;

use super::edits::{agree, diff_of_return, finish, shown};
use super::setup;
use crate::cli::Undo;
use crate::daemon;
use crate::output::{Answer, BAD, GOOD, Output, STRONG, WARN};
use crate::settings::ledger::{Ledger, Touched};
use crate::settings::transaction::Return;
use crate::wording::tame;

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Restored,
    Removed,
    /// It is as it was before already.
    Unchanged,
    Planned,
    Failed,
}

#[derive(Serialize)]
struct FileRow {
    file: PathBuf,
    state: State,
    /// Keys that somebody has changed since. They stay.
    left: Vec<String>,
    diff: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Row {
    tool: String,
    files: Vec<FileRow>,
    key_revoked: bool,
}

#[derive(Serialize)]
struct Told {
    dry_run: bool,
    tools: Vec<Row>,
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.tools.is_empty() {
            return writeln!(to, "No tool is set up.");
        }
        for row in &self.tools {
            writeln!(to, "{STRONG}{}{STRONG:#}", row.tool)?;
            for file in &row.files {
                let (style, words) = match file.state {
                    State::Restored => (GOOD, "put back"),
                    State::Removed => (GOOD, "removed, since setup made it"),
                    State::Unchanged => (GOOD, "nothing of ours is in it"),
                    State::Planned => (WARN, "would be put back"),
                    State::Failed => (BAD, "failed"),
                };
                writeln!(to, "  {}: {style}{words}{style:#}", tame(&file.file.display().to_string()))?;
                if !file.left.is_empty() {
                    writeln!(to, "  changed by somebody since, and left: {}", tame(&file.left.join(", ")))?;
                }
                if let Some(text) = file.diff.as_ref().or(file.error.as_ref()) {
                    writeln!(to, "{}", shown(text.trim_end()))?;
                }
            }
            if row.key_revoked {
                writeln!(to, "  its local key is revoked")?;
            }
        }
        Ok(())
    }
}

pub(super) async fn run(arguments: &Undo, output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let mut ledger = if arguments.dry_run { Ledger::look(&paths)? } else { Ledger::open(&paths)? };
    let known = ledger.all_tools();
    if let Some(stranger) = arguments.tools.iter().find(|tool| !known.contains(*tool)) {
        let all: Vec<_> = known.iter().map(String::as_str).collect();
        let cure =
            if all.is_empty() { "no tool is".to_owned() } else { format!("set up are {}", all.join(", ")) };
        return Err(Fault::new(Kind::Usage, format!("{stranger} is not set up")).cure_with(cure).into());
    }
    let chosen: Vec<String> =
        if arguments.tools.is_empty() { known.into_iter().collect() } else { arguments.tools.clone() };
    if !arguments.dry_run {
        let files = |tool: &String| {
            let files = ledger.files_of(tool).into_iter().map(|(file, _)| format!("  {}\n", file.display()));
            format!("{tool}\n{}", files.collect::<String>())
        };
        agree(arguments.yes, output, "Put back", &chosen.iter().map(files).collect::<String>())?;
    }
    let mut rows = Vec::new();
    for tool in chosen {
        let files: Vec<FileRow> = ledger
            .files_of(&tool)
            .into_iter()
            .map(|(file, touched)| one(&file, &touched, &mut ledger, arguments.dry_run))
            .collect();
        let clean = files.iter().all(|row| row.state != State::Failed);
        let key_revoked = clean && !arguments.dry_run && revoke(&tool, &mut ledger, output).await?;
        rows.push(Row { tool, files, key_revoked });
    }
    let errors = rows.iter().flat_map(|row| &row.files).filter_map(|file| file.error.clone());
    let failed: Vec<String> = errors.collect();
    finish(&Told { dry_run: arguments.dry_run, tools: rows }, &failed, output)
}

fn one(file: &Path, touched: &Touched, ledger: &mut Ledger, dry_run: bool) -> FileRow {
    let mut row =
        FileRow { file: file.to_owned(), state: State::Unchanged, left: Vec::new(), diff: None, error: None };
    if let Err(fault) = put_back(file, touched, ledger, dry_run, &mut row) {
        row.state = State::Failed;
        row.error = Some(fault.to_string());
    }
    row
}

fn put_back(
    file: &Path,
    touched: &Touched,
    ledger: &mut Ledger,
    dry_run: bool,
    row: &mut FileRow,
) -> Result<(), Fault> {
    let back = Return::of(file, touched)?;
    let (now, undone) = (&back.now, &back.undone);
    row.left = undone.theirs.iter().map(|path| path.join(".")).collect();
    let then = &undone.text;
    if then != now {
        row.state = match then {
            _ if dry_run => State::Planned,
            None => State::Removed,
            Some(_) => State::Restored,
        };
    }
    if dry_run {
        row.diff = Some(diff_of_return(file, touched, &back));
        return Ok(());
    }
    back.make(ledger)
}

/// Whether its key is gone. Without a daemon it stays, and the next undo is to come back to it.
async fn revoke(tool: &str, ledger: &mut Ledger, output: &Output) -> Result<bool, Failure> {
    let gone = match daemon::ask(Request::RevokeKey(tool.to_owned())).await {
        Ok(Response::Done) => true,
        Ok(_) => return Err(daemon::unexpected()),
        Err(failure) if daemon::is_absent(&failure) => {
            output.note(&format!(
                "aigwd is not running: the local key {tool} stays until `aigwctl keys revoke {tool}`."
            ));
            return Ok(false);
        }
        // Somebody has revoked it already.
        Err(failure) if failure.code == Kind::Usage.face().code => false,
        Err(failure) => {
            output.note(&format!("The local key {tool} is not revoked: {}.", tame(&failure.text)));
            false
        }
    };
    if let Err(failure) = setup::pays_no_more(tool, ledger).await {
        output.note(&format!("aigwd still lets {tool}'s own credential through: {}.", tame(&failure.text)));
    }
    ledger.forget(tool);
    ledger.save()?;
    Ok(gone)
}
