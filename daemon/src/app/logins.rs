//! What belongs to no single login: who this aigwd is to a deployment, and who is busy with which login.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aigw_shared::fault::Fault;
use aigw_shared::files;
use tokio::sync::{Mutex as Turn, Notify, OwnedMutexGuard};

use crate::credentials::own::Family;
use crate::random;

/// Characters of the identity.
const IDENTITY: usize = 32;

/// The logins of this daemon.
#[derive(Debug)]
pub struct Logins {
    /// Tells this aigwd from any other, of this machine or another. Not secret.
    identity: String,
    host: String,
    changed: Notify,
    turns: Mutex<BTreeMap<String, Arc<Turn<()>>>>,
    retiring: Mutex<BTreeSet<String>>,
}

impl Logins {
    /// With the identity that stands in this file, or a new one.
    ///
    /// # Errors
    /// When it can be neither read nor written.
    pub fn open(file: &Path) -> Result<Self, Fault> {
        let known = files::read_limited(file, 1024)?
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(|text| text.trim().to_owned())
            .filter(|text| text.len() == IDENTITY && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let identity = match known {
            Some(known) => known,
            None => {
                let new = random::hex::<{ IDENTITY / 2 }>()?;
                files::Draft::of(file, format!("{new}\n").as_bytes())?.put()?;
                new
            }
        };
        Ok(Self {
            identity,
            host: sysinfo::System::host_name().unwrap_or_default(),
            changed: Notify::new(),
            turns: Mutex::default(),
            retiring: Mutex::default(),
        })
    }

    /// The tokens of this aigwd for a gateway.
    pub fn family(&self, gateway: &str) -> Family {
        Family::new(&self.host, &self.identity, gateway)
    }

    /// What the deployment shows people of this machine when it logs in with a browser.
    pub fn client_name(&self) -> String {
        let host: String = self.host.chars().filter(|letter| !letter.is_control()).take(40).collect();
        if host.is_empty() { "aigw".to_owned() } else { format!("aigw on {host}") }
    }

    /// A number of this machine's own.
    pub fn seed(&self) -> u64 {
        u64::from_str_radix(&self.identity[..16], 16).unwrap_or_default()
    }

    /// Waits until nobody else changes the login of this gateway.
    pub async fn alone(&self, gateway: &str) -> OwnedMutexGuard<()> {
        let turn = lock(&self.turns).entry(gateway.to_owned()).or_default().clone();
        turn.lock_owned().await
    }

    /// A login is new, or gone.
    pub fn change(&self) {
        self.changed.notify_one();
    }

    /// Ends when a login is new, or gone.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A token that is to be deleted when its last request has ended, or has been.
    pub fn retiring(&self, id: &str, still: bool) {
        let mut all = lock(&self.retiring);
        if still {
            all.insert(id.to_owned());
        } else {
            all.remove(id);
        }
    }

    /// Whether requests may still use it.
    pub fn is_retiring(&self, id: &str) -> bool {
        lock(&self.retiring).contains(id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
