//! The rows, and what becomes of them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use aigw_shared::ipc::payload::ProviderModels;
use serde_json::{Value, json};

use super::desk::System;
use super::*;
use crate::settings::change;

pub(super) fn at(folder: &Path) -> Desk {
    Desk {
        home: folder.to_owned(),
        system: System::Linux,
        path: vec![folder.join("bin")],
        in_wsl: false,
        own_home: None,
        variable: |_| None,
        shell_file: None,
    }
}

/// A deployment with two models of one provider and one of another.
pub(super) fn door() -> Door {
    let row = |provider: &str, models: &[&str]| ProviderModels {
        provider: provider.to_owned(),
        models: models.iter().map(|id| (*id).to_owned()).collect(),
        trouble: None,
    };
    Door {
        address: "127.0.0.1:2449".into(),
        key: "aigw_x_y".into(),
        trust: Some(CaTrust { added: "/ca/roots.pem".into(), bundle: "/ca/bundle.pem".into() }),
        exceptions: String::new(),
        models: Offered::of(&[row("anthropic", &["claude-a", "claude-b"]), row("openai", &["gpt-x"])]),
    }
}

fn way(id: &str, mode: Option<Mode>) -> &'static Way {
    Tool::named(id).unwrap().way(mode).unwrap()
}

/// What a tool's new files say, by their names below the home.
fn written(id: &str, desk: &Desk, door: &Door) -> HashMap<String, Value> {
    let wanted = way(id, None).wanted("x", desk, door).into_iter();
    let read = |(file, wanted): (PathBuf, crate::settings::change::Wanted<'_>)| {
        let (text, _) = change::done(&wanted, None, None, Vec::new()).unwrap();
        let name = file.strip_prefix(&desk.home).unwrap().to_str().unwrap().to_owned();
        (name, wanted.format.read(&text).unwrap())
    };
    wanted.map(read).collect()
}

#[test]
fn a_row_names_a_key_that_can_be_and_files_of_its_own() {
    for system in [System::Linux, System::MacOs, System::Windows] {
        let desk = Desk { system, ..at(Path::new("/home")) };
        let (mut ids, mut files) = (HashSet::new(), HashMap::new());
        for tool in TOOLS {
            assert!(aigw_shared::key::is_name(tool.id) && ids.insert(tool.id), "{}", tool.id);
            assert!(!tool.ways.is_empty(), "{}", tool.id);
            for way in tool.ways {
                let impossible = matches!(way.how, How::Impossible { .. });
                assert_eq!(impossible, way.evidence.kind == Proof::Impossible, "{}", tool.id);
                assert!(way.evidence.date.starts_with("20"), "{}", tool.id);
                assert_eq!(tool.way(Some(way.mode)).map(std::ptr::from_ref), Some(std::ptr::from_ref(way)));
                let mut text = String::new();
                for (file, wanted) in way.wanted(tool.id, &desk, &door()) {
                    let other = files.insert(file.clone(), tool.id).is_some_and(|other| other != tool.id);
                    assert!(!other, "{} twice", file.display());
                    assert!(file != desk.home, "{} has no file on {system:?}", tool.id);
                    text.extend(wanted.keys.iter().map(|(_, value)| value.to_string()));
                }
                let leads_here = text.contains("aigw_x_y") && text.contains("127.0.0.1:2449");
                assert!(leads_here != way.files().is_empty(), "{}: {text}", tool.id);
                // All users of a machine see arguments.
                assert!(!way.arguments(&door()).concat().contains("aigw_x_y"), "{}", tool.id);
            }
        }
    }
}

#[test]
fn the_files_of_every_row_can_be_made_and_taken_back() {
    let desk = at(Path::new("/home"));
    for tool in TOOLS {
        for way in tool.ways {
            for (file, wanted) in way.wanted(tool.id, &desk, &door()) {
                let name = file.display();
                let (text, mut touched) = change::done(&wanted, None, None, Vec::new())
                    .unwrap_or_else(|refusal| panic!("{name}: {}", refusal.fault(&file, "")));
                for (path, value) in &wanted.keys {
                    let found = wanted.format.find(&text, path).unwrap();
                    assert_eq!(found.map(|found| found.value).as_ref(), Some(value), "{name}\n{text}");
                }
                let (again, _) = change::done(&wanted, Some(&touched), Some(&text), Vec::new()).unwrap();
                assert_eq!(again, text, "{name}");
                change::settle(&mut touched);
                // Not as we left it, so that each key is taken out by itself.
                let changed = format!("{text}\n");
                let undone = change::undone(&touched, Some(&changed)).unwrap();
                assert_eq!(undone.text, None, "{name}\n{text}");
            }
        }
    }
}

