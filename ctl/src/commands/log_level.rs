//! `log-level`: the daemon logs more or less at once, without a restart.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, Output};

#[derive(Serialize)]
struct Changed<'a> {
    log_level: &'a str,
}

impl Answer for Changed<'_> {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "aigwd logs at the level {}, until it reads its configuration again.", self.log_level)
    }
}

pub(super) async fn run(level: &str, output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::LogLevel(level.to_owned())).await? {
        Response::Done => output.show(&Changed { log_level: level }),
        _ => Err(daemon::unexpected()),
    }
}
