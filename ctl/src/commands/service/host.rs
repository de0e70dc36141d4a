//! `--system USER`: a service of the machine that runs as one of its users, on hosts without people and for service accounts.

use std::io::{self, Write};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use serde::Serialize;

use super::port;
use crate::os::rights;
use crate::os::service::{self, Host};
use crate::output::{Answer, Output};
use crate::program;
use crate::settings::place;
use crate::steps::journal::Journal;
use crate::steps::{Step, apply};

#[derive(Serialize)]
struct Told {
    dry_run: bool,
    installed: bool,
    user: String,
    /// `AIGW_HOME` of the service.
    home: String,
    port: u16,
    steps: Vec<String>,
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.dry_run {
            return self.steps.iter().try_for_each(|step| writeln!(to, "{}", step.replace('\n', "\n  ")));
        }
        let Self { user, home, port, .. } = self;
        if !self.installed {
            return writeln!(to, "The service of {user} is gone. What it kept is in {home}");
        }
        writeln!(
            to,
            "aigwd runs as {user}, and with every start of the machine. Tools connect to port {port}."
        )?;
        writeln!(
            to,
            "Log in for it: sudo -u {user} AIGW_HOME='{home}' aigwctl login https://coder.example.com"
        )
    }
}

pub(super) fn install(user: &str, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let host = host(user, port::free()?)?;
    let steps = host.install()?;
    if !dry_run {
        needs_root("install", user)?;
        if !rights::only_root_writes(&host.aigwd) {
            let text = format!("{} can be changed by others than root", host.aigwd.display());
            return Err(Fault::new(Kind::Impossible, text)
                .cure_with(
                    "put aigwd and aigwctl where only root writes, such as /usr/local/bin, and run that one",
                )
                .into());
        }
        apply(&steps)?;
    }
    told(&host, dry_run, true, &steps, output)
}

pub(super) fn uninstall(user: &str, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let host = host(user, port::USUAL)?;
    let steps = host.uninstall()?;
    if !dry_run {
        needs_root("uninstall", user)?;
        apply(&steps)?;
    }
    told(&host, dry_run, false, &steps, output)
}

fn host(user: &str, port: u16) -> Result<Host, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if user.is_empty() || user.starts_with(['-', '.']) || !user.chars().all(plain) {
        return Err(Fault::new(Kind::Usage, "--system wants the name of a user of this machine").into());
    }
    Ok(Host::here(user, program::aigwd()?, port))
}

fn needs_root(verb: &str, user: &str) -> Result<(), Failure> {
    if rights::is_root() {
        return Ok(());
    }
    Err(Fault::new(Kind::NeedsRoot, "a service of the machine is root's to change")
        .cure_with(format!("sudo aigwctl service {verb} --system {user}"))
        .into())
}

/// Without a trace in root's home: what is cut short is done again by the same command.
fn apply(steps: &[Step]) -> Result<(), Failure> {
    let fault =
        |error: io::Error| Fault::new(Kind::File, format!("a scratch folder cannot be made: {error}"));
    let folder = tempfile::tempdir().map_err(fault)?;
    for file in steps.iter().filter_map(|step| match step {
        Step::Write { file, .. } => file.parent(),
        _ => None,
    }) {
        std::fs::create_dir_all(file).map_err(fault)?;
    }
    let mut journal = Journal::begin(&folder.path().join("journal.json"), "service", steps)?;
    let done = apply::apply(&mut journal, &apply::command);
    let removed = steps.iter().filter_map(|step| match step {
        Step::Remove { file } => file.parent().map(Path::to_owned),
        _ => None,
    });
    place::remove_empty(
        &removed.filter(|folder| folder.extension().is_some_and(|it| it == "d")).collect::<Vec<_>>(),
    );
    Ok(done?)
}

fn told(host: &Host, dry_run: bool, installed: bool, steps: &[Step], output: &Output) -> Result<(), Failure> {
    output.show(&Told {
        dry_run,
        installed,
        user: host.user.clone(),
        home: host.home().display().to_string(),
        port: host.port,
        steps: steps.iter().map(service::words).collect(),
    })
}
