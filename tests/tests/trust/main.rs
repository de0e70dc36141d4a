//! Trust stores, changed by the real `aigwctl` through the real programs of the system: `update-ca-certificates`, NSS's
//! `certutil`, `keytool`. All in a mount namespace with copies, so that the machine's own stores never change.
//!
//! Run as uid 0, on Debian or Ubuntu with libnss3-tools and a JDK:
//! `cargo test -p aigw-tests --features root --test trust`.

#![cfg(target_os = "linux")]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod databases;
mod desk;
mod interrupted;
mod keystores;
mod system;
mod with_daemon;
