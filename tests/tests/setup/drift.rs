//! Tools that write their settings anew, and keys that are not valid any more.

use aigw_tests::machine;
use serde_json::Value;

use crate::{BEFORE, put, read, same, snapshot};

fn of_code<'a>(list: &'a Value, name: &str, code: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().filter(|row| row[name] == code).collect()
}

#[test]
fn a_tool_that_has_rewritten_its_settings_is_told_of_and_let_be() {
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, BEFORE[0].1, BEFORE[0].2, 0o600);
    machine.ask(&["setup", "claude-code", "codex", "--yes"]);
    let drifted = || machine.findings().contains(&"tool-drifted".to_owned());
    assert!(of_code(&machine.ask(&["status"])["findings"], "code", "tool-drifted").is_empty());
    // Written anew with all that is in it: nobody is told of that.
    let settings = read(&machine, BEFORE[0].1).replace("\r\n", "\n").replace('\t', "  ");
    put(&machine, BEFORE[0].1, &settings, 0o600);
    assert!(!drifted());

    let from = settings.find("\"ANTHROPIC_AUTH_TOKEN\"").unwrap();
    let to = from + settings[from..].find(',').unwrap();
    put(&machine, BEFORE[0].1, &format!("{}{}", &settings[..from], &settings[to + 1..]), 0o600);
    let now = snapshot(&machine);
    let status = machine.ask(&["status"]);
    let found = of_code(&status["findings"], "code", "tool-drifted");
    assert_eq!(found.len(), 1, "{status}");
    let told = found[0].to_string();
    assert!(
        told.contains("claude-code: env.ANTHROPIC_AUTH_TOKEN in ")
            && told.contains("aigwctl undo claude-code"),
        "{told}"
    );
    let output = machine.ctl(&["doctor", "--fix", "--json"]);
    let doctor: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(doctor.to_string().contains("env.ANTHROPIC_AUTH_TOKEN in "), "{doctor}");
    same(&snapshot(&machine), &now);
    // Asked for, it is set up again.
    machine.ask(&["setup", "claude-code", "--yes"]);
    assert!(!drifted() && read(&machine, BEFORE[0].1).contains(&machine.key("claude-code")));
}

#[test]
fn a_new_key_goes_into_the_place_of_the_old_one() {
    let machine = machine!();
    let _daemon = machine.start();
    put(&machine, BEFORE[1].1, BEFORE[1].2, 0o600);
    let before = snapshot(&machine);
    machine.ask(&["setup", "codex", "--yes"]);
    let (first, text) = (machine.key("codex"), read(&machine, BEFORE[1].1));
    machine.ask(&["keys", "revoke", "codex"]);
    assert_eq!(machine.ask(&["setup", "codex", "--yes"])["tools"][0]["state"], "set-up");
    let second = machine.key("codex");
    assert_ne!(first, second);
    assert_eq!(read(&machine, BEFORE[1].1), text.replace(&first, &second));
    machine.ask(&["undo", "--yes"]);
    same(&snapshot(&machine), &before);
}
