//! Keys that are lent to a conversation on the control socket: valid while it lasts, in no list and in no file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::key::{KeySpec, MachineSecret};
use aigw_shared::secret::Secret;

/// More commands at once than any user runs.
const MOST: usize = 1024;

/// A key, and the gateway it is bound to. Its secret is its own, so that no key of the machine's secret, of whatever
/// name, is ever the same.
struct Entry {
    secret: MachineSecret,
    spec: KeySpec,
    gateway: Option<String>,
}

/// All that are lent now, by name.
#[derive(Default)]
pub(super) struct Lending {
    lent: Arc<RwLock<BTreeMap<String, Entry>>>,
    count: AtomicU64,
}

/// A key that ends when this is dropped.
pub struct Lent {
    lent: Arc<RwLock<BTreeMap<String, Entry>>>,
    name: String,
    /// The key.
    pub key: Secret,
}

impl Lending {
    /// A new one, bound to this gateway.
    ///
    /// # Errors
    /// When too many are lent, or the system has no randomness to give.
    pub(super) fn lend(&self, gateway: Option<&str>) -> Result<Lent, Fault> {
        let secret = MachineSecret::random()
            .map_err(|error| Fault::new(Kind::Internal, format!("no randomness: {error}")))?;
        let name = format!("run-{}", self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let spec = KeySpec { name: name.clone(), generation: 1 };
        let key = secret.key(&spec);
        let mut lent = self.lent.write().unwrap_or_else(PoisonError::into_inner);
        if lent.len() >= MOST {
            return Err(Fault::new(Kind::Overloaded, format!("{MOST} commands run with keys of their own"))
                .cure_with("wait until some of them have ended"));
        }
        lent.insert(name.clone(), Entry { secret, spec, gateway: gateway.map(str::to_owned) });
        Ok(Lent { lent: self.lent.clone(), name, key })
    }

    /// Whether this is the secret part of the key that is lent under this name, and then the gateway it is bound to.
    pub(super) fn check(&self, name: &str, secret: &[u8; 32]) -> Option<Option<String>> {
        let lent = self.lent.read().unwrap_or_else(PoisonError::into_inner);
        let entry = lent.get(name)?;
        entry.secret.verify(&entry.spec, secret).then(|| entry.gateway.clone())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.lent.write().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}
