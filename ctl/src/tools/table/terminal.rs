//! More of what runs in a terminal.

use super::super::{How, Mode, Tool, Way};
use super::ran;

pub(super) const QWEN: Tool = Tool {
    id: "qwen",
    name: "Qwen Code",
    programs: &["qwen"],
    folders: &[".qwen"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Steps(&[
            "Set in your shell:",
            "export OPENAI_BASE_URL={openai}",
            "export OPENAI_API_KEY={key}",
            "export OPENAI_MODEL=MODEL",
        ]),
        variables: &[],
        evidence: ran("0.15.10", "2026-11"),
        gains: &[],
        loses: &[],
        notes: &["it does not read NO_PROXY"],
    }],
    own: None,
};

pub(super) const AIDER: Tool = Tool {
    id: "aider",
    name: "Aider",
    programs: &["aider"],
    folders: &[],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Steps(&[
            "Set in your shell:",
            "export OPENAI_API_BASE={openai}",
            "export OPENAI_API_KEY={key}",
            "export ANTHROPIC_API_BASE={anthropic}",
            "export ANTHROPIC_API_KEY={key}",
        ]),
        variables: &[],
        evidence: ran("", "2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
    }],
    own: None,
};
