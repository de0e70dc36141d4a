//! The command line of `aigwd`.

use std::process::ExitCode;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::paths::Paths;
use clap::{Args, Parser, Subcommand};

use crate::app::Origins;
use crate::run;

/// The local door to a company's AI gateway.
///
/// Tools on this machine talk to it; it talks to the gateway, with a token that no tool ever sees. `aigwctl` controls it.
#[derive(Debug, Parser)]
#[command(name = "aigwd", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Example:
  aigwd try            a guided tour on a practice gateway, with nothing to set up
  aigwd run            serve, in the foreground

Exit codes:
  0 done   1 failed   2 usage   64 bad configuration   70 this build cannot do it";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve in the foreground until told to stop.
    #[command(after_help = "Example:\n  aigwd run --port 2450 --log-level debug")]
    Run(Run),
    /// Show the main job on an embedded practice gateway: no account, no files of yours, nothing left behind.
    #[command(after_help = "Example:\n  aigwd try --once")]
    Try {
        /// End after the tour; 0 only if every answer was right.
        #[arg(long)]
        once: bool,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Port of both doors, on 127.0.0.1 and ::1; 0 lets the system choose [setting: listen.port]
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// off, error, warn, info, debug or trace [setting: log.level]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// text or json [setting: log.format]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Run {
    fn settings(self) -> Vec<(String, String)> {
        let flags =
            [("listen.port", self.port), ("log.level", self.log_level), ("log.format", self.log_format)];
        flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(flags) => origins(flags.settings()).and_then(|origins| block_on(run::run(origins))),
        Command::Try { once } => try_it(once),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "error: {}\n  {}", fault.what, fault.cure());
            ExitCode::from(fault.kind.face().exit)
        }
    }
}

#[cfg(feature = "practice")]
fn try_it(once: bool) -> Result<(), Fault> {
    block_on(crate::practice::tour(once))
}

#[cfg(not(feature = "practice"))]
fn try_it(_once: bool) -> Result<(), Fault> {
    Err(Fault::new(Kind::Impossible, "this build carries no practice gateway")
        .cure_with("run it from the sources: `cargo run --release --bin aigwd -- try`"))
}

fn origins(flags: Vec<(String, String)>) -> Result<Origins, Fault> {
    let paths = Paths::from_environment(&|name| std::env::var_os(name))?;
    Ok(Origins { paths, environment: std::env::vars_os().collect(), flags })
}

fn block_on(work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Kind::Internal, format!("no runtime: {error}")))?
        .block_on(work)
}
