//! The CA of this machine. It is made when it is first needed, and can sign for the intercepted hosts only.
//!
//! | module | holds |
//! | --- | --- |
//! | `authority` | making one, and its private key |
//! | `certificates` | what of it is public |
//! | `list` | which authorities there are, and which signs |
//! | `leaf` | certificates for hosts, in memory |
//! | `change` | a new authority takes the place of the old one |
//! | `company` | an authority that a company's CA has signed |
//! | `relayed` | the CA of the deployment's own proxy |
//! | `bundle` | the files of certificates that tools trust |

mod authority;
mod bundle;
mod certificates;
mod change;
mod company;
mod leaf;
mod list;
mod relayed;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aigw_shared::config::Config;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::payload::{CaGiven, CaStatus, CaTrust, NextRoot};
use aigw_shared::provider::CA_NAMES;
use rustls::ServerConfig;

use authority::{Authority, unsafe_at};
use certificates::{Certificates, covers, pem};
use leaf::Leaves;
use list::List;

/// How long before its end a new one is offered, in seconds.
const OFFERED: i64 = 60 * 24 * 3600;

/// What the daemon knows of its authorities. The disk has the last word: it is looked at for everything but signing.
pub struct Ca {
    folder: PathBuf,
    /// One at a time looks at the files or changes them.
    files: Mutex<()>,
    /// What signs, once opened. Held for moments only, since connections wait for it.
    signing: Mutex<Option<Arc<Leaves>>>,
}

/// The names that a new authority can sign for: all that we may ever intercept, and the configured hosts.
pub fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = CA_NAMES.iter().map(|name| (*name).to_owned()).collect();
    for host in config.intercept.hosts.iter().map(|entry| entry.host.trim_end_matches('.')) {
        // No certificate of ours is for an address.
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        if !is_address && !names.iter().any(|name| covers(name, host)) {
            names.push(host.to_owned());
        }
    }
    names
}

