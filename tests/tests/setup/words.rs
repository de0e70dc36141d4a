//! What is said, asked and refused.

use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use serde_json::Value;

use crate::{BEFORE, put, same, snapshot};

/// The failure that a script is told about: exit code, code, text and cure.
fn failed(machine: &Machine, words: &[&str]) -> (i32, String) {
    let output = machine.ctl(&[words, &["--json"]].concat());
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
    let error = &answer["error"];
    (output.status.code().unwrap(), format!("{} {} {}", error["code"], error["text"], error["cure"]))
}

#[test]
fn what_cannot_be_done_says_why_and_touches_nothing() {
    let machine = machine!();
    put(&machine, ".codex/config.toml", "a = 1\nb = [\n", 0o600);
    let before = snapshot(&machine);
    assert_eq!(failed(&machine, &["setup", "codex", "--yes"]).0, 69);
    let _daemon = machine.start();
    for (words, exit, says) in [
        (&["setup", "codex", "--yes"][..], 1, "config.toml, line 2, column 6"),
        (&["setup", "claude-code"], 2, "--yes"),
        (&["setup", "claude", "--yes"], 2, "claude-code"),
        (&["undo", "codex", "--yes"], 2, "codex is not set up"),
        (&["setup", "cursor", "--yes"], 70, "2026-11"),
        (&["setup", "windsurf", "--yes"], 70, "its maker"),
        (&["setup", "amp", "--yes"], 70, "its maker"),
        (&["setup", "kiro", "--yes"], 70, "base URL"),
        (&["setup", "antigravity", "--yes"], 70, "Google"),
        (&["setup", "gemini", "--yes"], 2, "gemini-cli"),
    ] {
        let (code, text) = failed(&machine, words);
        assert_eq!(code, exit, "{words:?}: {text}");
        assert!(text.contains(says), "{words:?}: {text}");
    }
    same(&snapshot(&machine), &before);
}

#[test]
fn a_file_that_is_not_ours_to_write_is_left() {
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, ".claude/settings.json", "{}\n", 0o400);
    std::fs::create_dir(machine.home().join(".codex")).unwrap();
    std::os::unix::fs::symlink("nowhere", machine.home().join(".codex/config.toml")).unwrap();
    let before = snapshot(&machine);
    for (tool, says) in [("claude-code", "is read-only"), ("codex", "a link that leads nowhere")] {
        let (code, text) = failed(&machine, &["setup", tool, "--yes"]);
        assert!(code == 1 && text.contains(says), "{text}");
    }
    // The one that can be is set up all the same.
    assert_eq!(failed(&machine, &["setup", "codex", "pi", "--yes"]).0, 1);
    assert!(machine.home().join(".pi/agent/models.json").exists());
    machine.ask(&["undo", "--yes"]);
    same(&snapshot(&machine), &before);
}

#[test]
fn a_dry_run_shows_all_of_it_and_no_secret() {
    let machine = machine!();
    let daemon = machine.start();
    put(&machine, BEFORE[0].1, BEFORE[0].2, 0o600);
    let before = snapshot(&machine);
    let output = machine.ctl(&["setup", "claude-code", "codex", "--dry-run"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "--- /dev/null",
        "+++ ",
        &format!("+base_url = \"http://{}/openai/v1\"", daemon.address),
        "+model_provider",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("sk-ant-old-secret"), "{text}");
    same(&snapshot(&machine), &before);
    assert!(machine.ask(&["keys"])["keys"].as_array().unwrap().is_empty());
    assert!(!machine.home().join("state/setup").exists());

    machine.ask(&["setup", "claude-code", "--yes"]);
    let after = snapshot(&machine);
    let output = machine.ctl(&["undo", "--all", "--dry-run"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("\n-\t\t\"DISABLE")
            && text.contains("-\t\"env\" : { \"ANTHROPIC_AUTH_TOKEN\":\"aigw_claude-code_***")
            && text.contains("ENABLE_TOOL_SEARCH"),
        "{text}"
    );
    assert!(!text.contains("sk-ant-old-secret") && !text.contains(&machine.key("claude-code")), "{text}");
    same(&snapshot(&machine), &after);
}

#[test]
fn what_is_found_is_shown_and_set_up() {
    let machine = machine!();
    let _daemon = machine.start();
    for folder in [".pi", ".cursor"] {
        std::fs::create_dir(machine.home().join(folder)).unwrap();
    }
    let overview = machine.ask(&["setup"]);
    let row = |answer: &Value, id: &str| {
        answer["tools"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["tool"] == id)
            .unwrap_or_else(|| panic!("{id}: {answer}"))
            .clone()
    };
    assert_eq!(row(&overview, "pi")["found"], machine.home().join(".pi").to_str().unwrap());
    assert_eq!(
        (&row(&overview, "pi")["set_up"], &row(&overview, "kiro")["found"]),
        (&false.into(), &Value::Null)
    );
    assert_eq!(row(&overview, "cursor")["way"], "impossible");
    let told = machine.ask(&["setup", "--detected", "--yes"]);
    assert_eq!(
        (&row(&told, "pi")["state"], &row(&told, "cursor")["state"]),
        (&"set-up".into(), &"impossible".into())
    );
    assert_eq!(row(&machine.ask(&["setup"]), "pi")["set_up"], true);
    // Whoever agrees beforehand gets one answer.
    assert_eq!(row(&machine.ask(&["setup", "--yes"]), "pi")["state"], "unchanged");
}

#[test]
fn a_snippet_is_printed_and_nothing_written() {
    let machine = machine!();
    let daemon = machine.start();
    let before = snapshot(&machine);
    let told = machine.ask(&["setup", "--print", "codex", "copilot-cli"]);
    let text = told["tools"][0]["files"][0]["text"].as_str().unwrap();
    assert!(text.contains(&machine.key("codex")) && text.contains("[model_providers.aigw]\n"), "{text}");
    let steps = told["tools"][1]["steps"].to_string();
    assert!(
        steps.contains(&format!("COPILOT_PROVIDER_BASE_URL='http://{}/openai/v1'", daemon.address)),
        "{steps}"
    );
    same(&snapshot(&machine), &before);
}
