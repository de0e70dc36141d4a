//! One file a command: it asks the daemon, makes an answer, and hands it to the output.

mod account;
pub mod bug_report;
mod byok;
mod ca;
mod completions;
mod config;
mod course;
pub mod doctor;
mod down;
mod drift;
pub(crate) mod edits;
mod env;
mod explain;
mod gateway;
mod keys;
mod log_level;
mod login;
mod logout;
mod man;
mod models;
mod needs;
mod overview;
mod pause;
mod reload;
mod run;
mod service;
mod sessions;
mod setup;
mod shell_tokens;
mod start;
mod status;
mod stop;
mod trust;
mod undo;
mod up;
mod version;

use aigw_shared::fault::Failure;

use crate::cli::{Command, Config, Keys};
use crate::output::Output;

/// Does what the command line says.
///
/// # Errors
/// What the command could not do.
pub async fn run(command: Option<&Command>, output: &Output) -> Result<(), Failure> {
    match command {
        None => overview::run(output).await,
        Some(Command::Up(arguments)) => up::run(arguments, output).await,
        Some(Command::Down(arguments)) => down::run(arguments, output).await,
        Some(Command::Pause) => pause::begin(output).await,
        Some(Command::Resume) => pause::end(output).await,
        Some(Command::Login(arguments)) => login::run(arguments, output).await,
        Some(Command::Logout { name }) => logout::run(name.clone(), output).await,
        Some(Command::Status) => status::run(output).await,
        Some(Command::Doctor(arguments)) => doctor::run(arguments, output).await,
        Some(Command::BugReport(arguments)) => bug_report::run(arguments, output).await,
        Some(Command::Env(arguments)) => env::run(arguments, output).await,
        Some(Command::Run(arguments)) => run::run(arguments, output).await.map(|never| match never {}),
        Some(Command::Setup(arguments)) => setup::run(arguments, output).await,
        Some(Command::Undo(arguments)) => undo::run(arguments, output).await,
        Some(Command::Keys { action }) => match action {
            None | Some(Keys::List) => keys::list(output).await,
            Some(Keys::Revoke { name }) => keys::revoke(name, output).await,
            Some(Keys::Derive { spec, secret_file }) => keys::derive(spec, secret_file, output),
        },
        Some(Command::Gateway { action }) => gateway::run(action.as_ref(), output).await,
        Some(Command::Byok { action, gateway }) => byok::run(action.as_ref(), gateway.clone(), output).await,
        Some(Command::Sessions { limit, prompts, gateway }) => {
            sessions::run(*limit, *prompts, gateway.clone(), output).await
        }
        Some(Command::Models { gateway }) => models::run(gateway.clone(), output).await,
        Some(Command::Config { action: Config::Show }) => config::show(output).await,
        Some(Command::Ca { action }) => ca::run(action.as_ref(), output).await,
        Some(Command::Explain(arguments)) => explain::run(arguments, output).await,
        Some(Command::Start { aigwd }) => start::run(aigwd.as_deref(), output).await,
        Some(Command::Stop) => stop::run(output).await,
        Some(Command::Service { action }) => service::run(action, output).await,
        Some(Command::Reload) => reload::run(output).await,
        Some(Command::LogLevel { level }) => log_level::run(level, output).await,
        Some(Command::Version) => version::run(output).await,
        Some(Command::Completions { shell }) => completions::run(*shell, output),
        Some(Command::Man { out }) => man::run(out.as_deref(), output),
    }
}
