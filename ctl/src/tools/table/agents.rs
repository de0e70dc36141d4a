//! The agents of the terminal that were run.

use super::super::Put::{CaFile, Flag, Key, NoProxy, Proxy, Text, Url, UrlWithKey};
use super::super::{How, Login, Mode, Own, Put, Settings, Tool, Way};
use super::{documented, ran};
use crate::settings::Format;

/// OpenCode and what was made from it.
const OPENCODE_KEYS: &[(&[&str], Put)] = &[
    (&["provider", "anthropic", "options", "baseURL"], Url("/anthropic/v1")),
    (&["provider", "anthropic", "options", "apiKey"], Key),
    (&["provider", "openai", "options", "baseURL"], Url("/openai/v1")),
    (&["provider", "openai", "options", "apiKey"], Key),
];

/// Claude Code's settings with these keys.
const fn claude_settings(keys: &'static [(&'static [&'static str], Put)]) -> Settings {
    Settings {
        file: ".claude/settings.json",
        moved: Some(("CLAUDE_CONFIG_DIR", "settings.json")),
        format: Format::Json,
        keys,
        managed: &[
            "/etc/claude-code/managed-settings.json",
            "/Library/Application Support/ClaudeCode/managed-settings.json",
            "C:\\Program Files\\ClaudeCode\\managed-settings.json",
        ],
    }
}

/// What Claude Code wants of a proxy, whoever pays. Parts of it look for the lower case first, so that what a shell says
/// there would go before ours.
const CLAUDE_PROXY: &[Settings] = &[claude_settings(&[
    (&["env", "https_proxy"], Proxy),
    (&["env", "HTTPS_PROXY"], Proxy),
    (&["env", "no_proxy"], NoProxy),
    (&["env", "NO_PROXY"], NoProxy),
    (&["env", "NODE_EXTRA_CA_CERTS"], CaFile),
])];

/// What Claude Code switches off at any base URL but its maker's, and what is not switched on again.
const CLAUDE_LOSES: &[&str] = &[
    "the 1M context, unless the model is named with [1m] at its end, as in `/model opus[1m]`",
    "Remote Control, and settings that Anthropic's servers manage: they need Anthropic's own host",
];
const CLAUDE_SWITCHED: &str =
    "tool search, which is off at any base URL but Anthropic's, is switched on again";

pub(super) const CLAUDE_CODE: Tool = Tool {
    id: "claude-code",
    name: "Claude Code",
    programs: &["claude"],
    folders: &[".claude"],
    ways: &[
        Way {
            mode: Mode::BaseUrl,
            how: How::Files(&[claude_settings(&[
                (&["env", "ANTHROPIC_BASE_URL"], Url("/anthropic")),
                (&["env", "ANTHROPIC_AUTH_TOKEN"], Key),
                (&["env", "ENABLE_TOOL_SEARCH"], Text("true")),
            ])]),
            variables: &[],
            evidence: ran("2.1.330", "2026-11-29"),
            gains: &[
                "no sign-in at Anthropic is needed; one that is there is left alone, and not used",
                CLAUDE_SWITCHED,
            ],
            loses: CLAUDE_LOSES,
            notes: &[],
        },
        Way {
            mode: Mode::Proxy,
            how: How::Files(CLAUDE_PROXY),
            variables: &[],
            evidence: ran("2.1.330", "2026-11-29"),
            gains: &[
                "tool search, the 1M context, Remote Control and settings of Anthropic's servers stay as they are",
            ],
            loses: &["it has to be signed in at Anthropic all the same, or have a key of its own"],
            notes: &["the commands that it runs get the proxy, too"],
        },
    ],
    own: Some(Own {
        logins: &[Login {
            file: ".claude/.credentials.json",
            moved: Some(("CLAUDE_CONFIG_DIR", ".credentials.json")),
            key: &["claudeAiOauth"],
        }],
        keychain: true,
        provider: Some("anthropic"),
        ways: &[
            Way {
                mode: Mode::BaseUrl,
                how: How::Files(&[claude_settings(&[
                    (&["env", "ANTHROPIC_BASE_URL"], UrlWithKey("/anthropic")),
                    (&["env", "ENABLE_TOOL_SEARCH"], Text("true")),
                ])]),
                variables: &[],
                evidence: documented("2026-11"),
                gains: &["its own sign-in goes on, and the subscription pays", CLAUDE_SWITCHED],
                loses: CLAUDE_LOSES,
                notes: &["the deployment has to allow keys of one's own"],
            },
            Way {
                mode: Mode::Proxy,
                how: How::Files(CLAUDE_PROXY),
                variables: &[],
                evidence: documented("2026-11"),
                gains: &[
                    "its own sign-in goes on, and the subscription pays",
                    "tool search, the 1M context, Remote Control and settings of Anthropic's servers stay as they are",
                ],
                loses: &[],
                notes: &[
                    "the deployment has to allow keys of one's own",
                    "the commands that it runs get the proxy, too",
                ],
            },
        ],
    }),
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
        gains: &[
            "no sign-in at OpenAI is needed; one that is there is left alone, and not used",
            "WebSockets, which are off at a provider that is added, are switched on again",
        ],
        loses: &["the list of models that a ChatGPT plan brings"],
        notes: &["a profile with a model_provider of its own keeps that"],
    }],
    own: Some(Own {
        logins: &[Login {
            file: ".codex/auth.json",
            moved: Some(("CODEX_HOME", "auth.json")),
            key: &["tokens"],
        }],
        keychain: false,
        // What belongs to a ChatGPT plan has a provider of its own, to which nothing else goes.
        provider: None,
        ways: &[Way {
            mode: Mode::BaseUrl,
            how: How::Files(&[Settings {
                file: ".codex/config.toml",
                moved: Some(("CODEX_HOME", "config.toml")),
                format: Format::Toml,
                keys: &[
                    (&["model_provider"], Text("aigw")),
                    (&["model_providers", "aigw", "name"], Text("aigw")),
                    (&["model_providers", "aigw", "base_url"], UrlWithKey("/chatgpt/v1")),
                    (&["model_providers", "aigw", "wire_api"], Text("responses")),
                    (&["model_providers", "aigw", "requires_openai_auth"], Flag(true)),
                    (&["model_providers", "aigw", "supports_websockets"], Flag(true)),
                ],
                managed: &[],
            }]),
            variables: &[],
            evidence: documented("2026-11"),
            gains: &[
                "its own sign-in goes on, and the ChatGPT plan pays",
                "WebSockets, which are off at a provider that is added, are switched on again",
            ],
            loses: &[],
            notes: &[
                "the deployment has to have the provider `chatgpt`, and to allow keys of one's own",
                "a profile with a model_provider of its own keeps that",
            ],
        }],
    }),
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
        gains: &[],
        loses: &[],
        notes: &[
            "an opencode.json in a project goes before it",
            "it adds $schema to the file by itself, which undo leaves",
        ],
    }],
    own: None,
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
        gains: &[],
        loses: &[],
        notes: &[],
    }],
    own: None,
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
        gains: &[],
        loses: &[],
        notes: &[],
    }],
    own: None,
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
        gains: &[],
        loses: &[],
        notes: &["no login at GitHub is needed; with one, see `aigwctl env --proxy`"],
    }],
    own: None,
};
