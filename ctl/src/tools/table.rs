//! The rows: one for each tool, with what is known of it and since when. A row that is wrong is mended here and nowhere else.

use super::Put::{CaFile, Flag, Key, NoProxy, Proxy, Text, Url};
use super::{Evidence, How, Mode, Proof, Settings, Tool, Way};
use crate::settings::Format;

const fn ran(version: &'static str, date: &'static str) -> Evidence {
    Evidence { kind: Proof::Ran, version, date }
}

const fn documented(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Documented, version: "", date }
}

const fn impossible(date: &'static str) -> Evidence {
    Evidence { kind: Proof::Impossible, version: "", date }
}

/// OpenCode and what was made from it.
const OPENCODE_KEYS: &[(&[&str], super::Put)] = &[
    (&["provider", "anthropic", "options", "baseURL"], Url("/anthropic/v1")),
    (&["provider", "anthropic", "options", "apiKey"], Key),
    (&["provider", "openai", "options", "baseURL"], Url("/openai/v1")),
    (&["provider", "openai", "options", "apiKey"], Key),
];

/// Where Claude Code's administrator has a say.
const CLAUDE_MANAGED: &[&str] = &[
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
    "C:\\Program Files\\ClaudeCode\\managed-settings.json",
];

/// Every tool, the ones that were run first.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        id: "claude-code",
        name: "Claude Code",
        programs: &["claude"],
        folders: &[".claude"],
        ways: &[
            Way {
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
                    managed: CLAUDE_MANAGED,
                }]),
                variables: &[],
                evidence: ran("2.1.330", "2026-11-29"),
                notes: &[
                    "the company pays, not a subscription; the tool's own sign-in is left alone and not used",
                    "tool search is off at any other base URL; ENABLE_TOOL_SEARCH switches it on again",
                    "Remote Control and settings that Anthropic's servers manage need its own host, and are lost",
                ],
            },
            Way {
                mode: Mode::Proxy,
                how: How::Files(&[Settings {
                    file: ".claude/settings.json",
                    moved: Some(("CLAUDE_CONFIG_DIR", "settings.json")),
                    format: Format::Json,
                    keys: &[
                        // It looks for the lower case first, so that a shell's would go before ours.
                        (&["env", "https_proxy"], Proxy),
                        (&["env", "HTTPS_PROXY"], Proxy),
                        (&["env", "no_proxy"], NoProxy),
                        (&["env", "NO_PROXY"], NoProxy),
                        (&["env", "NODE_EXTRA_CA_CERTS"], CaFile),
                    ],
                    managed: CLAUDE_MANAGED,
                }]),
                variables: &[],
                evidence: ran("2.1.330", "2026-11-29"),
                notes: &["it has to be signed in at Anthropic, or have a key of its own"],
            },
        ],
    },
    Tool {
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
    },
    Tool {
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
    },
    Tool {
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
    },
    Tool {
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
    },
    Tool {
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
    },
    Tool {
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
            notes: &["it does not read NO_PROXY"],
        }],
    },
    Tool {
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
            notes: &[],
        }],
    },
    Tool {
        id: "claude-desktop",
        name: "Claude Desktop",
        programs: &[],
        folders: &["Library/Application Support/Claude", "AppData/Roaming/Claude", ".config/Claude"],
        ways: &[Way {
            mode: Mode::BaseUrl,
            how: How::Steps(&[
                "Help, Troubleshooting: Enable Developer Mode",
                "Developer, Configure Third-Party Inference: Gateway",
                "base URL {anthropic}, key {key}, scheme bearer",
            ]),
            variables: &[],
            evidence: documented("2026-11"),
            notes: &[],
        }],
    },
    Tool {
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
            notes: &[],
        }],
    },
    Tool {
        id: "coder-agents",
        name: "Coder Agents",
        programs: &[],
        folders: &[],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "they run in the deployment, which sends their calls through its own gateway already",
                instead: "there is nothing to do",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
    Tool {
        id: "gemini",
        name: "Gemini CLI",
        programs: &["gemini"],
        folders: &[".gemini"],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "it speaks the Gemini API only, for which Coder's gateway has no route, and aigwd does not translate",
                instead: "use a tool that speaks the OpenAI or the Anthropic API",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
    Tool {
        id: "cursor",
        name: "Cursor",
        programs: &["cursor"],
        folders: &[".cursor"],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "its AI calls go to Cursor's own servers in a format of their own, and a base URL that is set in it is \
                      called from there, where 127.0.0.1 is not this machine",
                instead: "`aigwctl env --proxy` carries it as a tunnel; the rest is set with Cursor",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
    Tool {
        id: "windsurf",
        name: "Windsurf",
        programs: &["windsurf"],
        folders: &[".codeium/windsurf"],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "its AI calls go to its maker's own servers in a format of their own",
                instead: "`aigwctl env --proxy` carries it as a tunnel; the rest is set with its maker",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
    Tool {
        id: "amp",
        name: "Amp",
        programs: &["amp"],
        folders: &[".config/amp"],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "its AI calls go to its maker's own servers, and the setting that names another host drops its path",
                instead: "`aigwctl env --proxy` carries it as a tunnel; the rest is set with its maker",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
    Tool {
        id: "kiro",
        name: "Kiro",
        programs: &["kiro"],
        folders: &[".kiro"],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "it has no base URL (its users have asked for one), and speaks to AWS in a format of its own",
                instead: "`aigwctl env --proxy` carries it as a tunnel; the rest is set in AWS",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
    Tool {
        id: "antigravity",
        name: "Antigravity",
        programs: &["antigravity"],
        folders: &[".antigravity"],
        ways: &[Way {
            mode: Mode::Proxy,
            how: How::Impossible {
                why: "its AI calls go to Google in a format of their own, and it has no base URL",
                instead: "its own Enterprise Gateway, for customers of Gemini Enterprise",
            },
            variables: &[],
            evidence: impossible("2026-11"),
            notes: &[],
        }],
    },
];
