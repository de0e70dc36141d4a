//! `ca`: this machine's CA, as the daemon keeps it.

mod install;
mod status;
mod trust;
mod uninstall;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{CaAction, CaStatus};

use crate::cli::Ca;
use crate::daemon;
use crate::output::Output;

/// Does what was asked of the CA.
pub(super) async fn run(action: Option<&Ca>, output: &Output) -> Result<(), Failure> {
    match action {
        None | Some(Ca::Status) => status::run(output).await,
        Some(Ca::Install(arguments)) => install::run(arguments, output).await,
        Some(Ca::Uninstall(arguments)) => uninstall::run(arguments, output).await,
        Some(_) => Err(Fault::new(Kind::Impossible, "not yet").into()),
    }
}

/// Asks the daemon something that is answered with the state of the CA.
pub(super) async fn ask(action: CaAction) -> Result<CaStatus, Failure> {
    match daemon::ask(Request::Ca(action)).await? {
        Response::Ca(status) => Ok(*status),
        _ => Err(daemon::unexpected()),
    }
}
