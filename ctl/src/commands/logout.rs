//! `logout`: the daemon forgets a token.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload;
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, Output};
use crate::wording::tame;

#[derive(Serialize)]
pub(super) struct LoggedOut {
    name: String,
    logged_out: bool,
    /// Name of the token that the deployment has forgotten too.
    deleted: Option<String>,
    /// Name of the token that could not be deleted there.
    left: Option<String>,
}

impl From<payload::LoggedOut> for LoggedOut {
    fn from(it: payload::LoggedOut) -> Self {
        Self { name: it.name, logged_out: true, deleted: it.deleted, left: it.left }
    }
}

impl Answer for LoggedOut {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "Logged out of {}: aigwd has forgotten its token.", tame(&self.name))?;
        if let Some(token) = &self.deleted {
            writeln!(to, "The deployment has deleted it, too ({}).", tame(token))?;
        }
        if let Some(token) = &self.left {
            let token = tame(token);
            writeln!(
                to,
                "The deployment could not be asked to delete it. Its name there is {token}: delete it"
            )?;
            writeln!(to, "in your account's settings, or let it end by itself.")?;
        }
        Ok(())
    }
}

pub(super) async fn run(name: Option<String>, output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Logout(name)).await? {
        Response::LoggedOut(it) => output.show(&LoggedOut::from(it)),
        _ => Err(daemon::unexpected()),
    }
}
