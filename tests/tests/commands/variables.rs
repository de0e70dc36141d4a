//! `env`: what it prints works in a shell and for a script, with a key of the wanted name.

use std::process::Command;

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;

use crate::{MESSAGES, names};

/// Runs a script in `sh`, with `aigwctl` in `$CTL` and nothing else in the environment but this.
fn sh(scene: &Scene, script: &str, more: &[(&str, &str)]) -> String {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("CTL", env!("CARGO_BIN_EXE_aigwctl_under_test")).env("AIGW_HOME", scene.machine.home());
    command.env("HOME", scene.machine.home()).envs(more.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_that_evaluates_it_reaches_the_gateway() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let printed = sh(
        &scene,
        r#"eval "$("$CTL" env --key sh)"
        printf '%s\n' "$ANTHROPIC_BASE_URL" "$ANTHROPIC_AUTH_TOKEN" "$OPENAI_BASE_URL" "$OPENAI_API_KEY" "$NO_PROXY""#,
        &[("NO_PROXY", "corp.example")],
    );
    let lines: Vec<&str> = printed.lines().collect();
    let key = scene.machine.key("sh");
    let base = format!("http://{}", scene.address());
    assert_eq!(
        lines,
        [
            &format!("{base}/anthropic"),
            &key,
            &format!("{base}/openai/v1"),
            &key,
            "corp.example,127.0.0.1,localhost,::1"
        ]
    );
    for path in [format!("{}/v1/messages", lines[0]), format!("{}/chat/completions", lines[2])] {
        let path = path.strip_prefix(&base).unwrap();
        let message = raw::post(scene.address(), path, lines[1], &[], MESSAGES);
        assert_eq!(raw::exchange(scene.address(), message).status, 200, "{path}");
    }
    // And away again, with what was the person's own left.
    let left = sh(
        &scene,
        r#"eval "$("$CTL" env)"; eval "$("$CTL" env --proxy)"
        eval "$("$CTL" env --unset)"; eval "$("$CTL" env --unset --proxy)"; env"#,
        &[("NO_PROXY", "corp.example")],
    );
    assert!(!left.contains("aigw_") && !left.contains(scene.address()), "{left}");
    assert!(left.lines().any(|line| line == "NO_PROXY=corp.example"), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_gets_the_variables_and_nothing_else() {
    let scene = Scene::set(machine!(), Setup::default()).await;
    let plain = scene.machine.ask(&["env"]);
    assert_eq!(
        names(&plain),
        [
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "GEMINI_API_KEY",
            "GOOGLE_GEMINI_BASE_URL",
            "NO_PROXY",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL"
        ]
    );
    assert_eq!(plain["ANTHROPIC_BASE_URL"], format!("http://{}/anthropic", scene.address()));
    assert_eq!(plain["OPENAI_BASE_URL"], format!("http://{}/openai/v1", scene.address()));
    assert_eq!(
        (&plain["ANTHROPIC_AUTH_TOKEN"], &plain["OPENAI_API_KEY"]),
        (&scene.key.as_str().into(), &scene.key.as_str().into())
    );
    for name in ["127.0.0.1", "localhost", "::1"] {
        assert!(plain["NO_PROXY"].as_str().unwrap().split(',').any(|word| word == name), "{plain}");
    }
    let named = scene.machine.ask(&["env", "--key", "codex"]);
    let key = named["OPENAI_API_KEY"].as_str().unwrap();
    assert!(key.starts_with("aigw_codex_") && key.len() == "aigw_codex_".len() + 43, "{key}");
    // The same one each time.
    assert_eq!(scene.machine.ask(&["env", "--key", "codex"]), named);

    let proxy = scene.machine.ask(&["env", "--proxy"]);
    let url = format!("http://aigw:{}@{}", scene.key, scene.address());
    assert_eq!((&proxy["HTTPS_PROXY"], &proxy["HTTP_PROXY"]), (&url.as_str().into(), &url.as_str().into()));
    assert!(proxy["NO_PROXY"].as_str().unwrap().contains("localhost"));
    // Only local keys: the deployment's token is in none of it.
    assert!(!format!("{plain}{named}{proxy}").contains(&scene.token));
}
