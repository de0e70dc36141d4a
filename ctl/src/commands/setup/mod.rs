//! `setup`: points tools at the daemon, in their own files, each with a local key of its own.

mod ask;
mod choice;
mod pays;
mod print;
mod session;
mod show;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{AccessQuery, CaTrust};
use aigw_shared::os::listener;
use aigw_shared::paths::{self, Paths};
use serde_json::Value;

pub(super) use self::ask::payers;
use self::choice::Choice;
pub(super) use self::pays::no_more as pays_no_more;
use self::show::{FileRow, Row, State, Told, overview, plan};
use super::edits::{Hidden, agree, diff, diff_of_return, finish, nothing_changed};
use super::{env, pause, trust};
use crate::cli::Setup;
use crate::output::Output;
use crate::settings::Format;
use crate::settings::change::Wanted;
use crate::settings::ledger::Ledger;
use crate::settings::transaction::{Change, Return};
use crate::tools::models::{self, Offered};
use crate::tools::{self, Desk, Door, How, Mode, SESSION, Tool};
use crate::{daemon, no_proxy, os};

/// Reads no more than it must, since a script may read along.
pub(super) async fn run(arguments: &Setup, output: &Output) -> Result<(), Failure> {
    if arguments.print && print::snippets(&arguments.tools, output)? {
        return Ok(());
    }
    let paths = daemon::paths()?;
    let home = paths.user_home.clone().ok_or_else(no_home)?;
    let mut desk = tools::desk(&home);
    let known = Ledger::look(&paths)?;
    let mut chosen = choice::named(arguments, &known)?;
    if arguments.session_wide {
        chosen.push(choice::one(SESSION.id, None, None, &known)?);
    }
    if chosen.iter().any(|choice| choice.tool.id == SESSION.id) {
        session::check(&desk)?;
    }
    if arguments.shell_rc {
        desk.shell_file = Some(home.join(shell_file()?));
    } else {
        desk.shell_file = chosen.iter().find_map(|choice| has_block(&known, choice.tool.id));
    }
    if arguments.print {
        let offered = offered(&chosen, &arguments.models).await?;
        return print::run(&chosen, &desk, &offered, output).await;
    }
    if chosen.is_empty() {
        chosen = choice::found(&desk, arguments, &known);
        // A script that has agreed wants one answer.
        let agreed = output.is_json() && (arguments.yes || arguments.dry_run);
        if !arguments.detected && !agreed {
            output.show(&overview(&desk, &known))?;
            let may_ask = !output.is_json() && io::stdin().is_terminal();
            if !(arguments.yes || arguments.dry_run || may_ask) || chosen.is_empty() {
                output
                    .hint("`aigwctl setup TOOL` sets one up, `aigwctl setup --detected` all that are here.");
                return Ok(());
            }
        }
    }
    let mut ledger = if arguments.dry_run { known } else { Ledger::open(&paths)? };
    pause::check_over(&paths, arguments.dry_run)?;
    // Nothing is asked, and no key made, for a daemon that is not there, or a port that is not ours.
    let address = our_address().await?;
    let offered = offered(&chosen, &arguments.models).await?;
    if arguments.dry_run {
        let door = |choice: &Choice| unmade(choice.tool, &paths, &address, &offered);
        let rows = chosen.iter().map(|choice| planned(*choice, &desk, &door(choice), &mut ledger));
        let told = Told { explained: true, dry_run: true, tools: rows.collect() };
        return finish(&told, &failed(&told.tools), output);
    }
    if !arguments.yes && arguments.pays.is_none() {
        for choice in &mut chosen {
            *choice = ask::who_pays(*choice, &desk, &ledger, output)?;
        }
    }
    agree(arguments.yes, output, "Set up", &plan(&chosen, &desk, &offered, &ledger))?;
    let dared: Vec<_> =
        chosen.iter().copied().filter(|choice| ask::dares(choice, arguments.yes, output)).collect();
    if dared.is_empty() && !chosen.is_empty() {
        return Err(nothing_changed("answer y to have it tried"));
    }
    let mut rows = Vec::new();
    for choice in dared {
        // With `--yes` nobody has said who pays: another time somebody may be asked.
        let said = arguments.pays.is_some() || !arguments.yes && ask::login(&choice, &desk).is_some();
        rows.push(make(choice, &desk, &offered, said, &mut ledger).await?);
    }
    let told = Told { explained: arguments.yes, dry_run: false, tools: rows };
    finish(&told, &failed(&told.tools), output)
}

