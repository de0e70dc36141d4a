//! What the checks found, for people and for scripts.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use serde::Serialize;

use super::proof::Proved;
use crate::output::{Answer, BAD, GOOD, LABEL, WARN};
use crate::wording::{count_of, line};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// Works, but not as it should.
    Warning,
    /// Something does not work.
    Error,
    /// There was nothing to look at.
    Skipped,
}

/// What one check found.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    check: &'static str,
    state: State,
    text: String,
    /// The one thing to do about it; null where there is nothing to do.
    cure: Option<String>,
}

impl Line {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, state: State::Ok, text: text.into(), cure: None }
    }

    pub(super) fn skipped(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, state: State::Skipped, text: text.into(), cure: None }
    }

    pub(super) fn warning(check: &'static str, text: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { check, state: State::Warning, text: text.into(), cure: Some(cure.into()) }
    }

    pub(super) fn error(check: &'static str, text: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { check, state: State::Error, text: text.into(), cure: Some(cure.into()) }
    }

    pub(super) fn failure(check: &'static str, failure: Failure) -> Self {
        Self::error(check, failure.text, failure.cure)
    }

    /// The same, with something to do that need not be done.
    pub(super) fn with_cure(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    /// For people.
    pub(super) fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let (style, label) = match self.state {
            State::Ok => (GOOD, "ok"),
            State::Warning => (WARN, "warning"),
            State::Error => (BAD, "error"),
            State::Skipped => (LABEL, "skipped"),
        };
        line(to, style, label, &format!("{}: {}", self.check, self.text))?;
        self.cure.as_ref().map_or(Ok(()), |cure| line(to, LABEL, "  cure", cure))
    }
}

/// All of it.
#[derive(Default, Serialize)]
pub(super) struct Report {
    pub(super) checks: Vec<Line>,
    /// What the tools did that were proved.
    pub(super) proofs: Vec<Proved>,
    summary: Summary,
    /// What `--fix` did.
    pub(super) fixed: Vec<String>,
}

#[derive(Default, Serialize)]
struct Summary {
    ok: usize,
    warnings: usize,
    errors: usize,
    skipped: usize,
}

impl Report {
    /// All lines are there.
    pub(super) fn count(&mut self) {
        let count = |state| self.checks.iter().filter(|line| line.state == state).count();
        self.summary = Summary {
            ok: count(State::Ok),
            warnings: count(State::Warning),
            errors: count(State::Error),
            skipped: count(State::Skipped),
        };
    }

    /// Whether there is something to do.
    pub(super) fn is_wrong(&self) -> bool {
        self.summary.warnings + self.summary.errors > 0
    }
}

impl Report {
    /// What comes before the checks.
    pub(super) fn begun(&self, to: &mut dyn Write) -> io::Result<()> {
        self.fixed.iter().try_for_each(|fixed| line(to, GOOD, "fixed", fixed))?;
        self.checks.iter().try_for_each(|found| found.text(to))
    }

    /// And what comes after them.
    pub(super) fn ended(&self, to: &mut dyn Write) -> io::Result<()> {
        let Summary { ok, warnings, errors, skipped } = self.summary;
        let counted = |count: usize, what| count_of(count as u64, what);
        let found = format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
        writeln!(to, "\n{found}; {ok} ok, {skipped} skipped")
    }
}

impl Answer for Report {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        self.begun(to)?;
        self.ended(to)
    }
}
