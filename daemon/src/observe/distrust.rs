//! Tools that do not take our certificates. Such a tool tries again and again (Codex 33 times in 20 seconds): it becomes
//! one finding, with its name, and goes away when the tool has learned to trust.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::payload::ProofTunnelCame;
use tokio::task::JoinHandle;

use super::health::Health;
use super::proof::Tunnel;
use crate::app::App;

const CODE: &str = "ca-untrusted";
/// More pairs of host and key than any machine has.
const MOST: usize = 1000;
/// Node hangs up without a word when it has seen the certificate. So do others that connected ahead and changed their
/// mind, but not so soon, and not so often in a row.
const HANGS_UP: Duration = Duration::from_secs(5);
const HANG_UPS: u32 = 2;

/// Who took our certificates, and who did not.
#[derive(Default)]
pub struct Distrust(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// By host and local key.
    pairs: HashMap<(String, String), Pair>,
    /// Hosts whose leaf somebody rejected.
    hosts: HashSet<String>,
}

/// What is known of one host and one local key, which several programs may share.
#[derive(Default)]
struct Pair {
    /// The last one took it.
    good: bool,
    /// So many hung up since somebody last said something.
    hang_ups: u32,
    /// The subjects of the findings about it.
    accused: HashSet<String>,
}

/// One connection, watched.
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    pair: (String, String),
    /// Looked up while the handshake goes on: when the tool has hung up, nothing is left to look at.
    program: Mutex<Option<JoinHandle<Option<String>>>>,
    heard: Mutex<Option<Heard>>,
    /// Of a proof. It tells its own tale, and nobody else is judged by it.
    proof: Option<Tunnel>,
}

/// How far it came.
#[derive(Clone, Copy)]
enum Heard {
    /// It gets our certificate.
    Greeted(Instant),
    /// And a request came.
    Request,
}

impl Distrust {
    /// Watches a connection. Which program it is costs a search through all processes, so that is asked only where the
    /// last one was not a good one, or somebody stands accused.
    pub fn watch(&self, app: &Arc<App>, host: &str, key: &str, ends: (SocketAddr, SocketAddr)) -> Witness {
        let pair = (host.to_owned(), key.to_owned());
        let well = lock(&self.0).pairs.get(&pair).is_some_and(|pair| pair.good && pair.accused.is_empty());
        let program = (!well).then(|| {
            let app = app.clone();
            tokio::task::spawn_blocking(move || app.peers.program(ends.0, ends.1))
        });
        Witness {
            seen: self.0.clone(),
            pair,
            program: Mutex::new(program),
            heard: Mutex::default(),
            proof: None,
        }
    }

    /// Whether somebody rejected our leaf for this host.
    pub fn is_known(&self, host: &str) -> bool {
        lock(&self.0).hosts.contains(host)
    }

    /// Everybody gets a new chance: the settings were read again, or there is a new CA.
    pub fn forget(&self, health: &Health) {
        let seen = std::mem::take(&mut *lock(&self.0));
        for subject in seen.pairs.values().flat_map(|pair| &pair.accused) {
            health.clear(CODE, subject);
        }
    }
}

impl Witness {
    /// Of a connection that belongs to a proof.
    pub fn of_proof(tunnel: Tunnel) -> Self {
        Self {
            seen: Arc::default(),
            pair: Default::default(),
            program: Mutex::default(),
            heard: Mutex::default(),
            proof: Some(tunnel),
        }
    }

    /// The tool has greeted, and gets our certificate now.
    pub fn greeted(&self) {
        *lock(&self.heard) = Some(Heard::Greeted(Instant::now()));
    }

    /// A request came: the tool trusts us.
    pub fn trusted(self: &Arc<Self>, app: &Arc<App>) {
        if matches!(lock(&self.heard).replace(Heard::Request), Some(Heard::Request)) {
            return;
        }
        if let Some(tunnel) = &self.proof {
            return tunnel.came(ProofTunnelCame::Trusted);
        }
        let accused = self.note(|pair| {
            (pair.good, pair.hang_ups) = (true, 0);
            !pair.accused.is_empty()
        });
        if accused {
            let (witness, app) = (self.clone(), app.clone());
            app.clone().tasks.spawn(async move {
                let program = witness.program().await;
                // Who could not be named then may be anybody.
                for subject in [witness.subject(program.as_deref()), witness.subject(None)] {
                    witness.note(|pair| pair.accused.remove(&subject));
                    app.health.clear(CODE, &subject);
                }
            });
        }
    }

    /// The tool said that it does not take our certificate.
    pub async fn rejected(&self, app: &App) {
        if let Some(tunnel) = &self.proof {
            return tunnel.came(ProofTunnelCame::Rejected);
        }
        self.accuse(app, "does not trust the certificate that it gets").await;
    }

    /// The tool has closed its connection.
    pub async fn ended(&self, app: &App) {
        let heard = *lock(&self.heard);
        let Some(Heard::Greeted(at)) = heard else { return };
        if let Some(tunnel) = &self.proof {
            return tunnel.came(ProofTunnelCame::HungUp);
        }
        if at.elapsed() > HANGS_UP || app.draining.is_cancelled() {
            return;
        }
        let again = self.note(|pair| {
            pair.hang_ups += 1;
            !pair.good && pair.hang_ups >= HANG_UPS
        });
        if again {
            self.accuse(app, "hangs up when it has seen the certificate that it gets").await;
        }
    }

    async fn accuse(&self, app: &App, what: &str) {
        let program = self.program().await;
        let subject = self.subject(program.as_deref());
        let (host, key) = &self.pair;
        let nobody = self.subject(None);
        let known = self.note(|pair| {
            pair.good = false;
            let known = match program {
                // Most likely the one that is named already.
                None => !pair.accused.is_empty() && !pair.accused.contains(&nobody),
                Some(_) => {
                    if pair.accused.remove(&nobody) {
                        app.health.clear(CODE, &nobody);
                    }
                    false
                }
            };
            if !known {
                pair.accused.insert(subject.clone());
            }
            known
        });
        lock(&self.seen).hosts.insert(host.clone());
        if known {
            return;
        }
        let who = program.unwrap_or_else(|| format!("a tool with the local key `{key}`"));
        app.health.note(
            &subject,
            Finding::new(
                CODE,
                Severity::Warning,
                format!("{who} {what} for {host}"),
                "run `aigwctl ca install`, or start the tool with the variables of `aigwctl env --proxy`",
            ),
        );
    }

    async fn program(&self) -> Option<String> {
        let program = lock(&self.program).take()?;
        program.await.ok().flatten()
    }

    fn note<T>(&self, change: impl FnOnce(&mut Pair) -> T) -> T {
        let mut seen = lock(&self.seen);
        if seen.pairs.len() >= MOST {
            seen.pairs.retain(|_, pair| !pair.accused.is_empty());
        }
        change(seen.pairs.entry(self.pair.clone()).or_default())
    }

    /// What a finding is about: without the number of the process, which is another one at every try.
    fn subject(&self, program: Option<&str>) -> String {
        let program = program.and_then(|program| program.split_once(" (process")).map(|(name, _)| name);
        format!("{} {}", self.pair.0, program.unwrap_or(&self.pair.1))
    }
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
