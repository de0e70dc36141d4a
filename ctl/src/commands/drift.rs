//! Tools that have written their settings anew since `setup`, so that ours are not in them any more: told, and left so.

use std::path::Path;

use aigw_shared::finding::{Finding, Severity};

use crate::daemon;
use crate::settings::ledger::{Ledger, Touched};

/// What `status` says of it. A ledger that cannot be read is for `doctor` to tell.
pub(super) fn findings() -> Vec<Finding> {
    let ledger = daemon::paths().ok().and_then(|paths| Ledger::look(&paths).ok());
    let files = ledger.map(|ledger| ledger.files).unwrap_or_default();
    files.iter().filter_map(|(file, touched)| finding(file, touched)).collect()
}

fn finding(file: &Path, touched: &Touched) -> Option<Finding> {
    let (what, cure) = words(file, touched)?;
    Some(Finding::new("tool-drifted", Severity::Warning, what, cure))
}

/// What is the matter with a file that was set up, and what can be done; `None` while ours is in it.
pub(super) fn words(file: &Path, touched: &Touched) -> Option<(String, String)> {
    let (tool, shown) = (&touched.tool, file.display());
    let again = format!("aigwctl setup {tool}");
    // What cannot be read now is in the middle of being written, or `doctor` tells.
    match touched.changed(file).ok()? {
        None => Some((format!("{tool}: {shown} is gone"), again)),
        Some(keys) if !keys.is_empty() => Some((
            format!("{tool}: {} in {shown} is not what setup wrote", keys.join(", ")),
            format!("{again}, or leave it so: aigwctl undo {tool}"),
        )),
        Some(_) => None,
    }
}
