//! The checks as they end, where somebody watches: finished lines stay as they are, and below them one line says what is still
//! looked at. Elsewhere nothing is shown before the end.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::report::{Line, Report};
use crate::output::{LABEL, Output};

/// Back to the beginning of the line, and nothing in it.
const CLEAR: &str = "\r\x1b[K";
/// What is too long for the terminal is cut and not wrapped: a second line would stay.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// The display, if there is one.
pub(super) struct Live {
    watched: bool,
    /// What the last line says.
    busy: String,
}

impl Live {
    /// For whoever gets this output.
    pub(super) fn on(output: &Output) -> Self {
        let stdout = io::stdout();
        // A terminal that takes no colours takes no other orders either.
        let obeys = stdout.is_terminal() && AutoStream::choice(&stdout) != ColorChoice::Never;
        Self { watched: obeys && !output.is_json(), busy: String::new() }
    }

    /// For nobody.
    pub(super) fn quiet() -> Self {
        Self { watched: false, busy: String::new() }
    }

    /// What was found before the checks.
    pub(super) fn begin(&mut self, report: &Report) {
        let mut text = Vec::new();
        if report.begun(&mut text).is_ok() {
            self.show(&text);
        }
    }

    /// This is looked at now, if anything.
    pub(super) fn busy(&mut self, what: &str) {
        self.busy = what.to_owned();
        self.show(&[]);
    }

    /// These have ended.
    pub(super) fn done(&mut self, lines: &[Line]) {
        let mut text = Vec::new();
        if lines.iter().try_for_each(|line| line.text(&mut text)).is_ok() {
            self.show(&text);
        }
    }

    /// There is nothing more to come. Whether all of it was shown.
    pub(super) fn end(&mut self, report: &Report) -> bool {
        self.busy.clear();
        let mut text = Vec::new();
        if report.ended(&mut text).is_ok() {
            self.show(&text);
        }
        self.watched
    }

    /// In one piece, so that nothing flickers. That nobody reads on is no reason to stop.
    fn show(&self, finished: &[u8]) {
        if !self.watched {
            return;
        }
        let mut all = CLEAR.as_bytes().to_vec();
        all.extend_from_slice(finished);
        if !self.busy.is_empty() {
            let line = format!("{NO_WRAP}{LABEL}...       {}{LABEL:#}{WRAP}", self.busy);
            all.extend_from_slice(line.as_bytes());
        }
        let mut stdout = anstream::stdout().lock();
        let _ = stdout.write_all(&all).and_then(|()| stdout.flush());
    }
}
