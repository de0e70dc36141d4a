//! What belongs to its maker: applications with settings of their own, and tools that nobody can redirect.

use super::super::{How, Mode, Tool, Way};
use super::{documented, impossible};

pub(super) const CLAUDE_DESKTOP: Tool = Tool {
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
        gains: &[],
        loses: &[],
        notes: &[],
    }],
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
        variables: &[],
        evidence: impossible("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
    }],
    own: None,
};

pub(super) const GEMINI: Tool = Tool {
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
        gains: &[],
        loses: &[],
        notes: &[],
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
        variables: &[],
        evidence: impossible("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
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
        variables: &[],
        evidence: impossible("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
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
        variables: &[],
        evidence: impossible("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
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
        variables: &[],
        evidence: impossible("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
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
        variables: &[],
        evidence: impossible("2026-11"),
        gains: &[],
        loses: &[],
        notes: &[],
    }],
    own: None,
};
