//! Which model stands for one of Google's, and how models are told of to Google's clients.

use serde_json::{Value, json};

use crate::translate::anthropic::traits as anthropic;
use crate::translate::responses::traits as responses;
use crate::translate::{Origin, Target};

/// What the deployment's providers list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The gateway's name for the provider.
    pub provider: String,
    /// Its language; `None` where only the model's name can tell.
    pub target: Option<Target>,
    /// Its models, the newest first where it says so.
    pub models: Vec<String>,
}

/// The names of Google's models that its clients ask for without being told to (seen with Gemini CLI 0.61).
pub const ALIASES: [&str; 7] = [
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.5-pro",
    "gemini-3-flash-preview",
    "gemini-3.1-pro-preview",
    "gemini-3.5-flash-lite",
    "gemini-3.8-flash",
];

/// Names that begin so are Google's; so is the whole name `auto`.
const GOOGLES: [&str; 4] = ["gemini-", "gemma-", "models/gemini-", "learnlm-"];

/// A word in a model's name, and those that must not be there with it.
type Wish = (&'static str, &'static [&'static str]);

/// What stands for Google's models: by a word in their names, the first wish that something listed fulfils.
const WISHES: &[(&str, &[Wish])] = &[
    ("flash-lite", &[("haiku", &[]), ("nano", &[]), ("mini", &[]), ("sonnet", &[]), ("", &[])]),
    ("flash", &[("sonnet", &[]), PLAIN_GPT, ("haiku", &[]), ("mini", &[]), ("", &[])]),
    ("pro", &[("opus", &[]), PLAIN_GPT, ("sonnet", &[]), ("", &[])]),
    ("", &[("sonnet", &[]), PLAIN_GPT, ("opus", &[]), ("", &[])]),
];
const PLAIN_GPT: Wish = ("gpt-", &["mini", "nano", "codex"]);
/// Models that hold no conversation.
const NO_CHAT: [&str; 11] = [
    "embed",
    "audio",
    "image",
    "realtime",
    "tts",
    "whisper",
    "transcribe",
    "search",
    "moderation",
    "dall-e",
    "sora",
];

/// Who answers for a model, if anybody does: the first rule that fits, then whoever lists it by this name, then (for
/// Google's) what resembles it most, then whoever has such names. A rule is a pattern with `*`, and a model or
/// `PROVIDER/MODEL`.
pub fn choose(asked: &str, rules: &[(String, String)], listed: &[Listed]) -> Option<Origin> {
    let asked = asked.strip_prefix("models/").unwrap_or(asked);
    let rule = rules.iter().find(|(pattern, _)| fits(pattern, asked));
    let name = rule.map_or(asked, |(_, model)| model.as_str());
    named(name, listed)
        .or_else(|| if is_googles(name) { resembling(name, listed) } else { None })
        .or_else(|| by_maker(name, listed))
}

/// Whether it is a name of Google's.
pub fn is_googles(name: &str) -> bool {
    name == "auto" || GOOGLES.iter().any(|begin| name.starts_with(begin))
}

/// What a model is told as.
pub fn described(name: &str, origin: &Origin) -> Value {
    let (window, output, thinks) = match origin.target {
        Target::Anthropic => {
            let traits = anthropic::of(&origin.model);
            (traits.window, traits.max_output, traits.mode != anthropic::Mode::None)
        }
        Target::Responses if responses::reasons(&origin.model) => (272_000, 128_000, true),
        Target::Responses => (128_000, 16_384, false),
    };
    json!({
        "name": format!("models/{name}"),
        "version": "1",
        "displayName": name,
        "description": format!("{} of {}", origin.model, origin.provider),
        "inputTokenLimit": window,
        "outputTokenLimit": output,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": thinks,
    })
}

/// By the name that a provider lists, or with the provider's in front.
fn named(name: &str, listed: &[Listed]) -> Option<Origin> {
    let has = |row: &&Listed| row.models.iter().any(|model| model == name);
    if let Some(row) = listed.iter().find(has) {
        return Some(origin(row, name));
    }
    let (provider, model) = name.split_once('/')?;
    let row = listed.iter().find(|row| row.provider == provider)?;
    Some(origin(row, model))
}

fn resembling(name: &str, listed: &[Listed]) -> Option<Origin> {
    let (_, wishes) = WISHES.iter().find(|(word, _)| name.contains(word))?;
    let fulfils = |model: &str, (word, without): &Wish| {
        model.contains(word) && !NO_CHAT.iter().chain(*without).any(|part| model.contains(part))
    };
    wishes.iter().find_map(|wish| {
        listed.iter().find_map(|row| {
            let model = row.models.iter().find(|model| fulfils(model, wish))?;
            Some(origin(row, model))
        })
    })
}

/// A name that nobody lists goes to the maker whose names look like it: not every provider lists all that it has.
fn by_maker(name: &str, listed: &[Listed]) -> Option<Origin> {
    let target = of_name(name)?;
    let row = listed.iter().find(|row| row.target == Some(target))?;
    Some(origin(row, name))
}

fn of_name(name: &str) -> Option<Target> {
    if name.contains("claude") {
        return Some(Target::Anthropic);
    }
    (name.starts_with("gpt-") || responses::reasons(name)).then_some(Target::Responses)
}

fn origin(row: &Listed, model: &str) -> Origin {
    let target = row.target.or_else(|| of_name(model)).unwrap_or(Target::Responses);
    Origin { target, provider: row.provider.clone(), model: model.to_owned() }
}

/// Whether a pattern, in which `*` stands for any text, is about this name.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}
