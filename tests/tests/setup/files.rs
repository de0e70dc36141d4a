//! Before, after, and before again.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use aigw_tests::machine;
use aigw_tests::machine::Machine;
use serde_json::Value;

use crate::{BEFORE, put, read, same, snapshot};

const ALL: [&str; 5] = ["claude-code", "codex", "opencode", "kilo", "pi"];

fn ask(machine: &Machine, words: &[&str]) -> Value {
    machine.ask(&[words, &["--yes"]].concat())
}

fn states(answer: &Value) -> Vec<&str> {
    answer["tools"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect()
}

fn key_names(machine: &Machine) -> Vec<String> {
    let keys = machine.ask(&["keys"]);
    keys["keys"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn files_that_are_there_come_back_byte_for_byte() {
    let machine = machine!();
    let daemon = machine.start();
    for (_, file, text) in BEFORE {
        put(&machine, file, text, 0o640);
    }
    // A home under version control, with links to it.
    put(&machine, "dotfiles/claude.json", BEFORE[0].2, 0o604);
    fs::remove_file(machine.home().join(BEFORE[0].1)).unwrap();
    symlink("../dotfiles/claude.json", machine.home().join(BEFORE[0].1)).unwrap();
    let before = snapshot(&machine);

    let words = [&["setup"], &ALL[..]].concat();
    assert_eq!(states(&ask(&machine, &words)), ["set-up"; 5]);
    for (tool, file, text) in BEFORE {
        let now = read(&machine, file);
        let key = machine.key(tool);
        assert!(now.contains(&key) && now.contains(&format!("http://{}/", daemon.address)), "{now}");
        for line in text.lines().filter(|line| line.contains("mine") || line.contains("model\"")) {
            assert!(now.contains(line), "{line}: {now}");
        }
    }
    assert!(read(&machine, BEFORE[0].1).contains("\"ANTHROPIC_AUTH_TOKEN\":\"aigw_claude-code_"));
    let after = snapshot(&machine);
    let modes = |all: &crate::Snapshot| all.values().map(|(_, mode)| *mode).collect::<Vec<_>>();
    assert_eq!(modes(&after), modes(&before));

    assert_eq!(states(&ask(&machine, &words)), ["unchanged"; 5]);
    same(&snapshot(&machine), &after);
    assert_eq!(key_names(&machine).len(), 5);

    ask(&machine, &["undo", "codex"]);
    assert_eq!(read(&machine, BEFORE[1].1), BEFORE[1].2);
    assert!(!key_names(&machine).contains(&"codex".to_owned()));
    ask(&machine, &["undo", "--all"]);
    same(&snapshot(&machine), &before);
    assert!(key_names(&machine).is_empty());
    assert!(!machine.home().join("state/setup/ledger.json").exists());
    // The key that was in the file opens nothing any more; the next one is another.
    ask(&machine, &["setup", "codex"]);
    assert!(!after.values().any(|(text, _)| String::from_utf8_lossy(text).contains(&machine.key("codex"))));
}

#[test]
fn files_and_folders_that_were_not_there_go_again() {
    let machine = machine!();
    let _daemon = machine.start();
    fs::create_dir(machine.home().join(".pi")).unwrap();
    let before = snapshot(&machine);
    let words = [&["setup"], &ALL[..]].concat();
    ask(&machine, &words);
    let mode = |file: &str| machine.home().join(file).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".claude/settings.json"), mode(".claude")), (0o600, 0o700));
    assert_eq!(states(&ask(&machine, &words)), ["unchanged"; 5]);
    ask(&machine, &["undo"]);
    same(&snapshot(&machine), &before);

    // Where a tool has put something beside or into ours, that stays.
    ask(&machine, &words);
    put(&machine, ".claude/history", "x", 0o600);
    let codex = read(&machine, ".codex/config.toml");
    fs::write(machine.home().join(".codex/config.toml"), format!("model = \"m\"\n{codex}")).unwrap();
    ask(&machine, &["undo"]);
    assert!(
        !machine.home().join(".claude/settings.json").exists()
            && machine.home().join(".claude/history").exists()
    );
    assert_eq!(read(&machine, ".codex/config.toml"), "model = \"m\"\n");
}

#[test]
fn another_port_goes_into_the_same_places() {
    let machine = machine!();
    let daemon = machine.start();
    for (_, file, text) in BEFORE {
        put(&machine, file, text, 0o600);
    }
    let before = snapshot(&machine);
    let words = [&["setup"], &ALL[..]].concat();
    ask(&machine, &words);
    let first = BEFORE.map(|(_, file, _)| read(&machine, file));
    let old = daemon.address.clone();
    daemon.stop();
    let daemon = machine.start();
    assert_ne!(daemon.address, old);
    assert_eq!(states(&ask(&machine, &words)), ["set-up"; 5]);
    let second = BEFORE.map(|(_, file, _)| read(&machine, file));
    assert_eq!(second, first.map(|text| text.replace(&old, &daemon.address)));
    ask(&machine, &["undo", "--all"]);
    same(&snapshot(&machine), &before);
}

#[test]
fn what_somebody_changed_since_is_left_and_told() {
    let machine = machine!();
    let _daemon = machine.start();
    put(
        &machine,
        ".claude/settings.json",
        "{\n  \"env\": {\"ANTHROPIC_BASE_URL\": \"https://old\"}\n}\n",
        0o600,
    );
    ask(&machine, &["setup", "claude-code"]);
    let now = read(&machine, ".claude/settings.json").replace("\"true\"", "\"auto\"");
    put(&machine, ".claude/settings.json", &now, 0o600);
    let told = ask(&machine, &["undo", "claude-code"]);
    assert_eq!(told["tools"][0]["files"][0]["left"], serde_json::json!(["env.ENABLE_TOOL_SEARCH"]), "{told}");
    assert_eq!(
        read(&machine, ".claude/settings.json"),
        "{\n  \"env\": {\"ANTHROPIC_BASE_URL\": \"https://old\", \"ENABLE_TOOL_SEARCH\": \"auto\"}\n}\n"
    );
}
