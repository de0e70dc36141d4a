//! Systems that do not tell with which environment a process was started.

use std::path::Path;

/// Does nothing: what has left its group stays.
pub(crate) fn end_at(_home: &Path) {}
