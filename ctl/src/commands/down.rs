//! `down`: the reverse of `up`. Tools get their files back byte for byte, trust stores forget this machine's CA, the
//! deployment forgets its token, aigwd stops. What is aigw's own stays unless `--purge` says otherwise: settings, the CA and
//! the secret of local keys make a later `up` the same machine again.

use std::fs;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::paths::Paths;
use serde_json::Value;

use super::course::{Course, Ended, State};
use super::edits::agree;
use super::{ca, service, start, status, stop, undo, up};
use crate::cli::{CaUninstall, Down, Undo};
use crate::daemon;
use crate::output::Output;
use crate::settings::ledger::Ledger;
use crate::settings::place;
use crate::wording::tame;

const STEPS: &[&str] = &["undo", "trust", "logout", "stop"];
const WITH_PURGE: &[&str] = &["undo", "trust", "logout", "stop", "purge"];

/// What both programs write into the state folder. Folders are aigw's alone.
const STATE: &[&str] = &[
    "aigwd.log",
    "aigwd.log.1",
    "aigwd.log.2",
    "aigwd.log.3",
    "aigwd.log.4",
    "ca",
    "credentials",
    "folders",
    "identity",
    "key",
    "keys.json",
    "lock",
    "paused",
    "run",
    "service",
    "setup",
    "trust",
];
const CONFIG: &[&str] = &["config.toml"];
const RUNTIME: &[&str] = &["control.sock", "socket"];

pub(super) async fn run(arguments: &Down, output: &Output) -> Result<(), Failure> {
    let paths = daemon::paths()?;
    let names = if arguments.purge { WITH_PURGE } else { STEPS };
    let mut course = Course::begin("down", names, arguments.dry_run, output);
    if !arguments.dry_run {
        agree(arguments.yes, output, "Do that", &plan(&paths, arguments.purge)?)?;
    }
    let undone = match needs_daemon(&paths, arguments)? {
        true => start::begin(arguments.aigwd.as_deref()).await.map(|_| ()),
        false => Ok(()),
    };
    let undone = match undone {
        Ok(()) => put_back(&paths, arguments.dry_run, &mut course.left).await,
        Err(failure) => Err(failure),
    };
    // A tool whose file could not be put back still leads here.
    if course.ended("undo", undone)? {
        // Root may have to do this one; that is no reason to stay logged in.
        course.ended("trust", distrust(arguments.dry_run).await)?;
        let logged_out = log_out(arguments.dry_run, &mut course.left).await;
        if course.ended("logout", logged_out)? {
            course.ended("stop", halt(arguments.dry_run).await)?;
        }
    }
    if arguments.purge && !course.is_broken() {
        course.ended("purge", purge(&paths, arguments.dry_run))?;
    }
    if !arguments.dry_run {
        course.left.extend(leftovers(&paths, arguments.purge));
    }
    course.end()
}

fn plan(paths: &Paths, purge: bool) -> Result<String, Failure> {
    let tools: Vec<String> = Ledger::look(paths)?.all_tools().into_iter().collect();
    let mut plan = String::new();
    if !tools.is_empty() {
        plan += &format!("put back the settings of {}\n", tools.join(", "));
    }
    if ca::is_installed()? {
        plan += "take this machine's CA out of the trust stores\n";
    }
    plan += if service::is_installed() {
        "log out, stop aigwd, and take its service away\n"
    } else {
        "log out, and stop aigwd\n"
    };
    if purge {
        plan += &format!(
            "remove aigw's own files in {} and {}\n",
            tame(&paths.config.display().to_string()),
            tame(&paths.state.display().to_string())
        );
    }
    Ok(plan)
}

/// Local keys are revoked, and tokens deleted at the deployment, by a daemon that runs.
fn needs_daemon(paths: &Paths, arguments: &Down) -> Result<bool, Failure> {
    let logins = fs::read_dir(paths.credentials_dir())
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| may_be_login(&entry.path()));
    Ok(!arguments.dry_run && (logins || !Ledger::look(paths)?.all_tools().is_empty()))
}

/// A login's file, or word of one that is in the keyring. Of one that was in memory there is nothing left to end.
fn may_be_login(file: &Path) -> bool {
    let ending = file.extension().unwrap_or_default();
    ending == "json"
        || ending == "place" && fs::read_to_string(file).is_ok_and(|text| text.contains("keyring"))
}

