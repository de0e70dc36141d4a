//! What came of a trial, for the table that `.ci/full clients` prints and keeps.

use std::path::PathBuf;
use std::thread;

/// A row of that table, written when it is dropped: in `AIGW_TRIED`, a folder, if that is set.
pub struct Outcome {
    file: Option<PathBuf>,
    row: String,
}

impl Outcome {
    /// The version is the one that `.ci/clients` has installed and seen to work.
    pub fn begins(tool: &str, mode: &str, program: &str) -> Self {
        let stamp = crate::desk::clients().join("stamps").join(program);
        let stamp =
            std::fs::read_to_string(&stamp).unwrap_or_else(|error| panic!("{}: {error}", stamp.display()));
        let version = stamp.lines().next().unwrap_or_default();
        let folder = std::env::var_os("AIGW_TRIED").map(PathBuf::from);
        let file = folder.map(|folder| folder.join(format!("{tool}.{mode}")));
        Self { file, row: format!("{tool}\t{version}\t{mode}") }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let result = if thread::panicking() { "failed" } else { "ran" };
        if let Some(file) = &self.file {
            std::fs::write(file, format!("{}\t{result}\n", self.row)).expect("a result");
        }
    }
}
