//! The rows: one for each tool, with what is known of it and since when. A row that is wrong is mended here and nowhere else.

mod agents;
mod editor;
mod terminal;
mod vendor;

use super::{Evidence, Proof, Tool};

const fn ran(version: &'static str, date: &'static str) -> Evidence {
    Evidence { kind: Proof::Ran, version, date }
}

const fn documented(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Documented, version: "", date }
}

const fn impossible(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Impossible, version: "", date }
}

/// Every tool, the ones that were run first.
pub(crate) const TOOLS: &[Tool] = &[
    agents::CLAUDE_CODE,
    agents::CODEX,
    agents::OPENCODE,
    agents::KILO,
    agents::PI,
    agents::COPILOT_CLI,
    terminal::QWEN,
    terminal::AIDER,
    vendor::CLAUDE_DESKTOP,
    editor::JETBRAINS,
    vendor::CODER_AGENTS,
    vendor::GEMINI,
    vendor::CURSOR,
    vendor::WINDSURF,
    vendor::AMP,
    vendor::KIRO,
    vendor::ANTIGRAVITY,
];
