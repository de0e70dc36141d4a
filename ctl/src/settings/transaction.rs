//! Setup and undo of one file on the disk: first the ledger, then the file, then the ledger again. Killed between any two of
//! them, the next run of either finds what it needs.

use std::path::{Path, PathBuf};

use aigw_shared::fault::Fault;

use super::change::{self, Undone, Wanted};
use super::ledger::{Ledger, Touched};
use super::place;

/// A file, and what it becomes.
pub(crate) struct Change {
    pub(crate) file: PathBuf,
    pub(crate) now: Option<String>,
    pub(crate) text: String,
    pub(crate) touched: Touched,
}

impl Change {
    /// Reads the file, and decides.
    pub(crate) fn of(file: PathBuf, wanted: &Wanted<'_>, ledger: &Ledger) -> Result<Self, Fault> {
        let now = place::read(&file)?;
        let missing = if now.is_none() { place::missing_folders(&file) } else { Vec::new() };
        let (text, touched) = change::done(wanted, ledger.files.get(&file), now.as_deref(), missing)
            .map_err(|refusal| refusal.fault(&file, now.as_deref().unwrap_or_default()))?;
        Ok(Self { file, now, text, touched })
    }

    /// Whether the file or what is known of it would be another.
    pub(crate) fn is_needed(&self, ledger: &Ledger) -> bool {
        self.now.as_deref() != Some(&*self.text) || ledger.files.get(&self.file) != Some(&self.settled())
    }

    /// The local keys that stand in it, before or afterwards.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let held = self.touched.keys.iter().chain(&self.touched.leaving);
        held.flat_map(|held| &held.ours).filter_map(|value| local_key(value.as_str()?))
    }

    fn settled(&self) -> Touched {
        let mut touched = self.touched.clone();
        change::settle(&mut touched);
        touched
    }

    /// Writes down what is going to be, then does it.
    pub(crate) fn make(self, ledger: &mut Ledger) -> Result<(), Fault> {
        place::sweep(&self.file);
        if !self.is_needed(ledger) {
            return Ok(());
        }
        let settled = self.settled();
        let known = ledger.files.insert(self.file.clone(), self.touched);
        ledger.save()?;
        if self.now.as_deref() != Some(&*self.text)
            && let Err(fault) = place::write(&self.file, self.now.as_deref(), &self.text)
        {
            match known {
                Some(known) => ledger.files.insert(self.file, known),
                None => ledger.files.remove(&self.file),
            };
            ledger.save()?;
            return Err(fault);
        }
        ledger.files.insert(self.file, settled);
        ledger.save()
    }
}

/// The local key in a value of ours: all of it, or a part of a URL.
pub(crate) fn local_key(text: &str) -> Option<&str> {
    let from = text.find(aigw_shared::key::PREFIX)?;
    text[from..].split(['/', '@']).next()
}

/// A file, and what it was.
pub(crate) struct Return {
    file: PathBuf,
    pub(crate) now: Option<String>,
    pub(crate) undone: Undone,
}

impl Return {
    /// Reads the file, and decides.
    pub(crate) fn of(file: &Path, touched: &Touched) -> Result<Self, Fault> {
        let now = place::read(file)?;
        let undone = change::undone(touched, now.as_deref())
            .map_err(|refusal| refusal.fault(file, now.as_deref().unwrap_or_default()))?;
        Ok(Self { file: file.to_owned(), now, undone })
    }

    /// Puts it back, then forgets it.
    pub(crate) fn make(self, ledger: &mut Ledger) -> Result<(), Fault> {
        let Self { file, now, undone } = self;
        place::sweep(&file);
        match &undone.text {
            Some(text) if now.as_ref() != Some(text) => place::write(&file, now.as_deref(), text)?,
            Some(_) => {}
            None => place::remove(&file)?,
        }
        if let Some(touched) = ledger.files.remove(&file) {
            place::remove_empty(&touched.new_folders);
        }
        ledger.save()
    }
}
