//! The service under a real systemd, in a host of its own (`aigw_tests::host`): what `aigwctl service` makes of it, and what
//! the units do.
//!
//! Run as uid 0, with what that page names: `cargo test --workspace --features aigw-tests/root --test service`.

#![cfg(target_os = "linux")]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod files;
mod handover;
mod life;
mod ports;
mod rights;
mod units;
mod updown;

use aigw_tests::eventually::eventually;
use aigw_tests::host::{ADA, Host, User};

/// A host whose users are logged on.
fn host(users: &[User]) -> Host {
    let host = Host::boot(env!("CARGO_BIN_EXE_aigwd_under_test"), env!("CARGO_BIN_EXE_aigwctl_under_test"));
    users.iter().for_each(|user| host.log_on(*user));
    host
}

/// The process of the user's service; 0 when there is none.
fn pid(host: &Host, user: User) -> u32 {
    host.property(user, "aigwd.service", "MainPID").parse().unwrap()
}

/// Waits for the service to run in another process than this one.
fn next_pid(host: &Host, user: User, before: u32) -> u32 {
    eventually("the next process", || {
        let is_active = host.property(user, "aigwd.service", "ActiveState") == "active";
        Some(pid(host, user)).filter(|now| is_active && *now != before && *now != 0)
    })
}

/// One with the service installed, and its process.
fn installed() -> (Host, u32) {
    let host = host(&[ADA]);
    host.ok(ADA, "aigwctl service install");
    let pid = pid(&host, ADA);
    assert_ne!(pid, 0);
    (host, pid)
}

/// Does this in the host's network, gateways included.
fn within(host: &Host, work: impl Future<Output = ()>) {
    host.enter();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(work);
}
