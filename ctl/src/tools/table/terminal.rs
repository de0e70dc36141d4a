//! More of what runs in a terminal.

use super::super::ForModels::{Each, One};
use super::super::Put::{Flag, Key, Number, Text, Url, UrlWithKey};
use super::super::{How, Places, Settings, Tool, Way};
use super::{FILE, LOCAL, ROAMING, WAY, XDG, documented, ran, reported};
use crate::settings::Format;

pub(super) const GEMINI: Tool = Tool {
    id: "gemini-cli",
    name: "Gemini CLI",
    programs: &["gemini"],
    folders: &[".gemini"],
    ways: &[Way {
        how: How::Files(&[
            Settings {
                places: Places::everywhere(&[".gemini/settings.json"]),
                keys: &[(&["security", "auth", "selectedType"], Text("gemini-api-key"))],
                managed: &[
                    "/etc/gemini-cli/settings.json",
                    "/Library/Application Support/GeminiCli/settings.json",
                    "C:\\ProgramData\\gemini-cli\\settings.json",
                ],
                ..FILE
            },
            Settings {
                places: Places::everywhere(&[".gemini/.env"]),
                format: Format::Env,
                keys: &[(&["GOOGLE_GEMINI_BASE_URL"], Url("/gemini")), (&["GEMINI_API_KEY"], Key)],
                ..FILE
            },
        ]),
        variables: &[("GOOGLE_GEMINI_BASE_URL", Url("/gemini")), ("GEMINI_API_KEY", Key)],
        evidence: ran("0.61.0", "2026-11-29"),
        gains: &["the deployment's models under the names of Google's: `gemini_models` says which"],
        loses: &["Google's own search and what else only its models have"],
        notes: &[
            "it reads its file of variables in trusted folders only, and one of a project goes before it",
            "it takes every model's window for 1,048,576 tokens: with one of 200,000, set its \
             `model.compressionThreshold` to 0.13",
        ],
        ..WAY
    }],
    own: None,
};

pub(super) const QWEN: Tool = Tool {
    id: "qwen",
    name: "Qwen Code",
    programs: &["qwen"],
    folders: &[".qwen"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".qwen/settings.json"]),
            for_models: &[One(&[
                (
                    "openai",
                    &[
                        (&["security", "auth", "selectedType"], Text("openai")),
                        (&["security", "auth", "baseUrl"], Url("/openai/v1")),
                        (&["security", "auth", "apiKey"], Key),
                        (&["model", "name"], Text("{model}")),
                    ],
                ),
                (
                    "anthropic",
                    &[
                        (&["security", "auth", "selectedType"], Text("anthropic")),
                        (&["model", "name"], Text("{model}")),
                        (&["env", "ANTHROPIC_BASE_URL"], Url("/anthropic")),
                        (&["env", "ANTHROPIC_API_KEY"], Key),
                        (&["env", "ANTHROPIC_MODEL"], Text("{model}")),
                    ],
                ),
            ])],
            managed: &[
                "/etc/qwen-code/settings.json",
                "/Library/Application Support/QwenCode/settings.json",
                "C:\\ProgramData\\qwen-code\\settings.json",
            ],
            ..FILE
        }]),
        for_model: &[
            ("openai", &[("OPENAI_MODEL", Text("{model}"))]),
            ("anthropic", &[("ANTHROPIC_API_KEY", Key), ("ANTHROPIC_MODEL", Text("{model}"))]),
        ],
        evidence: ran("0.15.10", "2026-11-29"),
        notes: &[
            "variables of its shell go before this, and it does not read NO_PROXY",
            "it writes the file anew when it starts, and keeps a copy beside it, which undo leaves",
        ],
        ..WAY
    }],
    own: None,
};

pub(super) const AIDER: Tool = Tool {
    id: "aider",
    name: "Aider",
    programs: &["aider"],
    folders: &[],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".aider.conf.yml"]),
            format: Format::Yaml,
            for_models: &[One(&[(
                "openai",
                &[
                    (&["openai-api-base"], Url("/openai/v1")),
                    (&["openai-api-key"], Key),
                    (&["model"], Text("openai/{model}")),
                ],
            )])],
            ..FILE
        }]),
        variables: &[
            ("OPENAI_API_BASE", Url("/openai/v1")),
            ("ANTHROPIC_API_BASE", Url("/anthropic")),
            ("ANTHROPIC_API_KEY", Key),
        ],
        for_model: &[
            ("openai", &[("AIDER_MODEL", Text("openai/{model}"))]),
            ("anthropic", &[("AIDER_MODEL", Text("anthropic/{model}"))]),
        ],
        evidence: ran("0.86.2", "2026-11-29"),
        notes: &["a .aider.conf.yml in a project goes before this, and so do variables"],
        ..WAY
    }],
    own: None,
};

