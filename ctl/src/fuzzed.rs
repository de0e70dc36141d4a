//! What fuzzing calls: other programs' files as anybody may have left them, each with what must hold of any text.

use serde_json::Value;

use crate::settings::Format;
use crate::settings::change::{Wanted, done, undone};
use crate::settings::ledger::Ledger;
use crate::steps::journal::Journal;

/// Sets two keys in a text and undoes it: the text is read again as what was meant, and comes back byte for byte.
fn edit(format: Format, paths: [&[&str]; 2], text: &str) {
    let Ok(before) = format.read(text) else { return };
    let keys = paths.map(|path| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
    let values = ["http://127.0.0.1:2449/anthropic", "aigw_tool_key"].map(|text| Value::String(text.into()));
    let wanted =
        Wanted { tool: "tool", format, keys: keys.clone().into_iter().zip(values.clone()).collect() };
    let Ok((set, touched)) = done(&wanted, None, Some(text), Vec::new()) else { return };
    for (path, value) in keys.iter().zip(&values) {
        let found = format
            .find(&set, path)
            .expect("what was written can be read")
            .expect("what was written is there");
        assert_eq!(found.value, *value);
    }
    let back = undone(&touched, Some(&set)).expect("what was written can be undone");
    assert_eq!(back.text.as_deref(), Some(text));
    // Key by key, as after somebody else's change, nothing of the user's is lost.
    let changed = format!("{set}\n");
    if let Ok(back) = undone(&touched, Some(&changed))
        && let Some(text) = back.text
    {
        let after = format.read(&text).expect("what is left can be read");
        let holds = |value: &Value| value.as_object().map_or(0, serde_json::Map::len);
        assert!(holds(&after) >= holds(&before), "{text}");
    }
}

/// JSON, with comments or not.
pub fn json(text: &str) {
    edit(Format::Json, [&["env", "ANTHROPIC_BASE_URL"], &["env", "ANTHROPIC_AUTH_TOKEN"]], text);
}

/// TOML.
pub fn toml(text: &str) {
    edit(Format::Toml, [&["model_providers", "aigw", "base_url"], &["model_provider"]], text);
}

/// YAML.
pub fn yaml(text: &str) {
    edit(Format::Yaml, [&["models", "base"], &["key"]], text);
}

/// Files of variables.
pub fn env(text: &str) {
    edit(Format::Env, [&["OPENAI_BASE_URL"], &["OPENAI_API_KEY"]], text);
}

/// JetBrains' options.
pub fn jetbrains(text: &str) {
    edit(Format::Jetbrains, [&["HttpConfigurable", "PROXY_HOST"], &["HttpConfigurable", "PROXY_PORT"]], text);
}

/// Blocks in shells' files.
pub fn shell(text: &str) {
    edit(Format::Shell, [&["aigw"], &["aigw-2"]], text);
}

/// The ledger and the journal, however they were damaged: an error that names the file, or one that can be kept.
pub fn records(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ledger.json");
    std::fs::write(&file, bytes).expect("a file");
    let _ = Journal::open(&file);
    if let Ok(ledger) = serde_json::from_slice::<Ledger>(bytes) {
        let text = serde_json::to_vec(&ledger).expect("what was read can be written");
        serde_json::from_slice::<Ledger>(&text).expect("what was written can be read");
    }
}
