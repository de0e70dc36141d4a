//! `setup`: points tools at the daemon, in their own files, each with a local key of its own.

mod print;
mod show;

use std::io::{self, IsTerminal};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{AccessQuery, CaTrust};
use aigw_shared::paths::{self, Paths};

use self::show::{FileRow, Row, State, Told, overview, plan};
use super::edits::{Hidden, agree, diff, finish};
use super::{env, pause, trust};
use crate::cli::Setup;
use crate::output::Output;
use crate::settings::ledger::Ledger;
use crate::settings::transaction::Change;
use crate::tools::models::{self, Offered};
use crate::tools::{self, Desk, Door, How, Mode, TOOLS, Tool, Way};
use crate::{daemon, no_proxy};

/// A tool, and the way in which it is to come to us.
#[derive(Clone, Copy)]
struct Choice {
    tool: &'static Tool,
    way: &'static Way,
}

/// Reads no more than it must, since a script may read along.
pub(super) async fn run(arguments: &Setup, output: &Output) -> Result<(), Failure> {
    if arguments.print && print::snippets(&arguments.tools, output)? {
        return Ok(());
    }
    if arguments.session_wide {
        return Err(no_session_wide().into());
    }
    let paths = daemon::paths()?;
    let home = paths.user_home.clone().ok_or_else(no_home)?;
    let desk = tools::desk(&home);
    let mut chosen = named(&arguments.tools, arguments.mode)?;
    if arguments.print {
        let offered = offered(&chosen, &arguments.models).await?;
        return print::run(&chosen, &desk, &offered, output).await;
    }
    if chosen.is_empty() {
        chosen = found(&desk, arguments.mode);
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
    pause::check_over(&paths, arguments.dry_run)?;
    // Nothing is asked, and no key made, for a daemon that is not there.
    let known_keys = match daemon::ask(Request::Keys).await? {
        Response::Keys(rows) => rows.into_iter().map(|row| row.name).collect::<Vec<_>>(),
        _ => return Err(daemon::unexpected()),
    };
    let offered = offered(&chosen, &arguments.models).await?;
    if !arguments.dry_run {
        agree(arguments.yes, output, "Set up", &plan(&chosen, &desk, &offered))?;
    }
    let mut rows = Vec::new();
    for choice in chosen {
        let tool = choice.tool;
        let door = if arguments.dry_run && !known_keys.iter().any(|name| name == tool.id) {
            Door {
                address: address_only().await?,
                key: format!("aigw_{}_***", tool.id),
                trust: Some(will_be(&paths)),
                exceptions: no_proxy::here(),
                models: offered.clone(),
            }
        } else if matches!(choice.way.how, How::Impossible { .. }) {
            Door::default()
        } else {
            access(choice, &desk, &offered).await?
        };
        rows.push(one(choice, &desk, &door, &mut ledger, arguments.dry_run));
    }
    let failed = failed(&rows);
    finish(&Told { dry_run: arguments.dry_run, tools: rows }, &failed, output)
}

/// Writes the present address into the files of a tool that is set up already.
pub(super) async fn again(id: &str) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let mut ledger = Ledger::open(&paths)?;
    let mode = ledger.tools.get(id).copied();
    set_up(id, mode, &mut ledger).await
}

/// Sets up one tool, as somebody has agreed to before.
pub(super) async fn set_up(id: &str, mode: Option<Mode>, ledger: &mut Ledger) -> Result<(), Failure> {
    let home = daemon::paths()?.user_home.ok_or_else(no_home)?;
    let desk = tools::desk(&home);
    for choice in named(&[id.to_owned()], mode)? {
        // Those that it knows already: the deployment may be away, and the user may have named them.
        let offered = ledger.models.get(id).cloned().unwrap_or_default();
        let door = access(choice, &desk, &offered).await?;
        if let Some(error) = one(choice, &desk, &door, ledger, false).error {
            return Err(Fault::new(Kind::CommandFailed, format!("{}: {error}", choice.tool.name))
                .cure_with(format!("mend that, then run `aigwctl setup {id}`"))
                .into());
        }
    }
    Ok(())
}

/// A stopped aigwd would cut the whole desktop off, as long as nothing starts it when somebody connects.
fn no_session_wide() -> Fault {
    Fault::new(
        Kind::Impossible,
        "proxy variables of the whole session need a service that starts aigwd when somebody connects, and none is \
         installed here: with aigwd stopped, no program of the desktop would reach the network",
    )
    .cure_with(
        "lead single programs here: `aigwctl setup TOOL` for one with settings of its own, \
         `aigwctl run --mode proxy -- CMD` for any other",
    )
}

fn no_home() -> Fault {
    Fault::new(Kind::BadConfiguration, "this user has no home folder").cure_with("set HOME")
}

