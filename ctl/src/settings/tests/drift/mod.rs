//! Anything that somebody may do to a file between setup and undo.

mod grounds;

use std::cell::Cell;

use grounds::*;
use proptest::prelude::*;

use super::*;

impl Ground {
    fn wanted(&self) -> Wanted<'static> {
        let value = |text: &str| serde_json::from_str(text).unwrap();
        let keys = self.keys.iter().map(|(key, text)| (path(key), value(text))).collect();
        Wanted { tool: "tool", format: self.format, keys }
    }

    /// A file of somebody's.
    fn file(&'static self) -> BoxedStrategy<String> {
        let piece = (0..self.pieces.len(), 0..40_u8, "[ a-z,:=\\[{#]{0,9}");
        (proptest::collection::vec(piece, 0..7), any::<bool>(), any::<bool>())
            .prop_map(|(pieces, trailing, windows)| {
                let mut once = std::collections::HashSet::new();
                let pieces = pieces.into_iter().filter_map(|(kind, id, words)| {
                    let piece = self.pieces[kind];
                    let text = piece.strip_prefix('!').unwrap_or(piece);
                    let is_new = text == piece || once.insert(text.split(':').next());
                    is_new.then(|| text.replace('#', "\0").replacen('\0', "#", 1))?;
                    Some(self.filled(text, id, &words))
                });
                let mut text = format!("{}{}{}", self.frame.0, pieces.collect::<String>(), self.frame.1);
                if !trailing && self.format == Format::Json {
                    text = last_comma(&text).unwrap_or(text);
                } else if !trailing {
                    text = text.trim_end_matches('\n').to_owned();
                }
                if windows { text.replace('\n', "\r\n") } else { text }
            })
            .prop_filter("such a file cannot be read", |text| self.format.read(text).is_ok())
            .boxed()
    }

    /// What somebody, or their tool, does to it: puts something in, or takes something out. What would make it unreadable is
    /// not done.
    fn touched(&self, text: &str, acts: &[(u16, usize, u8)]) -> String {
        acts.iter().fold(text.to_owned(), |text, (place, what, length)| {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                return text;
            }
            let at = places[usize::from(*place) % places.len()];
            let changed = match self.put.get(*what) {
                Some(put) => format!("{}{put}{}", &text[..at], &text[at..]),
                None => {
                    let is_behind = |stop: &&usize| **stop > at + usize::from(*length);
                    let stop = places.iter().find(is_behind).copied().unwrap_or(text.len());
                    format!("{}{}", &text[..at], &text[stop..])
                }
            };
            if self.format.read(&changed).is_ok() { changed } else { text }
        })
    }

    fn only_our_keys_move(
        &self,
        text: &str,
        acts: &[(u16, usize, u8)],
        reach: &Reach,
    ) -> Result<(), TestCaseError> {
        let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);
        let (format, wanted) = (self.format, self.wanted());
        let Ok((now, mut known)) = done(&wanted, None, Some(text), Vec::new()) else {
            // A place where it cannot be set: then nothing is.
            return Ok(());
        };
        settle(&mut known);
        count(&reach.done);
        let again = done(&wanted, Some(&known), Some(&now), Vec::new()).unwrap();
        prop_assert_eq!(again, (now.clone(), known.clone()), "a second time");
        prop_assert_eq!(undone(&known, Some(&now)).unwrap().text, Some(text.to_owned()));
        // Those of which nothing stays behind, not even a blank.
        if matches!(format, Format::Yaml | Format::Env | Format::Shell) {
            let out = out_by_keys(&known, &now).unwrap_or_default();
            prop_assert_eq!(out, text, "key by key from {:?}", now);
        }
        let drifted = self.touched(&now, acts);
        let Ok(after) = undone(&known, Some(&drifted)) else {
            count(&reach.refused);
            return Ok(());
        };
        if drifted != now {
            count(&reach.drifted);
        }
        if !after.theirs.is_empty() {
            count(&reach.theirs);
        }
        let after_text = after.text.unwrap_or_default();
        // In meaning: each key that was still ours is as it was, and nothing else has changed.
        let mut meant = format.read(&drifted).unwrap();
        for held in known.keys.iter().rev() {
            let found = at(&meant, &held.path).cloned();
            if found.is_some_and(|found| held.ours.contains(&found)) {
                match at(&format.read(text).unwrap(), &held.path).cloned() {
                    Some(old) => path::put(&mut meant, &held.path, old),
                    None => path::take(&mut meant, &held.path),
                }
            }
        }
        let read = format.read(&after_text).unwrap();
        prop_assert_eq!(self.tight(read), self.tight(meant), "{:?}\nbecame {:?}", drifted, after_text);
        // In characters: no more is gone than our keys, and nothing has come but old values.
        let within = self.is_within_a_key(&drifted);
        if known.keys.iter().all(|held| held.old.is_none()) && !within {
            prop_assert!(is_part(&after_text, &drifted), "{drifted:?}\nbecame {after_text:?}");
            let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let gone = ink(&drifted).saturating_sub(ink(&after_text));
            prop_assert!(gone <= ink(self.ink), "{drifted:?}\nbecame {after_text:?}");
        }
        for note in ["// note", "/* note */", "# note"] {
            let count = |text: &str| text.matches(note).count();
            prop_assert!(
                count(&after_text) == count(&drifted) || within,
                "{drifted:?}\nbecame {after_text:?}"
            );
        }
        Ok(())
    }

    /// Whether a comment stands between one of our names and its value, or in the value. It goes with them.
    fn is_within_a_key(&self, text: &str) -> bool {
        let is_in = |path: &KeyPath| {
            let found = self.format.find(text, path).ok().flatten();
            found.is_some_and(|found| found.raw.contains("note"))
        };
        let is_behind = |name: &str| {
            text.match_indices(name).any(|(at, name)| {
                let rest = text[at + name.len()..].trim_start();
                let rest = rest.strip_prefix('"').map_or(rest, str::trim_start);
                let rest = rest.strip_prefix(':').map_or(rest, str::trim_start);
                rest.starts_with(['/', '#'])
            })
        };
        let paths = self.keys.iter().map(|(key, _)| path(key));
        paths.into_iter().any(|path| {
            is_in(&path)
                || path.iter().any(|segment| match path::step(segment) {
                    path::Step::Member(name) => is_behind(name),
                    path::Step::Element { name, value } => is_behind(name) || is_behind(value),
                })
        })
    }

    /// Without containers in which nothing is but what they are found by.
    fn tight(&self, value: Value) -> Value {
        let tight = |value: Value| self.tight(value);
        match value {
            Value::Array(elements) => {
                let names: Vec<_> = self.keys.iter().flat_map(|(key, _)| path(key)).collect();
                let elements = elements.into_iter().map(tight).filter(|element| {
                    let list = Value::Array(vec![element.clone()]);
                    let hollow = names.iter().any(|name| {
                        at(&list, std::slice::from_ref(name))
                            .is_some_and(|element| path::is_hollow(element, std::slice::from_ref(name)))
                    });
                    !hollow
                });
                let elements: Vec<_> = elements.collect();
                if elements.is_empty() { Value::Null } else { Value::Array(elements) }
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, tight(value)));
                let members: serde_json::Map<_, _> = members.filter(|(_, value)| !value.is_null()).collect();
                if members.is_empty() { Value::Null } else { Value::Object(members) }
            }
            value => value,
        }
    }

    fn filled(&self, piece: &str, id: u8, words: &str) -> String {
        // A number follows a name or stands for itself; before a blank it is a comment's sign.
        let mut text = String::new();
        let mut rest = piece.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '#' if rest.peek() != Some(&' ') || text.ends_with(|c: char| c.is_alphanumeric()) => {
                    text.push_str(&id.to_string());
                }
                '~' => text.push_str(words),
                c => text.push(c),
            }
        }
        text
    }
}

