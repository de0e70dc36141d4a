//! What holds for every conversation, and every cut of a stream.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{body, claude, gpt};
use crate::translate::conversation::Thought;
use crate::translate::gemini::models::{self, Listed};
use crate::translate::{Target, base64, carrier};

fn text() -> impl Strategy<Value = String> {
    "[a-z\u{e9}\u{1f440} ]{0,12}"
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", "[a-z.:]{1,80}"]
}

fn part() -> impl Strategy<Value = Value> {
    let id = prop_oneof![Just(Value::Null), "[a-z_!]{1,70}".prop_map(Value::from)];
    prop_oneof![
        text().prop_map(|text| json!({ "text": text })),
        text().prop_map(|text| json!({ "text": text, "thought": true })),
        (name(), id, text()).prop_map(|(name, id, value)| {
            json!({ "functionCall": { "name": name, "id": id, "args": { "v": value } } })
        }),
    ]
}

/// Turns of a model with calls, each answered or not, in any order, with or without ids.
fn conversation() -> impl Strategy<Value = Value> {
    let turn = (prop::collection::vec(part(), 0..4), any::<[bool; 4]>(), any::<bool>(), text());
    prop::collection::vec(turn, 1..5).prop_map(|turns| {
        let mut contents = vec![json!({ "parts": [{ "text": "begin" }] })];
        for (parts, answered, keep_id, said) in turns {
            let calls = parts.iter().filter_map(|part| part.get("functionCall"));
            let mut results: Vec<_> = calls
                .zip(answered)
                .filter(|(_, answered)| *answered)
                .map(|(call, _)| {
                    let id = if keep_id { call["id"].clone() } else { Value::Null };
                    let response = json!({ "output": "r" });
                    json!({ "functionResponse": { "name": call["name"], "id": id, "response": response } })
                })
                .collect();
            results.push(json!({ "text": said }));
            contents.push(json!({ "role": "model", "parts": parts }));
            contents.push(json!({ "role": "user", "parts": results }));
        }
        json!({ "contents": contents })
    })
}

fn fits(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Anthropic's rules: roles alternate, the user is first and last, no text is empty, and the results of all calls of
    /// a turn stand first in the next.
    #[test]
    fn every_conversation_keeps_anthropics_rules(asked in conversation()) {
        let there = body(&claude("claude-sonnet-4-5"), &asked);
        let messages = there["messages"].as_array().unwrap();
        prop_assert_eq!(&messages[0]["role"], "user");
        prop_assert_eq!(&messages.last().unwrap()["role"], "user");
        let mut open: Vec<&str> = Vec::new();
        for pair in messages.windows(2) {
            prop_assert_ne!(&pair[0]["role"], &pair[1]["role"]);
        }
        for message in messages {
            let blocks = message["content"].as_array().unwrap();
            prop_assert!(!blocks.is_empty());
            let answered: Vec<_> = blocks.iter().map_while(|block| block["tool_use_id"].as_str()).collect();
            prop_assert_eq!(blocks.iter().filter(|block| block["type"] == "tool_result").count(), answered.len());
            if message["role"] == "user" {
                let mut sorted = (answered.clone(), std::mem::take(&mut open));
                sorted.0.sort_unstable();
                sorted.1.sort_unstable();
                prop_assert_eq!(sorted.0, sorted.1);
            }
            for block in blocks {
                match block["type"].as_str().unwrap() {
                    "text" => prop_assert_ne!(&block["text"], ""),
                    "tool_use" => {
                        prop_assert!(fits(block["id"].as_str().unwrap()) && fits(block["name"].as_str().unwrap()));
                        open.push(block["id"].as_str().unwrap());
                    }
                    _ => {}
                }
            }
        }
        let marks = there.to_string().matches("cache_control").count();
        prop_assert!(marks <= 4);
    }

    /// OpenAI's: each call has one output after it.
    #[test]
    fn every_conversation_keeps_openais_rules(asked in conversation()) {
        let there = body(&gpt("gpt-5"), &asked);
        let mut open: Vec<&str> = Vec::new();
        for item in there["input"].as_array().unwrap() {
            match item["type"].as_str().unwrap() {
                "function_call" => open.push(item["call_id"].as_str().unwrap()),
                "function_call_output" => {
                    let id = item["call_id"].as_str().unwrap();
                    let at = open.iter().position(|call| *call == id);
                    prop_assert!(at.is_some());
                    open.remove(at.unwrap());
                }
                _ => {}
            }
        }
        prop_assert!(open.is_empty());
    }

    /// The same request always becomes the same bytes, or nothing would ever be cached.
    #[test]
    fn the_same_becomes_the_same(asked in conversation()) {
        let claude = claude("claude-sonnet-4-5");
        prop_assert_eq!(body(&claude, &asked).to_string(), body(&claude, &asked).to_string());
    }

    #[test]
    fn thoughts_come_back_whole_in_either_alphabet(
        pieces in prop::collection::vec((0..3u8, ".{0,40}", "[A-Za-z0-9+/=]{0,300}"), 0..4),
    ) {
        let thoughts: Vec<_> = pieces
            .into_iter()
            .map(|(kind, text, seal)| match kind {
                0 => Thought::Signed { text, signature: seal },
                1 => Thought::Redacted { data: seal },
                _ => Thought::Sealed { summary: vec![text.clone(), text], content: seal },
            })
            .collect();
        let origin = claude("m");
        let packed = carrier::pack(&origin, &thoughts);
        prop_assert_eq!(packed.len() % 4, 0);
        let urlsafe = packed.replace('+', "-").replace('/', "_");
        let bare = urlsafe.trim_end_matches('=');
        for form in [packed.as_str(), urlsafe.as_str(), bare] {
            prop_assert_eq!(carrier::unpack(&origin, form), Some(thoughts.clone()));
            prop_assert_eq!(carrier::unpack(&gpt("m"), form), None);
            prop_assert_eq!(carrier::unpack(&claude("n"), form), None);
        }
    }

    #[test]
    fn no_signature_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0..20usize) {
        let origin = claude("m");
        let mut odd = base64::decode(&carrier::pack(&origin, &[])).unwrap();
        odd.truncate(at.min(odd.len()));
        odd.extend(bytes);
        let _ = carrier::unpack(&origin, &base64::encode(&odd));
    }
}

