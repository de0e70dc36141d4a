use proptest::prelude::*;
use serde_json::json;

use super::change::{Wanted, done, settle, undone};
use super::ledger::Touched;
use super::*;

const KEYS: [Format; 2] = [Format::Json, Format::Toml];

fn path(key: &str) -> KeyPath {
    key.split('.').map(str::to_owned).collect()
}

fn wanted(format: Format, keys: &[(&str, Value)]) -> Wanted<'static> {
    let keys = keys.iter().map(|(key, value)| (path(key), value.clone())).collect();
    Wanted { tool: "tool", format, keys }
}

fn set(format: Format, text: &str, keys: &[(&str, Value)]) -> (String, Touched) {
    let now = Some(text);
    let (text, mut touched) = done(&wanted(format, keys), None, now, Vec::new()).unwrap();
    settle(&mut touched);
    (text, touched)
}

/// The same as if somebody had touched the file, so that the keys are taken out one by one.
fn out_by_keys(touched: &Touched, now: &str) -> Option<String> {
    let mut touched = touched.clone();
    touched.left.clear();
    undone(&touched, Some(now)).unwrap().text
}

#[track_caller]
fn rows(format: Format, keys: &[(&str, Value)], rows: &[(&str, String)]) {
    for (before, after) in rows {
        for (mark, end) in [("", "\n"), ("\u{feff}", "\n"), ("", "\r\n")] {
            let (before, after) = (before.replace('\n', end), after.replace('\n', end));
            if end == "\r\n" && !before.contains(end) {
                continue;
            }
            let (before, after) = (format!("{mark}{before}"), format!("{mark}{after}"));
            let (text, touched) = set(format, &before, keys);
            assert_eq!(text, after, "{before:?}");
            let (again, same) = done(&wanted(format, keys), Some(&touched), Some(&text), Vec::new()).unwrap();
            assert_eq!((&again, &same), (&text, &touched), "a second time: {before:?}");
            assert_eq!(undone(&touched, Some(&text)).unwrap().text.as_deref(), Some(&*before));
            let out = out_by_keys(&touched, &text).unwrap();
            let tight = |text: &str| text.split_whitespace().collect::<String>();
            let bare = matches!(tight(&before).as_str(), "" | "{}") || tight(&out).ends_with("{}");
            assert!(out == before || bare, "{before:?} became {out:?}");
        }
    }
}

#[test]
fn json_before_and_after() {
    let keys = [("env.A", json!("x")), ("env.B", json!(true))];
    let new = "{\n  \"env\": {\n    \"A\": \"x\",\n    \"B\": true\n  }\n}";
    rows(
        Format::Json,
        &keys,
        &[
            ("", format!("{new}\n")),
            ("{}", new.to_owned()),
            ("{\n}\n", format!("{new}\n")),
            ("// only words\n", format!("// only words\n{new}\n")),
            ("{\"a\": 1}", "{\"a\": 1, \"env\": {\n  \"A\": \"x\",\n  \"B\": true\n}}".to_owned()),
            (
                "{\n\t\"a\": 1, // one\n\t/* two */ \"b\": [1, 2,]\n}\n",
                "{\n\t\"a\": 1, // one\n\t/* two */ \"b\": [1, 2,],\n\t\"env\": {\n\t\t\"A\": \"x\",\n\t\t\"B\": true\n\t}\n}\n".to_owned(),
            ),
            (
                "{\n    \"b\": 2, // last\n    // end\n}",
                "{\n    \"b\": 2, // last\n    \"env\": {\n        \"A\": \"x\",\n        \"B\": true\n    },\n    // end\n}".to_owned(),
            ),
            (
                "{\n    \"b\": 2 // last\n    // end\n}",
                "{\n    \"b\": 2, // last\n    \"env\": {\n        \"A\": \"x\",\n        \"B\": true\n    }\n    // end\n}".to_owned(),
            ),
            ("{\"env\": {\"A\" :  \"old\" , \"Z\": 0}}", "{\"env\": {\"A\" :  \"x\" , \"Z\": 0, \"B\": true}}".to_owned()),
            (
                "{\n  \"env\": { // mine\n  },\n  \"z\": null\n}\n",
                "{\n  \"env\": { // mine\n    \"A\": \"x\",\n    \"B\": true\n  },\n  \"z\": null\n}\n".to_owned(),
            ),
        ],
    );
}

