//! `setup`: points tools at the daemon, in their own files, each with a local key of its own.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::AccessQuery;
use serde::Serialize;

use super::edits::{Hidden, agree, diff, finish, shown};
use super::env;
use crate::cli::Setup;
use crate::daemon;
use crate::output::{Answer, BAD, GOOD, LABEL, Output, STRONG, WARN};
use crate::settings::change::{self, Wanted};
use crate::settings::ledger::Ledger;
use crate::settings::transaction::Change;
use crate::tools::{self, Desk, Door, Evidence, TOOLS, Tool, Way};
use crate::wording::{columns, tame};

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    SetUp,
    Unchanged,
    Planned,
    ByHand,
    Impossible,
    Failed,
}

#[derive(Serialize)]
struct Row {
    tool: &'static str,
    name: &'static str,
    state: State,
    files: Vec<FileRow>,
    /// What is to be done by hand.
    steps: Vec<String>,
    notes: Vec<&'static str>,
    /// Managed files that go before ours.
    overruled: Vec<String>,
    evidence: Evidence,
    error: Option<String>,
}

#[derive(Serialize)]
struct FileRow {
    file: PathBuf,
    keys: Vec<String>,
    changed: bool,
    diff: Option<String>,
}

#[derive(Serialize)]
struct Told {
    dry_run: bool,
    tools: Vec<Row>,
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.tools.is_empty() {
            return writeln!(to, "None of the tools that aigwctl knows is here.");
        }
        for row in &self.tools {
            let (style, words) = match row.state {
                State::SetUp => (GOOD, "set up"),
                State::Unchanged => (GOOD, "set up already, nothing changed"),
                State::Planned => (WARN, "would be set up"),
                State::ByHand => (WARN, "to be done by hand"),
                State::Impossible => (WARN, "cannot be set up"),
                State::Failed => (BAD, "failed"),
            };
            writeln!(to, "{STRONG}{}{STRONG:#}: {style}{words}{style:#}", row.name)?;
            for file in &row.files {
                match &file.diff {
                    Some(diff) => write!(to, "{}", shown(diff))?,
                    None => writeln!(to, "  {}", tame(&file.file.display().to_string()))?,
                }
            }
            row.steps.iter().try_for_each(|step| writeln!(to, "  {step}"))?;
            row.overruled.iter().try_for_each(|words| writeln!(to, "  {WARN}{}{WARN:#}", tame(words)))?;
            if let Some(error) = &row.error {
                writeln!(to, "  {}", tame(error))?;
            }
        }
        Ok(())
    }
}

/// What is here, for whoever named no tool.
#[derive(Serialize)]
struct Overview {
    tools: Vec<Here>,
}

#[derive(Serialize)]
struct Here {
    tool: &'static str,
    name: &'static str,
    found: Option<PathBuf>,
    set_up: bool,
    way: &'static str,
    gets: Vec<String>,
    evidence: Evidence,
}

impl Answer for Overview {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let found: Vec<_> = self.tools.iter().filter(|tool| tool.found.is_some()).collect();
        if found.is_empty() {
            writeln!(to, "None of the tools that aigwctl knows is here.")?;
        } else {
            let cells = |here: &&Here| {
                let state = if here.set_up { "set up" } else { here.way };
                let evidence = format!("{} {}", here.evidence.kind.word(), here.evidence.version);
                let proof = format!("{}, {}", evidence.trim_end(), here.evidence.date);
                vec![here.tool.to_owned(), state.to_owned(), proof, here.gets.join(", ")]
            };
            let rows: Vec<_> = found.iter().map(cells).collect();
            columns(to, Some((LABEL, &["TOOL", "STATE", "EVIDENCE", "WOULD CHANGE"])), &rows)?;
        }
        let others: Vec<_> =
            self.tools.iter().filter(|tool| tool.found.is_none()).map(|tool| tool.tool).collect();
        writeln!(to, "{LABEL}not found:{LABEL:#} {}", others.join(", "))
    }
}

