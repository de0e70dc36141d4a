//! How a running daemon makes room for its successor without refusing or cutting anything.
//!
//! The old one ([`give`]) starts the new one ([`take`]) and sends it, over a link that nobody else has, what is open (the
//! listeners, the lock, `aigwctl`'s conversations) and what is in memory only ([`estate`]). In order:
//!
//! 1. The control socket accepts nobody; conversations rest; nobody changes a login. Tools are served as ever.
//! 2. The successor reads everything else from the disk and says that it is ready, or why not.
//! 3. The old one accepts no tools for the moment that the successor takes to say that it serves.
//! 4. From then on the old one writes nothing, and only finishes what it has begun.
//!
//! Until the last of these the old one goes on as before if the successor fails, and the successor serves if the old one is
//! killed once it is ready: what they hand over belongs to both.

pub mod estate;
pub mod give;
pub mod take;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use tokio::sync::watch;

use crate::os::handover::{Handle, Link};
use estate::Talk;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// There is no successor.
    #[default]
    Serving,
    /// It is being prepared: nothing is to change.
    Quiet,
    /// It is ready, and about to serve.
    Paused,
    /// It serves.
    Left,
}

/// The phase, and the how manyeth attempt it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    phase: Phase,
    attempt: u32,
}

impl State {
    /// Whether tools' connections are ours to accept.
    pub fn accepts_tools(self) -> bool {
        self.phase < Phase::Paused
    }

    /// Whether conversations are.
    pub fn accepts_talks(self) -> bool {
        self.phase == Phase::Serving
    }

    /// Whether the successor serves.
    pub fn has_left(self) -> bool {
        self.phase == Phase::Left
    }
}

/// What is open and goes to the successor.
pub struct Goods {
    /// The lock that says that there is one daemon.
    pub lock: Handle,
    /// The control socket.
    pub control: Handle,
    /// The port.
    pub tcp: Vec<Handle>,
    /// A service manager keeps the sockets.
    pub kept: bool,
}

/// The conversations on the control socket.
#[derive(Default)]
struct Talks {
    /// Nobody is accepted.
    closed: bool,
    open: usize,
    /// Those that rest.
    resting: Vec<Talk>,
    /// Why one of them can be neither handed over nor ended.
    refused: Option<&'static str>,
}

/// The daemon's part in it.
#[derive(Default)]
pub struct Succession {
    state: watch::Sender<State>,
    talks: watch::Sender<Talks>,
    /// Where this program was when it was started: by now another one may be there.
    program: Option<PathBuf>,
    goods: Mutex<Option<Goods>>,
    drain: OnceLock<Option<Duration>>,
    /// How many daemons before us still finish what they had begun.
    elders: watch::Sender<usize>,
    links: Mutex<Links>,
}

/// Open as long as we live: that is how others know that we do.
#[derive(Default)]
struct Links {
    /// To those before us; they see us go, and we see them.
    elders: Vec<Handle>,
    heir: Option<Link>,
}

/// A conversation that is there. It is counted until this is dropped.
pub struct Present(Arc<crate::app::App>);

impl Succession {
    /// Of a program that is where it was started.
    pub fn new() -> Self {
        Self { program: std::env::current_exe().ok(), ..Self::default() }
    }

    /// These are what a successor will need.
    pub fn own(&self, goods: Goods) {
        *lock(&self.goods) = Some(goods);
    }

    /// Nobody will need them any more.
    pub fn let_go(&self) {
        drop(lock(&self.goods).take());
    }

    /// The state, and its changes.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Whether the successor serves, and we only finish.
    pub fn has_left(&self) -> bool {
        self.state.borrow().has_left()
    }

    /// Ends when the successor serves.
    pub async fn left(&self) {
        // The sender is ours: it cannot end before us.
        let _ = self.watch().wait_for(|state| state.has_left()).await;
    }

    /// How long what is running may go on after that; as long as it likes if nothing is said.
    pub fn drain(&self) -> Option<Duration> {
        self.drain.get().copied().flatten()
    }

    /// That it is still ours to change what is kept.
    ///
    /// # Errors
    /// When it is the successor's.
    pub fn check(&self) -> Result<(), Fault> {
        if self.has_left() {
            let words = "this aigwd has handed over, and changes nothing any more";
            return Err(Fault::new(Kind::TokenRenewed, words).cure_with("try again"));
        }
        Ok(())
    }

    /// Ends when those before us have: nobody uses any more what they had.
    pub async fn alone(&self) {
        let _ = self.elders.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Whether they have.
    pub fn is_alone(&self) -> bool {
        *self.elders.borrow() == 0
    }

    /// The control socket accepts nobody, or does again.
    pub fn closed(&self, closed: bool) {
        self.talks.send_if_modified(|talks| std::mem::replace(&mut talks.closed, closed) != closed);
    }

    /// Ends when conversations are to rest.
    pub async fn asked_to_rest(&self) {
        let _ = self.watch().wait_for(|state| !state.accepts_talks()).await;
    }

    /// Rests until it is known who goes on: `true` if the successor does. `Err` of what cannot rest is why not.
    pub async fn rest(&self, talk: Result<Talk, &'static str>) -> bool {
        let mine = self.state.borrow().attempt;
        self.talks.send_modify(|talks| match talk {
            Ok(talk) => talks.resting.push(talk),
            Err(why) => talks.refused = Some(why),
        });
        let over = |state: &State| state.has_left() || state.accepts_talks() || state.attempt != mine;
        self.watch().wait_for(over).await.is_ok_and(|state| state.has_left())
    }

    /// Begins, unless somebody has.
    fn begin(&self) -> Result<(), Fault> {
        let begun = self.state.send_if_modified(|state| {
            let may = state.phase == Phase::Serving;
            if may {
                *state = State { phase: Phase::Quiet, attempt: state.attempt.wrapping_add(1) };
            }
            may
        });
        if begun {
            return Ok(());
        }
        Err(Fault::new(Kind::CommandFailed, "a successor is being started already")
            .cure_with("see `aigwctl status`"))
    }

    fn enter(&self, phase: Phase) {
        self.state.send_modify(|state| state.phase = phase);
    }

    /// Everything goes on as before.
    fn go_on(&self) {
        self.talks.send_modify(|talks| {
            talks.resting.clear();
            talks.refused = None;
        });
        self.enter(Phase::Serving);
    }

    /// All conversations but the one that asked, once they rest.
    async fn quiet(&self) -> Result<Vec<Talk>, Fault> {
        let mut talks = self.talks.subscribe();
        let rest = |talks: &Talks| {
            talks.refused.is_some() || (talks.closed && talks.resting.len() + 1 >= talks.open)
        };
        let _ = talks.wait_for(rest).await;
        if let Some(why) = self.talks.borrow().refused {
            return Err(Fault::new(Kind::CommandFailed, why).cure_with("try again when it has ended"));
        }
        let mut resting = Vec::new();
        self.talks.send_modify(|talks| resting = std::mem::take(&mut talks.resting));
        Ok(resting)
    }
}

impl Present {
    /// One more is there.
    pub fn new(app: &Arc<crate::app::App>) -> Self {
        app.succession.talks.send_modify(|talks| talks.open += 1);
        Self(app.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.succession.talks.send_modify(|talks| talks.open -= 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
