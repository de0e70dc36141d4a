//! `bug-report`: what whoever mends aigw has to know, in one file that can be read before it is sent. What says who the user
//! is, and every secret, is taken out; bodies and prompts are nowhere to begin with.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::files;
use aigw_shared::ipc::hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::paths::Paths;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{doctor, status};
use crate::output::{Answer, LABEL, Output};
use crate::redact::Redactor;
use crate::settings::ledger::Ledger;
use crate::tools::{self, TOOLS};
use crate::wording::{self, Moment, columns};
use crate::{daemon, os};

/// Of the log, so many of the last lines.
const LOG_LINES: usize = 200;
const LOG_TAIL: u64 = 256 * 1024;

/// `bug-report`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where to write it [default: aigw-bug-report.json in this folder]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What was written.
#[derive(Serialize)]
struct Packed {
    file: PathBuf,
    parts: Vec<Part>,
}

/// One part of it.
#[derive(Serialize)]
struct Part {
    name: &'static str,
    holds: &'static str,
    bytes: usize,
}

impl Answer for Packed {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "Written to {}. Nothing was sent: read it first.", self.file.display())
    }
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let status = status::fetch().await;
    let redactor = redactor(status.as_ref().ok());
    let parts = [
        ("versions", "versions of both programs and of this system", versions().await),
        ("doctor", "what `aigwctl doctor` finds", told(doctor::report().await)),
        ("status", "what `aigwctl status` shows, without names", answered(status)),
        ("config", "the settings in force, and where each comes from", config().await),
        ("tools", "which tools are here", here(&paths)),
        ("setup", "which keys of which files `aigwctl setup` has set, without values", ledger(&paths)),
        ("environment", "the names of the variables in this shell, without values", environment()),
        ("log", "the last lines of aigwd's log", log(&paths)),
    ];
    let mut report = Map::new();
    report.insert("schema".to_owned(), 1.into());
    report.insert("made_at".to_owned(), told(Moment::now()));
    let mut list = Vec::new();
    for (name, holds, value) in parts {
        let value = redactor.clean_value(value);
        list.push(Part { name, holds, bytes: value.to_string().len() });
        report.insert(name.to_owned(), value);
    }
    if !output.is_json() {
        output.note(&said(&list)?);
    }
    let file = arguments.output.clone().unwrap_or_else(|| PathBuf::from("aigw-bug-report.json"));
    let file = std::path::absolute(&file).unwrap_or(file);
    let mut text = serde_json::to_string_pretty(&report)
        .map_err(|error| Fault::new(Kind::Internal, format!("the report cannot be written: {error}")))?;
    text.push('\n');
    write(&file, &text)?;
    output.show(&Packed { file, parts: list })
}

/// Never over a file that is there: it may be anything.
fn write(file: &Path, text: &str) -> Result<(), Fault> {
    if file.exists() {
        return Err(Fault::new(Kind::File, format!("{} is there already", file.display()))
            .cure_with("name another file with `--output`, or remove it"));
    }
    files::write_private(file, text.as_bytes())
}

/// What is in it, before it is written.
fn said(parts: &[Part]) -> Result<String, Fault> {
    let rows: Vec<_> = parts
        .iter()
        .map(|part| vec![part.name.to_owned(), wording::bytes(part.bytes as u64), part.holds.to_owned()])
        .collect();
    let mut text = Vec::new();
    columns(&mut text, Some((LABEL, &["PART", "SIZE", "HOLDS"])), &rows)
        .map_err(|error| Fault::new(Kind::Internal, error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Knows the accounts and the machine's own tokens by name, too.
fn redactor(status: Option<&status::Status>) -> Redactor {
    let mut redactor = Redactor::here();
    for gateway in status.iter().flat_map(|status| &status.gateways) {
        if let Some(user) = &gateway.user {
            redactor = redactor.and(user, "ACCOUNT");
        }
        if let Some(token) = &gateway.token {
            redactor = redactor.and(&token.fingerprint, "***");
            if let Some(name) = &token.name {
                redactor = redactor.and(name, "TOKEN");
            }
        }
    }
    for name in ["HOSTNAME", "HOST", "COMPUTERNAME"] {
        if let Some(host) = os::variable(name) {
            redactor = redactor.and(host, "HOST");
        }
    }
    redactor
}

fn told(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| json!({ "unwritten": error.to_string() }))
}

fn answered<T: Serialize>(answer: Result<T, Failure>) -> Value {
    answer.map_or_else(|failure| json!({ "failed": failure.code, "text": failure.text }), told)
}

async fn versions() -> Value {
    let aigwd = match daemon::ask(Request::Describe).await {
        Ok(Response::Described(build)) => told(build),
        Ok(_) => Value::Null,
        Err(failure) => answered::<()>(Err(failure)),
    };
    json!({
        "aigwctl": env!("CARGO_PKG_VERSION"),
        "protocol": hello::NEWEST,
        "aigwd": aigwd,
        "system": std::env::consts::OS,
        "machine": std::env::consts::ARCH,
    })
}

async fn config() -> Value {
    match daemon::ask(Request::Settings).await {
        Ok(Response::Settings(settings)) => told(settings),
        Ok(_) => Value::Null,
        Err(failure) => answered::<()>(Err(failure)),
    }
}

fn here(paths: &Paths) -> Value {
    let Some(home) = &paths.user_home else { return Value::Null };
    let desk = tools::desk(home);
    let found = TOOLS.iter().filter_map(|tool| Some((tool.id.to_owned(), told(tool.found(&desk)?))));
    Value::Object(found.collect())
}

fn ledger(paths: &Paths) -> Value {
    let ledger = match Ledger::look(paths) {
        Ok(ledger) => ledger,
        Err(fault) => return answered::<()>(Err(fault.into())),
    };
    let files = ledger.files.iter().map(|(file, touched)| {
        let keys: Vec<_> = touched
            .keys
            .iter()
            .map(|held| json!({ "key": held.path.join("."), "had_value": held.old.is_some() }))
            .collect();
        json!({
            "file": file,
            "tool": touched.tool,
            "format": touched.format,
            "new_file": touched.new_file,
            "keys": keys,
        })
    });
    json!({ "tools": ledger.tools, "files": files.collect::<Vec<_>>() })
}

fn environment() -> Value {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    told(names.collect::<BTreeSet<_>>())
}

/// Bodies, fields and keys never go into it. It is where aigwd writes it: in the journal under systemd, else in files.
fn log(paths: &Paths) -> Value {
    let text = match super::service::journal_of_service() {
        Some(text) => text,
        None => match log_files(paths) {
            Ok(text) => text,
            Err(error) => return json!({ "none": error.to_string() }),
        },
    };
    let lines: Vec<_> = text.lines().collect();
    told(&lines[lines.len().saturating_sub(LOG_LINES)..])
}

/// The end of the log, from the file before it, too: it may have been begun a moment ago.
fn log_files(paths: &Paths) -> io::Result<String> {
    let newest = end_of(&paths.log_file())?;
    let older = end_of(&paths.older_log_file()).unwrap_or_default();
    Ok(older + &newest)
}

fn end_of(file: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
