//! `version`: both programs. Asks only what every daemon there will ever be can answer.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::Build;
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, Output};
use crate::wording::tame;

#[derive(Serialize)]
struct Versions {
    version: &'static str,
    protocol: u16,
    protocol_oldest: u16,
    /// Null when it is not running.
    daemon: Option<Build>,
}

impl Answer for Versions {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "aigwctl  {}, protocol {}", self.version, self.protocol)?;
        match &self.daemon {
            Some(daemon) => {
                let version = tame(&daemon.version);
                writeln!(to, "aigwd    {version}, protocol {}, pid {}", daemon.protocol, daemon.pid)
            }
            None => writeln!(to, "aigwd    not running"),
        }
    }
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let daemon = match daemon::ask(Request::Describe).await {
        Ok(Response::Described(build)) => Some(build),
        Ok(_) => return Err(daemon::unexpected()),
        Err(failure) if daemon::is_absent(&failure) => None,
        Err(failure) => return Err(failure),
    };
    output.show(&Versions {
        version: env!("CARGO_PKG_VERSION"),
        protocol: hello::NEWEST,
        protocol_oldest: hello::OLDEST,
        daemon,
    })
}
