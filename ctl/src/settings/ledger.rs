//! What setup has changed, written down before it is done: for each file the keys, their old values and ours, and what had
//! to be made. `undo` needs nothing else, and what a crash cut short is seen by comparing the file with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::paths::Paths;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Format, KeyPath};
use crate::tools::models::Offered;
use crate::tools::{Mode, Pays};

const LIMIT: u64 = 64 * 1024 * 1024;
const SCHEMA: u32 = 2;

/// Every file that is set up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ledger {
    schema: u32,
    /// By absolute path.
    pub(crate) files: BTreeMap<PathBuf, Touched>,
    /// Tools that have a local key of their own, and the way in which they come to us.
    pub(crate) tools: BTreeMap<String, Mode>,
    /// Tools that are put back for a while, and how they will come again. Their keys stay.
    #[serde(default)]
    pub(crate) paused: BTreeMap<String, Paused>,
    /// Who pays for them, where somebody was asked.
    #[serde(default)]
    pub(crate) pays: BTreeMap<String, Paid>,
    /// The models that they were told of, where they had to be.
    #[serde(default)]
    pub(crate) models: BTreeMap<String, Offered>,
    #[serde(skip)]
    file: PathBuf,
    /// Held as long as this is.
    #[serde(skip)]
    _lock: Option<File>,
}

/// How a tool will come again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Paused {
    pub(crate) mode: Mode,
    /// What the shell reads at its start, if it had a block there.
    pub(crate) shell_file: Option<PathBuf>,
}

/// Who pays for a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Paid {
    pub(crate) who: Pays,
    /// The provider whose setting was changed for that.
    pub(crate) switched: Option<String>,
}

/// A file that is set up, or is about to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Touched {
    /// The tool whose file it is.
    pub(crate) tool: String,
    pub(crate) format: Format,
    /// There was none before.
    pub(crate) new_file: bool,
    /// Folders that were made for it, outermost first.
    pub(crate) new_folders: Vec<PathBuf>,
    /// The text that is put back when the file is exactly as we left it.
    pub(crate) before: Option<String>,
    /// As we left it; two while one takes the place of the other.
    pub(crate) left: Vec<String>,
    pub(crate) keys: Vec<Held>,
    /// Keys that were ours, while they are taken out.
    #[serde(default)]
    pub(crate) leaving: Vec<Held>,
    /// Containers that were made for our keys, outermost first.
    pub(crate) containers: Vec<KeyPath>,
}

/// One key of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) path: KeyPath,
    /// What stood there, as it was written.
    pub(crate) old: Option<String>,
    /// What we put there; two while one takes the place of the other.
    pub(crate) ours: Vec<Value>,
}

impl Touched {
    /// Our keys that hold something else by now: the tool, or somebody, has written the file anew. `None` when there is no
    /// such file any more.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn changed(&self, file: &Path) -> Result<Option<Vec<String>>, Fault> {
        let Some(text) = super::place::read(file)? else { return Ok(None) };
        let mut changed = Vec::new();
        for held in &self.keys {
            let found = self.format.find(&text, &held.path).map_err(|refusal| refusal.fault(file, &text))?;
            if !found.is_some_and(|found| held.ours.contains(&found.value)) {
                changed.push(held.path.join("."));
            }
        }
        Ok(Some(changed))
    }
}

impl Ledger {
    /// Opens it, for one process at a time.
    ///
    /// # Errors
    /// When another `aigwctl` has it, or it is damaged.
    pub(crate) fn open(paths: &Paths) -> Result<Self, Fault> {
        let folder = paths.state.join("setup");
        files::create_private_dir(&folder)?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
        let lock = lock.map_err(|error| cannot(&folder.join("lock"), "be opened", &error.to_string()))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Fault::new(
                    Kind::CommandFailed,
                    "another aigwctl is changing the tools' settings",
                )
                .cure_with("wait for it, then run the same command again"));
            }
            Err(TryLockError::Error(error)) => {
                return Err(cannot(&folder.join("lock"), "be locked", &error.to_string()));
            }
            Ok(()) => {}
        }
        let mut ledger = Self::look(paths)?;
        ledger._lock = Some(lock);
        Ok(ledger)
    }

    /// As it is now, to look at only.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn look(paths: &Paths) -> Result<Self, Fault> {
        let file = paths.state.join("setup").join("ledger.json");
        let Some(content) = files::read_limited(&file, LIMIT)? else {
            return Ok(Self {
                schema: SCHEMA,
                files: BTreeMap::new(),
                tools: BTreeMap::new(),
                paused: BTreeMap::new(),
                pays: BTreeMap::new(),
                models: BTreeMap::new(),
                file,
                _lock: None,
            });
        };
        let mut ledger: Self =
            serde_json::from_slice(&content).map_err(|error| cannot(&file, "be read", &error.to_string()))?;
        if ledger.schema != SCHEMA {
            return Err(cannot(&file, "be read", &format!("schema {}", ledger.schema)));
        }
        ledger.file = file;
        Ok(ledger)
    }

    /// On the disk when this returns. Nothing is left of an empty one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save(&self) -> Result<(), Fault> {
        if self.files.is_empty() && self.tools.is_empty() && self.paused.is_empty() {
            return super::place::remove(&self.file);
        }
        let content = serde_json::to_vec(self)
            .map_err(|error| Fault::new(Kind::Internal, format!("the ledger cannot be written: {error}")))?;
        files::write_private(&self.file, &content)
    }

    /// The tools that have something in it.
    pub(crate) fn all_tools(&self) -> BTreeSet<String> {
        let in_files = self.files.values().map(|touched| &touched.tool);
        in_files.chain(self.tools.keys()).chain(self.paused.keys()).cloned().collect()
    }

    /// Forgets a tool that has no file in it any more.
    pub(crate) fn forget(&mut self, tool: &str) {
        self.tools.remove(tool);
        self.models.remove(tool);
        self.paused.remove(tool);
    }

    /// The files of a tool.
    pub(crate) fn files_of(&self, tool: &str) -> Vec<(PathBuf, Touched)> {
        let files = self.files.iter().filter(|(_, touched)| touched.tool == tool);
        files.map(|(file, touched)| (file.clone(), touched.clone())).collect()
    }
}

fn cannot(file: &Path, what: &str, why: &str) -> Fault {
    Fault::new(Kind::File, format!("{} cannot {what}: {why}", file.display()))
        .cure_with("mend it or move it away; without it `aigwctl undo` does not know the old settings")
}
