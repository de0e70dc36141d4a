//! Who may use the port: anybody on this machine can connect to it, so keys and the owner of a connection decide.

use aigw_shared::ipc::message::{Request, Response};

use super::Seen;
use super::daemon::not_running;
use super::report::Line;
use crate::daemon;

const CHECK: &str = "access";

/// Settings that open the port further, what that means, and how it is taken back.
const OPENS: [(&str, &str, &str); 2] = [
    (
        "listen.share",
        "other users of this machine may use the gateway in your name, with a local key",
        "take `listen.share` out of the settings, then run `aigwctl reload`",
    ),
    (
        "listen.keyless",
        "any program of yours may use the proxy without a local key",
        "take `listen.keyless` out of the settings, then run `aigwctl reload`",
    ),
];

pub(super) async fn look(seen: &Seen) -> Vec<Line> {
    let Ok(status) = &seen.status else { return vec![not_running(CHECK)] };
    let settings = match daemon::ask(Request::Settings).await {
        Ok(Response::Settings(settings)) => settings,
        Ok(_) => return vec![Line::failure(CHECK, daemon::unexpected())],
        Err(failure) => return vec![Line::failure(CHECK, failure)],
    };
    let is_on = |key: &str| settings.rows.iter().any(|row| row.key == key && row.value == "true");
    let open: Vec<Line> = OPENS
        .iter()
        .filter(|(key, ..)| is_on(key))
        .map(|(_, text, cure)| Line::warning(CHECK, *text, *cure))
        .collect();
    if !open.is_empty() {
        return open;
    }
    // The finding says where the system does not tell whose a connection is.
    let by_owner = !status.findings.iter().any(|finding| finding.code == "owner-unknown");
    let owner = if by_owner { ", and has to be this user's" } else { "" };
    vec![Line::ok(CHECK, format!("every request needs a local key{owner}"))]
}
