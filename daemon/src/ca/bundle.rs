//! The files of certificates that tools trust. Most variables that name such a file *replace* the system's roots, so
//! what they get has to hold those, the roots that the user had set before, and ours. Others add: they get ours, and
//! what the user had added before.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::ipc::payload::CaGiven;
use aigw_shared::paths;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::certificates::{fingerprint, pem};
use crate::os::roots;

/// Bytes of a file that somebody trusts.
const MAX: u64 = 16 * 1024 * 1024;
/// Files of the user's that are remembered; the oldest go.
const MOST: usize = 16;

/// The system's roots, the user's, and ours.
pub fn bundle_file(folder: &Path) -> PathBuf {
    folder.join(paths::CA_BUNDLE)
}

/// Ours, and those that the user had added.
pub fn roots_file(folder: &Path) -> PathBuf {
    folder.join(paths::CA_ROOTS)
}

/// What we add and take away.
pub struct Ours {
    /// Roots of ours that are in use.
    pub roots: Vec<CertificateDer<'static>>,
    /// SHA-256 of those that are not any more, which a store may still hold.
    pub retired: Vec<String>,
}

/// Remembers files that the user's variables named before ours took their place.
///
/// # Errors
/// When it cannot be kept.
pub fn remember(folder: &Path, given: &[CaGiven]) -> Result<(), Fault> {
    let old = remembered(folder);
    let mut all = old.clone();
    for file in given {
        let path = Path::new(&file.path);
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let own = real.starts_with(std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()));
        // One that another program may change is read again each time, so its certificates are not kept.
        if path.is_absolute() && !own && !all.iter().any(|old| old.0 == file.path && old.1 == file.adds) {
            all.push((file.path.clone(), file.adds));
        }
    }
    if all == old {
        return Ok(());
    }
    let newest = all.split_off(all.len().saturating_sub(MOST));
    let text = serde_json::to_string_pretty(&newest).map_err(|error| {
        Fault::new(Kind::Internal, format!("the list of the user's certificates: {error}"))
    })?;
    files::write_private(&list_file(folder), text.as_bytes())
}

/// Writes both files if what belongs in them has changed.
///
/// # Errors
/// When one cannot be written.
pub fn write(folder: &Path, ours: &Ours) -> Result<(), Fault> {
    let (mut added, mut all) = (Pems::without(&ours.retired), Pems::without(&ours.retired));
    // First, so that a reader who stops at the first one finds it.
    ours.roots.iter().for_each(|root| added.push(root));
    roots::system().iter().for_each(|root| all.push(root));
    for (path, adds) in remembered(folder) {
        for certificate in certificates(Path::new(&path)) {
            all.push(&certificate);
            if adds {
                added.push(&certificate);
            }
        }
    }
    ours.roots.iter().for_each(|root| all.push(root));
    replace(&roots_file(folder), &added.text)?;
    replace(&bundle_file(folder), &all.text)
}

fn replace(file: &Path, text: &str) -> Result<(), Fault> {
    let old = files::read_limited(file, MAX * MOST as u64).ok().flatten();
    if old.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    files::write_private(file, text.as_bytes())
}

fn list_file(folder: &Path) -> PathBuf {
    folder.join("given.json")
}

/// Paths, and whether what they hold adds. A lost list costs the user's own roots only, and comes back with `env`.
fn remembered(folder: &Path) -> Vec<(String, bool)> {
    let bytes = files::read_limited(&list_file(folder), MAX).ok().flatten();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The certificates of a user's file. It is theirs: what is wrong with it their tools will have told them.
fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    let bytes = files::read_limited(file, MAX).ok().flatten().unwrap_or_default();
    CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect()
}

/// Each certificate once, and none of ours that is not in use any more.
struct Pems {
    text: String,
    seen: HashSet<String>,
}

impl Pems {
    fn without(retired: &[String]) -> Self {
        Self { text: String::new(), seen: retired.iter().cloned().collect() }
    }

    fn push(&mut self, certificate: &CertificateDer<'_>) {
        if self.seen.insert(fingerprint(certificate)) {
            self.text.push_str(&pem(certificate));
        }
    }
}
