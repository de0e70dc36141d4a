//! `up`: everything that stands between a new machine and a tool that works, step by step. What is so already is left, so
//! that running it again goes on where it stopped. Each step is the command of its own, and says what that says.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::paths::Paths;
use aigw_shared::pause;
use serde_json::Value;
use url::Url;

use super::course::{Course, Ended, State};
use super::edits::agree;
use super::login::{self, with_scheme};
use super::status::{self, Gateway, Status};
use super::{doctor, service, setup};
use crate::cli::{Login, Setup, Up};
use crate::daemon;
use crate::output::Output;
use crate::settings::ledger::Ledger;
use crate::settings::place;
use crate::tools::{self, Desk, How, Mode, Pays, TOOLS, Tool};
use crate::wording::{Moment, count_of, tame};

const STEPS: &[&str] = &["start", "login", "setup", "doctor"];

pub(super) async fn run(arguments: &Up, output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let desk = desk(&paths)?;
    let plan = plan(arguments, &paths, &desk).await?;
    if arguments.dry_run {
        return show_plan(plan, output);
    }
    agree(
        arguments.yes,
        output,
        "Do that",
        &plan.iter().map(|(_, text)| format!("{text}\n")).collect::<String>(),
    )?;
    let payers = match arguments.pays {
        // Before anything is done, so that nobody has to wait for a question.
        None if !arguments.yes => {
            let ledger = Ledger::look(&paths)?;
            setup::payers(&not_set_up(&desk, &ledger), &desk, &ledger, output)?
        }
        pays => every_one(&desk, &Ledger::look(&paths)?, pays),
    };
    let mut course = Course::begin("up", STEPS, false, output);
    let made = new_folders(&paths);
    let started = start(arguments).await;
    if started.is_ok() {
        remember(&paths, &made)?;
    }
    if course.ended("start", started)?
        && course.ended("login", log_in(arguments).await)?
        && course.ended("setup", set_up(&paths, &desk, &payers).await)?
    {
        course.ended("doctor", look().await)?;
    }
    course.end()
}

fn desk(paths: &Paths) -> Result<Desk, Failure> {
    let home = paths.user_home.as_ref().ok_or_else(|| {
        Fault::new(Kind::BadConfiguration, "this user has no home folder").cure_with("set HOME")
    })?;
    Ok(tools::desk(home))
}

// -- the plan ---------------------------------------------------------------------------------------------------------

/// What there is to do, by step; nothing where all is so already.
async fn plan(arguments: &Up, paths: &Paths, desk: &Desk) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut plan = Vec::new();
    let status = match status::fetch().await {
        Ok(status) => Some(status),
        Err(failure) if daemon::is_absent(&failure) => None,
        Err(failure) => return Err(failure),
    };
    if let Some(text) = service::plan_of_up(arguments.aigwd.as_deref()).await? {
        plan.push(("start", text));
    }
    let known = status.as_ref().map(|status| logged_in(status, arguments.url.as_deref()).is_some());
    if known != Some(true) {
        let place = arguments
            .url
            .as_deref()
            .map(with_scheme)
            .unwrap_or_else(|| "the deployment of the settings".to_owned());
        let unless = if known.is_none() { ", unless that is so already" } else { "" };
        plan.push(("login", format!("log in to {}{unless}", tame(&place))));
    }
    if pause::since(paths).is_some() {
        plan.push(("setup", "end the pause".to_owned()));
    }
    for tool in not_set_up(desk, &Ledger::look(paths)?) {
        let Some(way) = tool.way(None) else { continue };
        let files: Vec<_> =
            way.files().iter().map(|file| file.place(&desk.of(tool)).display().to_string()).collect();
        let proof = format!("{} {}", way.evidence.kind.word(), way.evidence.version);
        plan.push((
            "setup",
            format!(
                "set up {} in {} ({}){}",
                tool.name,
                tame(&files.join(", ")),
                proof.trim_end(),
                paid(tool, desk, arguments)
            ),
        ));
    }
    Ok(plan)
}

/// Who pays for a tool that is signed in to a plan of its user's own, if that is known before somebody is asked.
fn paid(tool: &Tool, desk: &Desk, arguments: &Up) -> &'static str {
    let Some(own) = tool.own.as_ref().filter(|own| own.login(desk).is_some()) else { return "" };
    let may_own = own.way(tool.way(None).map_or(Mode::BaseUrl, |way| way.mode)).is_some();
    match (may_own, arguments.pays) {
        (false, _) => "; the company pays, not the plan that it is signed in to",
        (true, Some(Pays::Own)) => "; the plan that it is signed in to pays",
        (true, None) if !arguments.yes => "; you are asked whether the plan that it is signed in to pays",
        (true, _) => "; the company pays, not the plan that it is signed in to (`--pays own`)",
    }
}

