//! What is set and undone in texts of each format, and what is refused.

mod drift;
mod others;
mod yaml;

use serde_json::json;

use super::change::{Wanted, done, settle, undone};
use super::ledger::Touched;
use super::*;

/// Those that hold keys in keys.
const KEYS: [Format; 3] = [Format::Json, Format::Toml, Format::Yaml];

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
            let tight = |text: &str| split_mark(text).1.split_whitespace().collect::<String>();
            let bare = format.is_bare(&before)
                || tight(&out).ends_with("{}")
                || tight(&out).ends_with("[]")
                || tight(&out).contains("\"></component>");
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
        (Format::Json, "\n1", "line 2, column 1"),
        (Format::Json, "{\"a\": 1", "line 1"),
        (Format::Json, "{\"env\": 1}", "line 1, column 9"),
        (Format::Toml, "a = 1\nb = \n", "line 2, column 5"),
        (Format::Toml, "a = 1\na = 2\n", "line 2, column 1"),
        (Format::Toml, "env = 1\n", "line 1, column 7"),
        (Format::Toml, "[[env]]\n", "env"),
        (Format::Yaml, "a: 1\nb: [\n", "line"),
        (Format::Yaml, "a: 1\n b: 2\n", "line 2"),
        (
            Format::Yaml,
            "a: 1\n\tb: 2\n",
            "line 1, column 4: this is no YAML: while scanning a plain scalar, found a tab",
        ),
        (Format::Yaml, "\u{feff}a: 1\na: 2\n", "line 2, column 1"),
        (Format::Yaml, "env: 1\n", "line 1, column 6"),
        (Format::Yaml, "env:\n", "line 1, column 5"),
        (Format::Yaml, "- a\n- b\n", "line 1, column 1"),
        (Format::Yaml, "words\n", "line 1, column 1"),
        (Format::Yaml, "a: 1\n---\nb: 1\n", "line 2, column 1"),
        (Format::Yaml, "env: &e\n  B: 1\nf: *e\n", "line 2, column 3"),
        (Format::Yaml, "f: &e\n  B: 1\nenv: *e\n", "line 3, column 6"),
        (Format::Yaml, "f: &e\n  B: 1\nenv:\n  <<: *e\n", "line 4, column 3"),
        (Format::Yaml, "env:\n  A: &a old\n", "line 2"),
        (Format::Yaml, "? [a, b]\n: c\n", "line 1"),
        (Format::Env, "A=1\n  words\n", "line 2, column 8"),
        (Format::Env, "=1\n", "line 1, column 1"),
        (Format::Env, "A=1\nB=\"x\n\n", "line 2, column 3"),
        (Format::Env, "A='x'y\n", "line 1, column 6"),
        (Format::Jetbrains, "<application>\n  <component>\n</application>", "line 3, column 1"),
        (Format::Jetbrains, "<!DOCTYPE a [<!ENTITY b \"c\">]><application/>", "line 1"),
        (Format::Jetbrains, "<project/>", "line 1, column 1: <application>"),
        (
            Format::Jetbrains,
            "<application><component name=\"env\">\n<option name=\"A\"><list/></option></component></application>",
            "line 2, column 1",
        ),
        (Format::Shell, "a\n# >>> aigw x >>>\n", "line 2, column 1"),
        (Format::Shell, "a\n# <<< aigw x <<<\n", "line 2, column 1"),
        (Format::Shell, "# >>> aigw x >>>\n# >>> aigw y >>>\n# <<< aigw x <<<\n", "line 2, column 1"),
    ] {
        let key = if matches!(format, Format::Env | Format::Shell) { "A" } else { "env.A" };
        let refusal = format.set(text, &path(key), &json!("x")).unwrap_err();
        let fault = refusal.fault(std::path::Path::new("/f"), text);
        assert!(fault.what.contains(place), "{text:?}: {fault}");
    }
}

#[test]
fn a_value_that_moved_is_changed_in_place_and_ours_is_never_the_old_one() {
    for (format, text) in [
        (Format::Json, "{ \"k\": \"theirs\", \"z\": 1 }"),
        (Format::Toml, "k = 'theirs'\nz = 1\n"),
        (Format::Yaml, "k: 'theirs'\nz: 1\n"),
    ] {
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
    for (format, text) in [
        (Format::Json, "{ \"k\": \"old\" }"),
        (Format::Toml, "k = \"old\"\n"),
        (Format::Yaml, "k: old # mine\n"),
        (Format::Env, "k=old # mine\n"),
    ] {
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
            _ => text.replace(": ", ":   ").replace("  b", " b").replace("  c", " c"),
        };
        assert_eq!(undone(&touched, Some(&tidied)).unwrap().text, None, "{tidied}");
        let added = match format {
            Format::Json => text.replacen('{', "{ \"mine\": 1,", 1),
            Format::Toml => format!("mine = 1\n{text}"),
            _ => format!("mine: 1\n{text}"),
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

#[test]
fn an_element_of_ours_that_nobody_remembers_goes_with_its_keys() {
    let text = "models:\n  - name: other\n  - name: aigw\n    apiKey: aigw_tool_x\n";
    let (now, touched) = set(Format::Yaml, text, &[("models.[name=aigw].apiKey", json!("aigw_tool_y"))]);
    let out = undone(&touched, Some(&now)).unwrap().text.unwrap();
    assert_eq!(out, "models:\n  - name: other\n");
}
