//! The logins, the way to each gateway, and the clocks at both ends.

use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::Reach;

use super::Seen;
use super::daemon::not_running;
use super::report::Line;
use crate::commands::status::Gateway;
use crate::daemon;
use crate::wording::{self, Moment};

/// A token that ends within a day and is not replaced is told of.
const SOON_S: i64 = 86_400;
/// Clocks that differ by less do no harm: tokens and certificates are checked to the minute.
const SKEW_S: u64 = 60;

/// Who is logged in where, and for how long.
pub(super) fn logins(seen: &Seen) -> Vec<Line> {
    let Ok(status) = &seen.status else { return vec![not_running("login")] };
    if status.gateways.is_empty() {
        return vec![Line::error("login", "no gateway is configured", "aigwctl login URL")];
    }
    status.gateways.iter().map(|gateway| login(gateway, Moment::now())).collect()
}

fn login(gateway: &Gateway, now: Moment) -> Line {
    let text = format!("{}: {}", gateway.name, gateway.login_words(now));
    let cure = format!("aigwctl login --name {}", gateway.name);
    let Some(token) = &gateway.token else {
        return match gateway.store {
            Some(_) => Line::warning("login", text, "unlock the keyring, then run `aigwctl reload`"),
            None => Line::error("login", text, cure),
        };
    };
    let soon = token.expires_at.is_some_and(|end| end.0 - now.0 < SOON_S) && token.renews_at.is_none();
    match () {
        () if gateway.is_expired(now) => Line::error("login", text, cure),
        () if soon && token.lasting == "given" => Line::warning("login", text, cure),
        () => Line::ok("login", text),
    }
}

/// The way to each, as the daemon goes it.
pub(super) async fn reach(seen: &Seen) -> Vec<Line> {
    if seen.status.is_err() {
        return vec![not_running("gateway")];
    }
    match daemon::ask(Request::Reach).await {
        Ok(Response::Reached(all)) if all.is_empty() => {
            vec![Line::skipped("gateway", "no gateway is configured")]
        }
        Ok(Response::Reached(all)) => all.into_iter().flat_map(way).collect(),
        Ok(_) => vec![Line::failure("gateway", daemon::unexpected())],
        Err(failure) => vec![Line::failure("gateway", failure)],
    }
}

/// One line a step, and one for the clocks.
fn way(reach: Reach) -> Vec<Line> {
    let name = reach.gateway;
    if reach.steps.is_empty() {
        return vec![Line::skipped("gateway", format!("{name}: it has no URL"))];
    }
    let mut lines = Vec::new();
    for step in reach.steps {
        lines.push(match step.trouble {
            None => Line::ok("gateway", format!("{name}: {}: {}", step.what, step.saw)),
            Some(failure) => {
                Line::error("gateway", format!("{name}: {}: {}", step.what, failure.text), failure.cure)
            }
        });
    }
    lines.extend(reach.ahead_s.map(|ahead_s| clock(&name, ahead_s)));
    lines
}

fn clock(gateway: &str, ahead_s: i64) -> Line {
    let apart = ahead_s.unsigned_abs();
    if apart <= SKEW_S {
        return Line::ok("clock", format!("{gateway}: the deployment's clock and this machine's agree"));
    }
    let where_to = if ahead_s > 0 { "behind" } else { "ahead of" };
    let text =
        format!("{gateway}: this machine's clock is {} {where_to} the deployment's", wording::length(apart));
    Line::warning("clock", text, "set this machine's clock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_a_minute() {
        let told = |ahead_s| serde_json::to_value(clock("work", ahead_s)).unwrap();
        for (ahead_s, state, words) in [
            (0, "ok", "agree"),
            (-60, "ok", "agree"),
            (61, "warning", "1 minute behind"),
            (-7200, "warning", "2 hours ahead of"),
            (i64::MIN, "warning", "ahead of"),
        ] {
            let line = told(ahead_s);
            assert_eq!(line["state"], state, "{line}");
            assert!(line["text"].as_str().unwrap().contains(words), "{line}");
        }
    }
}
