//! The daemon itself: whether it runs, is of our version, and is alone where it is looked for.

use std::net::SocketAddr;

use aigw_shared::config::{self, Sources};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::os::{listener, socket};

use super::Seen;
use super::report::Line;
use crate::commands::service;
use crate::daemon;

/// Whether it answers.
pub(super) fn runs(seen: &Seen) -> Vec<Line> {
    vec![match (&seen.build, &seen.status) {
        (Ok(_), Ok(status)) => Line::ok("daemon", status.daemon.words()),
        (Ok(build), Err(_)) => Line::ok("daemon", format!("aigwd {}, pid {}", build.version, build.pid)),
        (Err(failure), _) => Line::failure("daemon", failure.clone()),
    }]
}

/// Whether both programs are of one version.
pub(super) fn version(seen: &Seen) -> Vec<Line> {
    const OURS: &str = env!("CARGO_PKG_VERSION");
    let cure =
        if service::is_installed() { "aigwctl service restart" } else { "aigwctl stop && aigwctl start" };
    let Ok(build) = &seen.build else { return vec![not_running("version")] };
    vec![match &seen.status {
        Err(failure) => Line::error("version", failure.text.clone(), cure),
        Ok(_) if build.version == OURS => Line::ok("version", format!("both programs are {OURS}")),
        Ok(_) => Line::warning("version", format!("aigwctl is {OURS}, aigwd {}", build.version), cure),
    }]
}

/// Whether the control socket is ours alone.
pub(super) fn socket(seen: &Seen) -> Vec<Line> {
    const CURE: &str = "aigwctl stop && aigwctl start";
    let place = match daemon::paths() {
        Ok(paths) => paths.socket(),
        Err(failure) => return vec![Line::failure("socket", failure)],
    };
    let shown = place.address.display();
    vec![match (place.check(), socket::check(&place.address)) {
        _ if seen.build.as_ref().is_err_and(daemon::is_absent) => not_running("socket"),
        (Err(fault), _) => Line::failure("socket", fault.into()),
        (_, Err(error)) => Line::error("socket", format!("{shown} cannot be trusted: {error}"), CURE),
        _ => Line::ok("socket", format!("{shown} is open to this user alone")),
    }]
}

/// Who starts it.
pub(super) fn service(seen: &Seen) -> Vec<Line> {
    let service = match service::look() {
        Ok(service) => service,
        Err(failure) => return vec![Line::failure("service", failure)],
    };
    if !service.installed {
        return vec![match &seen.build {
            Ok(_) => Line::skipped(
                "service",
                "none is installed: aigwd was started by hand, and ends with this machine",
            ),
            Err(_) => {
                Line::skipped("service", "none is installed: `aigwctl service install`, or `aigwctl start`")
            }
        }];
    }
    let mut lines = vec![match service.is_well() {
        true => Line::ok("service", service.words()),
        false => Line::warning("service", service.words(), "aigwctl service start"),
    }];
    // A daemon that runs says by itself that its port is another.
    let told = |finding: &Finding| seen.status.is_err() || finding.code != "service-port";
    lines.extend(service.findings.into_iter().filter(told).map(|finding| of("service", finding)));
    lines
}

/// Whether the port is the daemon's: where it runs, those it listens at; where it does not, the one in the settings.
pub(super) fn port(seen: &Seen) -> Vec<Line> {
    if let Ok(status) = &seen.status {
        if status.daemon.listen.is_empty() {
            return vec![Line::error("port", "aigwd listens nowhere", "aigwctl stop && aigwctl start")];
        }
        return status.daemon.listen.iter().map(|address| owned(address)).collect();
    }
    if seen.build.is_ok() {
        return vec![Line::skipped("port", "aigwd cannot be asked where it listens")];
    }
    let port = match configured() {
        Ok(port) => port,
        Err(failure) => return vec![Line::failure("port", failure)],
    };
    vec![match listener::of(port) {
        Some(owner) => Line::error(
            "port",
            format!("port {port}, which is aigwd's by the settings, is taken by {}", owner.words),
            "end that program, or set another `listen.port` and run `aigwctl start`",
        ),
        None if port == 0 => Line::ok("port", "the system will choose one"),
        None => Line::ok("port", format!("port {port} is free")),
    }]
}

fn owned(address: &str) -> Line {
    let Ok(socket) = address.parse::<SocketAddr>() else { return Line::skipped("port", address) };
    match listener::of(socket.port()) {
        Some(owner) if owner.is_us => {
            Line::ok("port", format!("{address} is aigwd's, and its listener this user's"))
        }
        Some(owner) => Line::error(
            "port",
            format!("port {} is listened at by {} too", socket.port(), owner.words),
            "set another `listen.port`, then run `aigwctl stop && aigwctl start`",
        ),
        None => Line::ok("port", format!("aigwd says that it listens at {address}")),
    }
}

fn configured() -> Result<u16, aigw_shared::fault::Failure> {
    let paths = daemon::paths()?;
    let environment = std::env::vars_os();
    Ok(config::load(&Sources::of(&paths, environment, Vec::new())?)?.config.listen.port)
}

/// What the daemon says is wrong.
pub(super) fn findings(seen: &Seen) -> Vec<Line> {
    let Ok(status) = &seen.status else { return vec![not_running("findings")] };
    if status.findings.is_empty() {
        return vec![Line::ok("findings", "aigwd has none")];
    }
    status.findings.iter().cloned().map(|finding| of("findings", finding)).collect()
}

fn of(check: &'static str, finding: Finding) -> Line {
    match finding.severity {
        Severity::Note => Line::ok(check, finding.text).with_cure(finding.cure),
        Severity::Warning => Line::warning(check, finding.text, finding.cure),
        Severity::Error => Line::error(check, finding.text, finding.cure),
    }
}

/// Without a daemon there is nothing to look at.
pub(super) fn not_running(check: &'static str) -> Line {
    Line::skipped(check, "aigwd does not answer")
}
