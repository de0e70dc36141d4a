//! Editors and what runs in them.

use super::super::ForModels::Each;
use super::super::Put::{Flag, Key, Number, Proxy, Text, Url, UrlWithKey};
use super::super::{How, Mode, Places, Settings, Tool, Way};
use super::{FILE, ROAMING, WAY, XDG, documented, reported};

/// A file of the user's profile in VS Code, its Insiders, or VSCodium.
macro_rules! profile {
    ($file:literal) => {
        Places {
            linux: &[
                concat!(".config/Code/User/", $file),
                concat!(".config/Code - Insiders/User/", $file),
                concat!(".config/VSCodium/User/", $file),
            ],
            macos: &[
                concat!("Library/Application Support/Code/User/", $file),
                concat!("Library/Application Support/Code - Insiders/User/", $file),
                concat!("Library/Application Support/VSCodium/User/", $file),
            ],
            windows: &[
                concat!("AppData/Roaming/Code/User/", $file),
                concat!("AppData/Roaming/Code - Insiders/User/", $file),
                concat!("AppData/Roaming/VSCodium/User/", $file),
            ],
        }
    };
}

const VSCODE_FOLDERS: &[&str] = &[
    ".config/Code",
    ".config/Code - Insiders",
    "Library/Application Support/Code",
    "Library/Application Support/Code - Insiders",
    "AppData/Roaming/Code",
    "AppData/Roaming/Code - Insiders",
];

pub(super) const VSCODE: Tool = Tool {
    id: "vscode",
    name: "VS Code chat",
    programs: &["code", "code-insiders"],
    folders: VSCODE_FOLDERS,
    ways: &[Way {
        how: How::Files(&[Settings {
            places: profile!("chatLanguageModels.json"),
            moved: &[XDG, ROAMING],
            for_models: &[
                Each(
                    "anthropic",
                    &[
                        (&["[name=aigw (Anthropic)]", "vendor"], Text("customendpoint")),
                        (&["[name=aigw (Anthropic)]", "apiType"], Text("messages")),
                        (&["[name=aigw (Anthropic)]", "apiKey"], Key),
                        (&["[name=aigw (Anthropic)]", "models", "[id={model}]", "name"], Text("{model}")),
                        (
                            &["[name=aigw (Anthropic)]", "models", "[id={model}]", "url"],
                            Url("/anthropic/v1/messages"),
                        ),
                        (&["[name=aigw (Anthropic)]", "models", "[id={model}]", "toolCalling"], Flag(true)),
                        (&["[name=aigw (Anthropic)]", "models", "[id={model}]", "vision"], Flag(true)),
                        (
                            &["[name=aigw (Anthropic)]", "models", "[id={model}]", "maxInputTokens"],
                            Number(180_000),
                        ),
                        (
                            &["[name=aigw (Anthropic)]", "models", "[id={model}]", "maxOutputTokens"],
                            Number(16_384),
                        ),
                    ],
                ),
                Each(
                    "openai",
                    &[
                        (&["[name=aigw (OpenAI)]", "vendor"], Text("customendpoint")),
                        (&["[name=aigw (OpenAI)]", "apiType"], Text("responses")),
                        (&["[name=aigw (OpenAI)]", "apiKey"], Key),
                        (&["[name=aigw (OpenAI)]", "models", "[id={model}]", "name"], Text("{model}")),
                        (
                            &["[name=aigw (OpenAI)]", "models", "[id={model}]", "url"],
                            Url("/openai/v1/responses"),
                        ),
                        (&["[name=aigw (OpenAI)]", "models", "[id={model}]", "toolCalling"], Flag(true)),
                        (&["[name=aigw (OpenAI)]", "models", "[id={model}]", "vision"], Flag(true)),
                        (
                            &["[name=aigw (OpenAI)]", "models", "[id={model}]", "maxInputTokens"],
                            Number(180_000),
                        ),
                        (
                            &["[name=aigw (OpenAI)]", "models", "[id={model}]", "maxOutputTokens"],
                            Number(16_384),
                        ),
                    ],
                ),
            ],
            ..FILE
        }]),
        then: &["Choose a model of aigw in the chat's list. If it asks for a key, enter this one: {key}"],
        evidence: documented("2026-11-29"),
        notes: &["needs VS Code 1.122 and its chat extension; no sign-in at GitHub"],
        ..WAY
    }],
    own: None,
};

