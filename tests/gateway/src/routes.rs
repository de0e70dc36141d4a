//! The provider routes as a table. What is not in it does not exist.

use crate::behaviour::{Era, Provider, ProviderKind};

/// What is done with a request on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    Messages,
    Chat,
    Responses,
    Passthrough,
}

struct Row {
    kind: ProviderKind,
    /// Below the provider's segment; a trailing slash means everything under it.
    path: &'static str,
    handling: Handling,
    since: Era,
}

const fn row(kind: ProviderKind, path: &'static str, handling: Handling, since: Era) -> Row {
    Row { kind, path, handling, since }
}

const ROWS: &[Row] = {
    use Era::{New, Old};
    use Handling::{Chat, Messages, Passthrough, Responses};
    use ProviderKind::{Anthropic, Copilot, OpenAi};
    &[
        row(OpenAi, "/v1/chat/completions", Chat, Old),
        row(OpenAi, "/v1/responses", Responses, Old),
        row(OpenAi, "/v1/responses/", Passthrough, Old),
        row(OpenAi, "/v1/models", Passthrough, Old),
        row(OpenAi, "/v1/models/", Passthrough, Old),
        row(OpenAi, "/v1/conversations", Passthrough, Old),
        row(OpenAi, "/v1/conversations/", Passthrough, Old),
        row(Anthropic, "/v1/messages", Messages, Old),
        row(Anthropic, "/v1/messages/count_tokens", Passthrough, Old),
        row(Anthropic, "/v1/models", Passthrough, Old),
        row(Anthropic, "/v1/models/", Passthrough, Old),
        row(Anthropic, "/api/event_logging/", Passthrough, Old),
        row(Copilot, "/chat/completions", Chat, Old),
        row(Copilot, "/responses", Responses, Old),
        row(Copilot, "/v1/messages", Messages, New),
        row(Copilot, "/models", Passthrough, Old),
        row(Copilot, "/models/", Passthrough, Old),
        row(Copilot, "/agents/", Passthrough, Old),
        row(Copilot, "/mcp/", Passthrough, Old),
        row(Copilot, "/.well-known/", Passthrough, Old),
        row(Copilot, "/_ping", Passthrough, New),
        row(Copilot, "/auto", Passthrough, New),
    ]
};

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Route(&'a Provider, Handling),
    Disabled(&'a Provider),
    Nothing,
}

/// Looks up a path with the API prefix already removed.
pub(crate) fn find<'a>(providers: &'a [Provider], path: &str, era: Era) -> Found<'a> {
    let named = path.strip_prefix('/').and_then(|path| {
        let (name, _) = path.split_once('/')?;
        let provider = providers.iter().find(|provider| provider.name == name)?;
        Some((provider, &path[name.len()..]))
    });
    let Some((provider, rest)) = named else { return Found::Nothing };
    if !provider.enabled {
        return Found::Disabled(provider);
    }
    let matches = |row: &&Row| {
        row.kind == provider.kind
            && (row.since == Era::Old || era == Era::New)
            && if row.path.ends_with('/') { rest.starts_with(row.path) } else { rest == row.path }
    };
    ROWS.iter().find(matches).map_or(Found::Nothing, |row| Found::Route(provider, row.handling))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitelist() {
        let providers = Provider::well_known();
        let handling = |path, era| match find(&providers, path, era) {
            Found::Route(_, handling) => Some(handling),
            _ => None,
        };
        for (path, expected) in [
            ("/anthropic/v1/messages", Some(Handling::Messages)),
            ("/anthropic/v1/messages/count_tokens", Some(Handling::Passthrough)),
            ("/anthropic/v1/messages/batches", None),
            ("/anthropic/v1/complete", None),
            ("/anthropic/api/event_logging/batch", Some(Handling::Passthrough)),
            ("/anthropic/api/oauth/profile", None),
            ("/anthropic", None),
            ("/openai/v1/chat/completions", Some(Handling::Chat)),
            ("/openai/v1/responses", Some(Handling::Responses)),
            ("/openai/v1/responses/resp_1/cancel", Some(Handling::Passthrough)),
            ("/openai/v1/embeddings", None),
            ("/openai/v1", None),
            ("/chatgpt/v1/responses", Some(Handling::Responses)),
            ("/copilot/chat/completions", Some(Handling::Chat)),
            ("/copilot/v1/messages", Some(Handling::Messages)),
            ("/copilot/v1/chat/completions", None),
            ("/copilot-business/agents/swe", Some(Handling::Passthrough)),
            ("/copilot/_ping", Some(Handling::Passthrough)),
            ("/gemini/v1beta/models", None),
        ] {
            assert_eq!(handling(path, Era::New), expected, "{path}");
        }
        for path in ["/copilot/v1/messages", "/copilot/_ping", "/copilot/auto"] {
            assert_eq!(handling(path, Era::Old), None, "{path}");
        }
    }
}
