//! What `service install` has written and made, so that `uninstall` leaves nothing, and an edit is told from an older version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::files;
use serde::{Deserialize, Serialize};

use crate::daemon;
use crate::os::service::Place;
use crate::settings::place;

/// Units are far smaller.
const LIMIT: u64 = 1024 * 1024;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// The files, as they were written.
    pub(super) files: BTreeMap<PathBuf, String>,
    /// Folders that were made for them, outermost first.
    pub(super) folders: Vec<PathBuf>,
    /// The program that they name.
    pub(super) aigwd: PathBuf,
    /// Lingering was switched on by us.
    pub(super) linger: bool,
}

/// The folder of the service's own notes.
pub(super) fn folder() -> Result<PathBuf, Failure> {
    Ok(daemon::paths()?.state.join("service"))
}

fn file() -> Result<PathBuf, Failure> {
    Ok(folder()?.join("installed.json"))
}

impl Record {
    /// The one that is kept; an empty one where there is none.
    pub(super) fn read() -> Result<Self, Failure> {
        let file = file()?;
        let Some(content) = files::read_limited(&file, LIMIT)? else { return Ok(Self::default()) };
        serde_json::from_slice(&content).map_err(|error| {
            Fault::new(Kind::File, format!("{} is damaged: {error}", file.display()))
                .cure_with("remove it, and run `aigwctl service install`")
                .into()
        })
    }

    /// Notes what is going to be written here, before it is.
    pub(super) fn begin(place: &Place) -> Result<(), Failure> {
        let mut record = Self::read()?;
        for (file, text) in place.files() {
            record.folders.extend(place::missing_folders(&file));
            record.files.insert(file, text);
        }
        record.folders.extend(place.made_by_manager().iter().flat_map(|link| place::missing_folders(link)));
        record.folders.sort();
        record.folders.dedup();
        record.aigwd.clone_from(&place.aigwd);
        record.write()
    }

    /// Notes that lingering is on by us.
    pub(super) fn linger() -> Result<(), Failure> {
        Self { linger: true, ..Self::read()? }.write()
    }

    fn write(&self) -> Result<(), Failure> {
        files::create_private_dir(&folder()?)?;
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Fault::new(Kind::Internal, format!("the record cannot be written: {error}")))?;
        Ok(files::write_private(&file()?, &text)?)
    }

    /// Takes away the folders that were made, if nothing is in them, and this note.
    pub(super) fn end(self) -> Result<(), Failure> {
        place::remove_empty(&self.folders);
        place::remove(&file()?)?;
        place::remove_empty(&[folder()?]);
        Ok(())
    }

    /// Whether this file is as it was written; `None` if it was not by us.
    pub(super) fn is_as_written(&self, file: &Path) -> Option<bool> {
        let written = self.files.get(file)?;
        Some(std::fs::read_to_string(file).is_ok_and(|now| now == *written))
    }
}
