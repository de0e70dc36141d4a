//! The store that every system has: a 0600 file for each gateway, in a 0700 folder.

use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::{self, Draft};
use aigw_shared::finding::{Finding, Severity};
use zeroize::Zeroizing;

use super::Held;

const MAX: u64 = 256 * 1024;

/// The folder of credentials.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

impl Store {
    /// Opens it, and makes it if it is new.
    ///
    /// # Errors
    /// When it cannot be made, or is somebody else's.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        files::create_private_dir(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// What is kept for this gateway. A damaged file is kept aside and told of.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, gateway: &str) -> Result<(Held, Option<Finding>), Fault> {
        let file = self.file(gateway);
        let Some(bytes) = files::read_limited(&file, MAX)?.map(Zeroizing::new) else {
            return Ok((Held::default(), None));
        };
        match serde_json::from_slice(&bytes) {
            Ok(held) => Ok((held, None)),
            // The parser's words could quote the secret; its place does not.
            Err(error) => {
                let kept = files::set_aside(&file)?;
                let text = format!(
                    "the stored login for the gateway {gateway} was damaged at line {} (kept as {})",
                    error.line(),
                    kept.display()
                );
                Ok((
                    Held::default(),
                    Some(Finding::new("login-damaged", Severity::Error, text, "run `aigwctl login`")),
                ))
            }
        }
    }

    /// Whether there is a file.
    pub fn has(&self, gateway: &str) -> bool {
        self.file(gateway).exists()
    }

    /// What is to be kept for the gateway, on the disk and not yet in force.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn draft(&self, gateway: &str, held: &Held) -> Result<Draft, Fault> {
        let bytes = serde_json::to_vec_pretty(held)
            .map(Zeroizing::new)
            .map_err(|_| Fault::new(Kind::Internal, "the login cannot be written"))?;
        Draft::of(&self.file(gateway), &bytes)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// When it is still there afterwards.
    pub fn forget(&self, gateway: &str) -> Result<(), Fault> {
        let file = self.file(gateway);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::new(Kind::File, format!("{} cannot be removed: {error}", file.display())))
            }
            _ => Ok(()),
        }
    }

    fn file(&self, gateway: &str) -> PathBuf {
        self.0.join(format!("{gateway}.json"))
    }
}

#[cfg(test)]
mod tests {
    use aigw_shared::secret::Secret;

    use super::*;

    #[test]
    fn what_is_put_comes_back_and_damage_is_told_without_quoting() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let held = Held {
            url: "https://coder.example.com/".into(),
            token: Some(Secret::new("abcdefghij-0123456789abcdefghijkl")),
            keys: [("openai".to_owned(), Secret::new("k"))].into(),
            user: Some("ada".into()),
            ..Held::default()
        };
        store.draft("default", &held).unwrap().put().unwrap();
        assert_eq!(store.get("default").unwrap(), (held, None));
        store.forget("default").unwrap();
        store.forget("default").unwrap();
        assert!(store.get("default").unwrap().0.is_empty());

        std::fs::write(home.path().join("work.json"), "{\n\"token\": \"abcdefghij-").unwrap();
        let (held, finding) = store.get("work").unwrap();
        assert!(held.is_empty());
        let finding = finding.unwrap();
        assert!(finding.text.contains("line 2") && !finding.text.contains("abcdefghij"), "{}", finding.text);
    }
}