/// Reads no more than it must, since a script may read along.
pub(super) async fn run(arguments: &Setup, output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let home = paths.user_home.clone().ok_or_else(no_home)?;
    let desk = tools::desk(&home);
    let found = || TOOLS.iter().filter(|tool| tool.found(&desk).is_some());
    let mut chosen: Vec<&'static Tool> = named(&arguments.tools)?;
    if arguments.print {
        return print(&chosen, &desk, output).await;
    }
    if chosen.is_empty() {
        chosen = found().collect();
        // A script that has agreed wants one answer.
        let agreed = output.is_json() && (arguments.yes || arguments.dry_run);
        if !arguments.detected && !agreed {
            output.show(&overview(&desk, &Ledger::look(&paths)?))?;
            let may_ask = !output.is_json() && io::stdin().is_terminal();
            if !(arguments.yes || arguments.dry_run || may_ask) || chosen.is_empty() {
                output
                    .hint("`aigwctl setup TOOL` sets one up, `aigwctl setup --detected` all that are here.");
                return Ok(());
            }
        }
    }
    let mut ledger = if arguments.dry_run { Ledger::look(&paths)? } else { Ledger::open(&paths)? };
    // Nothing is asked, and no key made, for a daemon that is not there.
    let known_keys = match daemon::ask(Request::Keys).await? {
        Response::Keys(rows) => rows.into_iter().map(|row| row.name).collect::<Vec<_>>(),
        _ => return Err(daemon::unexpected()),
    };
    if !arguments.dry_run {
        agree(arguments.yes, output, "Set up", &plan(&chosen, &desk))?;
    }
    let mut rows = Vec::new();
    for tool in chosen {
        let door = if arguments.dry_run && !known_keys.iter().any(|name| name == tool.id) {
            let address = address_only().await?;
            Door { address, key: format!("aigw_{}_***", tool.id) }
        } else if matches!(tool.way, Way::Impossible { .. }) {
            Door { address: String::new(), key: String::new() }
        } else {
            access(tool).await?
        };
        rows.push(one(tool, &desk, &door, &mut ledger, arguments.dry_run));
    }
    let failed = failed(&rows);
    finish(&Told { dry_run: arguments.dry_run, tools: rows }, &failed, output)
}

/// Writes the present address into the files of a tool that is set up already.
pub(super) async fn again(id: &str) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let home = paths.user_home.clone().ok_or_else(no_home)?;
    let desk = tools::desk(&home);
    for tool in named(&[id.to_owned()])? {
        let mut ledger = Ledger::open(&paths)?;
        if let Some(error) = one(tool, &desk, &access(tool).await?, &mut ledger, false).error {
            return Err(Fault::new(Kind::CommandFailed, format!("{}: {error}", tool.name))
                .cure_with(format!("mend that, then run `aigwctl setup {id}`"))
                .into());
        }
    }
    Ok(())
}

fn no_home() -> Fault {
    Fault::new(Kind::BadConfiguration, "this user has no home folder").cure_with("set HOME")
}

/// The rows of these ids.
fn named(ids: &[String]) -> Result<Vec<&'static Tool>, Failure> {
    let row = |id: &String| {
        let tool = Tool::named(id).ok_or_else(|| {
            let all: Vec<_> = TOOLS.iter().map(|tool| tool.id).collect();
            Fault::new(Kind::Usage, format!("no tool is named {id:?}"))
                .cure_with(format!("use one of {}", all.join(", ")))
        })?;
        if let Way::Impossible { why, instead } = tool.way {
            let what = format!("{} cannot be set up ({}): {why}", tool.name, tool.evidence.date);
            return Err(Fault::new(Kind::Impossible, what).cure_with(instead).into());
        }
        Ok(tool)
    };
    ids.iter().map(row).collect()
}

fn overview(desk: &Desk, ledger: &Ledger) -> Overview {
    let set_up = ledger.tools();
    let here = |tool: &'static Tool| Here {
        tool: tool.id,
        name: tool.name,
        found: tool.found(desk),
        set_up: set_up.contains(tool.id),
        way: match tool.way {
            Way::Files(_) => "can be set up",
            Way::Steps(_) => "by hand",
            Way::Impossible { .. } => "impossible",
        },
        gets: match &tool.way {
            Way::Files(files) => files.iter().map(|file| file.place(desk).display().to_string()).collect(),
            Way::Steps(_) => vec!["nothing: the steps are shown".to_owned()],
            Way::Impossible { .. } => vec!["nothing".to_owned()],
        },
        evidence: tool.evidence,
    };
    Overview { tools: TOOLS.iter().map(here).collect() }
}

