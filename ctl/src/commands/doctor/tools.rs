//! The tools that `setup` has set up: whether their files still say what it wrote, and lead to where the daemon listens.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use aigw_shared::fault::{Fault, Kind};
use serde_json::Value;
use url::Url;

use super::super::drift;
use super::Seen;
use super::report::Line;
use crate::daemon;
use crate::settings::ledger::{Ledger, Touched};
use crate::tools::{Tool, Way};

/// Every file of every one.
pub(super) fn look(seen: &Seen) -> Vec<Line> {
    let ledger = match ledger() {
        Ok(ledger) => ledger,
        Err(fault) => return vec![Line::failure("tools", fault.into())],
    };
    if !ledger.paused.is_empty() {
        let paused: Vec<&str> = ledger.paused.keys().map(String::as_str).collect();
        let text = format!("put back by `aigwctl pause`: {}", paused.join(", "));
        return vec![Line::warning("tools", text, "aigwctl resume")];
    }
    if ledger.files.is_empty() {
        return vec![Line::skipped("tools", "no tool's file was set up by `aigwctl setup`")];
    }
    let ports = ports(seen);
    ledger.files.iter().map(|(file, touched)| told(file, touched, &ports)).collect()
}

fn told(file: &Path, touched: &Touched, ports: &[u16]) -> Line {
    let (tool, shown) = (&touched.tool, file.display());
    if let Err(fault) = touched.changed(file) {
        return Line::failure("tools", fault.into());
    }
    if let Some((what, cure)) = drift::words(file, touched) {
        return Line::warning("tools", what, cure);
    }
    if let Some(what) = passed_over(file, touched) {
        return Line::error("tools", format!("{tool}: {what}"), "mend that file, then run `aigwctl doctor`");
    }
    match astray(touched, ports) {
        Some(port) => Line::error(
            "tools",
            format!("{tool}: {shown} leads to port {port}, where aigwd does not listen"),
            format!("aigwctl setup {tool}"),
        ),
        None => Line::ok("tools", format!("{tool}: {shown} is as setup left it")),
    }
}

/// Says so if the tool does not read the file at all.
fn passed_over(file: &Path, touched: &Touched) -> Option<String> {
    let tool = Tool::named(&touched.tool)?;
    let desk = super::whose().ok()?.of(tool);
    let settings = tool.ways.iter().flat_map(Way::files).find(|settings| settings.place(&desk) == file)?;
    settings.passed_over(file)
}

/// The tools whose files are as we left them, and lead to a port that the daemon has left.
pub(super) fn moved(seen: &Seen) -> BTreeSet<String> {
    let ports = ports(seen);
    let Ok(ledger) = ledger() else { return BTreeSet::new() };
    let is_ours =
        |file: &Path, touched: &Touched| matches!(touched.changed(file), Ok(Some(keys)) if keys.is_empty());
    let theirs: BTreeSet<&String> = ledger
        .files
        .iter()
        .filter(|(file, touched)| !is_ours(file, touched))
        .map(|(_, touched)| &touched.tool)
        .collect();
    let astray = ledger.files.values().filter(|touched| astray(touched, &ports).is_some());
    astray.map(|touched| &touched.tool).filter(|tool| !theirs.contains(tool)).cloned().collect()
}

/// The port that what we wrote leads to, if it is none of these.
fn astray(touched: &Touched, ports: &[u16]) -> Option<u16> {
    touched.keys.iter().flat_map(|held| &held.ours).find_map(|value| stray(value, ports))
}

fn ledger() -> Result<Ledger, Fault> {
    match daemon::paths() {
        Ok(paths) => Ledger::look(&paths),
        // The daemon's check says why.
        Err(failure) => Err(Fault::new(Kind::BadConfiguration, failure.text)),
    }
}

/// Where the daemon listens; nothing while it does not say.
fn ports(seen: &Seen) -> Vec<u16> {
    let Ok(status) = &seen.status else { return Vec::new() };
    let addresses = status.daemon.listen.iter().filter_map(|address| address.parse::<SocketAddr>().ok());
    addresses.map(|address| address.port()).collect()
}

/// The port of a URL of ours that is none of these.
fn stray(value: &Value, ports: &[u16]) -> Option<u16> {
    let url = Url::parse(value.as_str()?).ok().filter(|url| url.scheme() == "http")?;
    url.port_or_known_default().filter(|port| !ports.is_empty() && !ports.contains(port))
}
