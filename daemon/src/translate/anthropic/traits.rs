//! What a model takes, told by its name: the API refuses what another generation wanted.

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It does not.
    None,
    /// So many tokens.
    Budget,
    /// As it likes, with a word for how much.
    Adaptive,
    /// The same; what it thinks is told only if asked for, and how words are picked is not ours to say.
    AdaptiveOnly,
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// How it thinks.
    pub mode: Mode,
    /// The most tokens of an answer.
    pub max_output: u64,
    /// The most tokens of a request.
    pub window: u64,
    /// It takes a schema for its answer.
    pub schema: bool,
}

/// From which version on what holds, the latest first.
const TABLE: &[((u32, u32), Traits)] = &[
    ((4, 7), row(Mode::AdaptiveOnly, 64_000, true)),
    ((4, 6), row(Mode::Adaptive, 64_000, true)),
    ((4, 5), row(Mode::Budget, 64_000, true)),
    ((4, 0), row(Mode::Budget, 32_000, false)),
    ((3, 7), row(Mode::Budget, 64_000, false)),
    ((3, 5), row(Mode::None, 8192, false)),
    ((0, 0), row(Mode::None, 4096, false)),
];

/// A name that says nothing is taken for one that every generation would do with.
const UNKNOWN: Traits = row(Mode::None, 8192, false);

const fn row(mode: Mode, max_output: u64, schema: bool) -> Traits {
    Traits { mode, max_output, window: 200_000, schema }
}

/// What the model of this name takes.
pub fn of(model: &str) -> Traits {
    let Some(version) = version(model) else { return UNKNOWN };
    TABLE.iter().find(|(since, _)| version >= *since).map_or(UNKNOWN, |(_, traits)| *traits)
}

/// `claude-sonnet-4-5-20250929` is 4.5, `claude-3-7-sonnet` 3.7, `claude-opus-4-20250514` 4.0.
fn version(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.to_ascii_lowercase().split_once("claude").map(|(a, b)| (a.len(), b.to_owned()))?;
    let words: Vec<_> = name.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let number = |word: &&str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
    let at = words.iter().position(|word| number(word).is_some())?;
    Some((number(&words[at])?, words.get(at + 1).and_then(number).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_version() {
        for (model, told) in [
            ("claude-sonnet-4-5-20250929", Some((4, 5))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("us.anthropic.claude-opus-4-7-v1:0", Some((4, 7))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-opus-4.1", Some((4, 1))),
            ("claude-instant", None),
            ("gpt-5", None),
        ] {
            assert_eq!(version(model), told, "{model}");
        }
        assert_eq!(of("claude-sonnet-5").mode, Mode::AdaptiveOnly);
        assert_eq!(of("claude-haiku-4-5").mode, Mode::Budget);
        assert_eq!(of("house-model"), UNKNOWN);
    }
}