#[test]
fn models_come_from_the_deployments_list() {
    let desk = at(Path::new("/home"));
    let file = |id: &str, name: &str| written(id, &desk, &door())[name].clone();
    let model = |name: &str, provider: &str, model: &str, base: &str| {
        json!({
            "name": name, "provider": provider, "model": model,
            "apiBase": format!("http://127.0.0.1:2449/{base}"), "apiKey": "aigw_x_y",
        })
    };
    assert_eq!(
        file("continue", ".continue/config.yaml"),
        json!({
            "name": "aigw", "version": "1.0.0",
            "models": [
                model("claude-a (aigw)", "anthropic", "claude-a", "anthropic/v1"),
                model("claude-b (aigw)", "anthropic", "claude-b", "anthropic/v1"),
                model("gpt-x (aigw)", "openai", "gpt-x", "openai/v1"),
            ],
        })
    );
    let vscode = file("vscode", ".config/Code/User/chatLanguageModels.json");
    assert_eq!(vscode[0]["vendor"], "customendpoint");
    assert_eq!(vscode[0]["models"].as_array().map(Vec::len), Some(2));
    assert_eq!(vscode[1]["models"][0]["url"], "http://127.0.0.1:2449/openai/v1/responses");
    assert_eq!(
        file("llm", ".config/io.datasette.llm/extra-openai-models.yaml"),
        json!([{
            "model_id": "aigw/gpt-x", "model_name": "gpt-x",
            "api_base": "http://127.0.0.1:2449/openai/v1", "api_key_name": "aigw",
        }])
    );
    // One, of the first provider that has any.
    assert_eq!(file("qwen", ".qwen/settings.json")["model"]["name"], "gpt-x");
    assert_eq!(file("cline", ".cline/data/settings/providers.json")["lastUsedProvider"], "openai-compatible");
    let mut only = door();
    only.models = only.models.limited_to(&["claude-b".to_owned()]);
    let cline = &written("cline", &desk, &only)[".cline/data/settings/providers.json"];
    assert_eq!(cline["lastUsedProvider"], "anthropic");
    assert_eq!(cline["providers"]["anthropic"]["settings"]["model"], "claude-b");
}

#[test]
fn a_tool_that_needs_models_and_gets_none_is_left_alone() {
    let desk = at(Path::new("/home"));
    let nothing = Door { models: Offered::default(), ..door() };
    for tool in TOOLS {
        for way in tool.ways.iter().filter(|way| way.names_models()) {
            assert!(way.lacks_models(&nothing) && !way.lacks_models(&door()), "{}", tool.id);
        }
    }
    // One provider of two is enough, and what is about the other is not written.
    let mut half = door();
    half.models = half.models.limited_to(&["gpt-x".to_owned()]);
    assert!(!way("crush", None).lacks_models(&half));
    let crush = &written("crush", &desk, &half)[".config/crush/crush.json"];
    assert_eq!(crush["providers"].as_object().unwrap().keys().collect::<Vec<_>>(), ["aigw-openai"]);
    assert!(
        way("aider", None)
            .lacks_models(&Door { models: Offered::default().limited_to(&["claude-b".into()]), ..door() })
    );
}

#[test]
fn a_file_is_where_the_system_and_its_variables_have_it() {
    let moving: fn(&str) -> Option<PathBuf> = |name| {
        ["XDG_CONFIG_HOME", "APPDATA", "CODEX_HOME"].contains(&name).then(|| Path::new("/moved").join(name))
    };
    for (id, system, usual, moved) in [
        ("codex", System::Linux, ".codex/config.toml", "/moved/CODEX_HOME/config.toml"),
        ("zed", System::Linux, ".config/zed/settings.json", "/moved/XDG_CONFIG_HOME/zed/settings.json"),
        ("zed", System::Windows, "AppData/Roaming/Zed/settings.json", "/moved/APPDATA/Zed/settings.json"),
        (
            "goose",
            System::Windows,
            "AppData/Roaming/Block/goose/config/custom_providers/aigw.json",
            "/moved/APPDATA/Block/goose/config/custom_providers/aigw.json",
        ),
        (
            "vscode",
            System::MacOs,
            "Library/Application Support/Code/User/chatLanguageModels.json",
            "/home/Library/Application Support/Code/User/chatLanguageModels.json",
        ),
    ] {
        let desk = Desk { system, ..at(Path::new("/home")) };
        let settings = &way(id, None).files()[0];
        assert_eq!(settings.place(&desk), Path::new("/home").join(usual), "{id}");
        assert_eq!(settings.place(&Desk { variable: moving, ..desk }), Path::new(moved), "{id}");
    }
}

