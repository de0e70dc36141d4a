//! `doctor`: looks at everything that has to be right for a tool to work, and says of what is not what mends it.

mod ca;
mod daemon;
mod environment;
mod gateways;
mod place;
mod report;
mod tools;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::Build;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::report::{Line, Report};
use super::{setup, start, status};
use crate::output::Output;

/// No check takes longer. The daemon gives up a gateway a little earlier.
const LONGEST: Duration = Duration::from_secs(15);

/// `doctor`
#[derive(Debug, Default, clap::Args)]
pub struct Arguments {
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
const CHECKS: [(&str, Look); 12] = [
    ("daemon", |seen| Box::pin(async move { daemon::runs(&seen) })),
    ("version", |seen| Box::pin(async move { daemon::version(&seen) })),
    ("socket", |seen| Box::pin(async move { daemon::socket(&seen) })),
    ("port", |seen| Box::pin(async move { daemon::port(&seen) })),
    ("login", |seen| Box::pin(async move { gateways::logins(&seen) })),
    ("gateway", |seen| Box::pin(async move { gateways::reach(&seen).await })),
    ("ca", |seen| Box::pin(async move { ca::look(&seen).await })),
    ("no-proxy", |_| Box::pin(async move { environment::no_proxy() })),
    ("environment", |seen| Box::pin(async move { environment::variables(&seen) })),
    ("place", |_| Box::pin(async move { place::look() })),
    ("tools", |seen| Box::pin(async move { tools::look(&seen) })),
    ("findings", |seen| Box::pin(async move { daemon::findings(&seen) })),
];

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let mut report = Report::default();
    let mut seen = look().await;
    if arguments.fix && seen.build.as_ref().is_err_and(crate::daemon::is_absent) {
        match start::begin(None).await {
            Ok(started) => report.fixed.push(format!("started aigwd, pid {}", started.pid())),
            Err(failure) => report.checks.push(Line::failure("fix", failure)),
        }
        seen = look().await;
    }
    if arguments.fix {
        for tool in tools::moved(&seen) {
            match setup::again(&tool).await {
                Ok(()) => report.fixed.push(format!("{tool} leads to aigwd again")),
                Err(failure) => report.checks.push(Line::failure("fix", failure)),
            }
        }
    }
    report.checks.extend(examine(Arc::new(seen)).await);
    report.count();
    output.show(&report)?;
    if report.is_wrong() {
        output.end_with(1);
    }
    Ok(())
}

async fn look() -> Seen {
    let build = match crate::daemon::ask(Request::Describe).await {
        Ok(Response::Described(build)) => Ok(build),
        Ok(_) => Err(crate::daemon::unexpected()),
        Err(failure) => Err(failure),
    };
    Seen { build, status: status::fetch().await }
}

async fn examine(seen: Arc<Seen>) -> Vec<Line> {
    let mut running = JoinSet::new();
    for (place, (name, look)) in CHECKS.into_iter().enumerate() {
        let looked = look(seen.clone());
        running.spawn(async move {
            let late =
                |_| vec![Line::error(name, format!("no answer in {} s", LONGEST.as_secs()), "try again")];
            (place, timeout(LONGEST, looked).await.unwrap_or_else(late))
        });
    }
    let mut lines = running.join_all().await;
    lines.sort_by_key(|(place, _)| *place);
    lines.into_iter().flat_map(|(_, lines)| lines).collect()
}
