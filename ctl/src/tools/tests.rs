//! The rows, and what becomes of them.

use std::collections::{HashMap, HashSet};

use std::path::Path;

use serde_json::Value;

use super::desk::System;
use super::*;

fn at(folder: &Path) -> Desk {
    Desk {
        home: folder.to_owned(),
        system: System::Linux,
        path: vec![folder.join("bin")],
        variable: |_| None,
    }
}

#[test]
fn a_row_names_a_key_that_can_be_and_files_of_its_own() {
    let (mut ids, mut files) = (HashSet::new(), HashMap::new());
    let trust = CaTrust { added: "/ca/roots.pem".into(), bundle: "/ca/bundle.pem".into() };
    let door = Door {
        address: "127.0.0.1:2449".into(),
        key: "aigw_x_y".into(),
        trust: Some(trust),
        exceptions: String::new(),
    };
    for tool in TOOLS {
        assert!(aigw_shared::key::is_name(tool.id) && ids.insert(tool.id), "{}", tool.id);
        assert!(!tool.ways.is_empty(), "{}", tool.id);
        for way in tool.ways {
            let impossible = matches!(way.how, How::Impossible { .. });
            assert_eq!(impossible, way.evidence.kind == Proof::Impossible, "{}", tool.id);
            assert!(way.evidence.date.starts_with("20"), "{}", tool.id);
            assert_eq!(tool.way(Some(way.mode)).map(std::ptr::from_ref), Some(std::ptr::from_ref(way)));
            for (file, wanted) in way.wanted(tool.id, &at(Path::new("/home")), &door) {
                let other = files.insert(file.clone(), tool.id).is_some_and(|other| other != tool.id);
                assert!(!other, "{} twice", file.display());
                let text = wanted.keys.iter().map(|(_, value)| value.to_string()).collect::<String>();
                assert!(text.contains("aigw_x_y") && text.contains("127.0.0.1:2449"), "{text}");
            }
        }
    }
}

/// What the README says of a tool.
fn readme_row(tool: &Tool, way: &Way) -> String {
    let mode = match way.mode {
        Mode::BaseUrl => "base URL",
        Mode::Proxy => "proxy",
    };
    let (mode, how) = match way.how {
        How::Files(files) => {
            let files: Vec<_> = files.iter().map(|settings| format!("`~/{}`", settings.file)).collect();
            (mode, files.join(", "))
        }
        How::Steps(_) => (mode, "prints the steps".to_owned()),
        How::Impossible { .. } => ("none", "refuses, with the reason".to_owned()),
    };
    let Evidence { kind, version, date } = way.evidence;
    let proof = format!("{} {version}", kind.word());
    format!("| `{}` | {} | {mode} | {how} | {}, {date} |\n", tool.id, tool.name, proof.trim_end())
}

#[test]
fn the_readme_has_these_rows() {
    let ways = TOOLS.iter().flat_map(|tool| tool.ways.iter().map(move |way| (tool, way)));
    let rows: String = ways.map(|(tool, way)| readme_row(tool, way)).collect();
    let readme = include_str!("../../../README.md").replace("\r\n", "\n");
    assert!(
        readme.contains(&format!("| --- | --- | --- | --- | --- |\n{rows}\n")),
        "README.md should say\n{rows}"
    );
}

#[test]
fn a_managed_file_is_named_if_it_sets_our_keys() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("managed-settings.json");
    let How::Files([settings]) = &Tool::named("claude-code").unwrap().way(None).unwrap().how else {
        panic!()
    };
    assert_eq!(settings.overruled_by(&file), None);
    for (text, words) in [
        ("{ \"env\": { \"OTHER\": \"1\" } }", None),
        ("no JSON", None),
        (
            "{ \"env\": { \"ANTHROPIC_BASE_URL\": \"https://a\" } }",
            Some("sets env.ANTHROPIC_BASE_URL, and goes"),
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = settings.overruled_by(&file);
        assert_eq!(said.is_some(), words.is_some(), "{text}");
        assert!(said.is_none_or(|said| said.contains(words.unwrap_or_default())), "{text}");
    }
}

#[test]
fn a_tool_is_found_by_its_program_or_its_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let desk = at(scratch.path());
    let tool = Tool::named("codex").unwrap();
    assert_eq!(tool.found(&desk), None);
    std::fs::create_dir(scratch.path().join(".codex")).unwrap();
    assert_eq!(tool.found(&desk), Some(scratch.path().join(".codex")));
    std::fs::create_dir(scratch.path().join("bin")).unwrap();
    std::fs::write(scratch.path().join("bin/codex"), "").unwrap();
    assert_eq!(tool.found(&desk), Some(scratch.path().join("bin/codex")));
}
