//! What fuzzing calls: settings, a policy and single edits in any bytes.

use std::path::Path;

use super::layer::Rank;
use super::{Sources, combine, edit, file};

/// Reads them as the user's file and as a policy, which must say the same about what can be read at all.
pub fn settings(bytes: &[u8]) {
    let read = file::parse(bytes, Path::new("/config.toml"), Rank::User);
    let loaded =
        combine(&Sources::default(), Ok(Some(bytes.to_vec()))).expect("a mistake in a policy is no error");
    if read.is_err() {
        assert!(matches!(loaded.policy, super::PolicyState::Unreadable(_)));
    }
}

/// Sets a key and takes it out again: the text stays readable, and nothing else in it changes.
pub fn edits(text: &str) {
    let path = ["gateway".to_owned(), "default".to_owned(), "url".to_owned()];
    let Ok(before) = text.parse::<toml_edit::DocumentMut>() else { return };
    let Ok(set) = edit::set(text, &[(path.to_vec(), "https://a.example".into())]) else { return };
    let after: toml_edit::DocumentMut = set.parse().expect("what was written can be read");
    let url = after["gateway"]["default"]["url"].as_str();
    assert_eq!(url, Some("https://a.example"));
    for (name, item) in before.iter().filter(|(name, _)| *name != "gateway") {
        assert_eq!(after[name].to_string(), item.to_string());
    }
    let removed = edit::remove(&set, &[path.to_vec()]).expect("what was written can be read");
    removed.parse::<toml_edit::DocumentMut>().expect("what was written can be read");
}