fn listed() -> Vec<Listed> {
    let row = |provider: &str, target, models: &[&str]| Listed {
        provider: provider.into(),
        target: Some(target),
        models: models.iter().map(|model| (*model).to_owned()).collect(),
    };
    vec![
        row("anthropic", Target::Anthropic, &["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"]),
        row("openai", Target::Responses, &["text-embedding-3", "gpt-5-codex", "gpt-5-mini", "gpt-5"]),
    ]
}

#[test]
fn a_model_stands_for_each_of_googles() {
    let all = listed();
    let (first, second) = (&all[..1], &all[1..]);
    for (asked, claude, gpt) in [
        ("gemini-3.5-flash-lite", "claude-haiku-4-5", "gpt-5-mini"),
        ("models/gemini-2.5-flash", "claude-sonnet-4-5", "gpt-5"),
        ("gemini-3.1-pro-preview-customtools", "claude-opus-4-5", "gpt-5"),
        ("auto", "claude-sonnet-4-5", "gpt-5"),
        ("gemma-3", "claude-sonnet-4-5", "gpt-5"),
    ] {
        assert_eq!(models::choose(asked, &[], first).unwrap().model, claude, "{asked}");
        assert_eq!(models::choose(asked, &[], second).unwrap().model, gpt, "{asked}");
    }
    let chosen = |asked: &str, rules: &[(&str, &str)]| {
        let rules: Vec<_> = rules.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        models::choose(asked, &rules, &all).map(|origin| format!("{}/{}", origin.provider, origin.model))
    };
    for (asked, rules, there) in [
        ("gpt-5", &[][..], Some("openai/gpt-5")),
        ("claude-not-listed", &[], Some("anthropic/claude-not-listed")),
        ("openai/gpt-5-new", &[], Some("openai/gpt-5-new")),
        ("llama-4", &[], None),
        ("gemini-2.5-pro", &[("gemini-*-pro*", "gpt-5"), ("*", "claude-haiku-4-5")], Some("openai/gpt-5")),
        ("gemini-2.5-flash", &[("gemini-*-pro*", "gpt-5"), ("*", "x/y")], None),
        ("gemini-2.5-flash", &[("gemini-2.5-flash", "anthropic/claude-z")], Some("anthropic/claude-z")),
    ] {
        assert_eq!(chosen(asked, rules).as_deref(), there, "{asked} {rules:?}");
    }
    assert!(models::choose("gemini-2.5-pro", &[], &[]).is_none());
}