async fn put_back(paths: &Paths, dry_run: bool, left: &mut Vec<String>) -> Result<Ended, Failure> {
    let tools: Vec<String> = Ledger::look(paths)?.all_tools().into_iter().collect();
    if tools.is_empty() {
        return Ok(Ended::already("no tool is set up"));
    }
    let aside = Output::aside();
    undo::run(&Undo { all: true, yes: true, dry_run, ..Undo::default() }, &aside).await?;
    let kept = aside.kept();
    for file in kept.json["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|tool| tool["files"].as_array())
        .flatten()
    {
        let keys: Vec<&str> =
            file["left"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !keys.is_empty() {
            left.push(format!(
                "{}: {} (changed by somebody since)",
                file["file"].as_str().unwrap_or_default(),
                keys.join(", ")
            ));
        }
    }
    let state = if dry_run { State::Planned } else { State::Done };
    Ok(Ended::of(state, tools.join(", "), kept.json))
}

async fn distrust(dry_run: bool) -> Result<Ended, Failure> {
    if !ca::is_installed()? {
        return Ok(Ended::already("this machine's CA is in no trust store"));
    }
    let aside = Output::aside();
    ca::uninstall(&CaUninstall { dry_run, ..CaUninstall::default() }, &aside).await?;
    let kept = aside.kept();
    if let Some(command) = kept.json["as_root"].as_str().filter(|_| !dry_run) {
        return Err(Fault::new(Kind::NeedsRoot, "a trust store can be changed by root only")
            .cure_with(format!("run `{command}`"))
            .into());
    }
    let state = if dry_run { State::Planned } else { State::Done };
    Ok(Ended::of(state, "taken out of the trust stores", kept.json))
}

async fn log_out(dry_run: bool, left: &mut Vec<String>) -> Result<Ended, Failure> {
    let status = match status::fetch().await {
        Ok(status) => status,
        Err(failure) if daemon::is_absent(&failure) => return Ok(Ended::already("nobody is logged in")),
        Err(failure) => return Err(failure),
    };
    let (mut names, mut answers) = (Vec::new(), Vec::new());
    for gateway in status.gateways {
        // What the environment gives is not kept here.
        if gateway.store.is_none() {
            continue;
        }
        names.push(gateway.url.clone().unwrap_or_else(|| gateway.name.clone()));
        if dry_run {
            continue;
        }
        let Response::LoggedOut(out) = daemon::ask(Request::Logout(Some(gateway.name.clone()))).await? else {
            return Err(daemon::unexpected());
        };
        if let Some(token) = &out.left {
            let place = names.last().cloned().unwrap_or_default();
            left.push(format!(
                "the token {token} at {place}, which could not be asked: delete it there, or let it end"
            ));
        }
        answers.push(serde_json::json!({ "name": out.name, "deleted": out.deleted, "left": out.left }));
    }
    if names.is_empty() {
        return Ok(Ended::already("nobody is logged in"));
    }
    let state = if dry_run { State::Planned } else { State::Done };
    Ok(Ended::of(state, names.join(", "), Value::Array(answers)))
}

async fn halt(dry_run: bool) -> Result<Ended, Failure> {
    let running = !daemon::has_ended()?;
    let service = service::remove(dry_run)?;
    if dry_run && (running || service) {
        let what = if service { "aigwd and its service" } else { "aigwd" };
        return Ok(Ended::of(State::Planned, what, Value::Null));
    }
    let aside = Output::aside();
    stop::run(&aside).await?;
    let ended = Ended::done(aside.kept());
    Ok(match (service, running) {
        (true, _) => Ended { text: "aigwd has stopped, and its service is gone".to_owned(), ..ended },
        (false, true) => ended,
        (false, false) => Ended::already(ended.text),
    })
}

// -- aigw's own files -------------------------------------------------------------------------------------------------

fn purge(paths: &Paths, dry_run: bool) -> Result<Ended, Failure> {
    let socket = paths.socket();
    let folders = [
        (&paths.config, CONFIG),
        (&paths.state, STATE),
        (&paths.runtime, RUNTIME),
        (&socket.folder, RUNTIME),
        (&paths.cache, &[]),
    ];
    if dry_run {
        let there: Vec<String> = folders
            .iter()
            .filter(|(folder, _)| folder.exists())
            .map(|(folder, _)| folder.display().to_string())
            .collect();
        return Ok(Ended::of(State::Planned, there.join(", "), Value::Null));
    }
    let made = fs::read_to_string(up::folders_file(paths)).unwrap_or_default();
    for (folder, names) in folders {
        for file in ours_in(folder, names) {
            remove(&file)?;
        }
        // One with something of somebody else in it stays, and is named.
        let _ = fs::remove_dir(folder);
    }
    place::remove_empty(&made.lines().map(PathBuf::from).collect::<Vec<_>>());
    Ok(Ended::of(State::Done, "aigw's own files are removed", Value::Null))
}

/// The files in a folder that are ours by their names, and the drafts and damaged ones beside them.
fn ours_in(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_ours = |entry: &fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        names.contains(&&*name)
            || name.starts_with(".aigw-")
            || name.split_once(".damaged-").is_some_and(|(name, _)| names.contains(&name))
    };
    entries.filter(is_ours).map(|entry| entry.path()).collect()
}

fn remove(file: &Path) -> Result<(), Fault> {
    let is_folder = fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder { fs::remove_dir_all(file) } else { fs::remove_file(file) };
    removed.map_err(|error| Fault::new(Kind::File, format!("{} cannot be removed: {error}", file.display())))
}

/// Folders of aigw's that are still there, and why.
fn leftovers(paths: &Paths, purged: bool) -> Vec<String> {
    let why = |what: &str| {
        if purged {
            "holds files that are not aigw's".to_owned()
        } else {
            format!("{what}; `aigwctl down --purge` removes it")
        }
    };
    [
        (&paths.config, "aigw's settings"),
        (&paths.state, "this machine's CA, the secret of local keys, and the log"),
    ]
    .into_iter()
    .filter(|(folder, _)| folder.exists())
    .map(|(folder, what)| format!("{}: {}", folder.display(), why(what)))
    .collect()
}
