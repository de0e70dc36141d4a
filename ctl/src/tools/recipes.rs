//! How each tool is made to ask one short thing and end, so that `doctor` can see what it does. A tool without a row cannot
//! be proved: it has no command line that does it.

use super::{Mode, Tool};

/// One tool in one mode.
pub(crate) struct Recipe {
    pub(crate) tool: &'static str,
    pub(crate) mode: Mode,
    pub(crate) arguments: &'static [&'static str],
    /// Variables that it needs, and those that keep it from talking to its maker.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    pub(crate) prints: Prints,
}

/// When the tool, run like this, prints what it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prints {
    /// Piece by piece. So it is seen whether the stream was held up on its way.
    AsItComes,
    /// When all is there.
    AtTheEnd,
}

impl Tool {
    /// Its recipes, by base URL first.
    pub(crate) fn recipes(&self) -> impl Iterator<Item = &'static Recipe> {
        RECIPES.iter().filter(|recipe| recipe.tool == self.id)
    }
}

/// Tools that come through the proxy want a credential of their own before they ask anybody. It is dropped on the way.
const CREDENTIAL: &str = "sk-of-a-proof";

const CLAUDE_CODE: &[&str] =
    &["-p", "say hi", "--output-format", "stream-json", "--include-partial-messages", "--verbose"];
const CODEX: &[&str] = &["exec", "--skip-git-repo-check", "say hi"];

/// All of them.
pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        tool: "claude-code",
        mode: Mode::BaseUrl,
        arguments: CLAUDE_CODE,
        variables: &[("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")],
        prints: Prints::AsItComes,
    },
    Recipe {
        tool: "claude-code",
        mode: Mode::Proxy,
        arguments: CLAUDE_CODE,
        variables: &[("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("ANTHROPIC_API_KEY", CREDENTIAL)],
        prints: Prints::AsItComes,
    },
    Recipe { tool: "codex", mode: Mode::BaseUrl, arguments: CODEX, variables: &[], prints: Prints::AtTheEnd },
    Recipe {
        tool: "codex",
        mode: Mode::Proxy,
        arguments: CODEX,
        variables: &[("CODEX_API_KEY", CREDENTIAL)],
        prints: Prints::AtTheEnd,
    },
    Recipe {
        tool: "opencode",
        mode: Mode::BaseUrl,
        arguments: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        variables: &[("OPENCODE_DISABLE_MODELS_FETCH", "1"), ("OPENCODE_DISABLE_AUTOUPDATE", "1")],
        prints: Prints::AtTheEnd,
    },
    Recipe {
        tool: "kilo",
        mode: Mode::BaseUrl,
        arguments: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        variables: &[],
        prints: Prints::AtTheEnd,
    },
    Recipe {
        tool: "copilot-cli",
        mode: Mode::BaseUrl,
        arguments: &["-p", "say hi"],
        variables: &[
            ("COPILOT_MODEL", "gpt-5"),
            ("COPILOT_OFFLINE", "true"),
            ("COPILOT_AUTO_UPDATE", "false"),
        ],
        prints: Prints::AtTheEnd,
    },
    Recipe {
        tool: "pi",
        mode: Mode::BaseUrl,
        arguments: &["--provider", "anthropic", "--model", "claude-sonnet-4-5", "-p", "say hi"],
        variables: &[],
        prints: Prints::AtTheEnd,
    },
    Recipe {
        tool: "qwen",
        mode: Mode::BaseUrl,
        arguments: &["-p", "say hi"],
        variables: &[("OPENAI_MODEL", "gpt-5")],
        prints: Prints::AtTheEnd,
    },
    Recipe {
        tool: "aider",
        mode: Mode::BaseUrl,
        arguments: &[
            "--model",
            "openai/gpt-4.1",
            "--no-git",
            "--yes-always",
            "--no-check-update",
            "--message",
            "say hi",
        ],
        variables: &[("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("AIDER_ANALYTICS", "false")],
        prints: Prints::AtTheEnd,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_of_a_tool_in_a_mode_once() {
        let mut seen = std::collections::HashSet::new();
        for recipe in RECIPES {
            let tool = Tool::named(recipe.tool).unwrap_or_else(|| panic!("{}", recipe.tool));
            assert!(!tool.programs.is_empty(), "{}", recipe.tool);
            assert!(seen.insert((recipe.tool, recipe.mode as u8)), "{}", recipe.tool);
            assert!(recipe.mode == Mode::Proxy || tool.way(Some(recipe.mode)).is_some(), "{}", recipe.tool);
        }
    }
}
