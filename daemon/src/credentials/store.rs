//! Where each gateway's login is kept, and how it moves. What says where is one small file, replaced in one step: a
//! login is in force where that says, whatever else was left behind, and what was left behind stands in it too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aigw_shared::config::StoreKind;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::{self, Draft};
use aigw_shared::finding::Finding;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::sync::watch;

use super::keyring::{self, Keyring};
use super::{Held, file};

/// Longer only if it is none.
const MAX: u64 = 4 * 1024;

/// A place for one login. In the keyring there are two, so that a new one never overwrites the one in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    #[default]
    File,
    Keyring(u8),
    Memory,
}

impl Place {
    fn kind(self) -> StoreKind {
        match self {
            Self::File => StoreKind::File,
            Self::Keyring(_) => StoreKind::Keyring,
            Self::Memory => StoreKind::Memory,
        }
    }

    /// Where a login goes that comes after one that is here.
    fn next(self, kind: StoreKind) -> Self {
        match kind {
            StoreKind::File => Self::File,
            StoreKind::Memory => Self::Memory,
            StoreKind::Keyring => Self::Keyring(u8::from(self == Self::Keyring(0))),
        }
    }
}

/// What is known of a gateway's login. Nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Where it is.
    at: Place,
    /// Where something else of it may be, to be removed.
    #[serde(default)]
    stale: Vec<Place>,
}

/// A login that is not in a file, as far as it is known.
#[derive(Clone, Debug)]
enum Known {
    /// This is it.
    Held(Held),
    /// The keyring was not read yet; why, if that was tried.
    Unread(Option<Fault>),
}

/// All places.
pub struct Store {
    folder: PathBuf,
    files: file::Store,
    keyring: Keyring,
    /// By gateway. What was read from the keyring stays here, so that one that is locked later disturbs nobody.
    known: Mutex<BTreeMap<String, Known>>,
    /// One login is changed at a time.
    changing: tokio::sync::Mutex<()>,
    /// Somebody who may be asked for a password wants the keyring to be read.
    pub asked: Notify,
    /// A request needs what is in the keyring.
    needed: Notify,
    /// The keyring failed, and is not tried again yet.
    resting: AtomicBool,
    /// How often the keyring was tried.
    tried: watch::Sender<u64>,
}