#[test]
fn toml_before_and_after() {
    let keys = [("provider", json!("aigw")), ("many.aigw.url", json!("u")), ("many.aigw.ws", json!(true))];
    let table = "[many.aigw]\nurl = \"u\"\nws = true\n";
    rows(
        Format::Toml,
        &keys,
        &[
            ("", format!("provider = \"aigw\"\n\n{table}")),
            ("a = 1", "a = 1\nprovider = \"aigw\"\n\n[many.aigw]\nurl = \"u\"\nws = true".to_owned()),
            ("a = 1 # one\n# end\n", format!("a = 1 # one\nprovider = \"aigw\"\n# end\n\n{table}")),
            ("# top\n[t]\nb = 1\n", format!("provider = \"aigw\"\n\n# top\n[t]\nb = 1\n\n{table}")),
            (
                "provider   =  'old' # mine\n[many.other]\nx = 1\n\n[z]\n",
                format!("provider   =  \"aigw\" # mine\n[many.other]\nx = 1\n\n[z]\n\n{table}"),
            ),
            (
                "many.other.url = [\n 1,\n] # many\n\n[z]\n",
                "many.other.url = [\n 1,\n] # many\nmany.aigw.url = \"u\"\nmany.aigw.ws = true\nprovider = \"aigw\"\n\n[z]\n".to_owned(),
            ),
            (
                "many = { other = { x = 1 } } # in braces\n",
                "many = { other = { x = 1 }, aigw = { url = \"u\", ws = true } } # in braces\nprovider = \"aigw\"\n".to_owned(),
            ),
            (
                "[many.aigw]\n# ours?\nurl = 'old'\n\n# z\n[z]\nk = 1\n",
                "provider = \"aigw\"\n\n[many.aigw]\n# ours?\nurl = \"u\"\nws = true\n\n# z\n[z]\nk = 1\n".to_owned(),
            ),
            ("[many]\n[z]\n", format!("provider = \"aigw\"\n\n[many]\n[z]\n\n{table}")),
        ],
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    for (format, text, place) in [
        (Format::Json, "{\n  \"a\": 1,,\n}", "line 2, column 10"),
        (Format::Json, "\u{feff}{ a: 1 }", "line 1, column 4"),
        (Format::Json, "[1]", "line 1, column 1"),
        (Format::Json, "{\"a\": 1", "line 1"),
        (Format::Json, "{\"env\": 1}", "line 1, column 9"),
        (Format::Toml, "a = 1\nb = \n", "line 2, column 5"),
        (Format::Toml, "a = 1\na = 2\n", "line 2, column 1"),
        (Format::Toml, "env = 1\n", "line 1, column 7"),
        (Format::Toml, "[[env]]\n", "env"),
    ] {
        let refusal = format.set(text, &path("env.A"), &json!("x")).unwrap_err();
        let fault = refusal.fault(std::path::Path::new("/f"), text);
        assert!(fault.what.contains(place), "{text:?}: {fault}");
    }
}

#[test]
fn a_value_that_moved_is_changed_in_place_and_ours_is_never_the_old_one() {
    for (format, text) in
        [(Format::Json, "{ \"k\": \"theirs\", \"z\": 1 }"), (Format::Toml, "k = 'theirs'\nz = 1\n")]
    {
        let (one, first) = set(format, text, &[("k", json!("one")), ("gone", json!(1))]);
        let (two, second) =
            done(&wanted(format, &[("k", json!("two"))]), Some(&first), Some(&one), Vec::new()).unwrap();
        assert!(!two.contains("gone") && two.contains("two"), "{two}");
        // Whichever of the two a crash has left.
        for now in [&one, &two] {
            assert_eq!(undone(&second, Some(now)).unwrap().text.as_deref(), Some(text), "{now}");
        }
        let old: Vec<_> = second.keys.iter().map(|held| held.old.clone().unwrap()).collect();
        assert_eq!(old, [if format == Format::Json { "\"theirs\"" } else { "'theirs'" }]);
    }
}

#[test]
fn what_somebody_changed_is_theirs() {
    for (format, text) in [(Format::Json, "{ \"k\": \"old\" }"), (Format::Toml, "k = \"old\"\n")] {
        let (now, touched) = set(format, text, &[("k", json!("ours")), ("more", json!("x"))]);
        let drifted = now.replace("ours", "drifted");
        let undone = undone(&touched, Some(&drifted)).unwrap();
        assert_eq!(undone.text.unwrap(), text.replace("old", "drifted"));
        assert_eq!(undone.theirs, [path("k")]);
        // Set up again: what they had last is what comes back.
        let again = wanted(format, &[("k", json!("ours")), ("more", json!("x"))]);
        let (now, touched) = done(&again, Some(&touched), Some(&drifted), Vec::new()).unwrap();
        assert_eq!(
            super::change::undone(&touched, Some(&now)).unwrap().text.unwrap(),
            text.replace("old", "drifted")
        );
    }
}

#[test]
fn a_file_of_ours_goes_unless_somebody_added_to_it() {
    for format in KEYS {
        let keys = [("a.b", json!("x")), ("a.c", json!(1))];
        let (text, touched) = done(&wanted(format, &keys), None, None, Vec::new()).unwrap();
        assert_eq!(undone(&touched, Some(&text)).unwrap().text, None);
        let tidied = match format {
            Format::Json => format!("{}\n\n", text.replace("  ", "\t")),
            Format::Toml => text.replace(" = ", "="),
        };
        assert_eq!(undone(&touched, Some(&tidied)).unwrap().text, None, "{tidied}");
        let added = match format {
            Format::Json => text.replacen('{', "{ \"mine\": 1,", 1),
            Format::Toml => format!("mine = 1\n{text}"),
        };
        let left = undone(&touched, Some(&added)).unwrap().text.unwrap();
        assert_eq!(format.read(&left).unwrap(), json!({ "mine": 1 }));
        assert_eq!(undone(&touched, None).unwrap().text, None);
    }
}

#[test]
fn a_key_of_ours_that_nobody_remembers_is_not_taken_for_the_users() {
    let text = "{ \"env\": { \"URL\": \"http://127.0.0.1:1/a\", \"KEY\": \"aigw_tool_x\" }, \"z\": 1 }";
    let keys = [("env.URL", json!("http://127.0.0.1:2/a")), ("env.KEY", json!("aigw_tool_y"))];
    let (now, touched) = set(Format::Json, text, &keys);
    assert!(touched.keys.iter().all(|held| held.old.is_none()));
    let out = undone(&touched, Some(&now)).unwrap().text.unwrap();
    assert_eq!(Format::Json.read(&out).unwrap(), json!({ "env": {}, "z": 1 }));
}

// -- anything in between ----------------------------------------------------------------------------------------------

/// A file of somebody's: members, comments, spacing.
fn somebodys(format: Format) -> BoxedStrategy<String> {
    let piece =
        (0..7, 0..40_u8, "[ a-z,:=\\[{#]{0,9}").prop_map(move |(kind, id, words)| match (format, kind) {
            (Format::Json, 0) => format!("  // {words}\n"),
            (Format::Json, 1) => format!("  /* {words} */\n"),
            (Format::Json, 2) => format!("  \"k{id}\" : {{ \"deep\":[ {id},2 ] }}, // {words}\n"),
            (Format::Json, 3) => format!("\t\"s{id}\": {words:?},"),
            (Format::Json, 4) => "  \"env\": { \"MINE\": \"1\" },\n".to_owned(),
            (Format::Json, 5) => format!("\"env\": {{\n    \"A\" :\"old{id}\" // {words}\n  }}, \n"),
            (Format::Json, _) => "\n".to_owned(),
            (Format::Toml, 0 | 1) => format!("# {words}\n"),
            (Format::Toml, 2) => format!("[k{id}] # {words}\n  deep=[ {id},2 ]\n"),
            (Format::Toml, 3) => format!("s{id} = {words:?}\n"),
            (Format::Toml, 4) => format!("[env.x{id}]\nMINE = 1\n"),
            (Format::Toml, 5) => format!("[env]\n  A = 'old{id}' # {words}\n"),
            (Format::Toml, _) => "\n".to_owned(),
        });
    let pieces = (proptest::collection::vec(piece, 0..7), any::<bool>(), any::<bool>());
    pieces
        .prop_map(move |(pieces, trailing, windows)| {
            let mut text = pieces.concat();
            if format == Format::Json {
                text = format!("{{\n{text}}}\n");
                if !trailing {
                    let bare = last_comma(&text);
                    text = bare.unwrap_or(text);
                }
            } else if !trailing {
                text = text.trim_end_matches('\n').to_owned();
            }
            if windows { text.replace('\n', "\r\n") } else { text }
        })
        .prop_filter("such a file cannot be read", move |text| format.read(text).is_ok())
        .boxed()
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

/// What somebody, or their tool, does to it: puts something in, or takes something out. What would make it unreadable is not
/// done.
fn touched_by_others(format: Format, text: &str, acts: &[(u16, usize, u8)]) -> String {
    let put = match format {
        Format::Json => {
            ["\n", " ", "// note\n", "/* note */", "\"n1\": 1, ", ", \"n2\": {\"x\": 2}", "\t", "9"]
        }
        Format::Toml => ["\n", " ", "# note\n", " # note", "n1 = 1\n", "\n[n2]\nx = 1\n", "\n", "9"],
    };
    acts.iter().fold(text.to_owned(), |text, (place, what, length)| {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        if places.is_empty() {
            return text;
        }
        let at = places[usize::from(*place) % places.len()];
        let changed = match put.get(*what) {
            Some(put) => format!("{}{put}{}", &text[..at], &text[at..]),
            None => {
                let stop = places
                    .iter()
                    .copied()
                    .find(|stop| *stop > at + usize::from(*length))
                    .unwrap_or(text.len());
                format!("{}{}", &text[..at], &text[stop..])
            }
        };
        if format.read(&changed).is_ok() { changed } else { text }
    })
}

/// Whether `less` is `text` with some characters taken out.
fn is_part(less: &str, text: &str) -> bool {
    let mut rest = text.chars();
    less.chars().filter(|c| !c.is_whitespace()).all(|c| rest.any(|other| other == c))
}

fn only_our_keys_move(format: Format, text: &str, acts: &[(u16, usize, u8)]) -> Result<(), TestCaseError> {
    let keys = [("top", json!("aigw")), ("env.A", json!("ours")), ("env.deep.B", json!(true))];
    let Ok((now, mut known)) = done(&wanted(format, &keys), None, Some(text), Vec::new()) else {
        // A place where it cannot be set: then nothing is.
        return Ok(());
    };
    settle(&mut known);
    prop_assert_eq!(undone(&known, Some(&now)).unwrap().text, Some(text.to_owned()));
    let drifted = touched_by_others(format, &now, acts);
    let Ok(after) = undone(&known, Some(&drifted)) else { return Ok(()) };
    let after_text = after.text.unwrap_or_default();
    // In meaning: each key that was still ours is as it was, and nothing else has changed.
    let mut meant = format.read(&drifted).unwrap();
    for held in known.keys.iter().rev() {
        let found = at(&meant, &held.path).cloned();
        if found.is_some_and(|found| held.ours.contains(&found)) {
            match at(&format.read(text).unwrap(), &held.path).cloned() {
                Some(old) => put(&mut meant, &held.path, old),
                None => take(&mut meant, &held.path),
            }
        }
    }
    let read = format.read(&after_text).unwrap();
    prop_assert!(same(&read, &meant), "{drifted:?}\nbecame {after_text:?}");
    // In characters: no more is gone than our keys, and nothing has come but old values.
    if known.keys.iter().all(|held| held.old.is_none()) && !is_within_a_key(&drifted) {
        prop_assert!(is_part(&after_text, &drifted), "{drifted:?}\nbecame {after_text:?}");
        let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let ours = "\"top\":\"aigw\",\"env\":{\"A\":\"ours\",\"deep\":{\"B\":true},},[env][env.deep]".len();
        prop_assert!(ink(&drifted) - ink(&after_text) <= ours, "{drifted:?}\nbecame {after_text:?}");
    }
    for note in ["// note", "/* note */", "# note"] {
        let count = |text: &str| text.matches(note).count();
        prop_assert!(
            count(&after_text) == count(&drifted) || is_within_a_key(&drifted),
            "{drifted:?}\nbecame {after_text:?}"
        );
    }
    Ok(())
}

/// Whether a comment stands between one of our names and its value. It goes with them.
fn is_within_a_key(text: &str) -> bool {
    ["top", "env", "A", "deep", "B"].iter().any(|name| {
        text.match_indices(&format!("\"{name}\"")).any(|(at, name)| {
            let rest = text[at + name.len()..].trim_start();
            rest.starts_with('/')
                || rest.strip_prefix(':').is_some_and(|rest| rest.trim_start().starts_with('/'))
        })
    })
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn only_our_keys_move_in_json(text in somebodys(Format::Json), acts in acts()) {
        only_our_keys_move(Format::Json, &text, &acts)?;
    }

    #[test]
    fn only_our_keys_move_in_toml(text in somebodys(Format::Toml), acts in acts()) {
        only_our_keys_move(Format::Toml, &text, &acts)?;
    }

    #[test]
    fn another_mode_of_a_tool_with_json(text in somebodys(Format::Json)) {
        another_mode_is_as_if_set_up_anew(Format::Json, &text)?;
    }

    #[test]
    fn another_mode_of_a_tool_with_toml(text in somebodys(Format::Toml)) {
        another_mode_is_as_if_set_up_anew(Format::Toml, &text)?;
    }
}
