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

/// The models that a tool is told of. Whatever it asks for is answered.
pub(crate) const MODELS: [&str; 2] = ["claude-sonnet-4-5", "gpt-5"];

const CLAUDE_CODE: Recipe = Recipe {
    arguments: &["-p", "say hi", "--output-format", "stream-json", "--include-partial-messages", "--verbose"],
    variables: &[("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")],
    prints: Prints::AsItComes,
    ..recipe("claude-code")
};
const CODEX: Recipe = Recipe { arguments: &["exec", "--skip-git-repo-check", "say hi"], ..recipe("codex") };

const fn recipe(tool: &'static str) -> Recipe {
    Recipe {
        tool,
        mode: Mode::BaseUrl,
        arguments: &["-p", "say hi"],
        variables: &[],
        prints: Prints::AtTheEnd,
    }
}

/// All of them.
pub(crate) const RECIPES: &[Recipe] = &[
    CLAUDE_CODE,
    Recipe {
        mode: Mode::Proxy,
        variables: &[("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("ANTHROPIC_API_KEY", CREDENTIAL)],
        ..CLAUDE_CODE
    },
    CODEX,
    Recipe { mode: Mode::Proxy, variables: &[("CODEX_API_KEY", CREDENTIAL)], ..CODEX },
    Recipe {
        arguments: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        variables: &[("OPENCODE_DISABLE_MODELS_FETCH", "1"), ("OPENCODE_DISABLE_AUTOUPDATE", "1")],
        ..recipe("opencode")
    },
    Recipe {
        arguments: &["run", "-m", "anthropic/claude-sonnet-4-5", "say hi"],
        variables: &[("KILO_DISABLE_MODELS_FETCH", "1")],
        ..recipe("kilo")
    },
    Recipe {
        variables: &[("COPILOT_OFFLINE", "true"), ("COPILOT_AUTO_UPDATE", "false")],
        ..recipe("copilot-cli")
    },
    Recipe {
        arguments: &["--provider", "anthropic", "--model", "claude-sonnet-4-5", "-p", "say hi"],
        ..recipe("pi")
    },
    Recipe { variables: &[("CONTINUE_TELEMETRY_ENABLED", "0")], ..recipe("continue") },
    Recipe {
        arguments: &["-m", "gemini-2.5-flash", "-p", "say hi"],
        variables: &[("GEMINI_CLI_TRUST_WORKSPACE", "true")],
        ..recipe("gemini-cli")
    },
    recipe("qwen"),
    Recipe {
        arguments: &[
            "--no-git",
            "--yes-always",
            "--no-check-update",
            "--analytics-disable",
            "--message",
            "say hi",
        ],
        variables: &[("LITELLM_LOCAL_MODEL_COST_MAP", "True")],
        ..recipe("aider")
    },
    // The number is the model's place in the list.
    Recipe { arguments: &["exec", "-m", "custom:claude-sonnet-4-5-(aigw)-0", "say hi"], ..recipe("factory") },
    Recipe { arguments: &["say hi"], ..recipe("cline") },
    Recipe { arguments: &["-m", "aigw/gpt-5", "say hi"], prints: Prints::AsItComes, ..recipe("llm") },
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
