//! The agents of the terminal that were run.

use super::super::Put::{Flag, Key, Text, Url};
use super::super::{How, Mode, Settings, Tool, Way};
use super::ran;
use crate::settings::Format;

/// OpenCode and what was made from it.
const OPENCODE_KEYS: &[(&[&str], super::super::Put)] = &[
    (&["provider", "anthropic", "options", "baseURL"], Url("/anthropic/v1")),
    (&["provider", "anthropic", "options", "apiKey"], Key),
    (&["provider", "openai", "options", "baseURL"], Url("/openai/v1")),
    (&["provider", "openai", "options", "apiKey"], Key),
];

pub(super) const CLAUDE_CODE: Tool = Tool {
    id: "claude-code",
    name: "Claude Code",
    programs: &["claude"],
    folders: &[".claude"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Files(&[Settings {
            file: ".claude/settings.json",
            moved: Some(("CLAUDE_CONFIG_DIR", "settings.json")),
            format: Format::Json,
            keys: &[
                (&["env", "ANTHROPIC_BASE_URL"], Url("/anthropic")),
                (&["env", "ANTHROPIC_AUTH_TOKEN"], Key),
                (&["env", "ENABLE_TOOL_SEARCH"], Text("true")),
            ],
            managed: &[
                "/etc/claude-code/managed-settings.json",
                "/Library/Application Support/ClaudeCode/managed-settings.json",
                "C:\\Program Files\\ClaudeCode\\managed-settings.json",
            ],
        }]),
        variables: &[],
        evidence: ran("2.1.330", "2026-11-29"),
        notes: &[
            "the company pays, not a subscription; the tool's own sign-in is left alone and not used",
            "tool search is off at any other base URL; ENABLE_TOOL_SEARCH switches it on again",
            "Remote Control and settings that Anthropic's servers manage need its own host, and are lost",
        ],
    }],
};

pub(super) const CODEX: Tool = Tool {
    id: "codex",
    name: "Codex CLI",
    programs: &["codex"],
    folders: &[".codex"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Files(&[Settings {
            file: ".codex/config.toml",
            moved: Some(("CODEX_HOME", "config.toml")),
            format: Format::Toml,
            keys: &[
                (&["model_provider"], Text("aigw")),
                (&["model_providers", "aigw", "name"], Text("aigw")),
                (&["model_providers", "aigw", "base_url"], Url("/openai/v1")),
                (&["model_providers", "aigw", "wire_api"], Text("responses")),
                (&["model_providers", "aigw", "experimental_bearer_token"], Key),
                (&["model_providers", "aigw", "supports_websockets"], Flag(true)),
            ],
            managed: &[],
        }]),
        variables: &[],
        evidence: ran("0.169.0", "2026-11-29"),
        notes: &[
            "the company pays, not a ChatGPT plan; a sign-in with ChatGPT is left alone and not used",
            "a profile with a model_provider of its own keeps that",
        ],
    }],
};

pub(super) const OPENCODE: Tool = Tool {
    id: "opencode",
    name: "OpenCode",
    programs: &["opencode"],
    folders: &[".config/opencode"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Files(&[Settings {
            file: ".config/opencode/opencode.json",
            moved: Some(("XDG_CONFIG_HOME", "opencode/opencode.json")),
            format: Format::Json,
            keys: OPENCODE_KEYS,
            managed: &[],
        }]),
        variables: &[],
        evidence: ran("1.18.33", "2026-11-29"),
        notes: &[
            "an opencode.json in a project goes before it",
            "it adds $schema to the file by itself, which undo leaves",
        ],
    }],
};

pub(super) const KILO: Tool = Tool {
    id: "kilo",
    name: "Kilo CLI",
    programs: &["kilo"],
    folders: &[".config/kilo"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Files(&[Settings {
            file: ".config/kilo/kilo.json",
            moved: Some(("XDG_CONFIG_HOME", "kilo/kilo.json")),
            format: Format::Json,
            keys: OPENCODE_KEYS,
            managed: &[],
        }]),
        variables: &[],
        evidence: ran("7.7.9", "2026-11"),
        notes: &[],
    }],
};

pub(super) const PI: Tool = Tool {
    id: "pi",
    name: "Pi",
    programs: &["pi"],
    folders: &[".pi"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Files(&[Settings {
            file: ".pi/agent/models.json",
            moved: None,
            format: Format::Json,
            keys: &[
                (&["providers", "anthropic", "baseUrl"], Url("/anthropic")),
                (&["providers", "anthropic", "apiKey"], Key),
                (&["providers", "openai", "baseUrl"], Url("/openai/v1")),
                (&["providers", "openai", "apiKey"], Key),
            ],
            managed: &[],
        }]),
        variables: &[],
        evidence: ran("0.73.1", "2026-11-29"),
        notes: &[],
    }],
};

pub(super) const COPILOT_CLI: Tool = Tool {
    id: "copilot-cli",
    name: "GitHub Copilot CLI",
    programs: &["copilot"],
    folders: &[".copilot"],
    ways: &[Way {
        mode: Mode::BaseUrl,
        how: How::Steps(&[
            "It has no file for this; set in your shell:",
            "export COPILOT_PROVIDER_BASE_URL={openai}",
            "export COPILOT_PROVIDER_API_KEY={key}",
            "export COPILOT_MODEL=MODEL",
        ]),
        variables: &[],
        evidence: ran("1.0.102", "2026-11"),
        notes: &["no login at GitHub is needed; with one, see `aigwctl env --proxy`"],
    }],
};