pub(super) const COPILOT: Tool = Tool {
    id: "copilot",
    name: "GitHub Copilot in editors",
    programs: &[],
    folders: VSCODE_FOLDERS,
    ways: &[Way {
        mode: Mode::Proxy,
        how: How::Files(&[Settings {
            places: profile!("settings.json"),
            moved: &[XDG, ROAMING],
            keys: &[(&["http.proxy"], Proxy)],
            ..FILE
        }]),
        then: &[
            "VS Code trusts what the system trusts: `aigwctl ca install`",
            "In JetBrains IDEs: Settings, Appearance & Behavior, System Settings, HTTP Proxy: Manual, HTTP, {address}, \
             login aigw, password {key}; and Settings, Tools, Server Certificates: accept ours",
        ],
        evidence: documented("2026-11-29"),
        notes: &[
            "it has to be signed in at GitHub, whose plan pays; the gateway sees its AI calls",
            "all of VS Code goes through this proxy; what is no AI call is tunnelled",
        ],
        ..WAY
    }],
    own: None,
};

pub(super) const ZED: Tool = Tool {
    id: "zed",
    name: "Zed",
    programs: &["zed", "zeditor"],
    folders: &[".config/zed", "AppData/Roaming/Zed"],
    ways: &[Way {
        how: How::Files(&[Settings {
            places: Places {
                windows: &["AppData/Roaming/Zed/settings.json"],
                ..Places::everywhere(&[".config/zed/settings.json"])
            },
            moved: &[XDG, ROAMING],
            for_models: &[
                Each(
                    "anthropic",
                    &[
                        (
                            &["language_models", "anthropic_compatible", "aigw-anthropic", "api_url"],
                            UrlWithKey("/anthropic"),
                        ),
                        (
                            &[
                                "language_models",
                                "anthropic_compatible",
                                "aigw-anthropic",
                                "available_models",
                                "[name={model}]",
                                "max_tokens",
                            ],
                            Number(200_000),
                        ),
                    ],
                ),
                Each(
                    "openai",
                    &[
                        (
                            &["language_models", "openai_compatible", "aigw", "api_url"],
                            UrlWithKey("/openai/v1"),
                        ),
                        (
                            &[
                                "language_models",
                                "openai_compatible",
                                "aigw",
                                "available_models",
                                "[name={model}]",
                                "max_tokens",
                            ],
                            Number(200_000),
                        ),
                    ],
                ),
            ],
            ..FILE
        }]),
        then: &[
            "In Zed's settings, AI, LLM Providers: enter any word as the key of aigw and of aigw-anthropic; the real one \
             stands in the URL, since Zed keeps keys in the system's keyring",
        ],
        evidence: documented("2026-11-29"),
        notes: &["Zed's own models go on to Zed"],
        ..WAY
    }],
    own: None,
};

pub(super) const ROO: Tool = Tool {
    id: "roo",
    name: "Roo Code",
    programs: &[],
    folders: &[".roo"],
    ways: &[Way {
        how: How::Steps(&[
            "Settings, Providers: OpenAI Compatible",
            "base URL {openai}, key {key}, model {model}",
            "It keeps them in VS Code's secret store, which no other program can write to.",
        ]),
        for_model: &[("openai", &[])],
        evidence: reported("2026-11-29"),
        ..WAY
    }],
    own: None,
};

pub(super) const JETBRAINS: Tool = Tool {
    id: "jetbrains",
    name: "JetBrains AI Assistant",
    programs: &[],
    folders: &["Library/Application Support/JetBrains", "AppData/Roaming/JetBrains", ".config/JetBrains"],
    ways: &[Way {
        how: How::Steps(&[
            "Settings, Tools, AI Assistant, Providers & API keys: OpenAI-compatible",
            "URL {openai}, key {key}, model {model}",
        ]),
        for_model: &[("openai", &[])],
        evidence: documented("2026-11"),
        ..WAY
    }],
    own: None,
};
