//! How the service is: what its manager says, and what is wrong with its files.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::finding::{Finding, Severity};
use serde::Serialize;

use super::record::Record;
use super::{here, port};
use crate::commands::status;
use crate::daemon;
use crate::os::service::{Manager, Place, State};
use crate::output::{Answer, LABEL, Output};
use crate::wording::line;

const AGAIN: &str = "aigwctl service install";

/// What `service status` shows.
#[derive(Serialize)]
pub(in crate::commands) struct Service {
    pub(in crate::commands) installed: bool,
    manager: &'static str,
    /// Whether aigwd runs, by this service or by hand.
    running: bool,
    /// The manager's word for it; null when it is not installed, or nobody answers.
    state: Option<String>,
    /// Whether it is started with the next login.
    enabled: bool,
    /// Whether it is started when a program connects.
    pub(in crate::commands) socket: bool,
    /// How often it was started again after a failure; null where that is not told.
    restarts: Option<u32>,
    /// Whether it runs without a login.
    linger: bool,
    port: u16,
    pub(in crate::commands) findings: Vec<Finding>,
}

pub(super) fn show(output: &Output) -> Result<(), Failure> {
    output.show(&look()?)
}

/// Looks, without starting it.
pub(in crate::commands) fn look() -> Result<Service, Failure> {
    let place = here()?;
    let installed = place.is_installed();
    let State { enabled, words, restarts, listens } =
        if installed { place.state() } else { State::default() };
    Ok(Service {
        installed,
        manager: place.manager.name(),
        // Under a service that keeps the control socket, the question itself would start it.
        running: !daemon::has_ended()?,
        state: Some(words).filter(|words| !words.is_empty()),
        enabled,
        socket: listens,
        restarts,
        linger: place.lingers(),
        port: place.port,
        findings: if installed { findings(&place, &Record::read()?)? } else { Vec::new() },
    })
}

/// What is wrong with it, by its files alone.
fn findings(place: &Place, record: &Record) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    let mut note = |code, severity, text: String, cure: &str| {
        found.push(Finding::new(code, severity, text, cure));
    };
    if !record.aigwd.as_os_str().is_empty() && !record.aigwd.is_file() {
        let text = format!("the service runs {}, which is not there", record.aigwd.display());
        note("service-program", Severity::Error, text, AGAIN);
    }
    // What belongs there for the program that it runs, so that one thing is told once.
    let mut meant = place.clone();
    if !record.aigwd.as_os_str().is_empty() {
        meant.aigwd.clone_from(&record.aigwd);
    }
    let configured = port::configured()?;
    for (file, text) in meant.files() {
        let shown = file.display();
        let now = std::fs::read_to_string(&file).unwrap_or_default();
        match (file.is_file(), record.is_as_written(&file)) {
            (false, _) => note("service-incomplete", Severity::Error, format!("{shown} is missing"), AGAIN),
            (true, Some(false)) => note(
                "service-edited",
                Severity::Warning,
                format!("{shown} was edited, and will not be kept up to date"),
                match place.manager {
                    Manager::Systemd => {
                        "move the change into a drop-in (`systemctl --user edit aigwd`), then `aigwctl service install`"
                    }
                    Manager::Launchd | Manager::TaskScheduler => AGAIN,
                },
            ),
            (true, _) if now == text => {}
            // The port is what changes by itself.
            (true, _) if now == other_port(&meant, record, &file) => note(
                "service-port",
                Severity::Error,
                format!("the service's port is not the configured one, {configured}"),
                AGAIN,
            ),
            (true, _) => note(
                "service-old",
                Severity::Warning,
                format!("{shown} is of another version of aigw, or of another environment, than this one"),
                AGAIN,
            ),
        }
    }
    Ok(found)
}

/// What would stand in the file with the port that it was written with.
fn other_port(meant: &Place, record: &Record, file: &std::path::Path) -> String {
    let written = record.files.get(file).map(String::as_str).unwrap_or_default();
    let Some(port) = kept(written) else { return String::new() };
    let mut other = meant.clone();
    other.port = port;
    other.files().into_iter().find(|(name, _)| name == file).map(|(_, text)| text).unwrap_or_default()
}

/// The port that a file of a service names.
pub(super) fn kept(text: &str) -> Option<u16> {
    let digits = |rest: &str| -> Option<u16> {
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    let after = |mark: &str| text.split(mark).nth(1).and_then(digits);
    after("ListenStream=127.0.0.1:").or_else(|| after("<key>SockServiceName</key>\n\t\t\t\t<string>"))
}

impl Service {
    /// Whether it does what it is for.
    pub(in crate::commands) fn is_well(&self) -> bool {
        let is_up = !["inactive", "failed"].contains(&self.state.as_deref().unwrap_or("failed"));
        self.enabled && (is_up || self.socket)
    }

    /// In one line.
    pub(in crate::commands) fn words(&self) -> String {
        if !self.installed {
            return format!("none is installed ({} would start aigwd)", self.manager);
        }
        let mut words =
            format!("installed, {}", self.state.as_deref().unwrap_or("its manager does not answer"));
        if !self.enabled {
            words += ", not started with a login";
        }
        if self.socket {
            words += ", port kept";
        }
        if self.linger {
            words += ", runs without a login";
        }
        if let Some(restarts) = self.restarts.filter(|restarts| *restarts > 0) {
            words += &format!(", started again {restarts} times after failures");
        }
        words
    }
}

impl Answer for Service {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        line(to, LABEL, "service", &format!("{}: {}", self.manager, self.words()))?;
        line(to, LABEL, "aigwd", if self.running { "runs" } else { "does not run" })?;
        line(to, LABEL, "port", &self.port.to_string())?;
        for finding in &self.findings {
            let (style, label) = status::face(finding.severity);
            line(to, style, label, &finding.text)?;
            line(to, LABEL, "  cure", &finding.cure)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn the_port_is_found_in_each_kind_of_file() {
        assert_eq!(kept("[Socket]\nListenStream=\nListenStream=127.0.0.1:2450\n"), Some(2450));
        let plist = include_str!("../../../../launchd/dev.aigw.aigwd.plist").replace("@PORT@", "2451");
        assert_eq!(kept(&plist), Some(2451));
        assert_eq!(kept("<Task/>"), None);
    }
}