impl Store {
    /// Opens the folder of files, and makes it if it is new. No keyring is touched.
    ///
    /// # Errors
    /// When it cannot be made, or is somebody else's.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        Ok(Self {
            files: file::Store::open(folder)?,
            keyring: Keyring::new(folder),
            folder: folder.to_owned(),
            known: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            asked: Notify::new(),
            needed: Notify::new(),
            resting: AtomicBool::new(false),
            tried: watch::Sender::new(0),
        })
    }

    /// What is kept for this gateway; `None` while it is in a keyring that was not read yet.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn get(&self, gateway: &str) -> Result<Option<(Held, Option<Finding>)>, Fault> {
        let record = self.record(gateway)?;
        if record.at == Place::File {
            self.lock().remove(gateway);
            return self.files.get(gateway).map(Some);
        }
        let mut known = self.lock();
        let first = match record.at {
            Place::Keyring(_) => Known::Unread(None),
            _ => Known::Held(Held::default()),
        };
        match known.entry(gateway.to_owned()).or_insert(first) {
            Known::Held(held) => Ok(Some((held.clone(), None))),
            Known::Unread(_) => Ok(None),
        }
    }

    /// Where the last login was kept, if there was one.
    ///
    /// # Errors
    /// When the file that says so cannot be read.
    pub fn remembered(&self, gateway: &str) -> Result<Option<StoreKind>, Fault> {
        let kind = self.record(gateway)?.at.kind();
        Ok((kind != StoreKind::File || self.files.has(gateway)).then_some(kind))
    }

    /// The logins that are in no file, as far as they are known.
    pub fn in_memory(&self) -> BTreeMap<String, Held> {
        let known = self.lock();
        let held = known.iter().filter_map(|(gateway, known)| match known {
            Known::Held(held) => Some((gateway.clone(), held.clone())),
            Known::Unread(_) => None,
        });
        held.collect()
    }

    /// These are known from the daemon before us.
    pub fn take_over(&self, logins: BTreeMap<String, Held>) {
        self.lock().extend(logins.into_iter().map(|(gateway, held)| (gateway, Known::Held(held))));
    }

    /// Tries whether a login could be kept there.
    ///
    /// # Errors
    /// Why not.
    pub async fn probe(&self, kind: StoreKind) -> Result<(), Fault> {
        if kind == StoreKind::Keyring {
            self.keyring.probe().await.map_err(|fault| {
                let cure = "mend that, or keep the login in a file that only you can read: `aigwctl login --store file`";
                Fault::new(fault.kind, fault.what).cure_with(cure)
            })?;
            tracing::debug!("the keyring takes items and gives them back");
        }
        Ok(())
    }

    /// Keeps a login in this place (where the last one is, if none is named), and with it the settings that it needs.
    ///
    /// # Errors
    /// When it cannot be kept; the old login is then in force as before.
    pub async fn put(
        &self,
        gateway: &str,
        kind: Option<StoreKind>,
        held: &Held,
        settings: Option<Draft>,
    ) -> Result<(), Fault> {
        let _one_at_a_time = self.changing.lock().await;
        let (old, damaged) = match (self.record(gateway), kind) {
            (Ok(record), _) => (record, false),
            // The new login says again where it is.
            (Err(_), Some(_)) => (Record::default(), true),
            (Err(fault), None) => return Err(fault),
        };
        let at = old.at.next(kind.unwrap_or(old.at.kind()));
        if at == old.at && at == Place::File && !damaged {
            let login = self.files.draft(gateway, held)?;
            settings.map_or(Ok(()), Draft::put)?;
            return login.put();
        }
        if at != Place::Memory {
            self.write(gateway, &Record { at: old.at, stale: with(&old.stale, at) })?;
        }
        match at {
            Place::File => self.files.draft(gateway, held)?.put()?,
            Place::Keyring(slot) => self.keyring.put(&item(gateway, slot), held).await?,
            Place::Memory => {}
        }
        settings.map_or(Ok(()), Draft::put)?;
        let mut stale = with(&old.stale, old.at);
        stale.retain(|place| !matches!(place, Place::Memory) && *place != at);
        self.write(gateway, &Record { at, stale })?;
        match at {
            Place::File => self.lock().remove(gateway),
            _ => self.lock().insert(gateway.to_owned(), Known::Held(held.clone())),
        };
        Ok(())
    }

    /// Forgets a login, where it is and where it was.
    ///
    /// # Errors
    /// When it is still there afterwards.
    pub async fn forget(&self, gateway: &str) -> Result<(), Fault> {
        let _one_at_a_time = self.changing.lock().await;
        let record = self.record(gateway)?;
        for place in with(&record.stale, record.at) {
            self.remove(gateway, place, true).await?;
        }
        if record.at != Place::File {
            self.lock().insert(gateway.to_owned(), Known::Held(Held::default()));
        }
        self.write(gateway, &Record { at: record.at, stale: Vec::new() })
    }

    /// Removes what earlier logins left in other places.
    ///
    /// # Errors
    /// When some of it may still be there.
    pub async fn tidy(&self, gateway: &str) -> Result<(), Fault> {
        let _one_at_a_time = self.changing.lock().await;
        // What cannot be read says nothing of places; whoever asks for the login is told.
        let Ok(mut record) = self.record(gateway) else { return Ok(()) };
        while let Some(place) = record.stale.last().copied() {
            self.remove(gateway, place, false).await?;
            record.stale.pop();
            self.write(gateway, &record)?;
        }
        Ok(())
    }

    /// Reads a login from the keyring, and gives up when there is no answer in time. `late` is told then; what is answered
    /// later counts all the same.
    ///
    /// # Errors
    /// What is wrong with the keyring.
    pub async fn read(&self, gateway: &str, ask: bool, late: impl FnOnce(&Fault)) -> Result<Held, Fault> {
        let result = self.read_keyring(gateway, ask, late).await;
        // A login or logout of the meantime knows better.
        let mut known = self.lock();
        if let Some(Known::Held(held)) = known.get(gateway) {
            return Ok(held.clone());
        }
        let now = match &result {
            Ok(held) => Known::Held(held.clone()),
            Err(fault) => Known::Unread(Some(fault.clone())),
        };
        known.insert(gateway.to_owned(), now);
        drop(known);
        self.tried.send_modify(|times| *times += 1);
        result
    }

    async fn read_keyring(&self, gateway: &str, ask: bool, late: impl FnOnce(&Fault)) -> Result<Held, Fault> {
        let Place::Keyring(slot) = self.record(gateway)?.at else { return Ok(Held::default()) };
        let named = |fault: Fault| for_gateway(gateway, &fault);
        let mut pending = self.keyring.get(&item(gateway, slot), ask).map_err(named)?;
        let answer = match pending.answer().await.map_err(named) {
            Err(fault) if pending.is_open() => {
                self.note_late(gateway, &fault);
                late(&fault);
                pending.late_answer().await.map_err(named)?
            }
            answer => answer?,
        };
        answer.map_or_else(|| Ok(Held::default()), |bytes| keyring::from_bytes(&bytes).map_err(named))
    }

    /// Requests need not wait for an answer that is late already.
    fn note_late(&self, gateway: &str, fault: &Fault) {
        let mut known = self.lock();
        if let Some(unread @ Known::Unread(_)) = known.get_mut(gateway) {
            *unread = Known::Unread(Some(fault.clone()));
        }
        drop(known);
        self.rest(true);
        self.tried.send_modify(|times| *times += 1);
    }

    /// Whether requests are told at once what was wrong with the keyring, rather than that it is tried for them.
    pub fn rest(&self, resting: bool) {
        self.resting.store(resting, Ordering::Relaxed);
    }

    /// The gateways whose login is in the keyring and was not read yet.
    pub fn unread(&self) -> Vec<String> {
        let known = self.lock();
        let unread = known.iter().filter(|(_, known)| matches!(known, Known::Unread(_)));
        unread.map(|(gateway, _)| gateway.clone()).collect()
    }

    /// A request needs this login. Waits for an attempt to read it, unless one has failed just now.
    ///
    /// # Errors
    /// What is wrong with the keyring; it will be tried again.
    pub async fn wait_for(&self, gateway: &str, patience: std::time::Duration) -> Result<(), Fault> {
        let mut tried = self.tried.subscribe();
        let why = |known: &BTreeMap<String, Known>| match known.get(gateway) {
            Some(Known::Unread(why)) => Some(why.clone()),
            _ => None,
        };
        let answered = async {
            let mut waited = false;
            loop {
                match why(&self.lock()) {
                    None => return Ok(()),
                    Some(Some(fault)) if waited || self.resting.load(Ordering::Relaxed) => return Err(fault),
                    Some(_) => {}
                }
                self.needed.notify_one();
                waited = true;
                if tried.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(patience, answered).await.unwrap_or_else(|_| {
            let fault = Fault::new(Kind::KeyringUnavailable, "the keyring has not answered yet");
            Err(for_gateway(gateway, &fault))
        })
    }

    /// Until a request needed what is in the keyring.
    pub async fn needed(&self) {
        self.needed.notified().await;
    }

    async fn remove(&self, gateway: &str, place: Place, ask: bool) -> Result<(), Fault> {
        match place {
            Place::File => self.files.forget(gateway),
            Place::Keyring(slot) => self
                .keyring
                .remove(&item(gateway, slot), ask)
                .await
                .map_err(|fault| for_gateway(gateway, &fault)),
            Place::Memory => Ok(()),
        }
    }

    fn record(&self, gateway: &str) -> Result<Record, Fault> {
        let file = self.place_file(gateway);
        let Some(bytes) = files::read_limited(&file, MAX)? else { return Ok(Record::default()) };
        serde_json::from_slice(&bytes).map_err(|error| {
            Fault::new(Kind::File, format!("{} is damaged: {error}", file.display()))
                .cure_with("say where the login is to be kept: `aigwctl login --store file` (or keyring)")
        })
    }

    fn write(&self, gateway: &str, record: &Record) -> Result<(), Fault> {
        let text = serde_json::to_vec(record)
            .map_err(|_| Fault::new(Kind::Internal, "a login's place cannot be written"))?;
        files::write_private(&self.place_file(gateway), &text)
    }

    fn place_file(&self, gateway: &str) -> PathBuf {
        self.folder.join(format!("{gateway}.place"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with(places: &[Place], more: Place) -> Vec<Place> {
    let mut all = places.to_vec();
    if !all.contains(&more) {
        all.push(more);
    }
    all
}

fn item(gateway: &str, slot: u8) -> String {
    format!("{gateway}/{slot}")
}

/// The same, with the gateway's name in the words and in the cure.
fn for_gateway(gateway: &str, fault: &Fault) -> Fault {
    let name = if gateway == "default" { String::new() } else { format!(" --name {gateway}") };
    Fault::new(fault.kind, format!("the login for the gateway {gateway} is not to be had: {}", fault.what))
        .cure_with(format!(
            "unlock the keyring and run `aigwctl reload`, or log in again: `aigwctl login{name} --store file`"
        ))
}
