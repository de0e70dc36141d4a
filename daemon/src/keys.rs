//! The list of local keys: which names are valid, in which generation, since when.
//!
//! The keys themselves are nowhere: they are computed from the machine secret. Where the secret is given from outside
//! (a container), the list is too, and nothing is stored.

mod lent;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::payload::KeyRow;
use aigw_shared::key::{self, KeySpec, MachineSecret};
use aigw_shared::secret::Secret;
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use crate::now;
use crate::observe::proof::Proof;

use lent::Lending;
pub use lent::{Lent, LentKey};

/// A list longer than this is not ours.
const MAX_LIST: u64 = 4 * 1024 * 1024;

/// What a valid key allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The key's name: who is asking.
    pub name: String,
    /// The gateway it is bound to.
    pub gateway: Option<String>,
    /// A container's key: whoever has it may come in, whatever user it is.
    pub container: bool,
    /// Set where everything is answered by us, and noted there.
    pub proof: Option<Proof>,
}

impl Admission {
    /// Of a process of the owner that came without a key, where the settings allow it.
    pub fn keyless() -> Self {
        // No key can have this name.
        Self { name: "(no key)".to_owned(), gateway: None, container: false, proof: None }
    }
}

/// One key of the list, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    generation: u32,
    #[serde(default)]
    revoked: bool,
    created_at: Option<i64>,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    gateway: Option<String>,
}

struct Entry {
    spec: KeySpec,
    revoked: bool,
    created_at: Option<i64>,
    last_used_at: AtomicI64,
    expires_at: Option<i64>,
    gateway: Option<String>,
}

type List = BTreeMap<String, Arc<Entry>>;

/// The keys of this machine.
pub struct Keys {
    secret: MachineSecret,
    list: ArcSwap<List>,
    /// Where the list is kept, and the lock that orders changes to it. `None` when both were given from outside.
    file: Option<Mutex<PathBuf>>,
    lending: Lending,
}