/// What would be done, for whoever is to agree.
fn plan(chosen: &[&'static Tool], desk: &Desk) -> String {
    let mut text = String::new();
    let door = Door { address: String::new(), key: String::new() };
    for tool in chosen.iter().filter(|tool| matches!(tool.way, Way::Files(_))) {
        text += &format!("{STRONG}{}{STRONG:#}\n", tool.name);
        for (file, wanted) in tool.wanted(desk, &door) {
            let file = tame(&file.display().to_string());
            text += &format!("  {file}: {}\n", key_names(&wanted).join(", "));
        }
        tool.notes.iter().for_each(|note| text += &format!("  {note}\n"));
    }
    text
}

fn key_names(wanted: &Wanted<'_>) -> Vec<String> {
    wanted.keys.iter().map(|(path, _)| path.join(".")).collect()
}

/// The tool's own key, made if it is new, and where it is taken: the daemon that this user's control socket leads to says
/// so, and it holds that port.
async fn access(tool: &Tool) -> Result<Door, Failure> {
    let query = AccessQuery { key: tool.id.to_owned(), gateway: None };
    match daemon::ask(Request::Access(query)).await? {
        Response::Access(access) => {
            let address = env::address(&access)?.to_owned();
            Ok(Door { address, key: access.key.reveal().to_owned() })
        }
        _ => Err(daemon::unexpected()),
    }
}

/// The address alone, without a new key.
async fn address_only() -> Result<String, Failure> {
    match daemon::ask(Request::Status).await? {
        Response::Status(status) => status.listen.first().cloned().ok_or_else(|| {
            Fault::new(Kind::Internal, "aigwd listens nowhere")
                .cure_with("see `aigwctl status` for the reason")
                .into()
        }),
        _ => Err(daemon::unexpected()),
    }
}

fn one(tool: &'static Tool, desk: &Desk, door: &Door, ledger: &mut Ledger, dry_run: bool) -> Row {
    let mut row = Row {
        tool: tool.id,
        name: tool.name,
        state: State::Unchanged,
        files: Vec::new(),
        steps: tool.steps(door),
        notes: tool.notes.to_vec(),
        overruled: tool.overruled(),
        evidence: tool.evidence,
        error: None,
    };
    match &tool.way {
        Way::Impossible { why, .. } => {
            row.state = State::Impossible;
            row.error = Some((*why).to_owned());
        }
        Way::Steps(_) => {
            row.state = State::ByHand;
            if !dry_run {
                row.error = remember_key(ledger, tool).err().map(|fault| fault.what);
            }
        }
        Way::Files(_) => {
            if let Err(fault) = files(tool, desk, door, ledger, dry_run, &mut row) {
                row.state = State::Failed;
                row.error = Some(fault.to_string());
            }
        }
    }
    row
}

fn remember_key(ledger: &mut Ledger, tool: &Tool) -> Result<(), Fault> {
    if ledger.keys.insert(tool.id.to_owned()) { ledger.save() } else { Ok(()) }
}

fn files(
    tool: &'static Tool,
    desk: &Desk,
    door: &Door,
    ledger: &mut Ledger,
    dry_run: bool,
    row: &mut Row,
) -> Result<(), Fault> {
    let changes = tool
        .wanted(desk, door)
        .into_iter()
        .map(|(file, wanted)| Change::of(file, &wanted, ledger))
        .collect::<Result<Vec<_>, _>>()?;
    for change in &changes {
        let diff = dry_run.then(|| {
            let hidden = change
                .touched
                .keys
                .iter()
                .filter(|held| held.ours.first().is_some_and(|value| value.as_str() == Some(&*door.key)));
            let mut hidden: Vec<_> = hidden.filter_map(|held| held.old.clone()).map(Hidden::theirs).collect();
            hidden.push(Hidden::key(&door.key, tool.id));
            diff(&change.file, change.now.as_deref(), Some(&change.text), &hidden)
        });
        row.files.push(FileRow {
            file: change.file.clone(),
            keys: change.touched.keys.iter().map(|held| held.path.join(".")).collect(),
            changed: change.is_needed(ledger),
            diff,
        });
    }
    if row.files.iter().any(|file| file.changed) {
        row.state = if dry_run { State::Planned } else { State::SetUp };
    }
    if dry_run {
        return Ok(());
    }
    remember_key(ledger, tool)?;
    changes.into_iter().try_for_each(|change| change.make(ledger))
}

fn failed(tools: &[Row]) -> Vec<String> {
    let failed = tools.iter().filter(|row| row.state == State::Failed);
    failed.map(|row| format!("{}: {}", row.name, row.error.as_deref().unwrap_or_default())).collect()
}

/// What belongs into the files, for whoever makes them in another way.
async fn print(chosen: &[&'static Tool], desk: &Desk, output: &Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for tool in chosen {
        let door = access(tool).await?;
        let files = tool.wanted(desk, &door).into_iter().map(|(file, wanted)| {
            let text = change::done(&wanted, None, None, Vec::new()).map(|(text, _)| text);
            text.map(|text| Printed { file: file.clone(), text }).map_err(|refusal| refusal.fault(&file, ""))
        });
        let files = files.collect::<Result<Vec<_>, _>>()?;
        rows.push(PrintedTool { tool: tool.id, files, steps: tool.steps(&door) });
    }
    output.show(&Prints { tools: rows })
}

#[derive(Serialize)]
struct Prints {
    tools: Vec<PrintedTool>,
}

#[derive(Serialize)]
struct PrintedTool {
    tool: &'static str,
    files: Vec<Printed>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Printed {
    file: PathBuf,
    text: String,
}

impl Answer for Prints {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for tool in &self.tools {
            for file in &tool.files {
                writeln!(to, "{LABEL}{}{LABEL:#}\n{}", file.file.display(), file.text)?;
            }
            tool.steps.iter().try_for_each(|step| writeln!(to, "{step}"))?;
        }
        Ok(())
    }
}
