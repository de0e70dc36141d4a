//! The life of the daemon: bind everything, serve, drain, end.

use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::os::socket::{self, Listener};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app::{App, Origins};
use crate::credentials::renew;
use crate::handover::estate::Talk;
use crate::handover::take::{self, Legacy};
use crate::handover::{Goods, Succession};
use crate::os::handed::Handed;
use crate::os::handover;
use crate::os::limits;
use crate::os::notify::{self, News};
use crate::os::signal::{Asked, Signals};
use crate::{control, listen, observe};

/// How long running streams may take to finish after the daemon was asked to stop.
const GRACE: Duration = Duration::from_secs(30);
/// The same where the service manager keeps the sockets: whoever connects meanwhile waits for our next start.
const GRACE_WHILE_KEPT: Duration = Duration::from_secs(5);
/// How often the CA and the files made of it are looked at.
const CA_ROUND: Duration = Duration::from_secs(300);

/// A daemon that has bound everything.
pub struct Daemon {
    /// Its rooms.
    pub app: Arc<App>,
    tasks: JoinSet<&'static str>,
    grace: Duration,
    bound: Option<Bound>,
    /// Where the control socket is, if nobody but us takes it away at the end.
    socket: Option<PathBuf>,
    _lock: File,
}

/// What is bound, before it is served.
struct Bound {
    room: listen::Room,
    tcp: Vec<TcpListener>,
    control: Listener,
    talks: Vec<Talk>,
}

impl Daemon {
    /// Takes the lock, the port and the control socket, in this order. Those that were handed to us are not made.
    ///
    /// # Errors
    /// `AlreadyRunning`, `PortTaken`, and whatever is wrong with the files.
    pub async fn start(origins: Origins, handed: Handed) -> Result<Self, Fault> {
        let mut daemon = Self::bind(origins, handed, None).await?;
        daemon.open();
        Ok(daemon)
    }

    async fn bind(origins: Origins, handed: Handed, legacy: Option<&mut Legacy>) -> Result<Self, Fault> {
        let room = listen::Room::of(limits::apply());
        let paths = origins.paths.clone();
        files::create_private_dir(&paths.state)?;
        let (lock, app, talks) = match legacy {
            None => (take_lock(&paths.lock_file())?, App::open(origins)?, Vec::new()),
            Some(legacy) => {
                let lock = inherit_lock(legacy, &paths.lock_file())?;
                let app = App::open_after(origins, std::mem::take(&mut legacy.memory))?;
                (lock, app, std::mem::take(&mut legacy.talks))
            }
        };
        let inherits = handed.control.is_some();
        let grace = if handed.kept { GRACE_WHILE_KEPT } else { GRACE };
        let port = app.current().config.listen.port;
        let tcp = if handed.tcp.is_empty() {
            listen::bind(port).await?
        } else {
            if !handed.kept {
                check_port(&handed.tcp, port)?;
            }
            listen::adopt(handed.tcp, port, &app.health)?
        };
        let place = paths.socket();
        place.prepare()?;
        let control = match handed.control {
            Some(handed) => handed.listen(&place.address),
            None => socket::listen(&place.address),
        };
        let control = control.map_err(|error| {
            Fault::new(
                Kind::File,
                format!("the control socket {} cannot be made: {error}", place.address.display()),
            )
        })?;
        app.bound(tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect());
        if let Err(error) = own(&app, &lock, &tcp, &control, handed.kept) {
            tracing::debug!(%error, "no successor can be given what is open");
        }
        let socket = (inherits && !handed.kept).then_some(place.address);
        let bound = Some(Bound { room, tcp, control, talks });
        Ok(Self { app, tasks: JoinSet::new(), grace, bound, socket, _lock: lock })
    }

