//! `aigwctl`: what a person or a script says to `aigwd`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`cli`] | commands and flags |
//! | [`commands`] | one file a command: ask the daemon, make an answer |
//! | [`output`] | an answer as text or JSON; notes; failures |
//! | [`daemon`] | where the daemon is and how it is asked |
//! | [`wording`] | times, lengths and columns as people read them |
//! | [`shell`] | lines that a shell can evaluate |
//! | `tools` | the AI tools that are known, as rows |
//! | `settings` | their files, changed one key at a time, with an exact undo |
//! | `redact` | what must not leave this machine is taken out of a text |
//! | `steps` | changes to the machine as data, done under a journal |
//! | `os` | what differs between operating systems |

pub mod cli;
pub mod commands;
pub mod daemon;
mod no_proxy;
mod os;
pub mod output;
mod program;
mod redact;
mod settings;
pub mod shell;
mod steps;
mod tools;
pub mod wording;

use std::ffi::OsString;
use std::process::ExitCode;

use aigw_shared::fault::{Failure, Fault, Kind};
use clap::Parser;
use clap::error::ErrorKind;

use cli::Cli;
use output::Output;

/// Reads the command line, does what it says, prints the failure if there is one.
pub fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&line) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error, &line),
    };
    let output = Output::new(cli.json);
    match run(&cli, &output) {
        Ok(()) => output.end(),
        Err(failure) => output.failure(&failure),
    }
}

fn run(cli: &Cli, output: &Output) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Kind::Internal, format!("the async runtime does not start: {error}")))?
        .block_on(commands::run(cli.command.as_ref(), output))
}

/// Help and version are asked for and go to stdout; the rest is a usage error in clap's own words.
fn not_parsed(error: &clap::Error, line: &[OsString]) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = line.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json");
    if asked || !json {
        // A closed pipe is no error of ours.
        let _ = error.print();
        return if asked { ExitCode::SUCCESS } else { ExitCode::from(Kind::Usage.face().exit) };
    }
    Output::new(true).failure(&Fault::new(Kind::Usage, usage_text(&error.to_string())).into())
}

/// The first paragraph of clap's message, without its label.
fn usage_text(message: &str) -> String {
    let first = message.split("\n\n").next().unwrap_or(message);
    first.trim().trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}
