//! What is being changed, written down before each step: the plan, how far it is, and how each file was before. A crash
//! leaves the journal, and whoever comes next completes what it says, or undoes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use serde::{Deserialize, Serialize};

use super::{Bytes, Step};
use crate::os::rights;

/// Plans and the files in them are far smaller.
const LIMIT: u64 = 64 * 1024 * 1024;
/// A file that is changed may be a tool's whole configuration, and no more.
pub(super) const FILE_LIMIT: u64 = 8 * 1024 * 1024;
const SCHEMA: u32 = 1;

/// A plan under way, or one that was.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    schema: u32,
    /// The command, for people.
    pub(crate) what: String,
    pub(super) entries: Vec<Entry>,
    /// How many steps were begun. All but the last of them are done; that one may be.
    pub(super) begun: usize,
    #[serde(skip)]
    file: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) step: Step,
    /// How the step's file was, once the step is begun.
    pub(super) before: Option<Before>,
}

/// A file before it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Before {
    Absent,
    File { content: Bytes, mode: Option<u32> },
}

impl Journal {
    /// Writes the plan down. Nothing is done yet.
    pub(crate) fn begin(file: &Path, what: &str, steps: &[Step]) -> Result<Self, Fault> {
        let entry = |step: &Step| Entry { step: step.clone(), before: None };
        let journal = Self {
            schema: SCHEMA,
            what: what.to_owned(),
            entries: steps.iter().map(entry).collect(),
            begun: 0,
            file: file.to_owned(),
        };
        journal.save()?;
        Ok(journal)
    }

    /// The one that was left here.
    pub(crate) fn open(file: &Path) -> Result<Option<Self>, Fault> {
        let Some(content) = files::read_limited(file, LIMIT)? else { return Ok(None) };
        let damaged = |what: String| {
            Fault::new(Kind::File, format!("{} is no journal: {what}", file.display()))
                .cure_with("move it away; what it was about is done again by the same command")
        };
        let mut journal: Self =
            serde_json::from_slice(&content).map_err(|error| damaged(error.to_string()))?;
        if journal.schema != SCHEMA || journal.begun > journal.entries.len() {
            return Err(damaged(format!("schema {}, step {}", journal.schema, journal.begun)));
        }
        file.clone_into(&mut journal.file);
        Ok(Some(journal))
    }

    /// Notes how the file of this step is, and that the step begins.
    pub(super) fn begin_step(&mut self, index: usize) -> Result<(), Fault> {
        let entry = &mut self.entries[index];
        // When a step is begun again after a crash its file may be changed already.
        if index >= self.begun {
            entry.before = match &entry.step {
                Step::Write { file, .. } | Step::Remove { file } => Some(Before::of(file)?),
                Step::Run { .. } | Step::Tell(_) => None,
            };
            self.begun = index + 1;
        }
        self.save()
    }

    /// Everything is done, or undone.
    pub(crate) fn end(self) -> Result<(), Fault> {
        fs::remove_file(&self.file)
            .and_then(|()| rights::sync_folder(self.file.parent().unwrap_or(Path::new("."))))
            .map_err(|error| {
                Fault::new(Kind::File, format!("{} cannot be removed: {error}", self.file.display()))
            })
    }

    fn save(&self) -> Result<(), Fault> {
        let content = serde_json::to_vec(self)
            .map_err(|error| Fault::new(Kind::Internal, format!("the journal cannot be written: {error}")))?;
        files::write_private(&self.file, &content)
    }
}

impl Before {
    pub(super) fn of(file: &Path) -> Result<Self, Fault> {
        let mode = match fs::metadata(file) {
            Ok(metadata) => rights::mode_of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Fault::new(Kind::File, format!("{} cannot be read: {error}", file.display())));
            }
        };
        Ok(match files::read_limited(file, FILE_LIMIT)? {
            Some(content) => Self::File { content: Bytes(content), mode },
            None => Self::Absent,
        })
    }
}