    /// Begins to serve.
    fn open(&mut self) {
        let Some(Bound { room, tcp, control, talks }) = self.bound.take() else { return };
        let (app, tasks) = (&self.app, &mut self.tasks);
        for listener in tcp {
            let (app, room) = (app.clone(), room.clone());
            tasks.spawn(async move {
                listen::serve(app, listener, room).await;
                "listener"
            });
        }
        let serving = app.clone();
        tasks.spawn(async move {
            control::serve(serving, control, talks).await;
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
            let (ended, app) = (tended.ended.clone(), tended.clone());
            tokio::select! {
                () = tended.tend_keyring() => {}
                () = ended.cancelled() => {}
                () = app.succession.left() => {}
            }
            "keyring"
        });
        if let Some(patience) = notify::patience() {
            let app = app.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = stay_alive(patience) => {}
                    () = app.ended.cancelled() => {}
                    () = app.succession.left() => {}
                }
                "watchdog"
            });
        }
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
        let mut stop = std::pin::pin!(stop);
        let failed = tokio::select! {
            () = self.app.succession.left() => None,
            () = stop.as_mut() => None,
            () = self.app.stopping.cancelled() => None,
            ended = self.tasks.join_next() => {
                Some(ended.and_then(Result::ok).unwrap_or("a task"))
            }
        };
        // Its tasks end with that, too.
        if self.app.succession.has_left() {
            return self.finish(stop, hurry).await;
        }
        notify::tell(News::Stopping);
        self.app.draining.cancel();
        self.app.succession.let_go();
        self.app.tasks.close();
        tokio::select! {
            () = self.app.tasks.wait() => {}
            () = tokio::time::sleep(self.grace) => tracing::warn!("streams were cut at the end of the grace"),
            () = hurry => {}
        }
        self.app.ended.cancel();
        // What was cut closes its sockets.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.app.tasks.wait()).await;
        while self.tasks.join_next().await.is_some() {}
        if let Err(fault) = self.app.keys.save() {
            tracing::warn!("{fault}");
        }
        if let Some(socket) = self.socket.take() {
            let _ = std::fs::remove_file(socket);
        }
        match failed {
            None => Ok(()),
            Some(task) => Err(Fault::new(Kind::Internal, format!("the {task} ended by itself"))),
        }
    }

    /// The successor serves: what was begun here is finished here, and nothing is written.
    async fn finish(
        mut self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), Fault> {
        let Self { app, grace, .. } = &self;
        let drain = async {
            match app.succession.drain() {
                Some(drain) => tokio::time::sleep(drain).await,
                None => std::future::pending().await,
            }
        };
        app.tasks.close();
        tokio::select! {
            () = app.tasks.wait() => {}
            () = drain => tracing::info!("what still ran after the handover is cut"),
            () = async { stop.await; tokio::time::sleep(*grace).await } => {}
            () = hurry => {}
        }
        app.draining.cancel();
        app.ended.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), app.tasks.wait()).await;
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }
}

