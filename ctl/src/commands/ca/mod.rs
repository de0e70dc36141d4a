//! `ca`: this machine's CA, as the daemon keeps it.

mod explain;
mod export;
mod import;
mod install;
mod request;
mod rotate;
mod show;
pub(super) mod status;
pub(super) mod trust;
mod uninstall;

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{CaAction, CaStatus};

use crate::cli::{Ca, CaUninstall};
use crate::daemon;
use crate::output::Output;

/// Does what was asked of the CA.
pub(super) async fn run(action: Option<&Ca>, output: &Output) -> Result<(), Failure> {
    match action {
        None | Some(Ca::Status) => status::run(output).await,
        Some(Ca::Install(arguments)) => install::run(arguments, output).await,
        Some(Ca::Uninstall(arguments)) => uninstall::run(arguments, output).await,
        Some(Ca::Show) => show::run(output).await,
        Some(Ca::Export { out }) => export::run(out.as_deref(), output).await,
        Some(Ca::Rotate { finish }) => rotate::run(*finish, output).await,
        Some(Ca::Request) => request::run(output).await,
        Some(Ca::Import { chain }) => import::run(chain, output).await,
        Some(Ca::Explain) => explain::run(output).await,
    }
}

/// Takes it out of every store, for a command that does more than that.
pub(super) async fn uninstall(arguments: &CaUninstall, output: &Output) -> Result<(), Failure> {
    uninstall::run(arguments, output).await
}

/// Whether a store was made to trust it from here.
pub(super) fn is_installed() -> Result<bool, Failure> {
    Ok(crate::os::trust::Place::here()?.records.exists())
}

/// Asks the daemon something that is answered with the state of the CA.
pub(super) async fn ask(action: CaAction) -> Result<CaStatus, Failure> {
    match daemon::ask(Request::Ca(action)).await? {
        Response::Ca(status) => Ok(*status),
        _ => Err(daemon::unexpected()),
    }
}
