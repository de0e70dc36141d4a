//! The deployment's models: listed, told to tools by `setup`, and given to a command by `run` and `env`.

use std::os::unix::fs::PermissionsExt;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::scene::Scene;
use serde_json::Value;

use crate::{failed, text};

async fn scene() -> Scene {
    Scene::set(machine!(), Setup::default()).await
}

fn words(words: &[&str]) -> Value {
    words.iter().copied().collect()
}

/// How often each provider was asked for its list.
fn asked(scene: &Scene) -> Vec<String> {
    let requests = scene.gateway.provider_requests().into_iter();
    requests.map(|request| request.path).filter(|path| path.contains("/models")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_providers_list_is_shown_and_asked_for_once() {
    let scene = scene().await;
    for _ in 0..2 {
        let answer = scene.machine.ask(&["models"]);
        assert_eq!(answer["providers"][0]["provider"], "anthropic");
        assert_eq!(
            answer["providers"][0]["models"],
            words(&["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"])
        );
        assert_eq!(answer["providers"][1]["models"], words(&["gpt-5", "gpt-5-codex", "gpt-5-mini"]));
        assert!(answer["providers"][1]["error"].is_null(), "{answer}");
    }
    assert_eq!(asked(&scene).len(), 2, "{:?}", asked(&scene));
    let said = text(&scene.machine.ctl(&["models"]));
    assert!(said.contains("anthropic\n  claude-opus-4-5\n") && said.contains("openai\n  gpt-5\n"), "{said}");
    // Another login is asked anew.
    scene.machine.log_in(&scene.gateway);
    scene.machine.ask(&["models"]);
    assert!(asked(&scene).len() >= 4, "{:?}", asked(&scene));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_not_there_has_none_and_one_in_trouble_says_so() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| behaviour.providers.retain(|provider| provider.name != "openai"));
    let answer = scene.machine.ask(&["models"]);
    assert_eq!(answer["providers"][1]["models"], words(&[]));
    assert!(answer["providers"][1]["error"].is_null(), "{answer}");
    scene.machine.log_in(&scene.gateway);
    scene
        .gateway
        .change(|behaviour| behaviour.providers.iter_mut().for_each(|provider| provider.enabled = false));
    let answer = scene.machine.ask(&["models"]);
    let error = answer["providers"][0]["error"].as_str().unwrap();
    assert!(error.contains("does not list its models"), "{answer}");
    // What failed is not remembered.
    scene.gateway.change(|behaviour| {
        behaviour.providers.iter_mut().for_each(|provider| provider.enabled = true);
    });
    assert!(scene.machine.ask(&["models"])["providers"][0]["error"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_tells_a_tool_of_them_and_undo_takes_them_back() {
    let scene = scene().await;
    let file = scene.machine.home().join(".factory/settings.json");
    let models = || {
        let text = std::fs::read_to_string(&file).unwrap();
        let settings: Value = serde_json::from_str(&text).unwrap();
        let all = settings["customModels"].as_array().unwrap().clone();
        all.into_iter().map(|model| model["model"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    scene.machine.ask(&["setup", "factory", "--yes"]);
    assert_eq!(models().len(), 6, "{:?}", models());
    let again = scene.machine.ask(&["setup", "factory", "--yes"]);
    assert_eq!(again["tools"][0]["state"], "unchanged");
    // Fewer, one of which nobody lists.
    scene.machine.ask(&["setup", "factory", "--yes", "--model", "gpt-5", "--model", "claude-next"]);
    assert_eq!(models(), ["claude-next", "gpt-5"]);
    scene.machine.ask(&["undo", "factory", "--yes"]);
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_gets_no_models_is_left_alone_and_says_what_to_do() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| behaviour.providers.clear());
    let output = scene.machine.ctl(&["setup", "factory", "pi", "--yes", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = answer.to_string();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("lists no model") && words.contains("--model NAME"), "{words}");
    assert!(!scene.machine.home().join(".factory").exists());
    // What needs none goes on.
    assert!(scene.machine.home().join(".pi/agent/models.json").exists());
    scene.machine.ask(&["setup", "factory", "--yes", "--model", "gpt-5"]);
    assert!(scene.machine.home().join(".factory/settings.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_what_its_tool_needs_and_the_users_choice_stays() {
    let scene = scene().await;
    let show =
        r#"echo "$COPILOT_PROVIDER_TYPE $COPILOT_MODEL ${COPILOT_PROVIDER_API_KEY%%-*} $OPENAI_BASE_URL""#;
    let run = |words: &[&str], script: &str| {
        let output = scene.machine.ctl(&[&["run"], words, &["--", "sh", "-c", script]].concat());
        text(&output)
    };
    let base = format!("http://{}/openai/v1", scene.address());
    let expected = |kind: &str, model: &str| format!("{kind} {model} aigw_run {base}\n");
    assert_eq!(run(&["--tool", "copilot-cli"], show), expected("openai", "gpt-5"));
    assert_eq!(
        run(&["--tool", "copilot-cli", "--model", "claude-haiku-4-5"], show),
        expected("anthropic", "claude-haiku-4-5")
    );
    // Nothing of it where no tool is meant.
    assert_eq!(run(&[], show), format!("   {base}\n"));
    // By the program's name, with the arguments that it needs and no key among them.
    let codex = scene.machine.home().join("codex");
    std::fs::write(&codex, "#!/bin/sh\nprintf '%s\\n' \"$@\" \"key ${AIGW_KEY%%-*}\"\n").unwrap();
    std::fs::set_permissions(&codex, PermissionsExt::from_mode(0o755)).unwrap();
    let output = scene.machine.ctl(&["run", "--", codex.to_str().unwrap(), "exec", "hi"]);
    let lines: Vec<_> = text(&output).lines().map(str::to_owned).collect();
    assert_eq!(lines[0..2], ["-c", "model_provider=aigw-run"]);
    assert!(
        lines[3].contains(&format!("base_url=\"{base}\"")) && !lines[3].contains("aigw_run-"),
        "{lines:?}"
    );
    assert_eq!(lines[4..], ["exec", "hi", "key aigw_run"]);
    assert_eq!(failed(&scene.machine.ctl(&["run", "--json", "--tool", "no", "--", "true"])).1, "usage");
    scene.gateway.change(|behaviour| behaviour.providers.clear());
    scene.machine.log_in(&scene.gateway);
    let refused = scene.machine.ctl(&["run", "--json", "--tool", "copilot-cli", "--", "true"]);
    assert_eq!(failed(&refused).1, "gateway-refused");
    assert_eq!(run(&["--tool", "copilot-cli", "--model", "gpt-9"], show), expected("openai", "gpt-9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_without_a_file_gets_a_block_in_the_shells_when_that_is_asked_for() {
    let mut machine = machine!();
    machine.set("SHELL", "/bin/bash");
    let scene = Scene::set(machine, Setup::default()).await;
    let file = scene.machine.home().join(".bashrc");
    let before = "alias ll='ls -l'\n\n# mine";
    std::fs::write(&file, before).unwrap();
    let read = || std::fs::read_to_string(&file).unwrap();
    assert_eq!(scene.machine.ask(&["setup", "copilot-cli", "--yes"])["tools"][0]["state"], "by-hand");
    assert_eq!(read(), before);
    let told = scene.machine.ask(&["setup", "copilot-cli", "--yes", "--shell-rc"]);
    assert_eq!(told["tools"][0]["state"], "set-up", "{told}");
    let script = format!(". {} && echo $COPILOT_MODEL $COPILOT_PROVIDER_BASE_URL", file.display());
    let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(text(&shell), format!("gpt-5 http://{}/openai/v1\n", scene.address()));
    assert!(read().starts_with(before), "{}", read());
    // It stays where it is, without being asked for again.
    let again = scene.machine.ask(&["setup", "copilot-cli", "--yes"]);
    assert_eq!(again["tools"][0]["state"], "unchanged", "{again}");
    scene.machine.ask(&["undo", "copilot-cli", "--yes"]);
    assert_eq!(read(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn env_prints_what_a_tool_needs_and_takes_it_away() {
    let scene = scene().await;
    let variables = scene.machine.ask(&["env", "--tool", "aider"]);
    assert_eq!(variables["AIDER_MODEL"], "openai/gpt-5");
    assert_eq!(variables["ANTHROPIC_API_BASE"], format!("http://{}/anthropic", scene.address()));
    assert_eq!(variables["OPENAI_BASE_URL"], format!("http://{}/openai/v1", scene.address()));
    let taken = scene.machine.ask(&["env", "--tool", "aider", "--unset"]);
    assert!(taken["AIDER_MODEL"].is_null() && taken.get("ANTHROPIC_API_KEY").is_some(), "{taken}");
    // A tool that only knows a proxy.
    assert!(scene.machine.ask(&["env", "--tool", "copilot"]).get("HTTPS_PROXY").is_some());
    let codex = scene.machine.ctl(&["env", "--tool", "codex"]);
    assert!(String::from_utf8(codex.stderr).unwrap().contains("model_provider=aigw-run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_in_the_tools_own_variable_is_the_users_choice() {
    let mut machine = machine!();
    machine.set("COPILOT_MODEL", "claude-opus-4-5");
    let scene = Scene::set(machine, Setup::default()).await;
    let variables = scene.machine.ask(&["env", "--tool", "copilot-cli"]);
    assert_eq!(variables["COPILOT_MODEL"], "claude-opus-4-5");
    assert_eq!(variables["COPILOT_PROVIDER_TYPE"], "anthropic");
}
