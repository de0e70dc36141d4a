//! The agents whose users may have a plan of their own at the maker.

use super::super::Put::{CaBundle, CaFile, Flag, Key, NoProxy, Proxy, Text, Url, UrlWithKey};
use super::super::{How, Login, Mode, Own, Places, Settings, Tool, Way};
use super::{FILE, WAY, documented, ran};
use crate::settings::Format;

/// Where Claude Code's administrator has a say.
const CLAUDE_MANAGED: &[&str] = &[
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
    "C:\\Program Files\\ClaudeCode\\managed-settings.json",
];

const CLAUDE_FILE: Settings = Settings {
    places: Places::everywhere(&[".claude/settings.json"]),
    moved: &[("CLAUDE_CONFIG_DIR", ".claude")],
    managed: CLAUDE_MANAGED,
    plain: true,
    ..FILE
};

/// What Claude Code wants of a proxy, whoever pays. Parts of it look for the lower case first, so that what a shell says
/// there would go before ours.
const CLAUDE_PROXY: &[Settings] = &[Settings {
    keys: &[
        (&["env", "https_proxy"], Proxy),
        (&["env", "HTTPS_PROXY"], Proxy),
        (&["env", "no_proxy"], NoProxy),
        (&["env", "NO_PROXY"], NoProxy),
        (&["env", "NODE_EXTRA_CA_CERTS"], CaFile),
    ],
    ..CLAUDE_FILE
}];

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
            how: How::Files(&[Settings {
                keys: &[
                    (&["env", "ANTHROPIC_BASE_URL"], Url("/anthropic")),
                    (&["env", "ANTHROPIC_AUTH_TOKEN"], Key),
                    (&["env", "ENABLE_TOOL_SEARCH"], Text("true")),
                ],
                ..CLAUDE_FILE
            }]),
            variables: &[("ENABLE_TOOL_SEARCH", Text("true"))],
            evidence: ran("2.1.330", "2026-11-29"),
            gains: &[
                "no sign-in at Anthropic is needed; one that is there is left alone, and not used",
                CLAUDE_SWITCHED,
            ],
            loses: CLAUDE_LOSES,
            ..WAY
        },
        Way {
            mode: Mode::Proxy,
            how: How::Files(CLAUDE_PROXY),
            evidence: ran("2.1.330", "2026-11-29"),
            gains: &[
                "tool search, the 1M context, Remote Control and settings of Anthropic's servers stay as they are",
            ],
            loses: &["it has to be signed in at Anthropic all the same, or have a key of its own"],
            notes: &["the commands that it runs get the proxy, too"],
            ..WAY
        },
    ],
    own: Some(Own {
        logins: &[Login {
            file: ".claude/.credentials.json",
            moved: CLAUDE_FILE.moved,
            key: &["claudeAiOauth"],
        }],
        keychain: true,
        provider: Some("anthropic"),
        ways: &[
            Way {
                how: How::Files(&[Settings {
                    keys: &[
                        (&["env", "ANTHROPIC_BASE_URL"], UrlWithKey("/anthropic")),
                        (&["env", "ENABLE_TOOL_SEARCH"], Text("true")),
                    ],
                    ..CLAUDE_FILE
                }]),
                evidence: ran("2.1.330", "2026-11-29"),
                gains: &["its own sign-in goes on, and the subscription pays", CLAUDE_SWITCHED],
                loses: CLAUDE_LOSES,
                notes: &["the deployment has to allow keys of one's own"],
                ..WAY
            },
            Way {
                mode: Mode::Proxy,
                how: How::Files(CLAUDE_PROXY),
                evidence: ran("2.1.330", "2026-11-29"),
                gains: &[
                    "its own sign-in goes on, and the subscription pays",
                    "tool search, the 1M context, Remote Control and settings of Anthropic's servers stay as they are",
                ],
                notes: &[
                    "the deployment has to allow keys of one's own",
                    "the commands that it runs get the proxy, too",
                ],
                ..WAY
            },
        ],
    }),
};

const CODEX_FILE: Settings = Settings {
    places: Places::everywhere(&[".codex/config.toml"]),
    moved: &[("CODEX_HOME", ".codex")],
    format: Format::Toml,
    ..FILE
};

