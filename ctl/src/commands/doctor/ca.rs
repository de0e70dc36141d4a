//! This machine's CA: whether it signs, when it ends, and who trusts it.

use aigw_shared::ipc::payload::{CaAction, CaStatus};

use super::Seen;
use super::daemon::not_running;
use super::report::Line;
use crate::commands::ca;
use crate::daemon;
use crate::wording::Moment;

/// The daemon makes another one before this; later, something is wrong.
const SOON_S: i64 = 7 * 86_400;

/// Looks, unless there is none: to ask for it would make it.
pub(super) async fn look(seen: &Seen) -> Vec<Line> {
    if seen.status.is_err() {
        return vec![not_running("ca")];
    }
    let made = daemon::paths().is_ok_and(|paths| paths.ca_dir().is_dir());
    if !made {
        return vec![Line::skipped("ca", "there is none yet; the proxy makes it when it is first needed")];
    }
    let status = match ca::ask(CaAction::Status).await {
        Ok(status) => status,
        Err(failure) => return vec![Line::failure("ca", failure)],
    };
    // Other programs are asked about their stores.
    let told = tokio::task::spawn_blocking(move || vec![itself(&status, Moment::now()), stores(&status)]);
    told.await.unwrap_or_else(|error| vec![Line::error("ca", error.to_string(), "try again")])
}

fn itself(status: &CaStatus, now: Moment) -> Line {
    let end = Moment(status.not_after);
    let ends = format!("it ends {} ({})", end.words(), end.seen_from(now));
    if let Some(trouble) = &status.trouble {
        return Line::error("ca", trouble.clone(), "aigwctl ca status");
    }
    if !status.outgrown.is_empty() {
        let text = format!("it cannot sign for {}", status.outgrown.join(", "));
        return Line::warning("ca", text, "aigwctl ca rotate");
    }
    if end.0 - now.0 < SOON_S {
        return Line::warning("ca", ends, "aigwctl ca rotate");
    }
    if status.next.is_some() {
        let text = format!("{ends}; another one waits to take over");
        return Line::warning("ca", text, "aigwctl ca install && aigwctl ca rotate --finish");
    }
    Line::ok("ca", ends)
}

fn stores(status: &CaStatus) -> Line {
    if status.company {
        return Line::ok("ca", "a company's CA has signed it, so that no store needs it");
    }
    let (with, without): (Vec<_>, Vec<_>) =
        ca::trust::overview(status).into_iter().partition(|store| store.installed);
    let names = |stores: Vec<ca::status::Store>| {
        stores.into_iter().map(|store| store.store).collect::<Vec<_>>().join(", ")
    };
    match (with.is_empty(), without.is_empty()) {
        (true, _) => Line::skipped(
            "ca",
            "no trust store has it; programs that are to use the proxy need the variables of `aigwctl env --proxy`, or `aigwctl ca install`",
        ),
        (false, true) => Line::ok("ca", format!("trusted by {}", names(with))),
        (false, false) => Line::warning(
            "ca",
            format!("trusted by {}, but not by {}", names(with), names(without)),
            "aigwctl ca install",
        ),
    }
}