#[test]
fn of_several_places_the_one_that_is_there_counts() {
    let scratch = tempfile::tempdir().unwrap();
    let desk = at(scratch.path());
    let place = |id: &str| {
        let (file, _) = way(id, None).wanted("x", &desk, &door()).remove(0);
        file.strip_prefix(scratch.path()).unwrap().to_str().unwrap().to_owned()
    };
    let make = |file: &str| {
        let file = scratch.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    };
    assert_eq!(place("opencode"), ".config/opencode/opencode.json");
    make(".config/opencode/opencode.jsonc");
    assert_eq!(place("opencode"), ".config/opencode/opencode.jsonc");
    make(".config/opencode/opencode.json");
    assert_eq!(place("opencode"), ".config/opencode/opencode.json");
    // Only the Insiders are here, without a file yet.
    make(".config/Code - Insiders/User/settings.json");
    assert_eq!(place("vscode"), ".config/Code - Insiders/User/chatLanguageModels.json");
    // A new form would silence the old one.
    make(".continue/config.json");
    assert_eq!(place("continue"), ".continue/config.json");
    let old = written("continue", &desk, &door());
    assert_eq!(old[".continue/config.json"]["models"][2]["title"], "gpt-x (aigw)");
    make(".continue/config.yaml");
    assert_eq!(place("continue"), ".continue/config.yaml");
}

#[test]
fn what_the_user_has_said_stays_where_we_only_fill_a_gap() {
    let scratch = tempfile::tempdir().unwrap();
    let desk = at(scratch.path());
    let file = scratch.path().join(".continue/config.yaml");
    fs::create_dir(file.parent().unwrap()).unwrap();
    let before = "name: Mine # here\nversion: 2.0.0\n";
    fs::write(&file, before).unwrap();
    let (_, wanted) = way("continue", None).wanted("continue", &desk, &door()).remove(0);
    let (text, touched) = change::done(&wanted, None, Some(before), Vec::new()).unwrap();
    assert!(text.starts_with(before) && text.contains("claude-b (aigw)"), "{text}");
    let undone = change::undone(&touched, Some(&format!("{text}# more\n"))).unwrap();
    assert_eq!(undone.text.as_deref(), Some("name: Mine # here\nversion: 2.0.0\n# more\n"));
    assert!(undone.theirs.is_empty(), "{:?}", undone.theirs);
}

#[test]
fn a_command_gets_what_its_tool_needs() {
    let given = |id: &str, door: &Door| {
        let way = way(id, Some(Mode::BaseUrl));
        (way.variables(door).into_iter().collect::<HashMap<_, _>>(), way.arguments(door))
    };
    let (copilot, _) = given("copilot-cli", &door());
    assert_eq!((&*copilot["COPILOT_MODEL"], &*copilot["COPILOT_PROVIDER_TYPE"]), ("gpt-x", "openai"));
    assert_eq!(copilot["COPILOT_PROVIDER_BASE_URL"], "http://127.0.0.1:2449/openai/v1");
    let mut only = door();
    only.models = only.models.limited_to(&["claude-b".to_owned()]);
    let (copilot, _) = given("copilot-cli", &only);
    assert_eq!((&*copilot["COPILOT_MODEL"], &*copilot["COPILOT_PROVIDER_TYPE"]), ("claude-b", "anthropic"));
    let nothing = Door { models: Offered::default(), ..door() };
    assert!(given("copilot-cli", &nothing).0.is_empty() && !way("copilot-cli", None).finds_model(&nothing));
    let (codex, arguments) = given("codex", &door());
    assert_eq!(codex["AIGW_KEY"], "aigw_x_y");
    assert_eq!(arguments[1], "model_provider=aigw-run");
    let provider = arguments[3].strip_prefix("model_providers.aigw-run=").unwrap();
    let provider = Format::Toml.read(&format!("x = {provider}\n")).unwrap();
    assert_eq!(provider["x"]["base_url"], "http://127.0.0.1:2449/openai/v1");
    let (opencode, _) = given("opencode", &door());
    let content: Value = serde_json::from_str(&opencode["OPENCODE_CONFIG_CONTENT"]).unwrap();
    assert_eq!(content["provider"]["anthropic"]["options"]["baseURL"], "http://127.0.0.1:2449/anthropic/v1");
    assert_eq!(content["provider"]["openai"]["options"]["apiKey"], "aigw_x_y");
}

