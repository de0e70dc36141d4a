//! Findings: what is wrong without being an error of one request. Each stands here once, however often it happens.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aigw_shared::finding::Finding;

/// More different findings than a person would read are not kept.
const MOST: usize = 100;

/// The findings of this daemon, by subject.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<String, Vec<Finding>>>);

impl Health {
    /// Notes a finding about a subject (a gateway, a path, a file). An older one of its code is replaced.
    pub fn note(&self, subject: &str, finding: Finding) {
        let mut all = self.lock();
        let full = all.values().map(Vec::len).sum::<usize>() >= MOST;
        let findings = all.entry(subject.to_owned()).or_default();
        match findings.iter_mut().find(|old| old.code == finding.code) {
            Some(old) => {
                if old.severity != finding.severity {
                    tell(subject, &finding);
                }
                *old = finding;
            }
            None if full => {}
            None => {
                tell(subject, &finding);
                findings.push(finding);
            }
        }
        all.retain(|_, findings| !findings.is_empty());
    }

    /// Takes back the finding of a code about a subject.
    pub fn clear(&self, code: &str, subject: &str) {
        let mut all = self.lock();
        if let Some(findings) = all.get_mut(subject) {
            findings.retain(|finding| finding.code != code);
        }
        all.retain(|_, findings| !findings.is_empty());
    }

    /// These are all that hold about a subject now, several of one code among them.
    pub fn replace(&self, subject: &str, findings: Vec<Finding>) {
        let mut all = self.lock();
        let old = all.remove(subject).unwrap_or_default();
        findings.iter().filter(|finding| !old.contains(finding)).for_each(|finding| tell(subject, finding));
        if !findings.is_empty() {
            all.insert(subject.to_owned(), findings);
        }
    }

    /// All of them, the worst first.
    pub fn all(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.lock().values().flatten().cloned().collect();
        all.sort_by_key(|finding| Reverse(finding.severity));
        all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Finding>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(subject: &str, finding: &Finding) {
    tracing::warn!(code = finding.code, subject, "{}", finding.text);
}

#[cfg(test)]
mod tests {
    use aigw_shared::finding::Severity;

    use super::*;

    fn finding(code: &'static str, text: &str) -> Finding {
        Finding::new(code, Severity::Note, text, "")
    }

    fn texts(health: &Health) -> Vec<String> {
        health.all().into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_finding_stands_once_and_goes_when_it_no_longer_holds() {
        let health = Health::default();
        health.note("a", finding("x", "a x"));
        health.note("a", finding("x", "a x again"));
        health.note("b", finding("x", "b x"));
        assert_eq!(texts(&health), ["a x again", "b x"]);
        health.replace("b", vec![finding("y", "b y"), finding("y", "b y too")]);
        assert_eq!(texts(&health), ["a x again", "b y", "b y too"]);
        health.clear("x", "a");
        health.replace("b", Vec::new());
        assert!(health.all().is_empty());
        for number in 0..=MOST {
            health.note(&number.to_string(), finding("x", ""));
        }
        assert_eq!(health.all().len(), MOST);
    }
}
