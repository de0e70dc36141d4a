//! Tools that do not take our certificates. Such a tool tries again and again (Codex 33 times in 20 seconds): it becomes
//! one finding, with its name, and goes away when the tool has learned to trust.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aigw_shared::finding::{Finding, Severity};
use tokio::task::JoinHandle;

use crate::app::App;

const CODE: &str = "ca-untrusted";
/// More pairs of host and key than any machine has.
const MOST: usize = 1000;

/// Who took our certificates, and who did not.
#[derive(Default)]
pub struct Distrust(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Host and local key, and whether the last handshake was good.
    pairs: HashMap<(String, String), bool>,
    /// Hosts whose leaf somebody rejected.
    hosts: HashSet<String>,
}

/// One handshake, watched.
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    host: String,
    key: String,
    /// Looked up while the handshake goes on: when the tool has hung up, nothing is left to look at.
    program: Option<JoinHandle<Option<String>>>,
}

impl Distrust {
    /// Watches a handshake. Which program it is costs a search through all processes, so that is asked only where the
    /// last handshake was not a good one.
    pub fn watch(&self, app: &Arc<App>, host: &str, key: &str, ends: (SocketAddr, SocketAddr)) -> Witness {
        let pair = (host.to_owned(), key.to_owned());
        let good = lock(&self.0).pairs.get(&pair).copied().unwrap_or(false);
        let program = (!good).then(|| {
            let app = app.clone();
            tokio::task::spawn_blocking(move || app.peers.program(ends.0, ends.1))
        });
        Witness { seen: self.0.clone(), host: pair.0, key: pair.1, program }
    }

    /// Whether somebody rejected our leaf for this host.
    pub fn is_known(&self, host: &str) -> bool {
        lock(&self.0).hosts.contains(host)
    }

    /// Everybody gets a new chance: the settings were read again, or there is a new CA.
    pub fn forget(&self) {
        *lock(&self.0) = Seen::default();
    }
}

impl Witness {
    /// The tool trusts us. Nothing waits for what that changes.
    pub fn accepted(self, app: &Arc<App>) {
        let before = self.note(true);
        let (false, Some(program)) = (before == Some(true), self.program) else { return };
        let app = app.clone();
        app.clone().tasks.spawn(async move {
            let program = program.await.ok().flatten();
            app.health.clear(CODE, &subject(&self.host, &self.key, program.as_deref()));
        });
    }

    /// The tool does not.
    pub async fn rejected(self, app: &App) {
        self.note(false);
        let program = match self.program {
            Some(program) => program.await.ok().flatten(),
            None => None,
        };
        let who = program.clone().unwrap_or_else(|| format!("a tool with the local key `{}`", self.key));
        app.health.note(
            &subject(&self.host, &self.key, program.as_deref()),
            Finding::new(
                CODE,
                Severity::Warning,
                format!("{who} does not trust the certificate that it gets for {}", self.host),
                "run `aigwctl ca install`, or start the tool with the variables of `aigwctl env --proxy`",
            ),
        );
    }

    /// Says how the last one was.
    fn note(&self, good: bool) -> Option<bool> {
        let mut seen = lock(&self.seen);
        if seen.pairs.len() >= MOST {
            seen.pairs.clear();
        }
        if !good {
            seen.hosts.insert(self.host.clone());
        }
        seen.pairs.insert((self.host.clone(), self.key.clone()), good)
    }
}

/// Without the number of the process, which is another one at every try.
fn subject(host: &str, key: &str, program: Option<&str>) -> String {
    let program = program.and_then(|program| program.split_once(" (process")).map(|(name, _)| name);
    format!("{host} {}", program.unwrap_or(key))
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
