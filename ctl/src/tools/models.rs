//! The models that a deployment offers for chat, for tools that have to be told their names.

use std::collections::BTreeMap;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::ProviderModels;
use serde::{Deserialize, Serialize};

use crate::daemon;

/// Words in the id of a model that is for something else than chat.
const NO_CHAT: &[&str] = &[
    "audio",
    "babbage",
    "dall-e",
    "davinci",
    "embed",
    "image",
    "instruct",
    "moderation",
    "realtime",
    "rerank",
    "search",
    "sora",
    "speech",
    "transcribe",
    "tts",
    "veo",
    "whisper",
];

/// Words in the id of a model that is no first choice: small, dear, for one purpose, or not for long.
const NO_FIRST_CHOICE: &[&str] = &["codex", "haiku", "lite", "mini", "nano", "opus", "preview", "-pro"];

/// Whose a model is that no provider lists, by how its id begins; OpenAI's otherwise.
const MAKERS: &[(&str, &str)] = &[("claude", "anthropic")];

/// What a deployment offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offered {
    /// By provider, in the order in which it lists them.
    lists: BTreeMap<String, Vec<String>>,
    /// Why it could not be asked.
    #[serde(skip)]
    trouble: Option<String>,
}

/// What a gateway offers, the default one if none is named; with names, these and no others.
///
/// # Errors
/// When nobody can be asked, unless the names say it all.
pub(crate) async fn ask(names: &[String], gateway: Option<String>) -> Result<Offered, Failure> {
    match listed(gateway).await {
        Ok(rows) => Ok(Offered::of(&rows).limited_to(names)),
        Err(_) if !names.is_empty() => Ok(Offered::default().limited_to(names)),
        Err(failure) => Err(failure),
    }
}

/// What each provider of a gateway lists.
pub(crate) async fn listed(gateway: Option<String>) -> Result<Vec<ProviderModels>, Failure> {
    match daemon::ask(Request::Models(gateway)).await? {
        Response::Models(rows) => Ok(rows),
        _ => Err(daemon::unexpected()),
    }
}

/// Whether a model is one to talk to.
pub(crate) fn is_for_chat(id: &str) -> bool {
    let id = id.to_ascii_lowercase();
    !NO_CHAT.iter().any(|word| id.contains(word))
}

impl Offered {
    pub(crate) fn of(rows: &[ProviderModels]) -> Self {
        let chat = |row: &ProviderModels| {
            let models: Vec<_> = row.models.iter().filter(|id| is_for_chat(id)).cloned().collect();
            (row.provider.clone(), models)
        };
        let lists = rows.iter().map(chat).filter(|(_, models)| !models.is_empty()).collect();
        let trouble = rows.iter().find_map(|row| row.trouble.as_ref());
        Self { lists, trouble: trouble.map(|failure| failure.text.clone()) }
    }

    /// Nothing, for this reason.
    pub(crate) fn without(trouble: String) -> Self {
        Self { trouble: Some(trouble), ..Self::default() }
    }

    /// That a tool needs some, and there are none for it.
    pub(crate) fn none_for(&self, tool: &str, cure: &str) -> Fault {
        let why = self.trouble.as_ref().map_or_else(String::new, |trouble| format!(" ({trouble})"));
        Fault::new(Kind::GatewayRefused, format!("the deployment lists no model that {tool} could use{why}"))
            .cure_with(format!("name one: `{cure}`"))
    }

    /// These alone, if there are any. `PROVIDER/NAME` says whose a model is that nobody lists.
    pub(crate) fn limited_to(self, names: &[String]) -> Self {
        if names.is_empty() {
            return self;
        }
        let mut limited = Self::default();
        for name in names {
            let (provider, model) = self.whose(name);
            limited.lists.entry(provider.to_owned()).or_default().push(model.to_owned());
        }
        limited
    }

    fn whose<'a>(&'a self, name: &'a str) -> (&'a str, &'a str) {
        if let Some((provider, _)) = self.lists.iter().find(|(_, models)| models.iter().any(|id| id == name))
        {
            return (provider, name);
        }
        let said =
            name.split_once('/').filter(|(provider, _)| aigw_shared::provider::known(provider).is_some());
        let maker = MAKERS.iter().find(|(begins, _)| name.starts_with(begins));
        said.unwrap_or((maker.map_or("openai", |(_, provider)| *provider), name))
    }

    /// All of a provider.
    pub(crate) fn all(&self, provider: &str) -> &[String] {
        self.lists.get(provider).map_or(&[], Vec::as_slice)
    }

    /// The one for a tool that takes one.
    pub(crate) fn first(&self, provider: &str) -> Option<&str> {
        let all = self.all(provider);
        let good = |id: &&String| !NO_FIRST_CHOICE.iter().any(|word| id.contains(word));
        all.iter().find(good).or(all.first()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lists: &[(&str, &[&str])]) -> Vec<ProviderModels> {
        let row = |(provider, models): &(&str, &[&str])| ProviderModels {
            provider: (*provider).to_owned(),
            models: models.iter().map(|id| (*id).to_owned()).collect(),
            trouble: None,
        };
        lists.iter().map(row).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_not_for_chat_is_left_out() {
        for (id, chat) in [
            ("gpt-5", true),
            ("claude-sonnet-4-5", true),
            ("o3", true),
            ("us.anthropic.claude-opus-4-5", true),
            ("text-embedding-3-large", false),
            ("gpt-4o-mini-tts", false),
            ("gpt-image-1", false),
            ("omni-moderation-latest", false),
            ("Whisper-1", false),
            ("gpt-realtime", false),
        ] {
            assert_eq!(is_for_chat(id), chat, "{id}");
        }
        let offered = Offered::of(&rows(&[("openai", &["whisper-1"]), ("anthropic", &["claude-x"])]));
        assert_eq!((offered.all("openai").len(), offered.all("anthropic").len()), (0, 1));
    }

    #[test]
    fn the_first_is_a_sensible_one_where_there_is_one() {
        for (list, first) in [
            (&["gpt-5-mini", "gpt-5-codex", "gpt-5"][..], Some("gpt-5")),
            (&["claude-opus-4-5", "claude-haiku-4-5", "claude-sonnet-4-5"], Some("claude-sonnet-4-5")),
            (&["gpt-5-mini", "gpt-5-nano"], Some("gpt-5-mini")),
            (&["text-embedding-3-small"], None),
        ] {
            assert_eq!(Offered::of(&rows(&[("openai", list)])).first("openai"), first);
        }
    }

    #[test]
    fn named_models_go_to_whoever_lists_them_or_is_said_or_makes_them() {
        let lists = rows(&[("anthropic", &["claude-a", "odd"]), ("openai", &["gpt-5", "gpt-5-mini"])]);
        let limited =
            Offered::of(&lists).limited_to(&names(&["gpt-5", "odd", "claude-new", "anthropic/x", "a/b"]));
        assert_eq!(limited.all("anthropic"), ["odd", "claude-new", "x"]);
        assert_eq!(limited.all("openai"), ["gpt-5", "a/b"]);
        assert_eq!(Offered::of(&lists).limited_to(&[]), Offered::of(&lists));
    }
}
