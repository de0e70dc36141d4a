//! Logins in the system's keyring: read in the background, never on the way of the start, of `status` or of a request.

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::Fault;
use aigw_shared::finding::{Finding, Severity};

use super::{App, found};
use crate::credentials::Held;
use crate::gateway::Gateway;

/// How long a request waits for the first answer: an open keyring needs a small part of it.
const FIRST_ANSWER: Duration = Duration::from_secs(2);
/// After the first attempt that failed; doubled by each one, up to the longest.
const WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl App {
    /// Reads what is in the keyring when the daemon starts, when the settings are read again, and, after an attempt that
    /// failed, when a request needs it. One attempt at a time; the person is asked for a password by the first two only.
    pub async fn tend_keyring(self: Arc<Self>) {
        let names: Vec<String> = self.current().gateways.keys().cloned().collect();
        for name in names {
            self.tidy(&name).await;
        }
        let mut wait = WAIT;
        loop {
            let ask = tokio::select! {
                biased;
                () = self.store.asked.notified() => true,
                () = self.store.needed() => false,
            };
            let mut failed = false;
            let unread = self.store.unread();
            // One that is configured no more is of no interest.
            for name in unread.into_iter().filter(|name| self.current().gateways.contains_key(name)) {
                failed |= self.read_keyring(&name, ask).await.is_err();
            }
            if !failed {
                wait = WAIT;
                continue;
            }
            self.store.rest(true);
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.store.asked.notified() => {
                    wait = WAIT;
                    // For the round that begins now.
                    self.store.asked.notify_one();
                }
            }
            self.store.rest(false);
        }
    }

    /// Waits a moment for a login that is still to be read from the keyring.
    ///
    /// # Errors
    /// When the keyring is locked or does not answer.
    pub async fn await_login(&self, gateway: &Gateway) -> Result<(), Fault> {
        if !gateway.held().is_empty() {
            return Ok(());
        }
        self.store.wait_for(&gateway.settings.name, FIRST_ANSWER).await
    }

    /// Reads a login from the keyring and uses it.
    ///
    /// # Errors
    /// What is wrong with the keyring; it is a finding, too.
    pub(super) async fn read_keyring(&self, name: &str, ask: bool) -> Result<Held, Fault> {
        let note = |fault: &Fault| self.health.note(name, found("keyring-unavailable", fault));
        match self.store.read(name, ask, note).await {
            Ok(held) => {
                self.health.clear("keyring-unavailable", name);
                if let Some(gateway) = self.current.load().gateways.get(name) {
                    gateway.hold(self.held_for(&gateway.settings));
                }
                Ok(held)
            }
            Err(fault) => {
                note(&fault);
                Err(fault)
            }
        }
    }

    /// Removes what is left of a login in another place; what cannot be removed is told.
    pub(super) async fn tidy(&self, name: &str) {
        match self.store.tidy(name).await {
            Ok(()) => self.health.clear("login-left-behind", name),
            Err(fault) => self.health.note(
                name,
                Finding::new(
                    "login-left-behind",
                    Severity::Warning,
                    format!("an earlier login for the gateway {name} could not be removed: {}", fault.what),
                    "mend that, then log in or out again; it is tried again when aigwd starts, too",
                ),
            ),
        }
    }
}
