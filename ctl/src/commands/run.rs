//! `run`: a command with the variables of `env` for itself alone, and a key that ends with it. Nothing is written.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::process::Command;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};

use super::{env, needs, trust};
use crate::cli::{Mode, Run};
use crate::output::Output;
use crate::tools::Tool;
use crate::{daemon, no_proxy, os};

/// Ends the process with the command's exit code.
pub(super) async fn run(arguments: &Run, output: &Output) -> Result<Infallible, Failure> {
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Fault::new(Kind::Usage, "there is no command to run").into());
    };
    let tool = match &arguments.tool {
        Some(id) => Some(needs::tool(id)?),
        None => Tool::of_program(Path::new(program)),
    };
    let mode = needs::mode(tool, arguments.mode);
    let files = match mode {
        Mode::BaseUrl => None,
        Mode::Proxy => Some(trust::files(Vec::new()).await?),
    };
    // The key is valid as long as this connection, which the system closes however we end.
    let mut connection = daemon::connect().await?;
    let Response::Access(access) = connection.call(Request::LendKey(arguments.gateway.clone())).await? else {
        return Err(daemon::unexpected());
    };
    let mut command = Command::new(program);
    let mut variables = env::set(&access, files.as_ref(), &no_proxy::here())?;
    if let Some(tool) = tool {
        let (model, gateway) = (arguments.model.as_ref(), arguments.gateway.as_ref());
        let needs = needs::of(tool, mode, &access, model, gateway).await?;
        match needs.trouble {
            // Asked for by name, it is to work; else whoever runs it may know better.
            Some(failure) if arguments.tool.is_some() => return Err(failure),
            Some(failure) => output.note(&format!("{}. To mend that, {}.", failure.text, failure.cure)),
            None => {}
        }
        variables.extend(needs.variables.into_iter().map(|(name, value)| (name, Some(value))));
        command.args(needs.arguments);
    }
    command.args(words);
    for (name, value) in variables {
        for name in env::spellings(name) {
            match &value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
    let ended = os::run::to_its_end(&mut command).await;
    drop(connection);
    match ended {
        Ok(code) => std::process::exit(code),
        Err(error) => Err(not_run(&program.to_string_lossy(), &error).into()),
    }
}

fn not_run(program: &str, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::new(
            Kind::CommandMissing,
            format!("there is no command {program}, or not what it starts with"),
        ),
        _ => Fault::new(Kind::CommandNotExecutable, format!("{program} cannot be run: {error}")),
    }
}
