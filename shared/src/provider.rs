//! The table of provider names that every deployment may have, and what we know of each.
//!
//! A deployment's administrator can name further ones; those are served too, with their dialect told by
//! configuration or by the path.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The language a route speaks: decides the shape of our own error bodies and how a path is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dialect {
    /// Anthropic Messages: `/v1/messages`.
    Anthropic,
    /// OpenAI chat completions and Responses.
    OpenAi,
}

impl Dialect {
    /// The word used for it in `config.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }

    /// The dialect that the word of `config.toml` stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Anthropic, Self::OpenAi].into_iter().find(|dialect| dialect.word() == word)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where a provider's routes have their `/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `/NAME/v1/messages`: every route has it, and clients append it to the base URL.
    Anthropic,
    /// `/NAME/v1/responses`: every route has it, and the base URL contains it.
    OpenAi,
    /// `/NAME/responses`, but `/NAME/v1/messages`.
    Copilot,
}

/// One well-known provider of a Coder deployment.
#[derive(Debug)]
pub struct Provider {
    /// First segment of its routes.
    pub name: &'static str,
    /// What it speaks, unless the path says otherwise.
    pub dialect: Dialect,
    /// Where `/v1` stands.
    pub layout: Layout,
    /// Works only with the user's own login at the provider, which therefore is never dropped.
    pub own_login: bool,
}

/// The names that Coder documents, with the route layout of each type.
pub const PROVIDERS: &[Provider] = &[
    Provider { name: "anthropic", dialect: Dialect::Anthropic, layout: Layout::Anthropic, own_login: false },
    Provider { name: "openai", dialect: Dialect::OpenAi, layout: Layout::OpenAi, own_login: false },
    Provider { name: "chatgpt", dialect: Dialect::OpenAi, layout: Layout::OpenAi, own_login: true },
    Provider { name: "copilot", dialect: Dialect::OpenAi, layout: Layout::Copilot, own_login: true },
    Provider { name: "copilot-business", dialect: Dialect::OpenAi, layout: Layout::Copilot, own_login: true },
    Provider {
        name: "copilot-enterprise",
        dialect: Dialect::OpenAi,
        layout: Layout::Copilot,
        own_login: true,
    },
];

/// The row of a well-known provider.
pub fn known(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// Whether a path segment can be a provider's name: `^[a-z0-9]+(-[a-z0-9]+)*$`. None begins with an
/// underscore, which is why our own paths do.
pub fn is_name(segment: &str) -> bool {
    !segment.is_empty()
        && segment.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_joined_by_hyphens() {
        for good in ["anthropic", "copilot-business", "a1-2b"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "_k", "a.b", "a/b", "é"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(PROVIDERS.iter().all(|provider| is_name(provider.name)));
    }
}
