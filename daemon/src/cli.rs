//! The command line of `aigwd`.

use std::process::ExitCode;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::paths::Paths;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::app::Origins;
use crate::os::handed::Handed;
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
    /// Print the manual page, for packages.
    #[command(hide = true)]
    Man,
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
    /// Take over from the running aigwd, which says so itself when it starts us
    #[arg(long, hide = true)]
    take_over: bool,
    /// auto, stderr or file [setting: log.to]
    #[arg(long, value_name = "PLACE")]
    log_to: Option<String>,
}

impl Run {
    fn settings(self) -> Vec<(String, String)> {
        let flags = [
            ("listen.port", self.port),
            ("log.level", self.log_level),
            ("log.format", self.log_format),
            ("log.to", self.log_to),
        ];
        flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(flags) => serve(flags.take_over, flags.settings()),
        Command::Try { once } => try_it(once),
        Command::Man => man(),
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

fn serve(take_over: bool, flags: Vec<(String, String)>) -> Result<(), Fault> {
    let origins = origins(flags)?;
    if take_over {
        return block_on(run::take_over(origins));
    }
    // Before there are threads.
    let handed = Handed::take()?;
    block_on(run::run(origins, handed))
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

fn man() -> Result<(), Fault> {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout().lock()).map_err(|error| {
        Fault::new(Kind::CommandFailed, format!("the manual page cannot be written: {error}"))
    })
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
