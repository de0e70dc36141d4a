//! What belongs to its maker: applications with settings of their own, and tools that nobody can redirect.

use super::super::Put::{Key, Text, Url};
use super::super::{How, Mode, Places, Settings, Tool, Way};
use super::{FILE, LOCAL, ROAMING, WAY, XDG, documented, impossible, reported};

/// Where Claude Desktop keeps what is about other gateways than Anthropic's, and the name of our profile there.
macro_rules! third_party {
    ($file:literal) => {
        Places {
            linux: &[concat!(".config/Claude-3p/", $file)],
            macos: &[concat!("Library/Application Support/Claude-3p/", $file)],
            windows: &[
                concat!("AppData/Local/Claude-3p/", $file),
                concat!("AppData/Roaming/Claude-3p/", $file),
            ],
        }
    };
}

pub(super) const CLAUDE_DESKTOP: Tool = Tool {
    id: "claude-desktop",
    name: "Claude Desktop",
    programs: &[],
    folders: &["Library/Application Support/Claude", "AppData/Roaming/Claude", ".config/Claude"],
    ways: &[
        Way {
            how: How::Files(&[
                Settings {
                    places: third_party!("configLibrary/00000000-0000-4000-8000-000061696777.json"),
                    moved: &[XDG, LOCAL, ROAMING],
                    keys: &[
                        (&["inferenceProvider"], Text("gateway")),
                        (&["inferenceGatewayBaseUrl"], Url("/anthropic")),
                        (&["inferenceGatewayApiKey"], Key),
                        (&["inferenceGatewayAuthScheme"], Text("bearer")),
                    ],
                    ..FILE
                },
                Settings {
                    places: third_party!("configLibrary/_meta.json"),
                    moved: &[XDG, LOCAL, ROAMING],
                    keys: &[
                        (&["appliedId"], Text("00000000-0000-4000-8000-000061696777")),
                        (&["entries", "[id=00000000-0000-4000-8000-000061696777]", "name"], Text("aigw")),
                    ],
                    ..FILE
                },
                Settings {
                    places: third_party!("claude_desktop_config.json"),
                    moved: &[XDG, LOCAL, ROAMING],
                    keys: &[(&["deploymentMode"], Text("3p"))],
                    ..FILE
                },
                Settings {
                    places: Places {
                        linux: &[".config/Claude/claude_desktop_config.json"],
                        macos: &["Library/Application Support/Claude/claude_desktop_config.json"],
                        windows: &["AppData/Roaming/Claude/claude_desktop_config.json"],
                    },
                    moved: &[XDG, ROAMING],
                    keys: &[(&["deploymentMode"], Text("3p"))],
                    ..FILE
                },
            ]),
            then: &[
                "Quit Claude and start it again",
                "If it does not come up with the gateway: Help, Troubleshooting: Enable Developer Mode; then Developer, \
                 Configure Third-Party Inference: Gateway, base URL {anthropic}, key {key}, scheme bearer",
            ],
            evidence: reported("2026-11-29"),
            notes: &[
                "it no longer signs in at Anthropic: chats and projects that are kept there are not shown",
            ],
            ..WAY
        },
        Way {
            mode: Mode::Proxy,
            how: How::Steps(&[
                "Its Code tab runs Claude Code, which reads its own file: aigwctl setup claude-code --mode proxy",
                "The rest of it speaks to claude.ai in a format of its own, and is not for a gateway.",
            ]),
            evidence: documented("2026-11"),
            ..WAY
        },
    ],
    own: None,
};

pub(super) const CODER_AGENTS: Tool = Tool {
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
        evidence: impossible("2026-11"),
        ..WAY
    }],
    own: None,
};

pub(super) const CURSOR: Tool = Tool {
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
        evidence: impossible("2026-11"),
        ..WAY
    }],
    own: None,
};

pub(super) const WINDSURF: Tool = Tool {
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
        evidence: impossible("2026-11"),
        ..WAY
    }],
    own: None,
};

pub(super) const AMP: Tool = Tool {
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
        evidence: impossible("2026-11"),
        ..WAY
    }],
    own: None,
};

pub(super) const KIRO: Tool = Tool {
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
        evidence: impossible("2026-11"),
        ..WAY
    }],
    own: None,
};

pub(super) const ANTIGRAVITY: Tool = Tool {
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
        evidence: impossible("2026-11"),
        ..WAY
    }],
    own: None,
};
