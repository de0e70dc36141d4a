//! What `env` prints does in a real shell what it says.

use aigw_ctl::shell::Shell;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{Access, CaAction, CaTrust};
use aigw_shared::secret::Secret;
use proptest::prelude::*;

use super::fake::{Fake, Home, run};

fn daemon() -> Fake {
    Fake::new(|request| match request {
        Request::Access(query) => Response::Access(Access {
            listen: vec!["127.0.0.1:2449".into(), "[::1]:2449".into()],
            key: Secret::new(format!("aigw_{}_xyz", query.key)),
        }),
        Request::Ca(CaAction::Trust(_)) => {
            Response::CaTrust(CaTrust { added: "/ca/roots.pem".into(), bundle: "/ca/bundle.pem".into() })
        }
        other => panic!("{other:?}"),
    })
}

fn has_sh() -> bool {
    std::path::Path::new("/bin/sh").exists()
}

#[test]
fn lines_and_nothing_else_on_stdout() {
    let ran = daemon().run(&["env", "--key", "ci"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        "export ANTHROPIC_BASE_URL='http://127.0.0.1:2449/anthropic'
export ANTHROPIC_AUTH_TOKEN='aigw_ci_xyz'
export OPENAI_BASE_URL='http://127.0.0.1:2449/openai/v1'
export OPENAI_API_KEY='aigw_ci_xyz'
export GOOGLE_GEMINI_BASE_URL='http://127.0.0.1:2449/gemini'
export GEMINI_API_KEY='aigw_ci_xyz'
export no_proxy='127.0.0.1,localhost,::1'
export NO_PROXY='127.0.0.1,localhost,::1'
"
    );
    assert!(
        daemon().run(&["env", "--shell", "fish"]).stdout.contains("set -gx OPENAI_API_KEY 'aigw_env_xyz'\n")
    );
    assert!(
        daemon()
            .run(&["env", "--shell", "powershell", "--proxy"])
            .stdout
            .contains("$env:HTTPS_PROXY = 'http://aigw:aigw_env_xyz@127.0.0.1:2449'\n")
    );
}

#[test]
fn json_is_the_variables_only() {
    assert_eq!(
        daemon().run(&["env", "--json"]).stdout,
        concat!(
            r#"{"ANTHROPIC_BASE_URL":"http://127.0.0.1:2449/anthropic","ANTHROPIC_AUTH_TOKEN":"aigw_env_xyz","#,
            r#""OPENAI_BASE_URL":"http://127.0.0.1:2449/openai/v1","OPENAI_API_KEY":"aigw_env_xyz","#,
            r#""GOOGLE_GEMINI_BASE_URL":"http://127.0.0.1:2449/gemini","GEMINI_API_KEY":"aigw_env_xyz","#,
            r#""NO_PROXY":"127.0.0.1,localhost,::1"}"#,
            "\n"
        )
    );
}

#[test]
fn sh_takes_the_lines_and_gives_them_back() {
    if !has_sh() {
        return;
    }
    let fake = daemon();
    let script = r#"
        eval "$("$AIGWCTL" env)" && eval "$("$AIGWCTL" env)"
        printf '%s\n%s\n' "$OPENAI_API_KEY" "$NO_PROXY"
        eval "$("$AIGWCTL" env --unset)"
        printf '%s\n%s\n' "${OPENAI_API_KEY-unset}" "$NO_PROXY""#;
    let mut command = fake.home.command("/bin/sh");
    command
        .args(["-c", script])
        .env("AIGWCTL", env!("CARGO_BIN_EXE_aigwctl"))
        .env("NO_PROXY", "it's,$(echo x)`y`");
    let ran = run(&mut command, "");
    assert_eq!(ran.stderr, "");
    assert_eq!(
        ran.stdout,
        "aigw_env_xyz\nit's,$(echo x)`y`,127.0.0.1,localhost,::1\nunset\nit's,$(echo x)`y`\n"
    );
}

#[test]
fn a_failure_leaves_nothing_to_evaluate() {
    let ran = Home::new().run(&["env"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (69, ""));
}

/// The same key that any other program computes from the secret.
#[test]
fn a_key_is_derived_without_a_daemon() {
    let home = Home::new();
    let secret = home.file("secret");
    std::fs::write(&secret, [7; 32]).unwrap();
    let line = ["keys", "derive", "env", "--secret-file", secret.to_str().unwrap()];
    assert_eq!(home.run(&line).stdout, "aigw_env_9uMwPv3XLSc8HzEteekjee2gw-XxuuenLH5sahAFczM\n");
    let json = home.run(&[&line[..], &["--json"]].concat()).stdout;
    assert!(json.starts_with(r#"{"schema":1,"name":"env","generation":1,"key":"aigw_env_9uMw"#), "{json}");
    std::fs::write(&secret, [7; 31]).unwrap();
    assert_eq!(home.run(&line).code, 64);
    std::fs::remove_file(&secret).unwrap();
    assert_eq!(home.run(&line).code, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sh_gives_any_value_back(value in "[^\0]{0,40}") {
        if has_sh() {
            let line = Shell::Sh.set("V", &value);
            let script = r#"eval "$1"; printf %s "$V""#;
            let output = std::process::Command::new("/bin/sh").args(["-c", script, "sh", &line]).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
            prop_assert!(output.stderr.is_empty());
        }
    }
}