/// The same payer for every tool that can have it.
fn every_one(desk: &Desk, ledger: &Ledger, pays: Option<Pays>) -> Vec<(&'static str, Pays)> {
    let Some(pays) = pays else { return Vec::new() };
    let can = |tool: &&Tool| pays == Pays::Company || tool.own.is_some();
    not_set_up(desk, ledger).into_iter().filter(can).map(|tool| (tool.id, pays)).collect()
}

fn show_plan(plan: Vec<(&'static str, String)>, output: &Output) -> Result<(), Failure> {
    let mut course = Course::begin("up", STEPS, true, output);
    for step in STEPS {
        let of_step: Vec<String> =
            plan.iter().filter(|(name, _)| name == step).map(|(_, text)| text.clone()).collect();
        let ended = match (of_step.as_slice(), *step) {
            ([], "doctor") => Ended::of(State::Planned, "look whether all is well", Value::Null),
            ([], _) => Ended::already("nothing to do"),
            (all, _) => Ended::of(State::Planned, all.join("; "), Value::Null),
        };
        course.ended(step, Ok(ended))?;
    }
    course.end()
}

/// The tools that are here, can be set up, and are not.
pub(super) fn not_set_up(desk: &Desk, ledger: &Ledger) -> Vec<&'static Tool> {
    let known: BTreeSet<String> = ledger.all_tools();
    let can = |tool: &&Tool| tool.way(None).is_some_and(|way| matches!(way.how, How::Files(_)));
    TOOLS.iter().filter(can).filter(|tool| !known.contains(tool.id) && tool.found(desk).is_some()).collect()
}

// -- the steps --------------------------------------------------------------------------------------------------------

async fn start(arguments: &Up) -> Result<Ended, Failure> {
    let started = match service::up(arguments.aigwd.as_deref()).await? {
        service::Started::Service { already, kept } => {
            let state = if already { State::Already } else { State::Done };
            return Ok(Ended { state, ..Ended::done(kept) });
        }
        service::Started::ByHand(started) => started,
    };
    let aside = Output::aside();
    aside.show(&started)?;
    let state = if started.was_running() { State::Already } else { State::Done };
    let hint = "started by hand, since no service manager of this user answers: it ends with this machine";
    Ok(Ended { state, details: vec![hint.to_owned()], ..Ended::done(aside.kept()) })
}

async fn log_in(arguments: &Up) -> Result<Ended, Failure> {
    let status = status::fetch().await?;
    if let Some(gateway) = logged_in(&status, arguments.url.as_deref()) {
        let who = gateway.login_words(Moment::now());
        let place = gateway.url.as_deref().unwrap_or(&gateway.name);
        return Ok(Ended::already(format!("{place} as {who}")));
    }
    let known = status.gateways.iter().any(|gateway| gateway.url.is_some() || gateway.kind == "generic");
    if arguments.url.is_none() && !arguments.from_env && !known {
        return Err(Fault::new(Kind::Usage, "neither the command line nor the settings name a deployment")
            .cure_with("run `aigwctl up URL`")
            .into());
    }
    let login = Login {
        url: arguments.url.clone(),
        ca_file: arguments.ca_file.clone(),
        no_open: arguments.no_open,
        token_stdin: arguments.token_stdin,
        from_env: arguments.from_env,
        unattended: !io::stdin().is_terminal(),
        ..Login::default()
    };
    let aside = Output::aside();
    login::run(&login, &aside).await?;
    Ok(Ended::done(aside.kept()))
}

/// The gateway that is meant, if its login serves.
fn logged_in<'a>(status: &'a Status, url: Option<&str>) -> Option<&'a Gateway> {
    let same = |known: &Option<String>, wanted: &Url| {
        known
            .as_deref()
            .and_then(|known| Url::parse(known).ok())
            .is_some_and(|known| trimmed(&known) == trimmed(wanted))
    };
    let gateway = match url {
        None => status.gateways.iter().find(|gateway| gateway.default)?,
        Some(url) => {
            let wanted = Url::parse(&with_scheme(url)).ok()?;
            status.gateways.iter().find(|gateway| same(&gateway.url, &wanted))?
        }
    };
    let refused = status.findings.iter().any(|finding| finding.code == "login-refused");
    let there = gateway.token.is_some() || gateway.store.is_some();
    (there && !refused && !gateway.is_expired(Moment::now())).then_some(gateway)
}

