//! An answer as text or as JSON, both from the same value; notes; failures. Colours are always written and taken out
//! where stdout is no terminal or `NO_COLOR` is set.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use aigw_shared::fault::{Failure, Fault, Kind};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use crate::wording::tame;

/// Labels.
pub const LABEL: Style = Style::new().dimmed();
/// What matters most.
pub const STRONG: Style = Style::new().bold();
/// All is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Works, but not as it should.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Does not work.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// What a command found out.
pub trait Answer: Serialize {
    /// For people. With `--json` the fields are printed instead.
    fn text(&self, to: &mut dyn Write) -> io::Result<()>;
}

#[derive(Serialize)]
struct Enveloped<'a, T> {
    schema: u32,
    #[serde(flatten)]
    answer: &'a T,
}

/// Where answers go.
pub struct Output {
    json: bool,
    exit: Cell<u8>,
    /// The answer of a command that another one runs, which is not printed.
    kept: Option<RefCell<Kept>>,
}

/// What a command would have said.
#[derive(Clone, Default)]
pub struct Kept {
    /// To a script.
    pub json: Value,
    /// To a person.
    pub text: String,
}

impl Output {
    /// JSON, or text.
    pub fn new(json: bool) -> Self {
        Self { json, exit: Cell::new(0), kept: None }
    }

    /// For a command that another one runs: its answer is kept for that one. Notes are said as ever.
    pub fn aside() -> Self {
        Self { kept: Some(RefCell::default()), ..Self::new(true) }
    }

    /// What was kept.
    pub fn kept(self) -> Kept {
        self.kept.map(RefCell::into_inner).unwrap_or_default()
    }

    /// Whether a script reads along.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The command has done what it should, and ends with this exit code all the same.
    pub fn end_with(&self, exit: u8) {
        self.exit.set(exit);
    }

    /// How a command ends that did what it should.
    pub fn end(&self) -> ExitCode {
        ExitCode::from(self.exit.get())
    }

    /// Prints an answer.
    ///
    /// # Errors
    /// When stdout cannot be written to. That nobody reads on is none.
    pub fn show<T: Answer>(&self, answer: &T) -> Result<(), Failure> {
        if let Some(kept) = &self.kept {
            let mut text = Vec::new();
            answer.text(&mut text).map_err(unwritten)?;
            let json = serde_json::to_value(answer).map_err(|error| unwritten(error.into()))?;
            *kept.borrow_mut() = Kept { json, text: String::from_utf8_lossy(&text).into_owned() };
            return Ok(());
        }
        if self.json {
            return self.show_json(&Enveloped { schema: 1, answer });
        }
        let mut text = Vec::new();
        answer.text(&mut text).map_err(unwritten)?;
        written(anstream::stdout().write_all(&text).and_then(|()| anstream::stdout().flush()))
    }

    /// Prints a value that is no answer in itself, as one line of JSON.
    ///
    /// # Errors
    /// As [`show`](Self::show).
    pub fn show_json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let line = serde_json::to_string(value).map_err(|error| unwritten(error.into()))?;
        self.show_raw(format!("{line}\n").as_bytes())
    }

    /// Prints bytes as they are, for another program.
    ///
    /// # Errors
    /// As [`show`](Self::show).
    pub fn show_raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
    }

    /// Says something that is no part of the answer, on stderr.
    pub fn note(&self, text: &str) {
        // Nobody reads it: no reason to stop.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// A hint for someone who sees the answer on a terminal; programs that take it in are spared.
    pub fn hint(&self, text: &str) {
        if !self.json && io::stdout().is_terminal() && io::stderr().is_terminal() {
            self.note(&format!("{LABEL}{text}{LABEL:#}"));
        }
    }

    /// Prints what went wrong and what to do about it.
    pub fn failure(&self, failure: &Failure) -> ExitCode {
        #[derive(Serialize)]
        struct Failed<'a> {
            schema: u32,
            error: Error<'a>,
        }
        #[derive(Serialize)]
        struct Error<'a> {
            code: &'a str,
            text: &'a str,
            cure: &'a str,
        }
        if self.json {
            let error = Error { code: &failure.code, text: &failure.text, cure: &failure.cure };
            // The exit code says it too, if stdout is gone.
            let _ = self.show_json(&Failed { schema: 1, error });
        } else {
            let (text, cure) = (tame(&failure.text), tame(&failure.cure));
            self.note(&format!("{BAD}error:{BAD:#} {text}\n{LABEL}cure:{LABEL:#}  {cure}"));
        }
        ExitCode::from(failure.exit.max(1))
    }
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritten(error)),
        _ => Ok(()),
    }
}

fn unwritten(error: io::Error) -> Failure {
    Fault::new(Kind::File, format!("the answer cannot be written: {error}"))
        .cure_with("check where stdout leads to")
        .into()
}
