//! Where the daemon is and how it is asked. Commands do not name the socket.

use std::fs::TryLockError;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::client::Client;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::os::socket;
use aigw_shared::paths::Paths;

/// The files and folders of this user.
///
/// # Errors
/// When the environment does not tell where they are.
pub fn paths() -> Result<Paths, Failure> {
    Ok(Paths::from_environment(&|name| std::env::var_os(name))?)
}

/// A connection to the daemon.
///
/// # Errors
/// When none runs, or what runs is not ours.
pub async fn connect() -> Result<Client, Failure> {
    let place = paths()?.socket();
    place.check().map_err(|fault| match fault.kind {
        Kind::DaemonNotRunning => Fault::new(Kind::DaemonNotRunning, "aigwd is not running"),
        _ => fault,
    })?;
    Ok(Client::connect(&place.address).await?)
}

/// Whether anyone listens on the socket, well or hung.
///
/// # Errors
/// When others could have put it there.
pub async fn is_there() -> Result<bool, Failure> {
    let place = paths()?.socket();
    match place.check() {
        Ok(()) => Ok(socket::connect(&place.address).await.is_ok()),
        Err(fault) if fault.kind == Kind::DaemonNotRunning => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// Whether its process has ended: one that answers no more may still hold what the next one needs.
///
/// # Errors
/// When the environment does not tell where its files are.
pub fn has_ended() -> Result<bool, Failure> {
    let Ok(lock) = std::fs::File::open(paths()?.lock_file()) else { return Ok(true) };
    Ok(!matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Asks one thing on a connection of its own.
///
/// # Errors
/// As [`connect`], and what the daemon refuses.
pub async fn ask(request: Request) -> Result<Response, Failure> {
    Ok(connect().await?.call(request).await?)
}

/// The failure to report for a response to some other request.
pub fn unexpected() -> Failure {
    Fault::new(Kind::Internal, "aigwd answered something that was not asked").into()
}

/// Whether a failure means that there is no daemon.
pub fn is_absent(failure: &Failure) -> bool {
    failure.code == Kind::DaemonNotRunning.face().code
}
