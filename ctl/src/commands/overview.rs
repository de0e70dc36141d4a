//! `aigwctl` alone: the state in five lines, and the one thing to do next.

use std::io::{self, Write};

use aigw_shared::fault::{Failure, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::message::{Request, Response};
use serde::Serialize;

use super::status::{self, Daemon, Gateway, Status};
use super::up;
use crate::output::{Answer, LABEL, Output, STRONG};
use crate::settings::ledger::Ledger;
use crate::wording::{Moment, count_of, line, tame};
use crate::{daemon, os, tools};

#[derive(Serialize)]
struct Overview {
    /// Null when it is not running, or too far from our version to say more.
    daemon: Option<Daemon>,
    /// The default one.
    gateway: Option<Gateway>,
    findings: Vec<Finding>,
    /// Tools that are here, can be set up, and are not.
    tools_to_set_up: Vec<&'static str>,
    /// The one thing to do.
    next: String,
    /// Why that, where the lines above do not say.
    #[serde(skip)]
    why: Option<String>,
    #[serde(skip)]
    daemon_words: String,
    #[serde(skip)]
    more_gateways: usize,
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let overview = match status::fetch().await {
        Ok(status) => running(status, Moment::now(), &Tools::here()),
        Err(failure) if daemon::is_absent(&failure) => silent("not running", "aigwctl start"),
        Err(failure) if failure.code == Kind::VersionMismatch.face().code => other_version(&failure).await?,
        Err(failure) => return Err(failure),
    };
    output.show(&overview)
}

/// What the ledger and this user's folders say.
#[derive(Default)]
struct Tools {
    not_set_up: Vec<&'static str>,
    /// Put back by a pause that was not ended whole.
    paused: usize,
}

impl Tools {
    /// Nothing where it cannot be found out: whoever wants to know more asks `doctor`.
    fn here() -> Self {
        let Ok(paths) = daemon::paths() else { return Self::default() };
        let (Some(home), Ok(ledger)) = (&paths.user_home, Ledger::look(&paths)) else {
            return Self::default();
        };
        let not_set_up = up::not_set_up(&tools::desk(home), &ledger);
        Self { not_set_up: not_set_up.iter().map(|tool| tool.id).collect(), paused: ledger.paused.len() }
    }
}

fn running(status: Status, now: Moment, tools: &Tools) -> Overview {
    let default = status.gateways.iter().find(|gateway| gateway.default).or(status.gateways.first()).cloned();
    let (next, why) = next(&status, default.as_ref(), now, tools);
    Overview {
        tools_to_set_up: tools.not_set_up.clone(),
        next,
        why,
        daemon_words: format!("aigwd {} at {}", status.daemon.version, status.daemon.listen_words()),
        more_gateways: status.gateways.len().saturating_sub(1),
        daemon: Some(status.daemon),
        gateway: default,
        findings: status.findings,
    }
}

/// The first thing in the way of a request, or how to make one; and why that.
fn next(status: &Status, gateway: Option<&Gateway>, now: Moment, tools: &Tools) -> (String, Option<String>) {
    let found = |severity| status.findings.iter().find(|finding| finding.severity == severity);
    let plain = |command: &str| (command.to_owned(), None);
    if tools.paused > 0 || status.findings.iter().any(|finding| finding.code == "paused") {
        return plain("aigwctl resume");
    }
    match gateway {
        Some(Gateway { url: None, kind, .. }) if kind != "generic" => return plain("aigwctl login URL"),
        None => return plain("aigwctl login URL"),
        // One that is kept somewhere and could not be read is among the findings.
        Some(gateway) if (gateway.token.is_none() && gateway.store.is_none()) || gateway.is_expired(now) => {
            return plain(&login(gateway));
        }
        Some(_) => {}
    }
    if let Some(finding) = found(Severity::Error) {
        return plain(&finding.cure);
    }
    if !tools.not_set_up.is_empty() {
        let count = count_of(tools.not_set_up.len() as u64, "tool");
        let why = format!("{count} here, not set up: {}", tools.not_set_up.join(", "));
        return ("aigwctl setup".to_owned(), Some(why));
    }
    if found(Severity::Warning).is_some() {
        return plain("aigwctl doctor");
    }
    plain(&os::shell_in_use().evaluate("aigwctl env"))
}

fn login(gateway: &Gateway) -> String {
    if gateway.default {
        "aigwctl login".to_owned()
    } else {
        format!("aigwctl login --name {}", gateway.name)
    }
}

fn silent(daemon: &str, next: &str) -> Overview {
    Overview {
        daemon: None,
        gateway: None,
        findings: Vec::new(),
        tools_to_set_up: Vec::new(),
        next: next.to_owned(),
        why: None,
        daemon_words: daemon.to_owned(),
        more_gateways: 0,
    }
}

/// A daemon that can only be described.
async fn other_version(failure: &Failure) -> Result<Overview, Failure> {
    match daemon::ask(Request::Describe).await? {
        Response::Described(build) => {
            let words = format!("aigwd {}, pid {}; {}", build.version, build.pid, failure.text);
            Ok(silent(&words, "aigwctl stop && aigwctl start"))
        }
        _ => Err(daemon::unexpected()),
    }
}

impl Answer for Overview {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let unknown = || "unknown".to_owned();
        let known = self.daemon.is_some();
        let none = || if known { "none".to_owned() } else { unknown() };
        line(to, LABEL, "daemon", &self.daemon_words)?;
        line(
            to,
            LABEL,
            "gateway",
            &self.gateway.as_ref().map_or_else(none, |gateway| self.gateway_words(gateway)),
        )?;
        let login = self.gateway.as_ref().map(|gateway| gateway.login_words(Moment::now()));
        line(to, LABEL, "login", &login.unwrap_or_else(none))?;
        line(to, LABEL, "requests", &self.daemon.as_ref().map_or_else(unknown, Daemon::requests_words))?;
        line(to, LABEL, "findings", &if known { self.finding_words() } else { unknown() })?;
        let why = self.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        writeln!(to, "\nNext: {STRONG}{}{STRONG:#}{}", tame(&self.next), tame(&why))
    }
}

impl Overview {
    fn gateway_words(&self, gateway: &Gateway) -> String {
        match self.more_gateways {
            0 => gateway.url_words(),
            more => format!("{}; and {more} more", gateway.url_words()),
        }
    }

    fn finding_words(&self) -> String {
        match self.findings.as_slice() {
            [] => "none".to_owned(),
            [one] => one.text.clone(),
            [first, rest @ ..] => format!("{} (and {} more: `aigwctl status`)", first.text, rest.len()),
        }
    }
}
