//! From nothing to a tool that works, and again.

use aigw_tests::machine::told;
use aigw_tests::raw;
use serde_json::Value;

use crate::{AIGWD, CLAUDE, CODEX, Desk, put, read, snapshot, steps};

const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn one_command_makes_tools_work_and_another_run_changes_nothing() {
    let desk = Desk::new().await;
    let (code, told) = desk.up(&["--yes"]);
    assert_eq!((code, &told["error"], &told["schema"]), (0, &Value::Null, &1.into()), "{told:#}");
    assert_eq!(steps(&told), [("start", "done"), ("login", "done"), ("setup", "done"), ("doctor", "done")]);
    assert!(told["steps"][1]["text"].as_str().unwrap().contains(" as ada"), "{told:#}");
    assert_eq!(told["steps"][3]["answer"]["summary"]["errors"], 0);
    // The tool's own file is enough.
    let settings = read(&desk.machine, CLAUDE.0);
    let settings = &settings[settings.find("http://").unwrap()..];
    let address = settings["http://".len()..].split('/').next().unwrap();
    let key = desk.machine.key("claude-code");
    let answer = raw::exchange(address, raw::post(address, "/anthropic/v1/messages", &key, &[], MESSAGES));
    assert_eq!(answer.status, 200, "{}", answer.text());

    let after = snapshot(desk.machine.home(), &[]);
    desk.gateway.forget_requests();
    // Nothing is to be asked, so nobody has to agree.
    let (code, told) = desk.up(&[]);
    assert_eq!(code, 0, "{told:#}");
    assert_eq!(
        steps(&told),
        [("start", "already"), ("login", "already"), ("setup", "already"), ("doctor", "done")]
    );
    let changed: Vec<_> = snapshot(desk.machine.home(), &[])
        .into_iter()
        .filter(|(path, content)| after.get(path) != Some(content))
        .map(|(path, _)| path)
        .filter(|path| !path.ends_with("aigwd.log") && !path.ends_with("keys.json"))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");

    // For a person: a line a step.
    let output = desk.machine.ctl(&["up"]);
    let text = told_text(&output);
    for part in [
        "start     already: aigwd ",
        "login     already: https://",
        " as ada",
        "setup     already: claude-code, codex",
        "doctor    done: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

fn told_text(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_be_asked_it_says_so_and_does_nothing() {
    let desk = Desk::new().await;
    let before = snapshot(desk.machine.home(), &[]);
    for words in [&["up", "coder.example.com"][..], &["up"], &["up", "coder.example.com", "--json"]] {
        let output = desk.machine.ctl(words);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("--yes"), "{}", told(&output));
    }
    let (code, told_) = {
        let output = desk.machine.ctl(&["up", "coder.example.com", "--dry-run", "--json"]);
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    assert_eq!(code, Some(0));
    assert_eq!(
        steps(&told_),
        [("start", "planned"), ("login", "planned"), ("setup", "planned"), ("doctor", "planned")]
    );
    let setup = told_["steps"][2]["text"].as_str().unwrap();
    assert!(setup.contains("Claude Code") && setup.contains(CODEX.0), "{setup}");
    crate::same(&snapshot(desk.machine.home(), &[]), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_named_and_the_next_run_goes_on_from_it() {
    let desk = Desk::new().await;
    let failed = |words: &[&str], input: &str| {
        let output =
            desk.machine.ctl_with_input(&[words, &["--yes", "--aigwd", AIGWD, "--json"]].concat(), input);
        let told: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        (output.status.code().unwrap(), told)
    };
    // No program to start.
    let output = desk.machine.ctl(&["up", "--yes", "--aigwd", "/no/such/aigwd", "--json"]);
    let told_: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told_["error"]["code"]), (Some(70), &"impossible".into()), "{told_}");
    assert_eq!(steps(&told_)[..2], [("start", "failed"), ("login", "not-reached")]);

    // No deployment, and nobody to ask.
    let (code, told_) = failed(&["up"], "");
    assert_eq!((code, &told_["error"]["cure"]), (2, &"run `aigwctl up URL`".into()), "{told_}");
    assert_eq!(steps(&told_)[..3], [("start", "done"), ("login", "failed"), ("setup", "not-reached")]);
    let url = desk.gateway.url();
    let (code, told_) = failed(&["up", &url, "--ca-file", &desk.ca], "");
    assert_eq!(code, 2, "{told_}");
    assert!(told_["error"]["cure"].as_str().unwrap().contains("--token-stdin"), "{told_}");
    // A token that is none.
    let (code, told_) =
        failed(&["up", &url, "--ca-file", &desk.ca, "--token-stdin"], "abcdefghij-0123456789abcdefghijkl");
    assert_eq!((code, &told_["error"]["code"]), (77, &"token-rejected".into()), "{told_}");
    assert!(told_["error"]["text"].as_str().unwrap().contains("at the step login"), "{told_}");

    // A file that cannot be read.
    put(&desk.machine, CODEX.0, "a = [\n");
    let (code, told_) = desk.up(&["--yes"]);
    assert_eq!(code, 1, "{told_}");
    assert_eq!(
        steps(&told_),
        [("start", "already"), ("login", "done"), ("setup", "failed"), ("doctor", "not-reached")]
    );
    assert!(told_["error"]["text"].as_str().unwrap().contains("config.toml, line "), "{told_}");
    // A person reads the same.
    let output = desk.machine.ctl(&["up", "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("failed at the step setup") && told(&output).contains("goes on from there"),
        "{}",
        told(&output)
    );
    put(&desk.machine, CODEX.0, CODEX.1);
    let (code, told_) = desk.up(&["--yes"]);
    assert_eq!(code, 0, "{told_}");
    assert_eq!(
        steps(&told_),
        [("start", "already"), ("login", "already"), ("setup", "done"), ("doctor", "done")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_and_the_settings_may_say_where_to_log_in() {
    let mut desk = Desk::new().await;
    put(
        &desk.machine,
        ".config/aigw/config.toml",
        &format!("[gateway.default]\nca_file = \"{}\"\n", desk.ca),
    );
    let token = desk.gateway.issue_token("ada", std::time::Duration::from_secs(86_400));
    desk.machine.set("CODER_URL", &desk.gateway.url());
    desk.machine.set("CODER_SESSION_TOKEN", &token);
    let output = desk.machine.ctl(&["up", "--from-env", "--yes", "--json", "--aigwd", AIGWD]);
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
    assert!(output.status.success(), "{answer:#}");
    assert_eq!(steps(&answer)[1], ("login", "done"));
    // From now on the settings know it.
    assert!(desk.machine.ask(&["logout"])["logged_out"].as_bool().unwrap());
    let output = desk.machine.ctl(&["up", "--yes", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(steps(&answer)[1], ("login", "done"), "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_users_own_pays_where_that_is_said() {
    let desk = Desk::new().await;
    put(&desk.machine, ".claude/.credentials.json", "{\"claudeAiOauth\": {\"accessToken\": \"sk-ant-own\"}}");
    let plan = |more: &[&str]| {
        let words = [&["up", "coder.example.com", "--dry-run", "--json"], more].concat();
        let told: Value = serde_json::from_slice(&desk.machine.ctl(&words).stdout).unwrap();
        told["steps"][2]["text"].as_str().unwrap().to_owned()
    };
    assert!(plan(&[]).contains("you are asked"), "{}", plan(&[]));
    assert!(plan(&["--yes"]).contains("the company pays, not the plan"), "{}", plan(&["--yes"]));
    let (code, told) = desk.up(&["--yes", "--pays", "own"]);
    assert_eq!(code, 0, "{told:#}");
    let tools = told["steps"][2]["answer"]["tools"].as_array().unwrap();
    let paid: Vec<_> = tools.iter().map(|row| (&row["tool"], &row["pays"])).collect();
    assert!(paid.contains(&(&"claude-code".into(), &"own".into())), "{paid:?}");
    let settings = read(&desk.machine, CLAUDE.0);
    assert!(
        settings.contains("/_k/aigw_claude-code_") && settings.contains("sk-ant-old-secret"),
        "{settings}"
    );
    let (code, told) = desk.down(&["--yes", "--purge"]);
    assert_eq!(code, 0, "{told:#}");
    assert_eq!(read(&desk.machine, CLAUDE.0), CLAUDE.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_is_asked_before_anything_is_done() {
    let desk = Desk::new().await;
    put(&desk.machine, ".claude/.credentials.json", "{\"claudeAiOauth\": {\"accessToken\": \"sk-ant-own\"}}");
    let before = snapshot(desk.machine.home(), &[]);
    let (code, text) = desk.machine.ctl_on_terminal("up coder.example.com", "y\nperhaps\n");
    assert_eq!((code, text.matches("Who pays").count()), (Some(1), 1), "{text}");
    crate::same(&snapshot(desk.machine.home(), &[]), &before);
}
