//! While aigw is paused tools go to their vendors' own hosts: the proxy opens no host, and base URLs say why they lead
//! nowhere.

use std::sync::atomic::Ordering;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::pause;
use time::OffsetDateTime;

use super::App;

/// What the finding is about.
const PAUSE: &str = "the pause";

impl App {
    /// Since when it is so; `None` when it is not.
    pub fn paused(&self) -> Option<i64> {
        Some(self.paused_since.load(Ordering::Relaxed)).filter(|since| *since != 0)
    }

    /// Whether what is for the gateway may go there.
    ///
    /// # Errors
    /// While it is paused.
    pub fn check_not_paused(&self) -> Result<(), Fault> {
        match self.paused() {
            None => Ok(()),
            Some(since) => Err(Fault::new(
                Kind::Paused,
                format!("aigw is paused since {}: nothing goes to the gateway", words(since)),
            )),
        }
    }

    /// Begins or ends it, and keeps that over a restart.
    ///
    /// # Errors
    /// When a policy forbids it, or it cannot be written down.
    pub fn pause(&self, on: bool) -> Result<(), Fault> {
        if on {
            self.may_pause()?;
        }
        self.now_paused(pause::set(&self.origins.paths, on)?);
        Ok(())
    }

    /// What is written down, as long as the settings in force allow it: a policy that forbids it ends it.
    pub(super) fn look_at_pause(&self) {
        let since = pause::since(&self.origins.paths);
        if since.is_some() && self.may_pause().is_err_and(|fault| fault.kind == Kind::PolicyForbids) {
            if let Err(fault) = pause::set(&self.origins.paths, false) {
                tracing::warn!("{fault}");
            }
            return self.now_paused(None);
        }
        self.now_paused(since);
    }

    fn may_pause(&self) -> Result<(), Fault> {
        let current = self.current();
        match &current.closed {
            Some(fault) if fault.kind == Kind::PolicyUnreadable => Err(fault.clone()),
            _ => pause::check(&current.config, &current.shown),
        }
    }

    fn now_paused(&self, since: Option<i64>) {
        self.paused_since.store(since.unwrap_or(0), Ordering::Relaxed);
        let finding = since.map(|since| {
            Finding::new(
                "paused",
                Severity::Warning,
                format!("paused since {}: tools go to their vendors' own hosts", words(since)),
                "aigwctl resume",
            )
        });
        self.health.replace(PAUSE, finding.into_iter().collect());
    }
}

fn words(since: i64) -> String {
    let Ok(date) = OffsetDateTime::from_unix_timestamp(since) else { return "long ago".to_owned() };
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02} {:02}:{:02} UTC", u8::from(month), date.hour(), date.minute())
}
