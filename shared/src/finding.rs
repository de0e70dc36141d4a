//! What is wrong, or worth knowing, without being an error of any one request: shown by `status` and `doctor`.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Works, but not as it should.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing, with its cure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A kebab-case name for scripts.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What is the matter, in one sentence without secrets.
    pub text: String,
    /// The one thing to do about it.
    pub cure: String,
}

impl Finding {
    /// A finding in words.
    pub fn new(
        code: &'static str,
        severity: Severity,
        text: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { code: code.to_owned(), severity, text: text.into(), cure: cure.into() }
    }
}
