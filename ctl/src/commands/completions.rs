//! `completions`: a script for the shell, made from the same table as the parser.

use aigw_shared::fault::Failure;
use clap::CommandFactory;
use serde::Serialize;

use crate::cli::Cli;
use crate::output::Output;

#[derive(Serialize)]
struct Script {
    schema: u32,
    shell: String,
    script: String,
}

pub(super) fn run(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "aigwctl", &mut script);
    if !output.is_json() {
        return output.show_raw(&script);
    }
    let script = String::from_utf8_lossy(&script).into_owned();
    output.show_json(&Script { schema: 1, shell: shell.to_string(), script })
}
