//! The life of the daemon: bind everything, serve, drain, end.

use std::fs::File;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::os::socket;
use tokio::task::JoinSet;

use crate::app::{App, Origins};
use crate::credentials::renew;
use crate::os::limits;
use crate::os::signal::{Asked, Signals};
use crate::{control, listen};

/// How long running streams may take to finish after the daemon was asked to stop.
const GRACE: Duration = Duration::from_secs(30);
/// How often the CA and the files made of it are looked at.
const CA_ROUND: Duration = Duration::from_secs(300);

/// A daemon that has bound everything.
pub struct Daemon {
    /// Its rooms.
    pub app: Arc<App>,
    tasks: JoinSet<&'static str>,
    _lock: File,
}

impl Daemon {
    /// Takes the lock, the port and the control socket, in this order.
    ///
    /// # Errors
    /// `AlreadyRunning`, `PortTaken`, and whatever is wrong with the files.
    pub async fn start(origins: Origins) -> Result<Self, Fault> {
        let room = listen::Room::of(limits::apply());
        let paths = origins.paths.clone();
        files::create_private_dir(&paths.state)?;
        let lock = take_lock(&paths.lock_file())?;
        let app = App::open(origins)?;
        let listeners = listen::bind(app.current().config.listen.port).await?;
        let place = paths.socket();
        place.prepare()?;
        let control = socket::listen(&place.address).map_err(|error| {
            Fault::new(
                Kind::File,
                format!("the control socket {} cannot be made: {error}", place.address.display()),
            )
        })?;
        app.bound(listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect());

        let mut tasks = JoinSet::new();
        for listener in listeners {
            let (app, room) = (app.clone(), room.clone());
            tasks.spawn(async move {
                listen::serve(app, listener, room).await;
                "listener"
            });
        }
        let serving = app.clone();
        tasks.spawn(async move {
            control::serve(serving, control).await;
            "control"
        });
        let tended = app.clone();
        tasks.spawn(async move {
            tend_ca(tended).await;
            "CA"
        });
        let tended = app.clone();
        tasks.spawn(async move {
            renew::tend(tended).await;
            "logins"
        });
        let tended = app.clone();
        tasks.spawn(async move {
            let ended = tended.ended.clone();
            tokio::select! {
                () = tended.tend_keyring() => {}
                () = ended.cancelled() => {}
            }
            "keyring"
        });
        Ok(Self { app, tasks, _lock: lock })
    }

    /// Serves until somebody asks to stop, then lets what is running finish. `hurry` ends the grace.
    ///
    /// # Errors
    /// When a part of the daemon ended by itself, so that a service manager starts it again.
    pub async fn serve(
        mut self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), Fault> {
        let failed = tokio::select! {
            () = stop => None,
            () = self.app.stopping.cancelled() => None,
            ended = self.tasks.join_next() => {
                Some(ended.and_then(Result::ok).unwrap_or("a task"))
            }
        };
        self.app.draining.cancel();
        self.app.tasks.close();
        tokio::select! {
            () = self.app.tasks.wait() => {}
            () = tokio::time::sleep(GRACE) => tracing::warn!("streams were cut at the end of the grace"),
            () = hurry => {}
        }
        self.app.ended.cancel();
        // What was cut closes its sockets.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.app.tasks.wait()).await;
        while self.tasks.join_next().await.is_some() {}
        if let Err(fault) = self.app.keys.save() {
            tracing::warn!("{fault}");
        }
        match failed {
            None => Ok(()),
            Some(task) => Err(Fault::new(Kind::Internal, format!("the {task} ended by itself"))),
        }
    }
}

/// Keeps up with the system's trust store, and with the time that the CA has left.
async fn tend_ca(app: Arc<App>) {
    let mut rounds = tokio::time::interval(CA_ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            () = app.ended.cancelled() => return,
        }
        let tended = app.clone();
        let round = tokio::task::spawn_blocking(move || {
            tended.ca.refresh();
            tended.look_at_ca();
        });
        if let Err(error) = round.await {
            tracing::warn!("the CA was not looked at: {error}");
        }
    }
}

/// `aigwd run`.
///
/// # Errors
/// Why it could not start, or did not end well.
pub async fn run(origins: Origins) -> Result<(), Fault> {
    // Before anybody can know that we are there, and ask us to stop.
    let mut signals =
        Signals::new().map_err(|error| Fault::new(Kind::Internal, format!("no signal handlers: {error}")))?;
    let daemon = Daemon::start(origins).await?;
    let app = daemon.app.clone();
    crate::observe::log::start(&app.current().config.log)?;
    for finding in app.health.all() {
        tracing::warn!(code = finding.code, "{}", finding.text);
    }
    let addresses: Vec<String> = app.listening().iter().map(ToString::to_string).collect();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = addresses.join(", "), "aigwd is ready");

    let stop = tokio_util::sync::CancellationToken::new();
    let hurry = tokio_util::sync::CancellationToken::new();
    let (stopped, hurried) = (stop.clone(), hurry.clone());
    let watched = app.clone();
    let watcher = tokio::spawn(async move {
        loop {
            match signals.next().await {
                Asked::Stop if stopped.is_cancelled() || watched.stopping.is_cancelled() => hurried.cancel(),
                Asked::Stop => {
                    tracing::info!("stopping");
                    stopped.cancel();
                }
                Asked::Reload => match watched.reload() {
                    Ok(()) => tracing::info!("the configuration was read again"),
                    Err(fault) => tracing::error!("the configuration was refused: {fault}"),
                },
            }
        }
    });
    let result = daemon.serve(stop.cancelled(), hurry.cancelled()).await;
    watcher.abort();
    tracing::info!("aigwd has ended");
    result
}

/// The lock, not the socket, says that there is one daemon: it goes with its process, however that ends.
fn take_lock(path: &std::path::Path) -> Result<File, Fault> {
    let trouble =
        |error: &dyn std::fmt::Display| Fault::new(Kind::File, format!("{}: {error}", path.display()));
    let file = File::options().create(true).append(true).open(path).map_err(|error| trouble(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Fault::new(Kind::AlreadyRunning, "another aigwd is running with the same folders"))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(trouble(&error)),
    }
}