pub(super) const CRUSH: Tool = Tool {
    id: "crush",
    name: "Crush",
    programs: &["crush"],
    folders: &[".config/crush", "AppData/Local/crush"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places {
                windows: &["AppData/Local/crush/crush.json"],
                ..Places::everywhere(&[".config/crush/crush.json"])
            },
            moved: &[XDG, LOCAL],
            for_models: &[
                Each(
                    "anthropic",
                    &[
                        (&["providers", "aigw-anthropic", "name"], Text("aigw (Anthropic)")),
                        (&["providers", "aigw-anthropic", "type"], Text("anthropic")),
                        (&["providers", "aigw-anthropic", "base_url"], Url("/anthropic")),
                        (&["providers", "aigw-anthropic", "api_key"], Key),
                        (&["providers", "aigw-anthropic", "models", "[id={model}]", "name"], Text("{model}")),
                        (
                            &["providers", "aigw-anthropic", "models", "[id={model}]", "context_window"],
                            Number(200_000),
                        ),
                        (
                            &["providers", "aigw-anthropic", "models", "[id={model}]", "default_max_tokens"],
                            Number(16_384),
                        ),
                    ],
                ),
                Each(
                    "openai",
                    &[
                        (&["providers", "aigw-openai", "name"], Text("aigw (OpenAI)")),
                        (&["providers", "aigw-openai", "type"], Text("openai")),
                        (&["providers", "aigw-openai", "base_url"], Url("/openai/v1")),
                        (&["providers", "aigw-openai", "api_key"], Key),
                        (&["providers", "aigw-openai", "models", "[id={model}]", "name"], Text("{model}")),
                        (
                            &["providers", "aigw-openai", "models", "[id={model}]", "context_window"],
                            Number(200_000),
                        ),
                        (
                            &["providers", "aigw-openai", "models", "[id={model}]", "default_max_tokens"],
                            Number(16_384),
                        ),
                    ],
                ),
            ],
            ..FILE
        }]),
        then: &["In Crush, choose a model of aigw: Ctrl+L"],
        evidence: documented("2026-11-29"),
        notes: &["a crush.json in a project goes before this"],
        ..WAY
    }],
    own: None,
};

pub(super) const GOOSE: Tool = Tool {
    id: "goose",
    name: "Goose",
    programs: &["goose"],
    folders: &[".config/goose", "AppData/Roaming/Block/goose"],
    ways: &[Way {
        how: How::Files(&[
            // A provider of ours, since its keys for known ones are in the system's keyring.
            Settings {
                places: Places {
                    windows: &["AppData/Roaming/Block/goose/config/custom_providers/aigw.json"],
                    ..Places::everywhere(&[".config/goose/custom_providers/aigw.json"])
                },
                moved: &[XDG, ROAMING],
                for_models: &[One(&[
                    (
                        "openai",
                        &[
                            (&["name"], Text("aigw")),
                            (&["engine"], Text("openai")),
                            (&["display_name"], Text("aigw")),
                            (&["description"], Text("The company's gateway")),
                            (&["api_key_env"], Text("")),
                            (&["requires_auth"], Flag(false)),
                            (&["supports_streaming"], Flag(true)),
                            (&["base_url"], UrlWithKey("/openai/v1/chat/completions")),
                            (&["models", "[name={model}]", "context_limit"], Number(200_000)),
                        ],
                    ),
                    (
                        "anthropic",
                        &[
                            (&["name"], Text("aigw")),
                            (&["engine"], Text("anthropic")),
                            (&["display_name"], Text("aigw")),
                            (&["description"], Text("The company's gateway")),
                            (&["api_key_env"], Text("")),
                            (&["requires_auth"], Flag(false)),
                            (&["supports_streaming"], Flag(true)),
                            (&["base_url"], UrlWithKey("/anthropic")),
                            (&["models", "[name={model}]", "context_limit"], Number(200_000)),
                        ],
                    ),
                ])],
                ..FILE
            },
            Settings {
                places: Places {
                    windows: &["AppData/Roaming/Block/goose/config/config.yaml"],
                    ..Places::everywhere(&[".config/goose/config.yaml"])
                },
                moved: &[XDG, ROAMING],
                format: Format::Yaml,
                for_models: &[One(&[
                    (
                        "openai",
                        &[
                            (&["active_provider"], Text("aigw")),
                            (&["providers", "aigw", "enabled"], Flag(true)),
                            (&["providers", "aigw", "configured"], Flag(true)),
                            (&["providers", "aigw", "model"], Text("{model}")),
                            // What releases before providers read.
                            (&["GOOSE_PROVIDER"], Text("aigw")),
                            (&["GOOSE_MODEL"], Text("{model}")),
                        ],
                    ),
                    (
                        "anthropic",
                        &[
                            (&["active_provider"], Text("aigw")),
                            (&["providers", "aigw", "enabled"], Flag(true)),
                            (&["providers", "aigw", "configured"], Flag(true)),
                            (&["providers", "aigw", "model"], Text("{model}")),
                            (&["GOOSE_PROVIDER"], Text("aigw")),
                            (&["GOOSE_MODEL"], Text("{model}")),
                        ],
                    ),
                ])],
                ..FILE
            },
        ]),
        for_model: &[
            (
                "openai",
                &[
                    ("GOOSE_PROVIDER", Text("openai")),
                    ("OPENAI_HOST", Url("/openai")),
                    ("OPENAI_BASE_PATH", Text("v1/chat/completions")),
                    ("GOOSE_MODEL", Text("{model}")),
                ],
            ),
            (
                "anthropic",
                &[
                    ("GOOSE_PROVIDER", Text("anthropic")),
                    ("ANTHROPIC_HOST", Url("/anthropic")),
                    ("ANTHROPIC_API_KEY", Key),
                    ("GOOSE_MODEL", Text("{model}")),
                ],
            ),
        ],
        evidence: reported("2026-11-29"),
        notes: &["GOOSE_PROVIDER and GOOSE_MODEL in its environment go before this"],
        ..WAY
    }],
    own: None,
};

