//! Findings: what is wrong without being an error of one request. Each stands here once, however often it happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aigw_shared::finding::Finding;

/// More different findings than a person would read are not kept.
const MOST: usize = 100;

/// The findings of this daemon, by code and subject.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<(String, String), Finding>>);

impl Health {
    /// Notes a finding about a subject (a gateway, a path, a file). An older one about the same is replaced.
    pub fn note(&self, subject: &str, finding: Finding) {
        let mut findings = self.lock();
        let key = (finding.code.clone(), subject.to_owned());
        if findings.len() < MOST || findings.contains_key(&key) {
            if findings.get(&key).is_none_or(|old| old.severity != finding.severity) {
                tracing::warn!(code = finding.code, subject, "{}", finding.text);
            }
            findings.insert(key, finding);
        }
    }

    /// Takes back all findings of a code about a subject.
    pub fn clear(&self, code: &str, subject: &str) {
        self.lock().remove(&(code.to_owned(), subject.to_owned()));
    }

    /// All of them, the worst first.
    pub fn all(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.lock().values().cloned().collect();
        all.sort_by(|a, b| b.severity.cmp(&a.severity));
        all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Finding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
