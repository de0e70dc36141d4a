//! The agents that were run with the files that setup writes.

use super::super::ForModels::{Each, One};
use super::super::Put::{Fallback, Key, Number, Proxy, Text, Url};
use super::super::{How, Keys, Mode, Places, Settings, Tool, Way};
use super::{FILE, WAY, XDG, ran};
use crate::settings::Format;

/// OpenCode and what was made from it.
const OPENCODE_KEYS: Keys = &[
    (&["provider", "anthropic", "options", "baseURL"], Url("/anthropic/v1")),
    (&["provider", "anthropic", "options", "apiKey"], Key),
    (&["provider", "openai", "options", "baseURL"], Url("/openai/v1")),
    (&["provider", "openai", "options", "apiKey"], Key),
];

/// The same as one text. It goes before all files.
const OPENCODE_CONTENT: &str = "{\"provider\":{\
    \"anthropic\":{\"options\":{\"baseURL\":\"{anthropic}/v1\",\"apiKey\":\"{key}\"}},\
    \"openai\":{\"options\":{\"baseURL\":\"{openai}\",\"apiKey\":\"{key}\"}}}}";

pub(super) const OPENCODE: Tool = Tool {
    id: "opencode",
    name: "OpenCode",
    programs: &["opencode"],
    folders: &[".config/opencode"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[
                ".config/opencode/opencode.json",
                ".config/opencode/opencode.jsonc",
            ]),
            moved: &[XDG],
            keys: OPENCODE_KEYS,
            ..FILE
        }]),
        variables: &[("OPENCODE_CONFIG_CONTENT", Text(OPENCODE_CONTENT))],
        evidence: ran("1.18.33", "2026-11-29"),
        notes: &[
            "an opencode.json in a project goes before it",
            "it adds $schema to the file by itself, which undo leaves",
        ],
        ..WAY
    }],
    own: None,
};

pub(super) const KILO: Tool = Tool {
    id: "kilo",
    name: "Kilo CLI",
    programs: &["kilo"],
    folders: &[".config/kilo"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".config/kilo/kilo.json", ".config/kilo/kilo.jsonc"]),
            moved: &[XDG],
            keys: OPENCODE_KEYS,
            ..FILE
        }]),
        variables: &[("KILO_CONFIG_CONTENT", Text(OPENCODE_CONTENT))],
        evidence: ran("7.7.9", "2026-11-29"),
        notes: &["it writes the file anew when it first starts: comments are lost, by its own doing"],
        ..WAY
    }],
    own: None,
};

pub(super) const PI: Tool = Tool {
    id: "pi",
    name: "Pi",
    programs: &["pi"],
    folders: &[".pi"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".pi/agent/models.json"]),
            keys: &[
                (&["providers", "anthropic", "baseUrl"], Url("/anthropic")),
                (&["providers", "anthropic", "apiKey"], Key),
                (&["providers", "openai", "baseUrl"], Url("/openai/v1")),
                (&["providers", "openai", "apiKey"], Key),
            ],
            ..FILE
        }]),
        evidence: ran("0.73.1", "2026-11-29"),
        ..WAY
    }],
    own: None,
};

pub(super) const COPILOT_CLI: Tool = Tool {
    id: "copilot-cli",
    name: "GitHub Copilot CLI",
    programs: &["copilot"],
    folders: &[".copilot"],
    ways: &[
        Way {
            how: How::Steps(&[
                "It has no file for this; set in your shell, or use `aigwctl run -- copilot`:",
            ]),
            for_model: &[
                (
                    "openai",
                    &[
                        ("COPILOT_PROVIDER_TYPE", Text("openai")),
                        ("COPILOT_PROVIDER_BASE_URL", Url("/openai/v1")),
                        ("COPILOT_PROVIDER_API_KEY", Key),
                        ("COPILOT_MODEL", Text("{model}")),
                    ],
                ),
                (
                    "anthropic",
                    &[
                        ("COPILOT_PROVIDER_TYPE", Text("anthropic")),
                        ("COPILOT_PROVIDER_BASE_URL", Url("/anthropic")),
                        ("COPILOT_PROVIDER_API_KEY", Key),
                        ("COPILOT_MODEL", Text("{model}")),
                    ],
                ),
            ],
            evidence: ran("1.0.102", "2026-11-29"),
            notes: &["no login at GitHub is needed; with one, `--mode proxy` keeps its models"],
            ..WAY
        },
        Way {
            mode: Mode::Proxy,
            how: How::Files(&[Settings {
                places: Places::everywhere(&[".copilot/settings.json"]),
                keys: &[(&["proxyUrl"], Proxy)],
                ..FILE
            }]),
            then: &["It trusts what the system trusts: `aigwctl ca install`"],
            evidence: ran("1.0.102", "2026-11-29"),
            notes: &["it has to be signed in at GitHub; a proxy in its environment goes before this"],
            ..WAY
        },
    ],
    own: None,
};

/// Continue's old form, which has no entry of models by name.
const CONTINUE_JSON: Settings = Settings {
    places: Places::everywhere(&[".continue/config.json"]),
    moved: &[("CONTINUE_GLOBAL_DIR", ".continue")],
    for_models: &[
        Each(
            "anthropic",
            &[
                (&["models", "[title={model} (aigw)]", "provider"], Text("anthropic")),
                (&["models", "[title={model} (aigw)]", "model"], Text("{model}")),
                (&["models", "[title={model} (aigw)]", "apiBase"], Url("/anthropic/v1")),
                (&["models", "[title={model} (aigw)]", "apiKey"], Key),
            ],
        ),
        Each(
            "openai",
            &[
                (&["models", "[title={model} (aigw)]", "provider"], Text("openai")),
                (&["models", "[title={model} (aigw)]", "model"], Text("{model}")),
                (&["models", "[title={model} (aigw)]", "apiBase"], Url("/openai/v1")),
                (&["models", "[title={model} (aigw)]", "apiKey"], Key),
            ],
        ),
    ],
    ..FILE
};