impl Keys {
    /// The keys of this machine, made at the first start. A list that is lost or damaged means a new secret, so that
    /// nothing that was revoked comes back.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn open(secret_file: &Path, list_file: &Path) -> Result<(Self, Vec<Finding>), Fault> {
        if let Some(folder) = list_file.parent() {
            files::create_private_dir(folder)?;
        }
        let mut findings = Vec::new();
        let stored = read_list(list_file, &mut findings)?;
        let secret = read_secret(secret_file, &mut findings)?;
        let (secret, stored) = match (secret, stored) {
            (Some(secret), Some(stored)) => (secret, stored),
            (secret, stored) => {
                let lost = secret.is_some() || stored.is_some();
                if lost && findings.is_empty() {
                    let what = "the list of local keys, or the secret that they are made from, was lost";
                    findings.push(all_new("key-list-lost", what));
                }
                let secret = MachineSecret::random()
                    .map_err(|error| Fault::new(Kind::Internal, format!("no randomness: {error}")))?;
                // The list goes first: without it, the old secret must not live on.
                let _ = std::fs::remove_file(list_file);
                files::write_private(secret_file, secret.reveal())?;
                files::write_private(list_file, b"{}")?;
                (secret, BTreeMap::new())
            }
        };
        let list =
            stored.into_iter().map(|(name, stored)| (name.clone(), Arc::new(Entry::from((name, stored)))));
        let keys = Self {
            secret,
            list: ArcSwap::from_pointee(list.collect()),
            file: Some(Mutex::new(list_file.to_owned())),
            lending: Lending::default(),
        };
        Ok((keys, findings))
    }

    /// The keys of a container: secret and names come from its configuration.
    ///
    /// # Errors
    /// When the secret's file cannot be read or is too short.
    pub fn given(secret_file: &Path, specs: &[KeySpec]) -> Result<Self, Fault> {
        let bytes = read(secret_file)?.ok_or_else(|| {
            Fault::new(Kind::BadConfiguration, format!("{} does not exist", secret_file.display()))
        })?;
        let secret = MachineSecret::from_file(&bytes).ok_or_else(|| {
            Fault::new(
                Kind::BadConfiguration,
                format!("{} holds less than {} bytes", secret_file.display(), key::MACHINE_SECRET_LEN),
            )
        })?;
        let list = specs.iter().map(|spec| (spec.name.clone(), Arc::new(Entry::new(spec.clone(), None))));
        let list = ArcSwap::from_pointee(list.collect());
        Ok(Self { secret, list, file: None, lending: Lending::default() })
    }

    /// Whether the list comes from the configuration.
    pub fn are_given(&self) -> bool {
        self.file.is_none()
    }

    /// Another list of names (the configuration was read again).
    pub fn replace_given(&self, specs: &[KeySpec]) {
        if self.are_given() {
            let list = specs.iter().map(|spec| (spec.name.clone(), Arc::new(Entry::new(spec.clone(), None))));
            self.list.store(Arc::new(list.collect()));
        }
    }

    /// What the presented key allows; `None` when it is not valid.
    pub fn check(&self, presented: &str) -> Option<Admission> {
        let (name, secret) = key::parse(presented)?;
        let container = self.are_given();
        if let Some(admission) = self.lending.check(name, &secret) {
            return Some(Admission { container, ..admission });
        }
        let list = self.list.load();
        let entry = list.get(name)?;
        let at = now();
        let alive = !entry.revoked && entry.expires_at.is_none_or(|end| at < end);
        // The HMAC is computed in any case, so that the time says nothing about the list.
        if !(self.secret.verify(&entry.spec, &secret) && alive) {
            return None;
        }
        entry.last_used_at.store(at, Ordering::Relaxed);
        Some(Admission { name: name.to_owned(), gateway: entry.gateway.clone(), container, proof: None })
    }

    /// The key of this name, made if it is new, and then bound to this gateway.
    ///
    /// # Errors
    /// When the name is no name, or is not in a list that was given, or the list cannot be written, or when it is bound to
    /// another gateway.
    pub fn get_or_make(&self, name: &str, gateway: Option<&str>) -> Result<Secret, Fault> {
        if !key::is_name(name) {
            return Err(Fault::new(
                Kind::Usage,
                "a key's name has 1 to 32 characters, each a lower-case letter, a digit or a hyphen",
            ));
        }
        if let Some(entry) = self.list.load().get(name).filter(|entry| !entry.revoked) {
            if gateway.is_some() && entry.gateway.as_deref() != gateway {
                let bound =
                    entry.gateway.as_ref().map_or("no gateway".to_owned(), |to| format!("the gateway {to}"));
                return Err(Fault::new(Kind::Usage, format!("the key {name} is bound to {bound}"))
                    .cure_with(format!(
                        "take another name with `--key`, or `aigwctl keys revoke {name}` first"
                    )));
            }
            return Ok(self.secret.key(&entry.spec));
        }
        self.change(|list| {
            let generation = list.get(name).map_or(1, |entry| entry.spec.generation);
            let spec = KeySpec { name: name.to_owned(), generation };
            let key = self.secret.key(&spec);
            let gateway = gateway.map(str::to_owned);
            list.insert(name.to_owned(), Arc::new(Entry { gateway, ..Entry::new(spec, Some(now())) }));
            Ok(key)
        })
    }

    /// A key that is valid until what is returned is dropped. It is not in the list.
    ///
    /// # Errors
    /// When too many are lent.
    pub fn lend(&self, gateway: Option<&str>) -> Result<Lent, Fault> {
        self.lending.lend(gateway, None)
    }

    /// The same for a proof.
    ///
    /// # Errors
    /// When too many are lent.
    pub fn lend_for_proof(&self) -> Result<Lent, Fault> {
        self.lending.lend(None, Some(Proof::default()))
    }

    /// How many were lent; a successor goes on from there.
    pub fn lent(&self) -> u64 {
        self.lending.count()
    }

    /// Goes on from there.
    pub fn lend_from(&self, count: u64) {
        self.lending.count_from(count);
    }

    /// A key that the daemon before us has lent.
    pub fn take_over(&self, key: LentKey) -> Option<Lent> {
        self.lending.take_over(key)
    }

    /// Makes every key of this name invalid; the next one that is asked for is another.
    ///
    /// # Errors
    /// When there is no such key, or the list is given, or cannot be written.
    pub fn revoke(&self, name: &str) -> Result<(), Fault> {
        self.change(|list| {
            let entry = list.get(name).filter(|entry| !entry.revoked).ok_or_else(|| {
                Fault::new(Kind::Usage, format!("there is no key named {name:?}"))
                    .cure_with("see `aigwctl keys`")
            })?;
            let generation = entry.spec.generation.saturating_add(1);
            let spec = KeySpec { name: name.to_owned(), generation };
            list.insert(name.to_owned(), Arc::new(Entry { revoked: true, ..Entry::new(spec, None) }));
            Ok(())
        })
    }

    /// The list, for people.
    pub fn rows(&self) -> Vec<KeyRow> {
        let list = self.list.load();
        list.values().filter(|entry| !entry.revoked).map(|entry| entry.row()).collect()
    }

    /// Writes down when each key was last used. Called now and then, and at the end.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn save(&self) -> Result<(), Fault> {
        if self.are_given() { Ok(()) } else { self.change(|_| Ok(())) }
    }

    fn change<T>(&self, edit: impl FnOnce(&mut List) -> Result<T, Fault>) -> Result<T, Fault> {
        let file = self.file.as_ref().ok_or_else(|| {
            Fault::new(Kind::BadConfiguration, "the list of keys is the setting listen.keys")
                .cure_with("change `listen.keys` (`NAME:2` makes `NAME` invalid) and run `aigwctl reload`")
        })?;
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = List::clone(&self.list.load());
        let value = edit(&mut list)?;
        let stored: BTreeMap<&String, Stored> =
            list.iter().map(|(name, entry)| (name, entry.stored())).collect();
        let text = serde_json::to_vec_pretty(&stored).map_err(|error| {
            Fault::new(Kind::Internal, format!("the list of keys cannot be written: {error}"))
        })?;
        files::write_private(&file, &text)?;
        self.list.store(Arc::new(list));
        Ok(value)
    }
}

