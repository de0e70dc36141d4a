//! Windows: no such journal.

pub(super) fn has_stderr() -> bool {
    false
}
