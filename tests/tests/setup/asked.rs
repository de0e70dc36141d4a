//! What a terminal is shown and asked before anything is written.

use aigw_tests::machine;

use crate::{BEFORE, put, read, same, snapshot};

#[test]
fn the_plan_is_shown_and_one_question_asked_and_no_is_no() {
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, BEFORE[0].1, BEFORE[0].2, 0o600);
    let before = snapshot(&machine);
    let (exit, text) = machine.ctl_on_terminal("setup claude-code", "n\n");
    assert_eq!(exit, Some(1), "{text}");
    for part in [
        "settings.json: env.ANTHROPIC_BASE_URL, env.ANTHROPIC_AUTH_TOKEN, env.ENABLE_TOOL_SEARCH",
        "gains  tool search",
        "loses  the 1M context",
        "loses  Remote Control",
        "nothing was changed",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches('?').count(), 1, "{text}");
    same(&snapshot(&machine), &before);
    assert!(machine.ask(&["keys"])["keys"].as_array().unwrap().is_empty());

    let (exit, text) = machine.ctl_on_terminal("setup claude-code", "y\n");
    assert_eq!((exit, text.matches('?').count()), (Some(0), 1), "{text}");
    assert!(text.contains("Claude Code: set up"), "{text}");
    assert!(read(&machine, BEFORE[0].1).contains(&machine.key("claude-code")));
    // `undo` asks in the same way.
    let (exit, text) = machine.ctl_on_terminal("undo", "\n");
    assert_eq!(exit, Some(1), "{text}");
    assert!(read(&machine, BEFORE[0].1).contains("aigw_"));
    assert_eq!(machine.ctl_on_terminal("undo --all", "yes\n").0, Some(0));
    same(&snapshot(&machine), &before);
}

#[test]
fn who_pays_is_asked_once_where_a_plan_is_found() {
    let machine = machine!();
    machine.configure("[gateway.default]\nurl = \"http://127.0.0.1:9\"\n");
    let _daemon = machine.start();
    put(
        &machine,
        ".claude/.credentials.json",
        "{\"claudeAiOauth\": {\"accessToken\": \"sk-ant-oat01-own\"}}",
        0o600,
    );
    // A key is no plan.
    put(&machine, ".codex/auth.json", "{\"OPENAI_API_KEY\": \"sk-own\", \"tokens\": null}", 0o600);
    let before = snapshot(&machine);
    let (exit, text) = machine.ctl_on_terminal("setup claude-code", "perhaps\n");
    assert_eq!(exit, Some(1), "{text}");
    same(&snapshot(&machine), &before);

    let (exit, text) = machine.ctl_on_terminal("setup claude-code codex", "own\ny\n");
    assert_eq!((exit, text.matches("Who pays").count()), (Some(0), 1), "{text}");
    assert!(text.contains(".credentials.json)"), "{text}");
    assert!(!text.contains("sk-ant-oat01-own"), "{text}");
    let settings = read(&machine, ".claude/settings.json");
    assert!(settings.contains("/_k/aigw_claude-code_") && !settings.contains("AUTH_TOKEN"), "{settings}");
    assert!(read(&machine, ".codex/config.toml").contains("experimental_bearer_token"));

    let after = snapshot(&machine);
    let (exit, text) = machine.ctl_on_terminal("setup claude-code codex", "y\n");
    assert_eq!((exit, text.matches('?').count()), (Some(0), 1), "{text}");
    same(&snapshot(&machine), &after);
    machine.ask(&["undo", "--yes"]);
    same(&snapshot(&machine), &before);

    // The answer went with it; and who answers beforehand is not asked.
    let told = machine.ask(&["setup", "claude-code", "--yes"]);
    assert_eq!(told["tools"][0]["pays"], "company", "{told}");
    assert!(told["tools"][0]["login"].as_str().unwrap().ends_with(".claude/.credentials.json"), "{told}");
    let (_, text) = machine.ctl_on_terminal("setup claude-code --pays company", "y\n");
    assert!(!text.contains("Who pays"), "{text}");
}

#[test]
fn what_nobody_has_run_is_asked_about_by_itself() {
    const FILE: &str = ".config/Claude/claude_desktop_config.json";
    let machine = machine!();
    let _daemon = machine.start();
    let before = snapshot(&machine);
    let (exit, text) = machine.ctl_on_terminal("setup claude-desktop pi", "y\nn\n");
    assert_eq!((exit, text.matches('?').count()), (Some(0), 2), "{text}");
    assert!(text.contains("nobody has run this (reported, 2026-"), "{text}");
    assert!(machine.home().join(".pi/agent/models.json").exists() && !machine.home().join(FILE).exists());
    assert!(machine.ask(&["undo", "--yes"])["tools"].as_array().unwrap().len() == 1);
    // On its own, no is no to all of it.
    assert_eq!(machine.ctl_on_terminal("setup claude-desktop", "y\n\n").0, Some(1));
    same(&snapshot(&machine), &before);
    assert_eq!(machine.ctl_on_terminal("setup claude-desktop", "y\ny\n").0, Some(0));
    assert!(machine.home().join(FILE).exists());
    machine.ask(&["undo", "--yes"]);
    machine.ask(&["setup", "claude-desktop", "--yes"]);
    assert!(machine.home().join(FILE).exists());
}
