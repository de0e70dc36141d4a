//! Proxy variables for the whole desktop session: only where somebody starts aigwd when a program connects, since otherwise
//! a stopped daemon would cut the desktop off.

use std::process::{Command, Stdio};

use aigw_shared::fault::{Fault, Kind};

use crate::tools::Desk;
use crate::tools::desk::System;

/// That it may be done here.
pub(super) fn check(desk: &Desk) -> Result<(), Fault> {
    let why = match desk.system {
        System::Linux if socket_is_kept() => return Ok(()),
        System::Linux => {
            "they need a service that starts aigwd when somebody connects, and its aigwd.socket is not active here: with aigwd \
             stopped, no program of the desktop would reach the network"
        }
        System::MacOs | System::Windows => {
            "the command that sets them here takes the local key as an argument, where every user of the machine sees it"
        }
    };
    Err(Fault::new(Kind::Impossible, format!("no proxy variables for the whole session: {why}")).cure_with(
        "lead single programs here: `aigwctl setup TOOL` for one with settings of its own, \
         `aigwctl run --mode proxy -- CMD` for any other",
    ))
}

/// Whether systemd listens for us.
fn socket_is_kept() -> bool {
    let mut ask = Command::new("systemctl");
    ask.args(["--user", "is-active", "--quiet", "aigwd.socket"]);
    ask.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}
