//! Which authorities there are. Each lies in a folder of its own, and one small file says which of them signs and which
//! will: it is replaced in one step, so a change of authority has happened or has not, whenever the daemon is killed.

use std::fs;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use serde::{Deserialize, Serialize};

use super::authority::is_own_root;
use super::certificates::{Certificates, Files, damaged};
use crate::random;

const PREFIX: &str = "authority-";
/// More roots than a machine has in a lifetime.
const MAX: u64 = 1024 * 1024;

/// The content of that file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The folder of the one that signs.
    pub current: String,
    /// The folder of the one that will.
    pub next: Option<String>,
    /// Whether a company's CA has signed the one that signs.
    pub company: bool,
    /// SHA-256 of the roots of earlier ones.
    pub retired: Vec<String>,
}

impl List {
    /// The list of this folder; `None` before there is an authority.
    ///
    /// # Errors
    /// When it is damaged, or missing where it should be.
    pub fn read(folder: &Path) -> Result<Option<Self>, Fault> {
        let file = file(folder);
        let Some(bytes) = files::read_limited(&file, MAX)? else { return adopt(folder) };
        let list: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(&file, &error.to_string()))?;
        if std::iter::once(&list.current).chain(&list.next).all(|name| is_ours(name)) {
            return Ok(Some(list));
        }
        Err(damaged(&file, "it names a folder that is none of ours"))
    }

    /// Puts it in force, and removes the authorities that it does not name, with their keys.
    ///
    /// # Errors
    /// When it cannot be written; the old one is then in force.
    pub fn write(&self, folder: &Path) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Fault::new(Kind::Internal, format!("the list of CAs: {error}")))?;
        files::write_private(&file(folder), text.as_bytes())?;
        self.sweep(folder);
        Ok(())
    }

    /// Removes what a killed daemon left behind.
    pub fn sweep(&self, folder: &Path) {
        for name in authorities(folder) {
            if name == self.current || Some(&name) == self.next.as_ref() {
                continue;
            }
            if let Err(error) = fs::remove_dir_all(folder.join(&name)) {
                tracing::warn!("the old CA {name} cannot be removed: {error}");
            }
        }
    }

    /// Remembers a root that no store needs any more.
    pub fn retire(&mut self, fingerprint: String) {
        if !self.retired.contains(&fingerprint) {
            self.retired.push(fingerprint);
        }
    }
}

/// Where it is.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("list.json")
}

/// A name for the folder of a new authority.
///
/// # Errors
/// When the system has no randomness.
pub fn new_name() -> Result<String, Fault> {
    Ok(format!("{PREFIX}{}", random::hex::<6>()?))
}

/// A daemon that was killed while it made the first authority has left a whole one and no list, and so has somebody who
/// lost the list: it is the one. Two of them can only be the second, and cannot be told apart.
fn adopt(folder: &Path) -> Result<Option<List>, Fault> {
    let whole = |name: &String| Files::in_folder(&folder.join(name)).key.exists();
    let mut found = authorities(folder).into_iter().filter(whole);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(current), None) => {
            let root = Certificates::read(&folder.join(&current)).map(|known| known.root);
            let company = root.is_ok_and(|root| !is_own_root(&root));
            Ok(Some(List { current, company, ..List::default() }))
        }
        _ => Err(damaged(&file(folder), "it is missing")),
    }
}

/// The folders of authorities, listed or not.
pub fn authorities(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_ours(name)).collect()
}

/// What was set aside has a dot in its name.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
