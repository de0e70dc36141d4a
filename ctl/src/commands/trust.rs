//! The variables by which programs are told whom to trust, for `env --proxy`.

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{CaAction, CaGiven, CaTrust};

use crate::{daemon, os};

/// What a variable does to the roots that a program trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its file is trusted besides them.
    Adds,
    /// Its file is trusted instead of them.
    Replaces,
}

/// Each with what its program documents or was seen to do.
const ROWS: &[(&str, Kind)] = &[
    ("NODE_EXTRA_CA_CERTS", Kind::Adds),
    ("CODEX_CA_CERTIFICATE", Kind::Adds),
    ("DENO_CERT", Kind::Adds),
    ("SSL_CERT_FILE", Kind::Replaces),
    ("REQUESTS_CA_BUNDLE", Kind::Replaces),
    ("CURL_CA_BUNDLE", Kind::Replaces),
    ("GIT_SSL_CAINFO", Kind::Replaces),
    ("CARGO_HTTP_CAINFO", Kind::Replaces),
    ("AWS_CA_BUNDLE", Kind::Replaces),
    ("PIP_CERT", Kind::Replaces),
    ("DEVIN_CA_BUNDLE", Kind::Replaces),
];

/// Node takes the proxy and the system's roots only when it is told to.
const SWITCHES: [&str; 2] = ["NODE_USE_ENV_PROXY", "NODE_USE_SYSTEM_CA"];

/// All their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|(name, _)| *name).chain(SWITCHES)
}

/// What each is set to.
pub(super) fn values(files: &CaTrust) -> impl Iterator<Item = (&'static str, String)> {
    let file = |kind| match kind {
        Kind::Adds => files.added.clone(),
        Kind::Replaces => files.bundle.clone(),
    };
    let switches = SWITCHES.iter().map(|name| (*name, "1".to_owned()));
    ROWS.iter().map(move |(name, kind)| (*name, file(*kind))).chain(switches)
}

/// Asks the daemon for the files, and tells it what was trusted here before, in variables and in these files, so that it
/// still is.
pub(super) async fn files(before: Vec<CaGiven>) -> Result<CaTrust, Failure> {
    let given = ROWS.iter().filter_map(|(name, kind)| {
        let value = os::variable(name).filter(|value| !value.is_empty())?;
        let path = std::path::absolute(value).ok()?.into_os_string().into_string().ok()?;
        Some(CaGiven { path, adds: *kind == Kind::Adds })
    });
    match daemon::ask(Request::Ca(CaAction::Trust(given.chain(before).collect()))).await? {
        Response::CaTrust(files) => Ok(files),
        _ => Err(daemon::unexpected()),
    }
}