/// Tells the service manager that the runtime turns, as often as it asks and once more.
async fn stay_alive(patience: Duration) {
    let mut rounds = tokio::time::interval(patience / 3);
    loop {
        rounds.tick().await;
        notify::tell(News::Alive);
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
            () = app.succession.left() => return,
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
pub async fn run(origins: Origins, handed: Handed) -> Result<(), Fault> {
    let signals = signals()?;
    let daemon = Daemon::start(origins, handed).await?;
    observe::log::start(&daemon.app.current().config.log, &daemon.app.origins.paths.log_file());
    let ready = greet(&daemon.app);
    notify::tell(News::Ready(&ready));
    live(daemon, signals, ready).await
}

/// `aigwd run`, started by a running aigwd to take its place.
///
/// # Errors
/// As [`run`], and when nobody hands anything over.
pub async fn take_over(origins: Origins) -> Result<(), Fault> {
    let signals = signals()?;
    let (handed, mut legacy) = Legacy::receive().await?;
    let (link, elders) = legacy.links();
    let begun = async {
        let daemon = Daemon::bind(origins, handed, Some(&mut legacy)).await?;
        observe::log::start(&daemon.app.current().config.log, &daemon.app.origins.paths.log_file());
        Ok(daemon)
    };
    let mut daemon = match begun.await {
        Ok(daemon) => daemon,
        Err(fault) => {
            take::failed(&link, &fault).await;
            return Err(fault);
        }
    };
    take::ready(&link, control::build()).await;
    // Nothing more is said on the links: whoever reads them waits for their end.
    if let Err(error) = Succession::follow(&daemon.app, elders) {
        tracing::warn!(%error, "whether earlier daemons live is not known");
    }
    daemon.open();
    let ready = greet(&daemon.app);
    // Before the old one knows: it may end at once, and a service manager must know by then whom to look after.
    notify::tell(News::TakenOver(&ready));
    take::serves(&link).await;
    live(daemon, signals, ready).await
}

/// Before anybody can know that we are there, and ask us to stop.
fn signals() -> Result<Signals, Fault> {
    Signals::new().map_err(|error| Fault::new(Kind::Internal, format!("no signal handlers: {error}")))
}

/// The first lines of the log, and one for the service manager.
fn greet(app: &App) -> String {
    for finding in app.health.all() {
        tracing::warn!(code = finding.code, "{}", finding.text);
    }
    let addresses: Vec<String> = app.listening().iter().map(ToString::to_string).collect();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = addresses.join(", "), "aigwd is ready");
    format!("listening on {}", addresses.join(", "))
}

async fn live(daemon: Daemon, mut signals: Signals, ready: String) -> Result<(), Fault> {
    let stop = tokio_util::sync::CancellationToken::new();
    let hurry = tokio_util::sync::CancellationToken::new();
    let (stopped, hurried) = (stop.clone(), hurry.clone());
    let watched = daemon.app.clone();
    let watcher = tokio::spawn(async move {
        loop {
            match signals.next().await {
                Asked::Stop if stopped.is_cancelled() || watched.stopping.is_cancelled() => hurried.cancel(),
                Asked::Stop => {
                    tracing::info!("stopping");
                    stopped.cancel();
                }
                // The successor has read it.
                Asked::Reload if watched.succession.has_left() => {}
                Asked::Reload => {
                    notify::tell(News::Reloading);
                    match watched.reload() {
                        Ok(()) => tracing::info!("the configuration was read again"),
                        Err(fault) => tracing::error!("the configuration was refused: {fault}"),
                    }
                    notify::tell(News::Ready(&ready));
                }
            }
        }
    });
    let result = daemon.serve(stop.cancelled(), hurry.cancelled()).await;
    watcher.abort();
    tracing::info!("aigwd has ended");
    result
}

/// What a successor needs of what is open.
fn own(app: &App, lock: &File, tcp: &[TcpListener], control: &Listener, kept: bool) -> std::io::Result<()> {
    app.succession.own(Goods {
        lock: handover::of_file(lock)?,
        control: socket::handle_of_listener(control)?,
        tcp: tcp.iter().map(handover::of_tcp).collect::<Result<_, _>>()?,
        kept,
    });
    Ok(())
}

/// The lock that came with everything else: it never was free.
fn inherit_lock(legacy: &Legacy, path: &Path) -> Result<File, Fault> {
    let trouble = |error: &dyn std::fmt::Display| {
        Fault::new(Kind::File, format!("the lock that was handed over is of no use: {error}"))
    };
    let handle = handover::again(&legacy.lock).map_err(|error| trouble(&error))?;
    let file = handover::file(handle, path).map_err(|error| trouble(&error))?;
    // It is the same lock, or this would fail.
    file.try_lock().map_err(|error| trouble(&error))?;
    Ok(file)
}

/// A port that has changed takes another listener, which nobody hands over.
fn check_port(handed: &[std::net::TcpListener], port: u16) -> Result<(), Fault> {
    let has = handed.iter().filter_map(|it| it.local_addr().ok()).map(|it| it.port()).next();
    match has {
        Some(has) if port != 0 && port != has => Err(Fault::new(
            Kind::BadConfiguration,
            format!("listen.port is {port} now, and aigwd listens on {has}"),
        )
        .cure_with("run `aigwctl stop`, then `aigwctl start`")),
        _ => Ok(()),
    }
}

/// The lock, not the socket, says that there is one daemon: it goes with its process, however that ends.
fn take_lock(path: &Path) -> Result<File, Fault> {
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