/// Writes the present address into the files of a tool that is set up already.
pub(super) async fn again(id: &str) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let mut ledger = Ledger::open(&paths)?;
    let shell_file = has_block(&ledger, id);
    set_up(id, None, shell_file, &mut ledger).await
}

/// Sets up one tool, as somebody has agreed to before: in this mode, else the one that it has, with a block in this file of
/// a shell if it had one.
pub(super) async fn set_up(
    id: &str,
    mode: Option<Mode>,
    shell_file: Option<PathBuf>,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let home = daemon::paths()?.user_home.ok_or_else(no_home)?;
    let desk = Desk { shell_file, ..tools::desk(&home) };
    let choice = choice::one(id, mode, None, ledger)?;
    our_address().await?;
    // Those that it knows already: the deployment may be away, and the user may have named them.
    let offered = ledger.models.get(id).cloned().unwrap_or_default();
    if let Some(error) = make(choice, &desk, &offered, false, ledger).await?.error {
        return Err(Fault::new(Kind::CommandFailed, format!("{}: {error}", choice.tool.name))
            .cure_with(format!("mend that, then run `aigwctl setup {id}`"))
            .into());
    }
    Ok(())
}

/// A stopped aigwd would cut the whole desktop off, as long as nothing starts it when somebody connects.
/// The file of a shell in which a tool has a block already.
pub(super) fn has_block(ledger: &Ledger, tool: &str) -> Option<PathBuf> {
    let files = ledger.files_of(tool).into_iter();
    files.filter(|(_, touched)| touched.format == Format::Shell).map(|(file, _)| file).next()
}

/// What the user's shell reads at its start.
fn shell_file() -> Result<&'static str, Fault> {
    let shell = os::variable("SHELL").unwrap_or_default();
    tools::desk::shell_file(&shell).ok_or_else(|| {
        Fault::new(Kind::Usage, format!("it is not known what the shell {shell:?} reads at its start"))
            .cure_with("run the same without --shell-rc, and put the lines where they belong")
    })
}

fn no_home() -> Fault {
    Fault::new(Kind::BadConfiguration, "this user has no home folder").cure_with("set HOME")
}

/// Where the daemon of this user's control socket takes requests. No key is handed to whoever else listens there.
async fn our_address() -> Result<String, Failure> {
    let Response::Status(status) = daemon::ask(Request::Status).await? else {
        return Err(daemon::unexpected());
    };
    for address in status.listen.iter().filter_map(|address| address.parse::<SocketAddr>().ok()) {
        if let Some(owner) = listener::at(address).filter(|owner| !owner.is_us) {
            let what = format!("it is not your aigwd that listens on {address}, but {}", owner.words);
            return Err(Fault::new(Kind::PortTaken, what).into());
        }
    }
    Ok(env::loopback(&status.listen)?.to_owned())
}

/// The tool's own key, made if it is new, and where it is taken. For a proxy, the files to trust as well.
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
        address: env::loopback(&access.listen)?.to_owned(),
        key: env::local_key(&access),
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

/// As `access` would have it. No key is made for it, and no file that a tool would trust.
fn unmade(tool: &Tool, paths: &Paths, address: &str, offered: &Offered) -> Door {
    let file = |name| paths.ca_dir().join(name).display().to_string();
    Door {
        address: address.to_owned(),
        key: format!("{}{}_***", aigw_shared::key::PREFIX, tool.id),
        trust: Some(CaTrust { added: file(paths::CA_ROOTS), bundle: file(paths::CA_BUNDLE) }),
        exceptions: no_proxy::here(),
        models: offered.clone(),
    }
}

/// A tool whose files are where they cannot be changed from here.
fn elsewhere(choice: Choice, desk: &Desk) -> Option<Row> {
    let why = desk.unplaced(choice.tool, choice.way.files())?;
    Some(Row { state: State::Impossible, error: Some(why), ..Row::of(choice, desk, &Door::default()) })
}

/// What would be done.
fn planned(choice: Choice, desk: &Desk, door: &Door, ledger: &mut Ledger) -> Row {
    if let Some(row) = elsewhere(choice, desk) {
        return row;
    }
    let mut row = Row::of(choice, desk, door);
    if let Err(fault) = files(choice, desk, door, ledger, true, &mut row) {
        row.fail(&fault.to_string());
    }
    row
}