fn trimmed(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

async fn set_up(paths: &Paths, desk: &Desk, payers: &[(&str, Pays)]) -> Result<Ended, Failure> {
    let mut answer = Value::Null;
    let mut words = Vec::new();
    if pause::since(paths).is_some() || !Ledger::look(paths)?.paused.is_empty() {
        let aside = Output::aside();
        super::pause::end(&aside).await?;
        answer = aside.kept().json;
        words.push("the pause is over".to_owned());
    }
    let new = not_set_up(desk, &Ledger::look(paths)?);
    let payer = |tool: &Tool| payers.iter().find(|(id, _)| *id == tool.id).map(|(_, pays)| *pays);
    for pays in [None, Some(Pays::Company), Some(Pays::Own)] {
        let ids: Vec<_> =
            new.iter().filter(|tool| payer(tool) == pays).map(|tool| tool.id.to_owned()).collect();
        if ids.is_empty() {
            continue;
        }
        let aside = Output::aside();
        setup::run(&Setup { tools: ids, pays, yes: true, ..Setup::default() }, &aside).await?;
        let json = aside.kept().json;
        match (answer["tools"].as_array_mut(), json["tools"].as_array()) {
            (Some(all), Some(more)) => all.extend(more.iter().cloned()),
            _ => answer = json,
        }
    }
    if !new.is_empty() {
        words.push(new.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", "));
    }
    let ended = if words.is_empty() {
        let set_up = Ledger::look(paths)?.all_tools();
        let words = if set_up.is_empty() {
            "no tool is here that has a file to set up".to_owned()
        } else {
            set_up.into_iter().collect::<Vec<_>>().join(", ")
        };
        Ended::already(words)
    } else {
        Ended::of(State::Done, words.join("; "), answer)
    };
    Ok(Ended { details: by_hand(paths, desk)?, ..ended })
}

/// The tools that are here and want steps that only a person can do.
fn by_hand(paths: &Paths, desk: &Desk) -> Result<Vec<String>, Failure> {
    let known = Ledger::look(paths)?.all_tools();
    let wants = |tool: &&Tool| {
        let by_hand = tool.way(None).is_some_and(|way| matches!(way.how, How::Steps(_)));
        by_hand && !known.contains(tool.id) && tool.found(desk).is_some()
    };
    let words = |tool: &Tool| format!("{} is set up by hand: `aigwctl setup {}`", tool.name, tool.id);
    Ok(TOOLS.iter().filter(wants).map(words).collect())
}

async fn look() -> Result<Ended, Failure> {
    let aside = Output::aside();
    doctor::run(&doctor::Arguments { fix: true, ..doctor::Arguments::default() }, &aside).await?;
    let report = aside.kept().json;
    let lines = |state: &str| -> Vec<(String, String)> {
        let checks = report["checks"].as_array().into_iter().flatten().filter(|line| line["state"] == state);
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        checks
            .map(|line| (format!("{}: {}", text(line, "check"), text(line, "text")), text(line, "cure")))
            .collect()
    };
    let (errors, warnings) = (lines("error"), lines("warning"));
    if let Some((text, cure)) = errors.first() {
        let more = if errors.len() > 1 {
            format!("; and {} more: `aigwctl doctor`", errors.len() - 1)
        } else {
            String::new()
        };
        return Err(Fault::new(Kind::CommandFailed, format!("{text}{more}")).cure_with(cure.clone()).into());
    }
    let text = match warnings.len() {
        0 => "all is well".to_owned(),
        count => format!("works, with {}", count_of(count as u64, "warning")),
    };
    let details = warnings.iter().map(|(text, cure)| format!("{text} ({cure})")).collect();
    Ok(Ended { details, ..Ended::of(State::Done, text, report.clone()) })
}

// -- what is left of it -----------------------------------------------------------------------------------------------

/// Names the folders that were made for aigw, one a line, for `down --purge`.
pub(super) fn folders_file(paths: &Paths) -> PathBuf {
    paths.state.join("folders")
}

fn new_folders(paths: &Paths) -> Vec<PathBuf> {
    let ours = [&paths.config, &paths.state, &paths.cache, &paths.runtime];
    let mut all: Vec<PathBuf> =
        ours.into_iter().flat_map(|folder| place::missing_folders(&folder.join("x"))).collect();
    all.sort();
    all.dedup();
    all
}

fn remember(paths: &Paths, made: &[PathBuf]) -> Result<(), Failure> {
    let file = folders_file(paths);
    if made.is_empty() || file.exists() {
        return Ok(());
    }
    let lines: String = made.iter().map(|folder| format!("{}\n", folder.display())).collect();
    Ok(aigw_shared::files::write_private(&file, lines.as_bytes())?)
}
