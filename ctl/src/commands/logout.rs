//! `logout`: the daemon forgets a token.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, Output};
use crate::wording::tame;

#[derive(Serialize)]
struct LoggedOut {
    /// Null for the default one.
    name: Option<String>,
    logged_out: bool,
}

impl Answer for LoggedOut {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        match &self.name {
            Some(name) => writeln!(to, "Logged out of {}: aigwd has forgotten its token.", tame(name)),
            None => writeln!(to, "Logged out: aigwd has forgotten the token."),
        }
    }
}

pub(super) async fn run(name: Option<String>, output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Logout(name.clone())).await? {
        Response::Done => output.show(&LoggedOut { name, logged_out: true }),
        _ => Err(daemon::unexpected()),
    }
}