/// Sets one up.
async fn make(
    choice: Choice,
    desk: &Desk,
    offered: &Offered,
    said: bool,
    ledger: &mut Ledger,
) -> Result<Row, Failure> {
    if matches!(choice.way.how, How::Impossible { .. }) {
        return Ok(Row::of(choice, desk, &Door::default()));
    }
    if let Some(row) = elsewhere(choice, desk) {
        return Ok(row);
    }
    let door = access(choice, desk, offered).await?;
    let mut row = Row::of(choice, desk, &door);
    if let Err(failure) = pays::settle(&choice, said, ledger).await {
        row.fail(&failure.text);
    } else if let Err(fault) = files(choice, desk, &door, ledger, false, &mut row) {
        row.fail(&fault.to_string());
        if !ledger.tools.contains_key(choice.tool.id) {
            pays::no_more(choice.tool.id, ledger).await?;
        }
    }
    Ok(row)
}

/// Its files. Those that another mode of it has changed are put back.
fn files(
    choice: Choice,
    desk: &Desk,
    door: &Door,
    ledger: &mut Ledger,
    dry_run: bool,
    row: &mut Row,
) -> Result<(), Fault> {
    if choice.way.lacks_models(door) {
        let cure = format!("aigwctl setup {} --model NAME", choice.tool.id);
        return Err(door.models.none_for(choice.tool.name, &cure));
    }
    let wanted = choice.way.wanted(choice.tool.id, desk, door);
    let returns = left_by_another_mode(choice.tool, &wanted, ledger)?;
    let changes = wanted
        .into_iter()
        .map(|(file, wanted)| Change::of(file, &wanted, ledger))
        .collect::<Result<Vec<_>, _>>()?;
    for (file, back) in &returns {
        let touched = ledger.files.get(file);
        row.files.push(FileRow {
            file: file.clone(),
            keys: Vec::new(),
            left: back.undone.theirs.iter().map(|path| path.join(".")).collect(),
            changed: back.undone.text != back.now,
            diff: touched.filter(|_| dry_run).map(|touched| diff_of_return(file, touched, back)),
        });
    }
    for change in &changes {
        let ours = |value: &Value| value.as_str().is_some_and(|text| text.contains(&door.key));
        let secret = change.touched.keys.iter().filter(|held| held.ours.iter().any(ours));
        let mut hidden: Vec<_> = secret.filter_map(|held| held.old.clone()).map(Hidden::theirs).collect();
        hidden.extend(change.keys().map(|key| Hidden::key(key, choice.tool.id)));
        row.files.push(FileRow {
            file: change.file.clone(),
            keys: change.touched.keys.iter().map(|held| held.path.join(".")).collect(),
            left: Vec::new(),
            changed: change.is_needed(ledger),
            diff: dry_run.then(|| diff(&change.file, change.now.as_deref(), Some(&change.text), &hidden)),
        });
    }
    if row.state == State::Unchanged && row.files.iter().any(|file| file.changed) {
        row.state = if dry_run { State::Planned } else { State::SetUp };
    }
    if dry_run || matches!(choice.way.how, How::Impossible { .. }) {
        return Ok(());
    }
    let (id, mode) = (choice.tool.id, choice.way.mode);
    let mut told = ledger.tools.insert(id.to_owned(), mode) != Some(mode);
    if choice.way.names_models() || desk.shell_file.is_some() {
        told |= ledger.models.insert(id.to_owned(), door.models.clone()).as_ref() != Some(&door.models);
    }
    if told {
        ledger.save()?;
    }
    returns.into_iter().try_for_each(|(_, back)| back.make(ledger))?;
    changes.into_iter().try_for_each(|change| change.make(ledger))
}

/// Files of the tool that the way does not name, and what they were.
fn left_by_another_mode(
    tool: &Tool,
    wanted: &[(PathBuf, Wanted<'_>)],
    ledger: &Ledger,
) -> Result<Vec<(PathBuf, Return)>, Fault> {
    let files = ledger.files_of(tool.id).into_iter();
    let left = files.filter(|(file, _)| !wanted.iter().any(|(other, _)| other == file));
    left.map(|(file, touched)| Return::of(&file, &touched).map(|back| (file, back))).collect()
}

fn failed(tools: &[Row]) -> Vec<String> {
    let failed = tools.iter().filter(|row| row.state == State::Failed);
    failed.map(|row| format!("{}: {}", row.name, row.error.as_deref().unwrap_or_default())).collect()
}
