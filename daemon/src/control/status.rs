//! The state of the daemon, for `status`.

use std::sync::atomic::Ordering;

use aigw_shared::ipc::payload::Status;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::answer::build;
use crate::app::App;

/// What is known now. Nothing is asked of the network.
pub fn of(app: &App) -> Status {
    app.look_at_ca();
    let current = app.current();
    let default = current.config.default_gateway().map(|gateway| gateway.name.as_str());
    let (rss_bytes, cpu_s) = usage();
    Status {
        build: build(),
        listen: app.listening().iter().map(ToString::to_string).collect(),
        uptime_s: app.started.elapsed().as_secs(),
        rss_bytes,
        cpu_s,
        requests: app.counters.requests.load(Ordering::Relaxed),
        tunnels: app.counters.tunnels.load(Ordering::Relaxed),
        gateways: current
            .gateways
            .values()
            .map(|gateway| gateway.status(default == Some(&gateway.settings.name), app.place_of(gateway)))
            .collect(),
        findings: app.health.all(),
    }
}

/// Memory in bytes and CPU time in seconds of this process; zero where the system does not tell.
fn usage() -> (u64, f64) {
    let pid = Pid::from_u32(std::process::id());
    let Ok(mut system) = System::new() else { return (0, 0.0) };
    let what = ProcessRefreshKind::nothing().with_memory().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    system
        .process(pid)
        .map_or((0, 0.0), |process| (process.memory(), process.accumulated_cpu_time() as f64 / 1000.0))
}
