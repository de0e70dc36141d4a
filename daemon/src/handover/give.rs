//! The side of the daemon that leaves.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{Build, HandOver};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::estate::{Estate, Talk, Word};
use super::{Phase, Succession, lock};
use crate::app::App;
use crate::os::handover::{self, Handle, Link};

/// For what `aigwctl` was asked for before, and for a login that is being renewed.
const QUIET: Duration = Duration::from_secs(10);
/// From its start until the successor is ready.
const READY: Duration = Duration::from_secs(20);
/// From our word until it serves: nobody is accepted meanwhile.
const SERVES: Duration = Duration::from_secs(5);

/// The flag of `aigwd run` by which a successor knows what it is.
pub const FLAG: &str = "--take-over";

/// Starts the successor and makes room for it. What is kept is its own from then on.
///
/// # Errors
/// Why there is none; then everything is as before.
pub async fn over(app: &Arc<App>, how: &HandOver) -> Result<Build, Fault> {
    let succession = &app.succession;
    let program = program(succession, how)?;
    succession.begin()?;
    // Whichever way this ends, also by being dropped.
    let attempt = Attempt(succession);
    let given = tokio::select! {
        given = give(app, &program) => given?,
        () = app.draining.cancelled() => {
            return Err(Fault::new(Kind::CommandFailed, "aigwd was asked to stop meanwhile"));
        }
    };
    let _ = succession.drain.set(how.drain_s.map(Duration::from_secs));
    lock(&succession.links).heir = Some(given.link);
    succession.enter(Phase::Left);
    succession.let_go();
    tracing::info!(pid = given.build.pid, version = given.build.version, "the successor serves");
    drop(attempt);
    // Whoever waited for these sees that we have left.
    drop(given.turns);
    Ok(given.build)
}

/// Given, and nothing to be taken back.
struct Given {
    build: Build,
    link: Link,
    turns: Vec<OwnedMutexGuard<()>>,
}

struct Attempt<'a>(&'a Succession);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.0.has_left() {
            self.0.go_on();
        }
    }
}

/// The successor's process, which is ended with this unless it has taken over.
struct Heir {
    pid: Option<u32>,
}

impl Drop for Heir {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            handover::kill(pid);
        }
    }
}

fn program(succession: &Succession, how: &HandOver) -> Result<PathBuf, Fault> {
    let named = how.program.as_ref().map(PathBuf::from);
    let program = named.or_else(|| succession.program.clone()).ok_or_else(|| {
        Fault::new(Kind::Impossible, "this system does not tell where aigwd is")
            .cure_with("run `aigwctl stop`, then `aigwctl start`")
    })?;
    handover::check(&program).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::Unsupported => Kind::Impossible,
            _ => Kind::CommandNotExecutable,
        };
        Fault::new(kind, format!("{} cannot be the successor: {error}", program.display()))
    })?;
    Ok(program)
}

async fn give(app: &Arc<App>, program: &std::path::Path) -> Result<Given, Fault> {
    let busy = |_| {
        Fault::new(Kind::CommandFailed, "something else that aigwctl was asked for still goes on")
            .cure_with("try again when it has ended")
    };
    let talks = timeout(QUIET, app.succession.quiet()).await.map_err(busy)??;
    let turns = timeout(QUIET, turns(app)).await.map_err(|_| {
        Fault::new(Kind::CommandFailed, "a login is being renewed, and that takes long")
            .cure_with("try again in a minute")
    })?;
    app.keys.save()?;
    let (words, handles) = estate(app, talks)?;

    let own = std::env::args_os().skip(1).filter(|word| word != FLAG);
    let (link, pid) = handover::start(program, own.chain([FLAG.into()])).map_err(|error| {
        Fault::new(Kind::CommandNotExecutable, format!("{} cannot be run: {error}", program.display()))
    })?;
    let mut heir = Heir { pid: Some(pid) };
    tracing::info!(pid, program = %program.display(), "a successor is being started");
    let told = timeout(READY, async {
        link.send(&words, &handles).await?;
        tracing::debug!("the successor has all that is open");
        hear(&link).await
    });
    let build = match told.await {
        Ok(Ok(Word::Ready(build))) => build,
        Ok(Ok(Word::Failed(failure))) => {
            return Err(failed(&format!("it says: {}", failure.text)).cure_with(failure.cure));
        }
        Ok(Ok(_)) => return Err(failed("it says what nobody understands")),
        Ok(Err(_)) => return Err(failed("it has ended")),
        Err(_) => return Err(failed(&format!("it was not ready after {} s", READY.as_secs()))),
    };
    drop((words, handles));

    app.succession.enter(Phase::Paused);
    let word = serde_json::to_vec(&Word::Serve).map_err(|error| failed(&error.to_string()))?;
    let told = timeout(SERVES, async {
        link.send(&word, &[]).await?;
        hear(&link).await
    });
    match told.await {
        Ok(Ok(Word::Serves)) => {}
        Ok(Ok(_)) => return Err(failed("it says what nobody understands")),
        Ok(Err(_)) => return Err(failed("it has ended")),
        Err(_) => return Err(failed("it was ready, and then did not serve")),
    }
    // It is its own master now.
    heir.pid = None;
    Ok(Given { build, link, turns })
}

fn failed(how: &str) -> Fault {
    Fault::new(Kind::CommandFailed, format!("the successor has failed, and this aigwd goes on: {how}"))
        .cure_with("see what it has written: `aigwctl service logs`")
}

async fn hear(link: &Link) -> std::io::Result<Word> {
    let (words, _) = link.receive().await?;
    serde_json::from_slice(&words).map_err(std::io::Error::other)
}

/// From now on nobody changes a login.
async fn turns(app: &App) -> Vec<OwnedMutexGuard<()>> {
    let names: Vec<String> = app.current().gateways.keys().cloned().collect();
    let mut turns = Vec::new();
    for name in names {
        turns.push(app.logins.alone(&name).await);
    }
    turns
}

/// All of it as words and handles. The successor gets handles of its own: ours stay ours if it fails.
fn estate(app: &App, talks: Vec<Talk>) -> Result<(Zeroizing<Vec<u8>>, Vec<Handle>), Fault> {
    let trouble = |error: &dyn std::fmt::Display| {
        Fault::new(Kind::Internal, format!("the successor cannot be given what is open: {error}"))
    };
    let goods = lock(&app.succession.goods);
    let goods = goods.as_ref().ok_or_else(|| trouble(&"aigwd is about to stop"))?;
    let links = lock(&app.succession.links);
    let elders = if app.succession.is_alone() { &[] } else { links.elders.as_slice() };
    let tcp = goods.tcp.iter();
    let mut handles = Vec::new();
    for handle in [&goods.lock, &goods.control]
        .into_iter()
        .chain(tcp)
        .chain(talks.iter().map(|it| &it.connection))
        .chain(elders)
    {
        handles.push(handover::again(handle).map_err(|error| trouble(&error))?);
    }
    let estate = Estate {
        memory: app.memory(),
        kept: goods.kept,
        tcp: goods.tcp.len(),
        elders: elders.len(),
        talks: talks.into_iter().map(|talk| talk.words).collect(),
    };
    let words = serde_json::to_vec(&estate).map_err(|error| trouble(&error))?;
    Ok((Zeroizing::new(words), handles))
}
