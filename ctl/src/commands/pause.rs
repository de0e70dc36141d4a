//! `pause` and `resume`: the tools that are set up go to their vendors' own hosts and come back, their keys kept, and the
//! proxy opens no host meanwhile. The ledger has what is to come back before a file is touched; killed anywhere, the next
//! run of either completes it.

use std::io::{self, Write};
use std::path::PathBuf;

use aigw_shared::config::{self, PolicyState, Sources};
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::paths::Paths;
use aigw_shared::pause;
use serde::Serialize;

use super::edits::finish;
use super::setup;
use crate::daemon;
use crate::output::{Answer, BAD, GOOD, Output, STRONG};
use crate::settings::ledger::{Ledger, Paused};
use crate::settings::transaction::Return;
use crate::tools::{Mode, Tool};
use crate::wording::{Moment, tame};

#[derive(Serialize)]
struct Told {
    paused: bool,
    /// Null when it is not paused.
    since: Option<Moment>,
    tools: Vec<Row>,
    /// Whether the proxy knows, too; it reads it when it starts.
    daemon_running: bool,
}

#[derive(Default, Serialize)]
struct Row {
    tool: String,
    files: Vec<PathBuf>,
    /// Keys that somebody has changed since setup. They stay as they are.
    left: Vec<String>,
    error: Option<String>,
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for row in &self.tools {
            let (style, words) = match (&row.error, self.paused) {
                (Some(error), _) => (BAD, format!("failed: {}", tame(error))),
                (None, true) => (GOOD, "goes to its vendor's own host".to_owned()),
                (None, false) => (GOOD, "comes to aigwd again".to_owned()),
            };
            writeln!(to, "{STRONG}{}{STRONG:#}: {style}{words}{style:#}", row.tool)?;
            if !row.left.is_empty() {
                writeln!(to, "  changed by somebody since, and left: {}", tame(&row.left.join(", ")))?;
            }
        }
        if !self.paused {
            return writeln!(to, "aigw is not paused.");
        }
        let since = self.since.map(|since| format!(" since {}", since.words())).unwrap_or_default();
        writeln!(to, "aigw is paused{since}, and its proxy opens no host. `aigwctl resume` ends it.")?;
        if !self.tools.is_empty() {
            writeln!(to, "A tool that is open reads its settings when it is started again.")?;
        }
        Ok(())
    }
}

/// `pause`
pub(super) async fn begin(output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    check_allowed(&paths)?;
    let mut ledger = Ledger::open(&paths)?;
    let daemon_running = match daemon::ask(Request::Pause(true)).await {
        Ok(Response::Done) => true,
        Ok(_) => return Err(daemon::unexpected()),
        Err(failure) if daemon::is_absent(&failure) => {
            pause::set(&paths, true)?;
            false
        }
        Err(failure) => return Err(failure),
    };
    let known = ledger.all_tools();
    for tool in &known {
        // What an earlier run has written down already counts where its files are gone by now.
        let before = ledger.paused.get(tool);
        let mode = ledger.tools.get(tool).copied().or(before.map(|paused| paused.mode));
        let shell_file =
            setup::has_block(&ledger, tool).or(before.and_then(|paused| paused.shell_file.clone()));
        let mode = mode.or_else(|| usual(tool)).unwrap_or(Mode::BaseUrl);
        ledger.paused.insert(tool.clone(), Paused { mode, shell_file });
    }
    ledger.save()?;
    let mut rows = Vec::new();
    for tool in known {
        let row = put_back(&tool, &mut ledger);
        if row.error.is_none() {
            ledger.tools.remove(&tool);
            ledger.save()?;
        }
        rows.push(row);
    }
    tell(Told { paused: true, since: pause::since(&paths).map(Moment), tools: rows, daemon_running }, output)
}

/// The way in which a tool comes where nobody has said another.
fn usual(tool: &str) -> Option<Mode> {
    Tool::named(tool).and_then(|tool| tool.way(None)).map(|way| way.mode)
}

fn put_back(tool: &str, ledger: &mut Ledger) -> Row {
    let mut row = Row { tool: tool.to_owned(), ..Row::default() };
    for (file, touched) in ledger.files_of(tool) {
        let done = Return::of(&file, &touched).and_then(|back| {
            row.left.extend(back.undone.theirs.iter().map(|path| path.join(".")));
            back.make(ledger)
        });
        if let Err(fault) = done {
            row.error = Some(fault.to_string());
        }
        row.files.push(file);
    }
    row
}

/// `resume`
pub(super) async fn end(output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let mut ledger = Ledger::open(&paths)?;
    match daemon::ask(Request::Pause(false)).await {
        Ok(Response::Done) => {}
        Ok(_) => return Err(daemon::unexpected()),
        Err(failure) if daemon::is_absent(&failure) => {
            return Err(Failure { cure: "run `aigwctl start`, then `aigwctl resume`".to_owned(), ..failure });
        }
        Err(failure) => return Err(failure),
    }
    let mut rows = Vec::new();
    for (tool, Paused { mode, shell_file }) in ledger.paused.clone() {
        let error =
            setup::set_up(&tool, Some(mode), shell_file, &mut ledger).await.err().map(|failure| failure.text);
        if error.is_none() {
            ledger.paused.remove(&tool);
            ledger.save()?;
        }
        let files = ledger.files_of(&tool).into_iter().map(|(file, _)| file).collect();
        rows.push(Row { tool, files, left: Vec::new(), error });
    }
    tell(Told { paused: false, since: None, tools: rows, daemon_running: true }, output)
}

fn tell(told: Told, output: &Output) -> Result<(), Failure> {
    let failed = told.tools.iter().filter_map(|row| Some(format!("{}: {}", row.tool, row.error.as_ref()?)));
    let failed: Vec<String> = failed.collect();
    finish(&told, &failed, output)
}

/// Refuses what makes no sense during a pause.
pub(super) fn check_over(paths: &Paths, only_looks: bool) -> Result<(), Failure> {
    match pause::since(paths).filter(|_| !only_looks) {
        None => Ok(()),
        Some(since) => {
            let what = format!("aigw is paused since {}, so no tool is set up now", Moment(since).words());
            Err(Fault::new(Kind::Paused, what)
                .cure_with("run `aigwctl resume`, then the same command again")
                .into())
        }
    }
}

/// Before any file is touched, and whether the daemon runs or not.
fn check_allowed(paths: &Paths) -> Result<(), Failure> {
    let sources = Sources::of(paths, std::env::vars_os(), Vec::new())?;
    // A mistake of the user's own is no way around a policy, and no reason to refuse either.
    let loaded = config::load(&sources).or_else(|_| {
        config::load(&Sources { system: None, user: PathBuf::new(), environment: Vec::new(), ..sources })
    })?;
    if let PolicyState::Unreadable(why) = &loaded.policy {
        let what = format!("the managed policy cannot be used, and may forbid it: {why}");
        return Err(Fault::new(Kind::PolicyUnreadable, what).into());
    }
    Ok(pause::check(&loaded.config, &loaded.shown)?)
}
