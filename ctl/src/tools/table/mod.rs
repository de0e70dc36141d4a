//! The rows: one for each tool, with what is known of it and since when. A row that is wrong is mended here and nowhere else.

mod agents;
mod editor;
mod plans;
mod session;
mod terminal;
mod vendor;

pub(crate) use session::SESSION;

use super::{Evidence, How, Mode, Places, Proof, Settings, Tool, Way};
use crate::settings::Format;

const fn ran(version: &'static str, date: &'static str) -> Evidence {
    Evidence { kind: Proof::Ran, version, date }
}

const fn documented(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Documented, version: "", date }
}

const fn reported(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Reported, version: "", date }
}

const fn impossible(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Impossible, version: "", date }
}

/// What a row says where it says nothing.
const WAY: Way = Way {
    mode: Mode::BaseUrl,
    how: How::Steps(&[]),
    then: &[],
    variables: &[],
    for_model: &[],
    arguments: &[],
    evidence: impossible(""),
    gains: &[],
    loses: &[],
    notes: &[],
};

const FILE: Settings = Settings {
    places: Places::everywhere(&[]),
    moved: &[],
    format: Format::Json,
    keys: &[],
    for_models: &[],
    managed: &[],
    plain: false,
    older: None,
};

/// Variables that move whole folders of a user's settings, and what they move.
const XDG: (&str, &str) = ("XDG_CONFIG_HOME", ".config");
const ROAMING: (&str, &str) = ("APPDATA", "AppData/Roaming");
const LOCAL: (&str, &str) = ("LOCALAPPDATA", "AppData/Local");

/// Every tool, the ones that were run first.
pub(crate) const TOOLS: &[Tool] = &[
    plans::CLAUDE_CODE,
    plans::CODEX,
    agents::OPENCODE,
    agents::KILO,
    agents::PI,
    agents::COPILOT_CLI,
    agents::CONTINUE,
    agents::FACTORY,
    agents::CLINE,
    terminal::GEMINI,
    terminal::QWEN,
    terminal::AIDER,
    terminal::CRUSH,
    terminal::GOOSE,
    terminal::LLM,
    terminal::MUX,
    terminal::JUNIE,
    editor::VSCODE,
    editor::COPILOT,
    editor::ZED,
    editor::ROO,
    editor::JETBRAINS,
    vendor::CLAUDE_DESKTOP,
    vendor::CODER_AGENTS,
    vendor::CURSOR,
    vendor::WINDSURF,
    vendor::AMP,
    vendor::KIRO,
    vendor::ANTIGRAVITY,
];
