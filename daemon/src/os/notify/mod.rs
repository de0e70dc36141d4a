//! What a service manager is told of us, and how often it wants to hear from us. Where there is none, nothing is said.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
use other as system;

use std::time::Duration;

/// What we have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// Everything is bound; with a line for its status.
    Ready(&'a str),
    /// The same, and that we have taken the place of the process that it knows.
    TakenOver(&'a str),
    /// The configuration is being read again; `Ready` follows.
    Reloading,
    /// Running streams are let finish.
    Stopping,
    /// We live.
    Alive,
}

/// Says it.
pub fn tell(news: News<'_>) {
    if let Err(error) = system::tell(news) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}

/// How long it waits for the next sign of life before it ends us; `None` if it does not.
pub fn patience() -> Option<Duration> {
    system::patience()
}