/// What Codex wants of a proxy, whoever pays.
const CODEX_PROXY: &[Settings] = &[Settings {
    places: Places::everywhere(&[".codex/.env"]),
    format: Format::Env,
    keys: &[
        (&["HTTPS_PROXY"], Proxy),
        (&["HTTP_PROXY"], Proxy),
        (&["NO_PROXY"], NoProxy),
        // It takes none of the variables that begin with its own name from this file.
        (&["SSL_CERT_FILE"], CaBundle),
    ],
    ..CODEX_FILE
}];

pub(super) const CODEX: Tool = Tool {
    id: "codex",
    name: "Codex CLI",
    programs: &["codex"],
    folders: &[".codex"],
    ways: &[
        Way {
            how: How::Files(&[Settings {
                keys: &[
                    (&["model_provider"], Text("aigw")),
                    (&["model_providers", "aigw", "name"], Text("aigw")),
                    (&["model_providers", "aigw", "base_url"], Url("/openai/v1")),
                    (&["model_providers", "aigw", "wire_api"], Text("responses")),
                    (&["model_providers", "aigw", "experimental_bearer_token"], Key),
                    (&["model_providers", "aigw", "supports_websockets"], Flag(true)),
                ],
                ..CODEX_FILE
            }]),
            variables: &[("AIGW_KEY", Key)],
            // It does not read OPENAI_BASE_URL.
            arguments: &[
                "-c",
                "model_provider=aigw-run",
                "-c",
                "model_providers.aigw-run={name=\"aigw\",base_url=\"{openai}\",wire_api=\"responses\",\
                 env_key=\"AIGW_KEY\",supports_websockets=true}",
            ],
            evidence: ran("0.169.0", "2026-11-29"),
            gains: &[
                "no sign-in at OpenAI is needed; one that is there is left alone, and not used",
                "WebSockets, which are off at a provider that is added, are switched on again",
            ],
            loses: &["the list of models that a ChatGPT plan brings"],
            notes: &["a profile with a model_provider of its own keeps that"],
            ..WAY
        },
        Way {
            mode: Mode::Proxy,
            how: How::Files(CODEX_PROXY),
            evidence: ran("0.169.0", "2026-11-29"),
            gains: &["its own provider, with the list of models that a ChatGPT plan brings"],
            loses: &[
                "it has to have a key of its own at OpenAI all the same; signed in with ChatGPT, that plan pays and not the company",
            ],
            notes: &["the commands that it runs get the proxy, too"],
            ..WAY
        },
    ],
    own: Some(Own {
        logins: &[Login { file: ".codex/auth.json", moved: CODEX_FILE.moved, key: &["tokens"] }],
        keychain: false,
        // What belongs to a ChatGPT plan has a provider of its own, to which nothing else goes.
        provider: None,
        ways: &[
            Way {
                how: How::Files(&[Settings {
                    keys: &[
                        (&["model_provider"], Text("aigw")),
                        (&["model_providers", "aigw", "name"], Text("aigw")),
                        (&["model_providers", "aigw", "base_url"], UrlWithKey("/chatgpt/v1")),
                        (&["model_providers", "aigw", "wire_api"], Text("responses")),
                        (&["model_providers", "aigw", "requires_openai_auth"], Flag(true)),
                        (&["model_providers", "aigw", "supports_websockets"], Flag(true)),
                    ],
                    ..CODEX_FILE
                }]),
                evidence: ran("0.169.0", "2026-11-29"),
                gains: &[
                    "its own sign-in goes on, and the ChatGPT plan pays",
                    "WebSockets, which are off at a provider that is added, are switched on again",
                ],
                notes: &[
                    "the deployment has to have the provider `chatgpt`, and to allow keys of one's own",
                    "a profile with a model_provider of its own keeps that",
                ],
                ..WAY
            },
            Way {
                mode: Mode::Proxy,
                how: How::Files(CODEX_PROXY),
                evidence: documented("2026-11"),
                gains: &[
                    "its own sign-in goes on, and the ChatGPT plan pays",
                    "its own provider, with the list of models that the plan brings",
                ],
                notes: &[
                    "the deployment has to have the provider `chatgpt`, and to allow keys of one's own",
                    "the commands that it runs get the proxy, too",
                ],
                ..WAY
            },
        ],
    }),
};
