//! The files of a tool's home at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Their bytes, by their place in the home.
pub struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    /// All below this home, but for what a run of a tool prints.
    pub fn below(home: &Path) -> Self {
        let mut found = BTreeMap::new();
        let mut folders = vec![home.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
                let path = entry.path();
                let kind = entry.file_type().expect("a kind");
                if kind.is_dir() && path != home.join("tmp") {
                    folders.push(path);
                } else if kind.is_file()
                    && let Ok(bytes) = std::fs::read(&path)
                {
                    found.insert(path.strip_prefix(home).expect("it is below").to_owned(), bytes);
                }
            }
        }
        Self(found)
    }

    /// Those that the other has not, or not so.
    pub fn unlike(&self, other: &Self) -> Self {
        let differs = |(path, bytes): &(&PathBuf, &Vec<u8>)| other.0.get(*path) != Some(*bytes);
        let rows = self.0.iter().filter(differs);
        Self(rows.map(|(path, bytes)| (path.clone(), bytes.clone())).collect())
    }

    /// Whether a file of the other is among these.
    pub fn touches(&self, other: &Self) -> bool {
        other.0.keys().any(|path| self.0.contains_key(path))
    }

    pub fn holds(&self, text: &str) -> bool {
        self.0.values().any(|bytes| String::from_utf8_lossy(bytes).contains(text))
    }

    /// Each of the edited files is what it was, byte for byte, or is gone if it was not there.
    #[track_caller]
    pub fn same_as(&self, before: &Self, edited: &Self) {
        for path in edited.0.keys() {
            let text =
                |files: &Self| files.0.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            assert_eq!(text(self), text(before), "{}", path.display());
        }
    }

    /// The edited files, which the tool has written anew, are as it left them but for what was ours; the user's file is
    /// still there.
    #[track_caller]
    pub fn only_ours_is_gone(&self, edited: &Self, left: &Self, had: Option<&str>) {
        let mut compared = 0;
        for path in edited.0.keys() {
            let Some(now) = self.0.get(path) else {
                assert_ne!(had.map(Path::new), Some(path.as_path()), "the user's file is gone");
                continue;
            };
            let now = String::from_utf8_lossy(now);
            assert!(!now.contains("aigw") && !now.contains("127.0.0.1"), "{now}");
            let left = String::from_utf8_lossy(&left.0[path]);
            let mut lines = left.lines().map(bare);
            for line in now.lines().map(bare) {
                assert!(lines.any(|left| left == line), "{line:?} is not the tool's:\n{left}\n{now}");
                compared += 1;
            }
        }
        assert!(had.is_none() || compared > 0, "nothing of the user's is left");
    }
}

/// Without what the removal of the next line changes.
fn bare(line: &str) -> &str {
    line.trim().trim_end_matches(',')
}

impl fmt::Debug for Files {
    /// Those with our key, which are what a failure is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.0.iter().map(|(path, bytes)| (path, String::from_utf8_lossy(bytes)));
        f.debug_map().entries(texts.filter(|(_, text)| text.contains("aigw_"))).finish()
    }
}
