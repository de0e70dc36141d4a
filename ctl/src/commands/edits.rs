//! What `setup` and `undo` show of their changes to files, what they ask before, and how they end.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use similar::TextDiff;

use crate::output::{Answer, Output};
use crate::wording::tame;

/// Asks once, where somebody is there.
pub(super) fn agree(yes: bool, output: &Output, verb: &str, plan: &str) -> Result<(), Failure> {
    if yes || plan.is_empty() {
        return Ok(());
    }
    if output.is_json() || !io::stdin().is_terminal() {
        return Err(Fault::new(Kind::Usage, "there is no terminal to ask on")
            .cure_with("add `--yes`, or `--dry-run` to see what would change")
            .into());
    }
    output.note(&format!("{plan}{verb}? [y/N]"));
    let mut answer = String::new();
    // What cannot be read is no.
    let _ = io::stdin().lock().read_line(&mut answer);
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Fault::new(Kind::CommandFailed, "nothing was changed")
        .cure_with("answer y to have it changed")
        .into())
}

/// A secret, and what is shown in its place.
pub(super) struct Hidden(String, String);

impl Hidden {
    /// What stood where our key stands.
    pub(super) fn theirs(raw: String) -> Self {
        Self(raw.trim_matches(['"', '\'']).to_owned(), "***".to_owned())
    }

    pub(super) fn key(key: &str, tool: &str) -> Self {
        Self(key.to_owned(), format!("{}{tool}_***", aigw_shared::key::PREFIX))
    }
}

/// What changes in a file, without what is nobody's business.
pub(super) fn diff(file: &Path, now: Option<&str>, then: Option<&str>, hidden: &[Hidden]) -> String {
    let name = file.display().to_string();
    let title = |text: Option<&str>| if text.is_some() { name.clone() } else { "/dev/null".to_owned() };
    let mask = |text: Option<&str>| {
        let long = hidden.iter().filter(|Hidden(secret, _)| secret.len() >= 8);
        long.fold(text.unwrap_or_default().to_owned(), |text, Hidden(secret, shown)| {
            text.replace(secret, shown)
        })
    };
    let (old, new) = (mask(now), mask(then));
    TextDiff::from_lines(&old, &new).unified_diff().header(&title(now), &title(then)).to_string()
}

/// A diff for a terminal: tabs stay, and how lines end is not shown.
pub(super) fn shown(diff: &str) -> String {
    diff.replace("\r\n", "\n").split('\t').map(tame).collect::<Vec<_>>().join("\t")
}

/// Tells what was done, and what was not.
pub(super) fn finish(told: &impl Answer, failed: &[String], output: &Output) -> Result<(), Failure> {
    if failed.is_empty() {
        return output.show(told);
    }
    if !output.is_json() {
        output.show(told)?;
    }
    Err(Fault::new(Kind::CommandFailed, failed.join("; "))
        .cure_with("mend that, then run the same command again")
        .into())
}
