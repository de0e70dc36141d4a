//! Editors and what runs in them.

use super::super::{How, Mode, Tool, Way};
use super::documented;

pub(super) const JETBRAINS: Tool = Tool {
    id: "jetbrains",
    name: "JetBrains AI Assistant",
    programs: &[],
    folders: &["Library/Application Support/JetBrains", "AppData/Roaming/JetBrains", ".config/JetBrains"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Steps(&[
            "Settings, Tools, AI Assistant, Providers & API keys: OpenAI-compatible",
            "URL {openai}, key {key}, and a model",
        ]),
        variables: &[],
        evidence: documented("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
    }],
    own: None,
};
