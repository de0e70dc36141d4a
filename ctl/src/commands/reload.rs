//! `reload`: the daemon reads its configuration again, or says why it keeps the old one.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, Output};

#[derive(Serialize)]
struct Reloaded {
    reloaded: bool,
}

impl Answer for Reloaded {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "aigwd has read its configuration again.")
    }
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Reload).await? {
        Response::Done => output.show(&Reloaded { reloaded: true }),
        _ => Err(daemon::unexpected()),
    }
}
