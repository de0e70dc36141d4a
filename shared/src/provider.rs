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
    /// Google's Gemini API: `/v1beta/models/M:generateContent`.
    Gemini,
}

impl Dialect {
    /// The word used for it in `config.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
        }
    }

    /// The dialect that the word of `config.toml` stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Anthropic, Self::OpenAi, Self::Gemini].into_iter().find(|dialect| dialect.word() == word)
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
    /// `/NAME/v1beta/models/M:generateContent`: every route has its version, and clients append it to the base URL.
    Gemini,
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

/// The first segment of routes in Google's dialect. No Coder gateway has such a provider: what comes there is translated
/// for the others, unless the configuration says where it is.
pub const GEMINI: &str = "gemini";

/// The row of a well-known provider.
pub fn known(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// A host of a provider whose TLS the proxy opens.
#[derive(Debug)]
pub struct Host {
    /// Its exact name, in lower case.
    pub name: &'static str,
    /// The provider of the gateway that stands for it.
    pub provider: &'static str,
    /// Its paths that the gateway serves.
    pub served: Served,
    /// Clients on it take no reply without `x-github-request-id` (seen with Copilot's language server).
    pub github: bool,
}

/// Which paths of a host go to the gateway. All others are sign-in, telemetry and the like, and belong to the host
/// itself.
pub type Served = &'static [Path];

/// A path of a host, and where it is below the provider at the gateway.
#[derive(Debug)]
pub struct Path {
    at: &'static str,
    there: &'static str,
    /// Whether what is below it belongs to it.
    tree: bool,
}

impl Path {
    /// The gateway's path for one of the host, if this row is about it.
    pub fn map(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(self.at)?;
        let meant = rest.is_empty() || (self.tree && rest.starts_with('/'));
        meant.then(|| format!("{}{rest}", self.there))
    }
}

/// Hosts that are intercepted unless a setting says otherwise. Exact names: `proxy.` and `telemetry.` of the same domain
/// are no model APIs.
pub const HOSTS: &[Host] = &[
    Host { name: "api.anthropic.com", provider: "anthropic", served: ANTHROPIC, github: false },
    Host { name: "api.openai.com", provider: "openai", served: OPENAI, github: false },
    Host { name: "chatgpt.com", provider: "chatgpt", served: CHATGPT, github: false },
    Host { name: "api.individual.githubcopilot.com", provider: "copilot", served: COPILOT, github: true },
    Host {
        name: "api.business.githubcopilot.com",
        provider: "copilot-business",
        served: COPILOT,
        github: true,
    },
    Host {
        name: "api.enterprise.githubcopilot.com",
        provider: "copilot-enterprise",
        served: COPILOT,
        github: true,
    },
    Host { name: "generativelanguage.googleapis.com", provider: GEMINI, served: GOOGLE, github: false },
];

/// Names that the CA may sign for besides those of configured hosts: all that may ever be intercepted, so that
/// switching one on needs no new CA. A name covers what is below it.
pub const CA_NAMES: &[&str] = &[
    "api.anthropic.com",
    "api.openai.com",
    "chatgpt.com",
    "githubcopilot.com",
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "daily-cloudcode-pa.googleapis.com",
];

const fn only(at: &'static str) -> Path {
    Path { at, there: at, tree: false }
}

const fn tree(at: &'static str) -> Path {
    Path { at, there: at, tree: true }
}

const ANTHROPIC: Served = &[only("/v1/messages"), only("/v1/messages/count_tokens"), tree("/v1/models")];
const OPENAI: Served =
    &[tree("/v1/responses"), only("/v1/chat/completions"), tree("/v1/models"), tree("/v1/conversations")];
const CHATGPT: Served = &[Path { at: "/backend-api/codex", there: "/v1", tree: true }];
const COPILOT: Served =
    &[only("/chat/completions"), only("/responses"), only("/v1/messages"), tree("/models")];
/// Files and caches are kept by Google itself.
const GOOGLE: Served = &[tree("/v1beta/models"), tree("/v1/models"), tree("/v1alpha/models")];
/// Of a provider that only an administrator knows.
const EITHER: Served = &[
    only("/v1/messages"),
    only("/v1/messages/count_tokens"),
    tree("/v1/responses"),
    only("/v1/chat/completions"),
    tree("/v1/models"),
    tree("/v1/conversations"),
];

/// The row of a host, by its exact name in lower case.
pub fn host(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.name == name)
}

/// The paths that the gateway serves for a host which only the configuration names.
pub fn served(provider: &str) -> Served {
    match known(provider).map(|provider| (provider.name, provider.layout)) {
        Some(("chatgpt", _)) => CHATGPT,
        Some((_, Layout::Anthropic)) => ANTHROPIC,
        Some((_, Layout::OpenAi)) => OPENAI,
        Some((_, Layout::Copilot)) => COPILOT,
        Some((_, Layout::Gemini)) => GOOGLE,
        None if provider == GEMINI => GOOGLE,
        None => EITHER,
    }
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
