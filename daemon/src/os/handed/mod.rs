//! Listeners that somebody else has made for us: a service manager, which keeps them while we are started again.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(all(unix, not(target_os = "macos")))]
use unix as system;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
use other as system;

use std::net::TcpListener;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::os::socket::Adopted;

/// What was handed to this process.
#[derive(Default)]
pub struct Handed {
    /// For tools.
    pub tcp: Vec<TcpListener>,
    /// For `aigwctl`.
    pub control: Option<Adopted>,
    /// Somebody keeps what tools connect to while we are away.
    pub kept: bool,
}

impl Handed {
    /// Takes it. To be asked once, before there are threads: it takes variables out of the environment, so that no program
    /// that we start takes them for its own.
    ///
    /// # Errors
    /// When something is handed that we have no use for, or a listener that is open to other machines.
    pub fn take() -> Result<Self, Fault> {
        let mut handed = system::take().map_err(|error| refused(&error.to_string()))?;
        for listener in &handed.tcp {
            let address = listener.local_addr().map_err(|error| refused(&error.to_string()))?;
            if !address.ip().is_loopback() {
                return Err(refused(&format!("{address} can be reached by other machines")));
            }
        }
        handed.kept = !handed.tcp.is_empty();
        Ok(handed)
    }
}

fn refused(why: &str) -> Fault {
    Fault::new(Kind::BadConfiguration, format!("the service manager's sockets cannot be used: {why}"))
        .cure_with("aigwctl service install")
}
