//! The steps of `up` and `down`: each is told to a person when it has ended, and all of them to a script in one object.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use serde::Serialize;
use serde_json::Value;

use crate::output::{Answer, BAD, GOOD, Kept, LABEL, Output, WARN};
use crate::wording::tame;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Done,
    /// There was nothing to do.
    Already,
    Planned,
    Failed,
    /// An earlier one has failed.
    NotReached,
}

/// What a step has to tell.
pub(super) struct Ended {
    pub(super) state: State,
    pub(super) text: String,
    /// Lines that belong to it.
    pub(super) details: Vec<String>,
    /// What the command that did it says to scripts.
    pub(super) answer: Value,
}

impl Ended {
    pub(super) fn of(state: State, text: impl Into<String>, answer: Value) -> Self {
        Self { state, text: text.into(), details: Vec::new(), answer }
    }

    pub(super) fn already(text: impl Into<String>) -> Self {
        Self::of(State::Already, text, Value::Null)
    }

    /// Done by a command, which has said this.
    pub(super) fn done(kept: Kept) -> Self {
        let first = kept.text.split("\n\n").next().unwrap_or_default().trim().replace('\n', " ");
        Self::of(State::Done, first, kept.json)
    }
}

#[derive(Serialize)]
struct Step {
    step: &'static str,
    state: State,
    text: String,
    details: Vec<String>,
    error: Option<Problem>,
    answer: Value,
}

#[derive(Clone, Serialize)]
struct Problem {
    code: String,
    text: String,
    cure: String,
}

impl Answer for Step {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let (style, word) = match self.state {
            State::Done => (GOOD, "done"),
            State::Already => (GOOD, "already"),
            State::Planned => (WARN, "would be done"),
            State::Failed => (BAD, "failed"),
            State::NotReached => (LABEL, "not reached"),
        };
        let text = tame(&self.text);
        writeln!(to, "{LABEL}{:<9}{LABEL:#} {style}{word}{style:#}: {text}", self.step)?;
        self.details.iter().try_for_each(|detail| writeln!(to, "          {}", tame(detail)))
    }
}

#[derive(Serialize)]
struct Told<'a> {
    dry_run: bool,
    steps: &'a [Step],
    /// What is still there, and why.
    left: &'a [String],
    /// What stopped it.
    error: Option<Problem>,
}

impl Answer for Told<'_> {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if !self.left.is_empty() {
            writeln!(to, "\nStill there:")?;
        }
        self.left.iter().try_for_each(|left| writeln!(to, "  {}", tame(left)))
    }
}

/// All of them.
pub(super) struct Course<'a> {
    output: &'a Output,
    command: &'static str,
    names: &'static [&'static str],
    dry_run: bool,
    steps: Vec<Step>,
    failure: Option<Failure>,
    pub(super) left: Vec<String>,
}

impl<'a> Course<'a> {
    pub(super) fn begin(
        command: &'static str,
        names: &'static [&'static str],
        dry_run: bool,
        output: &'a Output,
    ) -> Self {
        Self { output, command, names, dry_run, steps: Vec::new(), failure: None, left: Vec::new() }
    }

    /// Notes how a step ended. Whether it did what it should.
    pub(super) fn ended(
        &mut self,
        step: &'static str,
        result: Result<Ended, Failure>,
    ) -> Result<bool, Failure> {
        let (ended, failure) = match result {
            Ok(ended) => (ended, None),
            Err(failure) => (Ended::of(State::Failed, failure.text.clone(), Value::Null), Some(failure)),
        };
        let Ended { state, text, details, answer } = ended;
        let error = failure.as_ref().map(Problem::of);
        let good = failure.is_none();
        if self.failure.is_none() {
            self.failure = failure.map(|failure| Failure {
                text: format!("`aigwctl {}` failed at the step {step}: {}", self.command, failure.text),
                ..failure
            });
        }
        let step = Step { step, state, text, details, error, answer };
        if !self.output.is_json() && good {
            self.output.show(&step)?;
        }
        self.steps.push(step);
        Ok(good)
    }

    /// Whether a step has failed.
    pub(super) fn is_broken(&self) -> bool {
        self.failure.is_some()
    }

    /// Tells a script of all of them, and a person of what is left and what stopped it.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        let reached: Vec<&str> = self.steps.iter().map(|step| step.step).collect();
        for step in self.names.iter().filter(|name| !reached.contains(name)) {
            let text = "an earlier step has failed".to_owned();
            let (state, details, error) = (State::NotReached, Vec::new(), None);
            self.steps.push(Step { step, state, text, details, error, answer: Value::Null });
        }
        let error = self.failure.as_ref().map(Problem::of);
        let told = Told { dry_run: self.dry_run, steps: &self.steps, left: &self.left, error };
        self.output.show(&told)?;
        match self.failure {
            None => Ok(()),
            Some(failure) if self.output.is_json() => {
                self.output.end_with(failure.exit.max(1));
                Ok(())
            }
            Some(failure) => {
                self.output.note(&format!("{LABEL}Running it again goes on from there.{LABEL:#}"));
                Err(failure)
            }
        }
    }
}

impl Problem {
    fn of(failure: &Failure) -> Self {
        Self { code: failure.code.clone(), text: failure.text.clone(), cure: failure.cure.clone() }
    }
}