/// The rows of these ids, each in its first way unless another is asked for.
fn named(ids: &[String], mode: Option<Mode>) -> Result<Vec<Choice>, Failure> {
    let row = |id: &String| {
        let tool = Tool::named(id).ok_or_else(|| {
            let all: Vec<_> = TOOLS.iter().map(|tool| tool.id).collect();
            Fault::new(Kind::Usage, format!("no tool is named {id:?}"))
                .cure_with(format!("use one of {}", all.join(", ")))
        })?;
        if let Some(Way { how: How::Impossible { why, instead }, evidence, .. }) = tool.ways.first() {
            let what = format!("{} cannot be set up ({}): {why}", tool.name, evidence.date);
            return Err(Fault::new(Kind::Impossible, what).cure_with(*instead).into());
        }
        let way = tool.way(mode).ok_or_else(|| {
            Fault::new(Kind::Impossible, format!("{} cannot be set up in that mode", tool.name))
                .cure_with(format!("aigwctl setup {id}"))
        })?;
        Ok(Choice { tool, way })
    };
    ids.iter().map(row).collect()
}

/// The tools that are here, and have that mode.
fn found(desk: &Desk, mode: Option<Mode>) -> Vec<Choice> {
    let here = TOOLS.iter().filter(|tool| tool.found(desk).is_some());
    here.filter_map(|tool| Some(Choice { tool, way: tool.way(mode)? })).collect()
}

/// The tool's own key, made if it is new, and where it is taken: the daemon that this user's control socket leads to says
/// so, and it holds that port. For a proxy, the files to trust as well.
async fn access(choice: Choice, desk: &Desk, offered: &Offered) -> Result<Door, Failure> {
    let query = AccessQuery { key: choice.tool.id.to_owned(), gateway: None };
    let Response::Access(access) = daemon::ask(Request::Access(query)).await? else {
        return Err(daemon::unexpected());
    };
    let trust = match choice.way.mode {
        Mode::BaseUrl => None,
        Mode::Proxy => Some(trust::files(choice.way.trusted(&desk.of(choice.tool))).await?),
    };
    Ok(Door {
        address: env::address(&access)?.to_owned(),
        key: access.key.reveal().to_owned(),
        trust,
        exceptions: no_proxy::here(),
        models: offered.clone(),
    })
}

/// The models that the deployment offers, if one of these tools has to be told. Whoever has to do without is told why.
async fn offered(chosen: &[Choice], names: &[String]) -> Result<Offered, Failure> {
    let wanted = |choice: &Choice| choice.way.names_models() || !choice.way.for_model.is_empty();
    if !chosen.iter().any(wanted) {
        return Ok(Offered::default());
    }
    match models::ask(names, None).await {
        // Then those fail that cannot do without.
        Err(failure) if !daemon::is_absent(&failure) => Ok(Offered::without(failure.text)),
        offered => offered,
    }
}

/// The files to trust, which may not be there yet.
fn will_be(paths: &Paths) -> CaTrust {
    let file = |name| paths.ca_dir().join(name).display().to_string();
    CaTrust { added: file(paths::CA_ROOTS), bundle: file(paths::CA_BUNDLE) }
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

fn one(choice: Choice, desk: &Desk, door: &Door, ledger: &mut Ledger, dry_run: bool) -> Row {
    let Choice { tool, way } = choice;
    let mut row = Row {
        tool: tool.id,
        name: tool.name,
        state: State::Unchanged,
        files: Vec::new(),
        mode: way.mode,
        steps: way.steps(door),
        notes: way.notes.to_vec(),
        overruled: way.overruled(),
        evidence: way.evidence,
        error: None,
    };
    if let Some(why) = desk.unplaced(tool, way.files()) {
        return Row { state: State::Impossible, error: Some(why), ..row };
    }
    match &way.how {
        How::Impossible { why, .. } => {
            row.state = State::Impossible;
            row.error = Some((*why).to_owned());
        }
        How::Steps(_) => {
            row.state = State::ByHand;
            if !dry_run {
                row.error = remember(ledger, choice).err().map(|fault| fault.what);
            }
        }
        How::Files(_) => {
            if let Err(fault) = files(choice, desk, door, ledger, dry_run, &mut row) {
                row.state = State::Failed;
                row.error = Some(fault.to_string());
            }
        }
    }
    row
}

fn remember(ledger: &mut Ledger, choice: Choice) -> Result<(), Fault> {
    let Choice { tool, way } = choice;
    if ledger.tools.insert(tool.id.to_owned(), way.mode) == Some(way.mode) { Ok(()) } else { ledger.save() }
}

fn files(
    choice: Choice,
    desk: &Desk,
    door: &Door,
    ledger: &mut Ledger,
    dry_run: bool,
    row: &mut Row,
) -> Result<(), Fault> {
    let Choice { tool, way } = choice;
    if way.lacks_models(door) {
        let cure = format!("aigwctl setup {} --model NAME", tool.id);
        return Err(door.models.none_for(tool.name, &cure));
    }
    let changes = way
        .wanted(tool.id, desk, door)
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
    remember(ledger, choice)?;
    if way.names_models()
        && ledger.models.insert(tool.id.to_owned(), door.models.clone()).as_ref() != Some(&door.models)
    {
        ledger.save()?;
    }
    changes.into_iter().try_for_each(|change| change.make(ledger))
}

fn failed(tools: &[Row]) -> Vec<String> {
    let failed = tools.iter().filter(|row| row.state == State::Failed);
    failed.map(|row| format!("{}: {}", row.name, row.error.as_deref().unwrap_or_default())).collect()
}
