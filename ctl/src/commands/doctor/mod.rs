//! `doctor`: looks at everything that has to be right for a tool to work, and says of what is not what mends it. Asked to,
//! it proves a tool: see `proof`.

mod access;
mod ca;
mod daemon;
mod environment;
mod files;
mod gateways;
mod live;
mod place;
mod proof;
mod report;
mod tools;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::Build;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::live::Live;
use self::report::{Line, Report};
use super::{needs, setup, start, status};
use crate::os::group;
use crate::output::Output;
use crate::settings::ledger::Ledger;
use crate::tools::{Desk, Mode, Tool, desk as tools_of};

/// No check takes longer. The daemon gives up a gateway a little earlier.
const LONGEST: Duration = Duration::from_secs(15);

/// `doctor`
#[derive(Debug, Default, clap::Args)]
pub struct Arguments {
    /// Prove a tool as well: its own program asks one thing, aigwd answers it itself, and what the tool did is told. It
    /// runs in a scratch home, with a copy of its settings as `setup` makes them
    #[arg(long = "tool", value_name = "TOOL")]
    pub tools: Vec<String>,
    /// Prove all tools that are set up
    #[arg(long, conflicts_with = "tools")]
    pub all_tools: bool,
    /// Prove them through this door only
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Mend what is aigw's own and safe to mend: start aigwd where it does not run, and lead tools that are set up to the
    /// port where it listens now
    #[arg(long)]
    pub fix: bool,
}

/// What the daemon says of itself, asked once for all checks.
struct Seen {
    build: Result<Build, Failure>,
    /// Not there either where both programs have no version of the conversation in common.
    status: Result<status::Status, Failure>,
}

type Looked = Pin<Box<dyn Future<Output = Vec<Line>> + Send>>;
type Look = fn(Arc<Seen>) -> Looked;

/// Every check: its name, and what looks. They run at the same time, and are told in this order.
const CHECKS: [(&str, Look); 15] = [
    ("daemon", |seen| Box::pin(async move { daemon::runs(&seen) })),
    ("version", |seen| Box::pin(async move { daemon::version(&seen) })),
    ("socket", |seen| Box::pin(async move { daemon::socket(&seen) })),
    ("service", |seen| Box::pin(async move { daemon::service(&seen) })),
    ("port", |seen| Box::pin(async move { daemon::port(&seen) })),
    ("access", |seen| Box::pin(async move { access::look(&seen).await })),
    ("login", |seen| Box::pin(async move { gateways::logins(&seen) })),
    ("gateway", |seen| Box::pin(async move { gateways::reach(&seen).await })),
    ("ca", |seen| Box::pin(async move { ca::look(&seen).await })),
    ("no-proxy", |_| Box::pin(async move { environment::no_proxy() })),
    ("environment", |seen| Box::pin(async move { environment::variables(&seen) })),
    ("files", |seen| Box::pin(async move { files::look(&seen) })),
    ("place", |_| Box::pin(async move { place::look() })),
    ("tools", |seen| Box::pin(async move { tools::look(&seen) })),
    ("findings", |seen| Box::pin(async move { daemon::findings(&seen) })),
];

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let tools = chosen(arguments)?;
    let mut live = Live::on(output);
    let mut report = Report::default();
    let mut seen = look().await;
    if arguments.fix {
        seen = mend(seen, &mut report).await;
    }
    live.begin(&report);
    report.checks.extend(examine(Arc::new(seen), &mut live).await);
    for tool in tools {
        let desk = whose()?.of(tool);
        live.busy(&format!("{} is being proved", tool.name));
        let outcome = tokio::select! {
            outcome = proof::of(tool, arguments.mode, &desk) => outcome,
            // The scratch home and the program in it go, too.
            () = group::asked_to_end() => {
                live.busy("");
                return Err(Fault::new(Kind::CommandFailed, "the proof was broken off").cure_with("run it again").into());
            }
        };
        live.done(&outcome.lines);
        report.checks.extend(outcome.lines);
        report.proofs.extend(outcome.proved);
    }
    report.count();
    if !live.end(&report) {
        output.show(&report)?;
    }
    if report.is_wrong() {
        output.end_with(1);
    }
    Ok(())
}

