//! The snippets for Coder templates and dev containers: they parse, and what they run works with the real programs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use hcl::eval::{Context, Evaluate};
use hcl::{Body, Expression, Value};

/// A place with both programs in `PATH`, under their own names.
struct Workspace {
    machine: Machine,
    gateway: Practice,
    variables: Vec<(String, String)>,
}

impl Workspace {
    async fn new(variables: &[(&str, &str)]) -> Self {
        let gateway = Practice::start(Setup::default()).await.unwrap();
        let machine = machine!();
        let bin = machine.home().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, program) in
            [("aigwd", crate::AIGWD), ("aigwctl", env!("CARGO_BIN_EXE_aigwctl_under_test"))]
        {
            fs::copy(program, bin.join(name)).unwrap();
        }
        fs::create_dir(machine.home().join(".codex")).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { machine, gateway, variables: variables.collect() }
    }

    fn home(&self) -> PathBuf {
        self.machine.home().to_owned()
    }

    fn command(&self, program: &str) -> Command {
        let home = self.home();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()))
            .envs(["HOME", "AIGW_HOME", "XDG_RUNTIME_DIR"].map(|name| (name, &home)))
            .env("AIGW_LISTEN_PORT", "0")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&home);
        command
    }

    fn sh(&self, script: &str) -> Output {
        self.command("sh").args(["-c", script]).output().unwrap()
    }

    /// A tool is set up, with whoever's token.
    fn works(&self) {
        let status = self.machine.ask(&[]);
        assert_eq!(status["gateway"]["user"], "ada", "{status:#}");
        let codex = fs::read_to_string(self.home().join(".codex/config.toml")).unwrap();
        assert!(codex.contains("/openai/v1") && codex.contains("aigw_codex_"), "{codex}");
    }

    fn own_tokens(&self) -> usize {
        self.gateway.tokens_of("ada").iter().filter(|(_, name)| name.starts_with("aigw-")).count()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.machine.ctl(&["stop"]);
    }
}

/// An attribute of a resource, with what the deployment says put in.
fn attribute(body: &Body, kind: &str, name: &str, attribute: &str, context: &Context<'_>) -> String {
    let labels =
        |block: &hcl::Block| block.labels.iter().map(|label| label.as_str().to_owned()).collect::<Vec<_>>();
    let block = body
        .blocks()
        .find(|block| block.identifier() == "resource" && labels(block) == [kind, name])
        .unwrap_or_else(|| panic!("no resource {kind} {name}"));
    let found = block.body.attributes().find(|known| known.key() == attribute);
    let expression: &Expression = found.unwrap_or_else(|| panic!("{name} has no {attribute}")).expr();
    match expression.evaluate(context).unwrap() {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coder_template_logs_in_sets_up_and_logs_out() {
    let mut workspace = Workspace::new(&[]).await;
    let printed = workspace.machine.ctl(&["setup", "--print", "coder-template"]);
    assert!(printed.status.success(), "{}", told(&printed));
    let body = hcl::parse(std::str::from_utf8(&printed.stdout).unwrap()).unwrap();
    let session = workspace.gateway.issue_token("ada", Duration::from_secs(3600));
    let mut context = Context::new();
    context.declare_var(
        "data",
        hcl::value!({
            coder_workspace = { me = { access_url = (workspace.gateway.url()) } }
            coder_workspace_owner = { me = { session_token = (session.clone()) } }
        }),
    );
    let value = |kind: &str, name: &str, what: &str| attribute(&body, kind, name, what, &context);
    let start = value("coder_script", "aigw", "script");
    assert!(start.starts_with("#!/bin/sh\n") && start.contains("\naigwctl start\n"), "{start}");
    for name in ["aigw_url", "aigw_session"] {
        workspace.variables.push((value("coder_env", name, "name"), value("coder_env", name, "value")));
    }
    let stop = value("coder_script", "aigw_stop", "script");

    let output = workspace.sh(&start);
    assert!(output.status.success(), "{}", told(&output));
    workspace.works();
    assert_eq!(workspace.own_tokens(), 1);
    // Every start of the workspace runs it again.
    let output = workspace.sh(&start);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(workspace.own_tokens(), 1);
    assert!(!start.contains(&session) && !told(&output).contains(&session));
    let output = workspace.sh(&stop);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(workspace.own_tokens(), 0);
    assert!(!workspace.machine.ctl(&["status"]).status.success());
    // An image without the programs says so.
    fs::remove_file(workspace.home().join("bin/aigwd")).unwrap();
    let output = workspace.sh(&start);
    assert!(
        !output.status.success() && told(&output).contains("not in this image's PATH"),
        "{}",
        told(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dev_container_starts_with_a_token_from_a_file() {
    let mut workspace = Workspace::new(&[]).await;
    let printed = workspace.machine.ask(&["setup", "--print", "devcontainer"]);
    let text = printed["tools"][0]["files"][0]["text"].as_str().unwrap();
    let container: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(container["containerEnv"]["CODER_URL"], "${localEnv:CODER_URL}");
    workspace.variables.push(("CODER_URL".to_owned(), workspace.gateway.url()));
    let mount = container["mounts"][0].as_str().unwrap();
    let target = mount.split(',').find_map(|part| part.strip_prefix("target=")).unwrap();
    let file = workspace.home().join("coder-token");
    fs::write(&file, workspace.gateway.issue_token("ada", Duration::from_secs(3600))).unwrap();
    let command = container["postStartCommand"].as_str().unwrap();
    assert!(command.contains(target), "{command}");
    let output = workspace.sh(&command.replace(target, file.to_str().unwrap()));
    assert!(output.status.success(), "{}", told(&output));
    workspace.works();
}
