//! What `setup` and `undo` show of their changes to files, what they ask before, and how they end.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use similar::TextDiff;

use crate::output::{Answer, Output};
use crate::settings::ledger::Touched;
use crate::settings::transaction::{Return, local_key};
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
    if is_yes(&answer(output, &format!("{plan}{verb}? [y/N]"))) {
        return Ok(());
    }
    Err(nothing_changed("answer y to have it changed"))
}

/// What somebody on the terminal says to this, in lower case. What cannot be read is nothing.
pub(super) fn answer(output: &Output, question: &str) -> String {
    output.note(question);
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    answer.trim().to_lowercase()
}

pub(super) fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer)
}

pub(super) fn nothing_changed(cure: &str) -> Failure {
    Fault::new(Kind::CommandFailed, "nothing was changed").cure_with(cure).into()
}

/// A secret, and what is shown in its place.
pub(crate) struct Hidden(String, String);

impl Hidden {
    /// What stood where our key stands.
    pub(super) fn theirs(raw: String) -> Self {
        Self(raw.trim_matches(['"', '\'']).to_owned(), "***".to_owned())
    }

    pub(crate) fn key(key: &str, tool: &str) -> Self {
        Self(key.to_owned(), format!("{}{tool}_***", aigw_shared::key::PREFIX))
    }
}

/// What changes in a file, without what is nobody's business.
pub(crate) fn diff(file: &Path, now: Option<&str>, then: Option<&str>, hidden: &[Hidden]) -> String {
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

/// What changes in a file out of which our keys are taken.
pub(super) fn diff_of_return(file: &Path, touched: &Touched, back: &Return) -> String {
    let mut hidden = Vec::new();
    for held in touched.keys.iter().chain(&touched.leaving) {
        let keys: Vec<_> = held.ours.iter().filter_map(|value| local_key(value.as_str()?)).collect();
        if !keys.is_empty() {
            hidden.extend(held.old.clone().map(Hidden::theirs));
        }
        hidden.extend(keys.into_iter().map(|key| Hidden::key(key, &touched.tool)));
    }
    diff(file, back.now.as_deref(), back.undone.text.as_deref(), &hidden)
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