impl Ca {
    /// The one in this folder, which is not looked at before it is needed.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: Mutex::default(), signing: Mutex::default() }
    }

    /// How to speak TLS as this host. The first call makes the authority, for these names, if there is none.
    ///
    /// # Errors
    /// `CaOutgrown` when it cannot sign for this host, `CaUnsafe` when its files cannot be trusted, `CaExpired`.
    pub fn serve(
        &self,
        host: &str,
        offer_h2: bool,
        names: impl FnOnce() -> Vec<String>,
    ) -> Result<Arc<ServerConfig>, Fault> {
        let leaves = match self.opened() {
            Some(leaves) => leaves,
            None => self.open_or_make(&self.lock(), names)?,
        };
        let now = crate::now();
        check_time(&leaves.authority().certificates, now)?;
        leaves.serve(host, offer_h2, now)
    }

    /// How it is, after it was made if there was none.
    ///
    /// # Errors
    /// When it cannot be made, or its certificates cannot be read.
    pub fn status(&self, names: &[String]) -> Result<CaStatus, Fault> {
        let files = self.lock();
        if self.list()?.is_none() {
            self.open_or_make(&files, || names.to_vec())?;
        }
        let list = self.list()?.ok_or_else(|| Fault::new(Kind::File, "the CA vanished while it was made"))?;
        self.publish(Some(&list));
        let usable = self.open(&list).and_then(|authority| check_time(&authority.certificates, crate::now()));
        let known = Certificates::read(&self.folder.join(&list.current))?;
        let next = list.next.as_ref().and_then(|next| Certificates::read(&self.folder.join(next)).ok());
        let text = |path: &Path| path.display().to_string();
        Ok(CaStatus {
            root_cert: text(&known.files.root),
            intermediate_cert: text(&known.files.intermediate),
            intermediate_key: text(&known.files.key),
            bundle: text(&bundle::bundle_file(&self.folder)),
            root_pem: pem(&known.root),
            intermediate_pem: known.chain.iter().map(|certificate| pem(certificate)).collect(),
            fingerprint_sha256: known.fingerprint(),
            not_after: known.not_after,
            relayed: self.relayed(),
            outgrown: known.outgrown_by(names),
            permitted: known.permitted,
            company: list.company,
            next: next.map(|next| NextRoot {
                root_cert: text(&next.files.root),
                root_pem: pem(&next.root),
                fingerprint_sha256: next.fingerprint(),
            }),
            trouble: usable.err().map(|fault| fault.what),
            retired: list.retired,
        })
    }

    /// The files that tools trust, after the authority was made if there was none.
    ///
    /// # Errors
    /// When it cannot be made or trusted, or the files cannot be written.
    pub fn trust(&self, given: &[CaGiven], names: &[String]) -> Result<CaTrust, Fault> {
        let files = self.lock();
        self.open_or_make(&files, || names.to_vec())?;
        bundle::remember(&self.folder, given)?;
        bundle::write(&self.folder, &self.roots(self.list()?.as_ref()))?;
        let text = |path: PathBuf| path.display().to_string();
        Ok(CaTrust {
            added: text(bundle::roots_file(&self.folder)),
            bundle: text(bundle::bundle_file(&self.folder)),
        })
    }

    /// What is wrong with it now.
    pub fn findings(&self, names: &[String]) -> Vec<Finding> {
        let _one_at_a_time = self.lock();
        let list = match self.list() {
            Ok(Some(list)) => list,
            Ok(None) => return Vec::new(),
            Err(fault) => return vec![found(&fault)],
        };
        let now = crate::now();
        let known = match self.open(&list) {
            Ok(authority) => authority.certificates,
            Err(fault) => return vec![found(&fault)],
        };
        if let Err(fault) = check_time(&known, now) {
            return vec![found(&fault)];
        }
        let warning = |code, text: String, cure: &str| Finding::new(code, Severity::Warning, text, cure);
        let renew =
            if list.company { "have the company's CA sign again: `aigwctl ca request`" } else { RENEW };
        let mut findings = Vec::new();
        let outgrown = known.outgrown_by(names);
        if !outgrown.is_empty() {
            let text = format!("this machine's CA cannot sign for {}", outgrown.join(", "));
            findings.push(warning("ca-outgrown", text, renew));
        }
        if list.next.is_some() {
            let text = "a new CA waits to take over from the old one";
            findings.push(warning(
                "ca-change-unfinished",
                text.to_owned(),
                "`aigwctl ca install`, then `aigwctl ca rotate --finish`",
            ));
        } else if known.ends_within(OFFERED, now) {
            let days = (known.not_after - now) / (24 * 3600);
            findings.push(warning("ca-expiring", format!("this machine's CA ends in {days} days"), renew));
        }
        findings
    }

    /// Which of these names it cannot sign for; none before there is one.
    pub fn outgrown_by(&self, names: &[String]) -> Vec<String> {
        let known = |list: List| Certificates::read(&self.folder.join(&list.current)).ok();
        let known = self.list().ok().flatten().and_then(known);
        known.map(|known| known.outgrown_by(names)).unwrap_or_default()
    }

    /// Writes the files that tools trust again if something has changed, and removes what a killed daemon left behind.
    /// Does nothing before there is an authority.
    pub fn refresh(&self) {
        let _one_at_a_time = self.lock();
        if let Ok(Some(list)) = self.list() {
            list.sweep(&self.folder);
            self.publish(Some(&list));
        }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signing(&self) -> MutexGuard<'_, Option<Arc<Leaves>>> {
        self.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What signs, if it is open. Whether others could have taken the key is asked each time: a few calls to the system.
    fn opened(&self) -> Option<Arc<Leaves>> {
        let leaves = self.signing().clone()?;
        (self.check_folder().is_ok() && leaves.check().is_ok()).then_some(leaves)
    }

    /// The next that is asked to sign opens what the list names then.
    fn forget_opened(&self) {
        *self.signing() = None;
    }

    fn open_or_make(
        &self,
        _held: &MutexGuard<'_, ()>,
        names: impl FnOnce() -> Vec<String>,
    ) -> Result<Arc<Leaves>, Fault> {
        // Another may have done it while this one waited.
        if let Some(leaves) = self.opened() {
            return Ok(leaves);
        }
        self.forget_opened();
        let authority = match self.list()? {
            Some(list) => self.open(&list)?,
            None => self.make_first(&names())?,
        };
        let opened = Arc::new(Leaves::new(Arc::new(authority)));
        *self.signing() = Some(opened.clone());
        Ok(opened)
    }

    fn make_first(&self, names: &[String]) -> Result<Authority, Fault> {
        files::create_private_dir(&self.folder)?;
        let current = list::new_name()?;
        let authority = Authority::make(&self.folder.join(&current), names)?;
        let list = List { current, ..List::default() };
        list.write(&self.folder)?;
        tracing::info!("made a CA for this machine");
        self.publish(Some(&list));
        Ok(authority)
    }

    /// The authority that signs, if it may.
    fn open(&self, list: &List) -> Result<Authority, Fault> {
        self.check_folder()?;
        Authority::open(&self.folder.join(&list.current))
    }

    fn list(&self) -> Result<Option<List>, Fault> {
        List::read(&self.folder)
    }

    fn check_folder(&self) -> Result<(), Fault> {
        files::check_private_dir(&self.folder).map_err(|fault| unsafe_at(&fault, &self.folder, "700"))
    }

    /// The roots to be trusted: of the authority that signs and of the one that will.
    fn roots(&self, list: Option<&List>) -> bundle::Ours {
        let folders = list.into_iter().flat_map(|list| std::iter::once(&list.current).chain(&list.next));
        let known = folders.filter_map(|name| Certificates::read(&self.folder.join(name)).ok());
        let retired = list.map(|list| list.retired.clone()).unwrap_or_default();
        let roots = known.map(|known| known.root).chain(self.relayed_root()).collect();
        bundle::Ours { roots, retired }
    }

    fn publish(&self, list: Option<&List>) {
        if list.is_none() {
            return;
        }
        if let Err(fault) = bundle::write(&self.folder, &self.roots(list)) {
            tracing::warn!("the files of certificates that tools trust are not up to date: {fault}");
        }
    }
}

const RENEW: &str = "make a new CA: `aigwctl ca rotate`";

fn check_time(known: &Certificates, now: i64) -> Result<(), Fault> {
    if known.ends_within(0, now) {
        return Err(Fault::new(Kind::CaExpired, "the time of this machine's CA is over"));
    }
    Ok(())
}

fn found(fault: &Fault) -> Finding {
    Finding::new(fault.kind.face().code, Severity::Error, fault.what.clone(), fault.cure())
}

#[cfg(test)]
mod tests;