pub(super) const CONTINUE: Tool = Tool {
    id: "continue",
    name: "Continue",
    programs: &["cn"],
    folders: &[".continue"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".continue/config.yaml"]),
            moved: &[("CONTINUE_GLOBAL_DIR", ".continue")],
            format: Format::Yaml,
            // It takes no file without these.
            keys: &[(&["name"], Fallback(&Text("aigw"))), (&["version"], Fallback(&Text("1.0.0")))],
            for_models: &[
                Each(
                    "anthropic",
                    &[
                        (&["models", "[name={model} (aigw)]", "provider"], Text("anthropic")),
                        (&["models", "[name={model} (aigw)]", "model"], Text("{model}")),
                        (&["models", "[name={model} (aigw)]", "apiBase"], Url("/anthropic/v1")),
                        (&["models", "[name={model} (aigw)]", "apiKey"], Key),
                    ],
                ),
                Each(
                    "openai",
                    &[
                        (&["models", "[name={model} (aigw)]", "provider"], Text("openai")),
                        (&["models", "[name={model} (aigw)]", "model"], Text("{model}")),
                        (&["models", "[name={model} (aigw)]", "apiBase"], Url("/openai/v1")),
                        (&["models", "[name={model} (aigw)]", "apiKey"], Key),
                    ],
                ),
            ],
            older: Some(&CONTINUE_JSON),
            ..FILE
        }]),
        evidence: ran("1.5.47", "2026-11-29"),
        notes: &["models of yours stay, and come first in its list"],
        ..WAY
    }],
    own: None,
};

pub(super) const FACTORY: Tool = Tool {
    id: "factory",
    name: "Factory Droid",
    programs: &["droid"],
    folders: &[".factory"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".factory/settings.json"]),
            for_models: &[
                Each(
                    "anthropic",
                    &[
                        (&["customModels", "[displayName={model} (aigw)]", "model"], Text("{model}")),
                        (&["customModels", "[displayName={model} (aigw)]", "baseUrl"], Url("/anthropic")),
                        (&["customModels", "[displayName={model} (aigw)]", "apiKey"], Key),
                        (&["customModels", "[displayName={model} (aigw)]", "provider"], Text("anthropic")),
                        (
                            &["customModels", "[displayName={model} (aigw)]", "maxOutputTokens"],
                            Number(16_384),
                        ),
                    ],
                ),
                Each(
                    "openai",
                    &[
                        (&["customModels", "[displayName={model} (aigw)]", "model"], Text("{model}")),
                        (&["customModels", "[displayName={model} (aigw)]", "baseUrl"], Url("/openai/v1")),
                        (&["customModels", "[displayName={model} (aigw)]", "apiKey"], Key),
                        (&["customModels", "[displayName={model} (aigw)]", "provider"], Text("openai")),
                        (
                            &["customModels", "[displayName={model} (aigw)]", "maxOutputTokens"],
                            Number(16_384),
                        ),
                    ],
                ),
            ],
            ..FILE
        }]),
        then: &["In droid, choose one of the models that end with (aigw): /model"],
        evidence: ran("0.225.2", "2026-11-29"),
        notes: &["Factory's own models go on to Factory; these are for its command line alone"],
        ..WAY
    }],
    own: None,
};

pub(super) const CLINE: Tool = Tool {
    id: "cline",
    name: "Cline",
    programs: &["cline"],
    folders: &[".cline"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places::everywhere(&[".cline/data/settings/providers.json"]),
            // Without this, and without a date and a source of each entry, it throws the file away.
            keys: &[(&["version"], Fallback(&Number(1)))],
            for_models: &[One(&[
                (
                    "openai",
                    &[
                        (&["lastUsedProvider"], Text("openai-compatible")),
                        (
                            &["providers", "openai-compatible", "settings", "provider"],
                            Text("openai-compatible"),
                        ),
                        (&["providers", "openai-compatible", "settings", "apiKey"], Key),
                        (&["providers", "openai-compatible", "settings", "model"], Text("{model}")),
                        (&["providers", "openai-compatible", "settings", "baseUrl"], Url("/openai/v1")),
                        (
                            &["providers", "openai-compatible", "updatedAt"],
                            Fallback(&Text("2026-11-29T00:00:00.000Z")),
                        ),
                        (&["providers", "openai-compatible", "tokenSource"], Text("manual")),
                    ],
                ),
                (
                    "anthropic",
                    &[
                        (&["lastUsedProvider"], Text("anthropic")),
                        (&["providers", "anthropic", "settings", "provider"], Text("anthropic")),
                        (&["providers", "anthropic", "settings", "apiKey"], Key),
                        (&["providers", "anthropic", "settings", "model"], Text("{model}")),
                        (&["providers", "anthropic", "settings", "baseUrl"], Url("/anthropic/v1")),
                        (
                            &["providers", "anthropic", "updatedAt"],
                            Fallback(&Text("2026-11-29T00:00:00.000Z")),
                        ),
                        (&["providers", "anthropic", "tokenSource"], Text("manual")),
                    ],
                ),
            ])],
            ..FILE
        }]),
        evidence: ran("3.0.65", "2026-11-29"),
        notes: &[
            "its background program reads this when it starts: end a running one first",
            "it writes the file anew, and undo then takes out what is ours",
        ],
        ..WAY
    }],
    own: None,
};
