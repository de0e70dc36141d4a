//! `stop`: the daemon finishes what it is doing and ends; this waits for it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use serde::Serialize;
use tokio::time::sleep;

use super::service;
use crate::daemon;
use crate::output::{Answer, Output};

/// The daemon lets responses finish for up to 30 s, and then has a few things to write.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Serialize)]
struct Stopped {
    was_running: bool,
    stopped: bool,
    /// A service has the port and the control socket still, and starts aigwd when somebody connects.
    socket_kept: bool,
}

impl Answer for Stopped {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{}", if self.was_running { "aigwd has stopped." } else { "aigwd is not running." })?;
        if self.socket_kept {
            writeln!(
                to,
                "Its service keeps the port: who connects starts it again. `aigwctl service stop` ends both."
            )?;
        }
        Ok(())
    }
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    // Where a service keeps the control socket, to connect would start it.
    let was_running = !daemon::has_ended()?;
    if was_running {
        end(output).await?;
    }
    let socket_kept = service::is_installed() && service::look().is_ok_and(|service| service.socket);
    output.show(&Stopped { was_running, stopped: true, socket_kept })
}

/// Asks the daemon that runs to end, and waits for it.
pub(super) async fn end(output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Stop).await {
        Ok(Response::Done) => {}
        Ok(_) => return Err(daemon::unexpected()),
        // It may be gone before it has answered.
        Err(failure) if daemon::is_absent(&failure) => {}
        Err(failure) => return Err(failure),
    }
    let begin = Instant::now();
    let mut told = output.is_json();
    while !daemon::has_ended()? {
        if begin.elapsed() > PATIENCE {
            return Err(Fault::new(
                Kind::Internal,
                format!("aigwd still answers after {} s", PATIENCE.as_secs()),
            )
            .cure_with("look at `aigwctl status`, then end the process it names")
            .into());
        }
        if !told && begin.elapsed() > Duration::from_secs(1) {
            told = true;
            output.note("Waiting for aigwd to finish what it is doing ...");
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