impl Entry {
    fn new(spec: KeySpec, created_at: Option<i64>) -> Self {
        Self {
            spec,
            revoked: false,
            created_at,
            last_used_at: AtomicI64::new(0),
            expires_at: None,
            gateway: None,
        }
    }

    fn last_used(&self) -> Option<i64> {
        Some(self.last_used_at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    fn stored(&self) -> Stored {
        Stored {
            generation: self.spec.generation,
            revoked: self.revoked,
            created_at: self.created_at,
            last_used_at: self.last_used(),
            expires_at: self.expires_at,
            gateway: self.gateway.clone(),
        }
    }

    fn row(&self) -> KeyRow {
        KeyRow {
            name: self.spec.name.clone(),
            generation: self.spec.generation,
            created_at: self.created_at,
            last_used_at: self.last_used(),
            expires_at: self.expires_at,
            gateway: self.gateway.clone(),
        }
    }
}

impl From<(String, Stored)> for Entry {
    fn from((name, stored): (String, Stored)) -> Self {
        Self {
            spec: KeySpec { name, generation: stored.generation },
            revoked: stored.revoked,
            created_at: stored.created_at,
            last_used_at: AtomicI64::new(stored.last_used_at.unwrap_or(0)),
            expires_at: stored.expires_at,
            gateway: stored.gateway,
        }
    }
}

/// The list as it was stored. A damaged one is kept aside and told of.
fn read_list(file: &Path, findings: &mut Vec<Finding>) -> Result<Option<BTreeMap<String, Stored>>, Fault> {
    let Some(bytes) = read(file)? else { return Ok(None) };
    match serde_json::from_slice::<BTreeMap<String, Stored>>(&bytes) {
        Ok(list) if list.keys().all(|name| key::is_name(name)) => Ok(Some(list)),
        _ => {
            let kept = files::set_aside(file)?;
            let what = format!("the list of local keys was damaged (kept as {})", kept.display());
            findings.push(all_new("key-list-damaged", &what));
            Ok(None)
        }
    }
}

/// The machine secret. A damaged one is kept aside and told of.
fn read_secret(file: &Path, findings: &mut Vec<Finding>) -> Result<Option<MachineSecret>, Fault> {
    let Some(bytes) = read(file)? else { return Ok(None) };
    let secret = MachineSecret::from_file(&bytes);
    if secret.is_none() {
        let kept = files::set_aside(file)?;
        let what = format!("the secret of the local keys was damaged (kept as {})", kept.display());
        findings.push(all_new("key-secret-damaged", &what));
    }
    Ok(secret)
}

fn all_new(code: &'static str, what: &str) -> Finding {
    let cure = "run `aigwctl env` or `aigwctl setup` again for each tool";
    Finding::new(code, Severity::Warning, format!("{what}; all keys are new"), cure)
}

fn read(file: &Path) -> Result<Option<Vec<u8>>, Fault> {
    files::read_limited(file, MAX_LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(home: &Path) -> (Keys, Vec<Finding>) {
        Keys::open(&home.join("key"), &home.join("keys.json")).unwrap()
    }

    #[test]
    fn a_revoked_key_never_comes_back_even_when_the_list_is_lost() {
        let home = tempfile::tempdir().unwrap();
        let (keys, _) = open(home.path());
        let first = keys.get_or_make("env", None).unwrap();
        assert_eq!(keys.check(first.reveal()).unwrap().name, "env");
        keys.revoke("env").unwrap();
        assert!(keys.check(first.reveal()).is_none());
        let second = keys.get_or_make("env", None).unwrap();
        assert_ne!(first, second);

        let (again, _) = open(home.path());
        assert!(again.check(second.reveal()).is_some());
        assert!(again.check(first.reveal()).is_none());

        for damage in [None, Some("{\"env\": {")] {
            match damage {
                None => std::fs::remove_file(home.path().join("keys.json")).unwrap(),
                Some(text) => std::fs::write(home.path().join("keys.json"), text).unwrap(),
            }
            let (fresh, findings) = open(home.path());
            assert!(fresh.check(first.reveal()).is_none());
            assert!(fresh.check(second.reveal()).is_none());
            assert_ne!(fresh.get_or_make("env", None).unwrap(), first);
            assert_eq!(findings.len(), 1);
        }
    }

    #[test]
    fn a_lent_key_ends_with_its_holder_and_no_key_of_the_list_revives_it() {
        let home = tempfile::tempdir().unwrap();
        let (keys, _) = open(home.path());
        let lent = keys.lend(Some("work")).unwrap();
        let other = keys.lend(None).unwrap();
        let text = lent.key.clone();
        let admission = keys.check(text.reveal()).unwrap();
        assert_eq!((admission.name.as_str(), admission.gateway.as_deref()), ("run-1", Some("work")));
        // One of the same name in the list is another, and both are valid.
        let listed = keys.get_or_make("run-1", None).unwrap();
        assert_ne!(listed, text);
        assert!(keys.check(listed.reveal()).unwrap().gateway.is_none());
        drop(lent);
        assert!(keys.check(text.reveal()).is_none());
        assert!(keys.check(listed.reveal()).is_some() && keys.check(other.key.reveal()).is_some());
        assert_eq!(keys.rows().len(), 1);
    }

    #[test]
    fn a_given_list_is_all_there_is() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        std::fs::write(&file, [7; 32]).unwrap();
        let keys = Keys::given(&file, &[KeySpec::parse("env:2").unwrap()]).unwrap();
        let secret = MachineSecret::from_file(&[7; 32]).unwrap();
        assert!(keys.check(secret.key(&KeySpec::parse("env:2").unwrap()).reveal()).unwrap().container);
        assert!(keys.check(secret.key(&KeySpec::parse("env").unwrap()).reveal()).is_none());
        assert!(keys.check(secret.key(&KeySpec::parse("other").unwrap()).reveal()).is_none());
        assert!(keys.get_or_make("other", None).is_err());
        assert!(keys.revoke("env").is_err());
    }
}