#[test]
fn a_shell_that_is_asked_for_gets_a_block_of_variables() {
    for (shell, file) in
        [("/bin/bash", Some(".bashrc")), ("/usr/bin/zsh", Some(".zshrc")), ("nu", None), ("", None)]
    {
        assert_eq!(desk::shell_file(shell), file, "{shell}");
    }
    let desk = Desk { shell_file: Some("/home/.bashrc".into()), ..at(Path::new("/home")) };
    let copilot = way("copilot-cli", None).wanted("copilot-cli", &desk, &door());
    assert_eq!((copilot.len(), copilot[0].0.to_str()), (1, Some("/home/.bashrc")));
    assert!(copilot[0].1.keys[0].1.as_str().unwrap().contains("COPILOT_MODEL"));
    // Those that have a file of their own, or no variables, do not.
    assert!(way("roo", None).wanted("roo", &desk, &door()).is_empty());
    assert!(way("pi", None).wanted("pi", &desk, &door()).iter().all(|(file, _)| !file.ends_with(".bashrc")));
}

/// What is written down of a file is of one tool.
#[test]
fn one_tool_alone_may_have_a_block_in_a_shells_file() {
    let takes_a_block = |tool: &&Tool| {
        let desk = Desk { shell_file: Some("/home/.bashrc".into()), ..at(Path::new("/home")) };
        let wanted = tool.ways.iter().flat_map(|way| way.wanted(tool.id, &desk, &door()));
        wanted.into_iter().any(|(file, _)| file.ends_with(".bashrc"))
    };
    let ids: Vec<_> = TOOLS.iter().filter(takes_a_block).map(|tool| tool.id).collect();
    assert_eq!(ids, ["copilot-cli"]);
}

#[test]
fn a_program_tells_its_tool() {
    for (program, id) in [
        ("claude", Some("claude-code")),
        ("/usr/local/bin/codex", Some("codex")),
        ("copilot.exe", Some("copilot-cli")),
        ("sh", None),
        ("", None),
    ] {
        assert_eq!(Tool::of_program(Path::new(program)).map(|tool| tool.id), id, "{program}");
    }
}

#[test]
fn steps_are_filled_in() {
    let text = |id: &str, door: &Door| way(id, None).steps(door).join("\n");
    let steps = text("copilot-cli", &door());
    assert!(
        steps.contains("COPILOT_MODEL") && steps.contains("gpt-x") && steps.contains("aigw_x_y"),
        "{steps}"
    );
    let nothing = Door { models: Offered::default(), ..door() };
    assert!(text("copilot-cli", &nothing).contains("MODEL='MODEL'"), "{}", text("copilot-cli", &nothing));
    for tool in TOOLS {
        for way in tool.ways {
            let steps = way.steps(&door()).concat();
            assert!(!steps.contains('{') && !steps.contains('}'), "{}: {steps}", tool.id);
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
            let files: Vec<_> =
                files.iter().map(|settings| format!("`~/{}`", settings.places.linux[0])).collect();
            let more = files.len().saturating_sub(2);
            let rest = if more == 0 { String::new() } else { format!(", and {more} more") };
            (mode, format!("{}{rest}", files[..files.len() - more].join(", ")))
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
fn a_file_that_the_tool_passes_over_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let desk = at(scratch.path());
    let way = Tool::named("claude-code").unwrap().way(None).unwrap();
    let file = scratch.path().join(".claude/settings.json");
    std::fs::create_dir(scratch.path().join(".claude")).unwrap();
    let said = || way.overruled(&desk).into_iter().find(|words| words.contains("passes over"));
    assert_eq!(said(), None);
    for (text, place) in [
        ("", None),
        ("\u{feff}{\r\n}", None),
        ("{ \"model\": \"opus\" }", None),
        ("{\n  // mine\n}", Some("line 2, column 3")),
        ("{ \"a\": 1, }", Some("line 1, column 11")),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(said().is_some(), place.is_some(), "{text}");
        assert!(said().is_none_or(|said| said.contains(place.unwrap_or_default())), "{:?}", said());
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
