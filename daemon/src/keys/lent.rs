//! Keys that are lent to a conversation on the control socket: valid while it lasts, in no list and in no file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::key::{KeySpec, MachineSecret};
use aigw_shared::secret::Secret;
use zeroize::Zeroizing;

use super::Admission;
use crate::observe::proof::Proof;

/// More commands at once than any user runs.
const MOST: usize = 1024;

/// A key, and the gateway it is bound to. Its secret is its own, so that no key of the machine's secret, of whatever
/// name, is ever the same.
struct Entry {
    secret: MachineSecret,
    spec: KeySpec,
    gateway: Option<String>,
    /// What comes with it is answered by us, and noted there.
    proof: Option<Proof>,
}

/// A lent key as the successor of this daemon gets it.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct LentKey {
    name: String,
    gateway: Option<String>,
    secret: Vec<u8>,
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
    /// Where is noted what comes with it, if it is for a proof.
    pub proof: Option<Proof>,
}

impl Lending {
    /// A new one, bound to this gateway.
    ///
    /// # Errors
    /// When too many are lent, or the system has no randomness to give.
    pub(super) fn lend(&self, gateway: Option<&str>, proof: Option<Proof>) -> Result<Lent, Fault> {
        let secret = MachineSecret::random()
            .map_err(|error| Fault::new(Kind::Internal, format!("no randomness: {error}")))?;
        let what = if proof.is_some() { "proof" } else { "run" };
        let name = format!("{what}-{}", self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let spec = KeySpec { name: name.clone(), generation: 1 };
        let key = secret.key(&spec);
        let mut lent = self.lent.write().unwrap_or_else(PoisonError::into_inner);
        if lent.len() >= MOST {
            return Err(Fault::new(Kind::Overloaded, format!("{MOST} commands run with keys of their own"))
                .cure_with("wait until some of them have ended"));
        }
        let gateway = gateway.map(str::to_owned);
        lent.insert(name.clone(), Entry { secret, spec, gateway, proof: proof.clone() });
        Ok(Lent { lent: self.lent.clone(), name, key, proof })
    }

    /// So many were lent, the daemon before us included.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Goes on counting from here.
    pub(super) fn count_from(&self, count: u64) {
        self.count.store(count, Ordering::Relaxed);
    }

    /// One that the daemon before us has lent.
    pub(super) fn take_over(&self, key: LentKey) -> Option<Lent> {
        let secret = MachineSecret::from_file(&Zeroizing::new(key.secret))?;
        let spec = KeySpec { name: key.name.clone(), generation: 1 };
        let text = secret.key(&spec);
        let mut lent = self.lent.write().unwrap_or_else(PoisonError::into_inner);
        lent.insert(key.name.clone(), Entry { secret, spec, gateway: key.gateway, proof: None });
        Some(Lent { lent: self.lent.clone(), name: key.name, key: text, proof: None })
    }

    /// What the key that is lent under this name allows, if this is its secret part.
    pub(super) fn check(&self, name: &str, secret: &[u8; 32]) -> Option<Admission> {
        let lent = self.lent.read().unwrap_or_else(PoisonError::into_inner);
        let entry = lent.get(name)?;
        entry.secret.verify(&entry.spec, secret).then(|| Admission {
            name: name.to_owned(),
            gateway: entry.gateway.clone(),
            container: false,
            proof: entry.proof.clone(),
        })
    }
}

impl Lent {
    /// It, for the successor of this daemon.
    pub fn for_successor(&self) -> Option<LentKey> {
        let lent = self.lent.read().unwrap_or_else(PoisonError::into_inner);
        let entry = lent.get(&self.name)?;
        let secret = entry.secret.reveal().to_vec();
        Some(LentKey { name: self.name.clone(), gateway: entry.gateway.clone(), secret })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.lent.write().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}