/// Without the last comma between members.
fn last_comma(text: &str) -> Option<String> {
    let commas = text.match_indices(',').map(|(at, _)| at).collect::<Vec<_>>();
    commas.into_iter().rev().find_map(|at| {
        let without = format!("{}{}", &text[..at], &text[at + 1..]);
        let read = Format::Json.read(&without).ok()?;
        (Some(read) == Format::Json.read(text).ok()).then_some(without)
    })
}

/// Whether `less` is `text` with some characters taken out; what was emptied may say so.
fn is_part(less: &str, text: &str) -> bool {
    let mut rest = text.chars();
    let less = less.replace("{}", "").replace("[]", "");
    less.chars().filter(|c| !c.is_whitespace()).all(|c| rest.any(|other| other == c))
}

/// From one mode to another, and killed between the ledger and the file: as if there had been the other one only.
fn another_mode_is_as_if_set_up_anew(format: Format, text: &str) -> Result<(), TestCaseError> {
    let one = [("top", json!("aigw")), ("env.A", json!("ours")), ("env.deep.B", json!(true))];
    let other = [("env.A", json!("else")), ("env.C", json!("proxy"))];
    let (Ok((first, mut known)), Ok((second, _))) = (
        done(&wanted(format, &one), None, Some(text), Vec::new()),
        done(&wanted(format, &other), None, Some(text), Vec::new()),
    ) else {
        return Ok(());
    };
    settle(&mut known);
    let before = format.read(text).unwrap();
    let (now, mut moved) = done(&wanted(format, &other), Some(&known), Some(&first), Vec::new()).unwrap();
    prop_assert_eq!(&now, &second);
    for cut_short in [&first, &now] {
        prop_assert_eq!(undone(&moved, Some(cut_short)).unwrap().text, Some(text.to_owned()));
        let (again, _) = done(&wanted(format, &other), Some(&moved), Some(cut_short), Vec::new()).unwrap();
        prop_assert_eq!(&again, &second);
        let keys = format.read(&out_by_keys(&moved, cut_short).unwrap_or_default()).unwrap();
        for path in ["top", "env.deep.B", "env.C"].map(path) {
            prop_assert_eq!(at(&keys, &path), at(&before, &path));
        }
    }
    settle(&mut moved);
    prop_assert!(moved.leaving.is_empty());
    prop_assert_eq!(undone(&moved, Some(&now)).unwrap().text, Some(text.to_owned()));
    Ok(())
}

