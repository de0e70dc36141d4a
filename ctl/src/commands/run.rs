//! `run`: a command with the variables of `env` for itself alone, and a key that ends with it. Nothing is written.

use std::convert::Infallible;
use std::io;
use std::process::Command;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};

use super::{env, trust};
use crate::cli::{Mode, Run};
use crate::{daemon, no_proxy, os};

/// Ends the process with the command's exit code.
pub(super) async fn run(arguments: &Run) -> Result<Infallible, Failure> {
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Fault::new(Kind::Usage, "there is no command to run").into());
    };
    let files = match arguments.mode {
        Mode::BaseUrl => None,
        Mode::Proxy => Some(trust::files(Vec::new()).await?),
    };
    // The key is valid as long as this connection, which the system closes however we end.
    let mut connection = daemon::connect().await?;
    let Response::Access(access) = connection.call(Request::LendKey(arguments.gateway.clone())).await? else {
        return Err(daemon::unexpected());
    };
    let mut command = Command::new(program);
    command.args(words);
    for (name, value) in env::set(&access, files.as_ref(), &no_proxy::here())? {
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