/// What all checks find, for whoever packs it up. Nothing is mended, and no tool is run.
pub(super) async fn report() -> impl Serialize {
    let mut report = Report::default();
    report.checks = examine(Arc::new(look().await), &mut Live::quiet()).await;
    report.count();
    report
}

/// The tools that are to be proved.
fn chosen(arguments: &Arguments) -> Result<Vec<&'static Tool>, Failure> {
    if arguments.all_tools {
        let ledger = Ledger::look(&crate::daemon::paths()?)?;
        return Ok(ledger.all_tools().iter().filter_map(|id| Tool::named(id)).collect());
    }
    arguments.tools.iter().map(|id| needs::tool(id)).collect()
}

/// Whose tools they are.
fn whose() -> Result<Desk, Failure> {
    let home = crate::daemon::paths()?.user_home.ok_or_else(|| {
        Fault::new(Kind::BadConfiguration, "this user has no home folder").cure_with("set HOME")
    })?;
    Ok(tools_of(&home))
}

/// Mends what is ours, and looks again.
async fn mend(mut seen: Seen, report: &mut Report) -> Seen {
    if seen.build.as_ref().is_err_and(crate::daemon::is_absent) {
        match start::begin(None).await {
            Ok(started) => report.fixed.push(format!("started aigwd, pid {}", started.pid())),
            Err(failure) => report.checks.push(Line::failure("fix", failure)),
        }
        seen = look().await;
    }
    for tool in tools::moved(&seen) {
        match setup::again(&tool).await {
            Ok(()) => report.fixed.push(format!("{tool} leads to aigwd again")),
            Err(failure) => report.checks.push(Line::failure("fix", failure)),
        }
    }
    seen
}

async fn look() -> Seen {
    let build = match crate::daemon::ask(Request::Describe).await {
        Ok(Response::Described(build)) => Ok(build),
        Ok(_) => Err(crate::daemon::unexpected()),
        Err(failure) => Err(failure),
    };
    Seen { build, status: status::fetch().await }
}

/// All checks at the same time; each is told in its turn, as soon as those before it are.
async fn examine(seen: Arc<Seen>, live: &mut Live) -> Vec<Line> {
    let (mut running, mut ids) = (JoinSet::new(), Vec::new());
    for (place, (name, look)) in CHECKS.into_iter().enumerate() {
        let looked = look(seen.clone());
        let spawned = running.spawn(async move {
            let late =
                |_| vec![Line::error(name, format!("no answer in {} s", LONGEST.as_secs()), "try again")];
            (place, timeout(LONGEST, looked).await.unwrap_or_else(late))
        });
        ids.push(spawned.id());
    }
    let mut found: Vec<Option<Vec<Line>>> = CHECKS.iter().map(|_| None).collect();
    let mut told = 0;
    loop {
        let open = CHECKS.iter().zip(&found).filter(|(_, found)| found.is_none());
        let open: Vec<_> = open.map(|((name, _), _)| *name).collect();
        live.busy(&open.join(", "));
        let Some(ended) = running.join_next().await else { break };
        let (place, lines) = ended.unwrap_or_else(|error| {
            let place = ids.iter().position(|id| *id == error.id()).unwrap_or_default();
            let text = "aigwctl failed at this check";
            (place, vec![Line::error(CHECKS[place].0, text, "report it: `aigwctl bug-report`")])
        });
        found[place] = Some(lines);
        while let Some(Some(lines)) = found.get(told) {
            live.done(lines);
            told += 1;
        }
    }
    found.into_iter().flatten().flatten().collect()
}