fn acts() -> impl Strategy<Value = Vec<(u16, usize, u8)>> {
    proptest::collection::vec((any::<u16>(), 0..11_usize, 0..6_u8), 0..6)
}

/// How far the cases of a ground came.
#[derive(Default)]
struct Reach {
    /// Set up at all.
    done: Cell<u32>,
    /// Changed by others, and undone in spite of that.
    drifted: Cell<u32>,
    /// With a key that was theirs by then.
    theirs: Cell<u32>,
    /// Left alone by undo.
    refused: Cell<u32>,
}

fn only_our_keys_move(ground: &'static Ground, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let reach = Reach::default();
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let ran =
        runner.run(&(ground.file(), acts()), |(text, acts)| ground.only_our_keys_move(&text, &acts, &reach));
    if let Err(error) = ran {
        panic!("{error}");
    }
    let (done, drifted, theirs) = (reach.done.get(), reach.drifted.get(), reach.theirs.get());
    assert!(
        done > cases / 2 && drifted > cases / 3 && theirs > cases / 50,
        "{done} {drifted} {theirs} of {cases}"
    );
    let refused = reach.refused.get();
    assert!(refused < done / 20, "{refused} refused of {done}");
}

macro_rules! grounds {
    ($($name:ident: $ground:ident, $cases:literal;)*) => {
        $(
            #[test]
            fn $name() {
                only_our_keys_move(&$ground, $cases);
            }
        )*
    };
}

grounds! {
    json: JSON, 2000;
    json_list: JSON_LIST, 2000;
    toml: TOML, 3000;
    yaml: YAML, 1500;
    yaml_models: YAML_MODELS, 1000;
    yaml_list: YAML_LIST, 1000;
    env: ENV, 3000;
    jetbrains: JETBRAINS, 2000;
    shell: SHELL, 3000;
}

proptest! {
    #[test]
    fn another_mode_of_a_tool_with_json(text in JSON.file()) {
        another_mode_is_as_if_set_up_anew(Format::Json, &text)?;
    }

    #[test]
    fn another_mode_of_a_tool_with_toml(text in TOML.file()) {
        another_mode_is_as_if_set_up_anew(Format::Toml, &text)?;
    }
}
