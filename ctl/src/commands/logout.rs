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
        let whose = self.name.as_ref().map(|name| format!(" of {}", tame(name))).unwrap_or_default();
        writeln!(to, "Logged out{whose}. aigwd holds no token for it any more.")
    }
}

pub(super) async fn run(name: Option<String>, output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Logout(name.clone())).await? {
        Response::Done => output.show(&LoggedOut { name, logged_out: true }),
        _ => Err(daemon::unexpected()),
    }
}