pub(super) const LLM: Tool = Tool {
    id: "llm",
    name: "llm",
    programs: &["llm"],
    folders: &[
        ".config/io.datasette.llm",
        "Library/Application Support/io.datasette.llm",
        "AppData/Roaming/io.datasette.llm",
    ],
    ways: &[Way {
        how: How::Files(&[
            Settings {
                places: Places {
                    linux: &[".config/io.datasette.llm/extra-openai-models.yaml"],
                    macos: &["Library/Application Support/io.datasette.llm/extra-openai-models.yaml"],
                    windows: &["AppData/Roaming/io.datasette.llm/extra-openai-models.yaml"],
                },
                moved: LLM_MOVED,
                format: Format::Yaml,
                for_models: &[Each(
                    "openai",
                    &[
                        (&["[model_id=aigw/{model}]", "model_name"], Text("{model}")),
                        (&["[model_id=aigw/{model}]", "api_base"], Url("/openai/v1")),
                        (&["[model_id=aigw/{model}]", "api_key_name"], Text("aigw")),
                    ],
                )],
                ..FILE
            },
            Settings {
                places: Places {
                    linux: &[".config/io.datasette.llm/keys.json"],
                    macos: &["Library/Application Support/io.datasette.llm/keys.json"],
                    windows: &["AppData/Roaming/io.datasette.llm/keys.json"],
                },
                moved: LLM_MOVED,
                keys: &[(&["aigw"], Key)],
                plain: true,
                ..FILE
            },
        ]),
        then: &["llm -m aigw/{model} 'say hi'"],
        for_model: &[("openai", &[])],
        evidence: ran("0.36", "2026-11-29"),
        notes: &["its models of other makers come with plugins, and are not changed"],
        ..WAY
    }],
    own: None,
};

const LLM_MOVED: &[(&str, &str)] = &[
    ("LLM_USER_PATH", ".config/io.datasette.llm"),
    ("LLM_USER_PATH", "Library/Application Support/io.datasette.llm"),
    ("LLM_USER_PATH", "AppData/Roaming/io.datasette.llm"),
    XDG,
    ROAMING,
];

pub(super) const MUX: Tool = Tool {
    id: "mux",
    name: "Mux (Xum)",
    programs: &["xum"],
    folders: &[".xum", ".mux"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".xum/providers.jsonc", ".mux/providers.jsonc"]),
            keys: &[
                (&["anthropic", "baseUrl"], Url("/anthropic")),
                (&["anthropic", "apiKey"], Key),
                (&["openai", "baseUrl"], Url("/openai/v1")),
                (&["openai", "apiKey"], Key),
            ],
            ..FILE
        }]),
        evidence: documented("2026-11-29"),
        notes: &["its own login with Coder needs none of this"],
        ..WAY
    }],
    own: None,
};

pub(super) const JUNIE: Tool = Tool {
    id: "junie",
    name: "Junie CLI",
    programs: &["junie"],
    folders: &[".junie"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".junie/models/aigw.json"]),
            moved: &[("JUNIE_HOME", ".junie")],
            for_models: &[One(&[
                (
                    "openai",
                    &[
                        (&["id"], Text("{model}")),
                        (&["baseUrl"], Url("/openai/v1/responses")),
                        (&["apiType"], Text("OpenAIResponses")),
                        (&["apiKey"], Key),
                    ],
                ),
                (
                    "anthropic",
                    &[
                        (&["id"], Text("{model}")),
                        (&["baseUrl"], Url("/anthropic/v1/messages")),
                        (&["apiType"], Text("Anthropic")),
                        (&["apiKey"], Key),
                    ],
                ),
            ])],
            ..FILE
        }]),
        then: &["Choose the model custom:aigw in Junie, or start it so: junie --model custom:aigw"],
        evidence: documented("2026-11-29"),
        notes: &["in a JetBrains IDE it uses what the IDE's AI Assistant is set to: see `jetbrains`"],
        ..WAY
    }],
    own: None,
};
