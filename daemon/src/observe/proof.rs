//! What a tool does while `doctor` proves it: with the key that is lent for that, everything is answered here, nothing
//! reaches anybody else, and what came is noted for `doctor` to ask for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{ProofAsked, ProofRequest, ProofSeen, ProofTunnel, ProofTunnelCame};
use http::StatusCode;
use http::header::USER_AGENT;
use http::request::Parts;

/// More than a tool does with one short question. What comes after is answered, and not noted.
const MOST: usize = 200;
/// The most of a path or a name that is noted.
const LONGEST: usize = 200;

/// The notes of one proof.
#[derive(Clone, Debug)]
pub struct Proof {
    notes: Arc<Notes>,
    /// The intercepted host that the request came through.
    host: Option<String>,
}

#[derive(Debug)]
struct Notes {
    began: Instant,
    seen: Mutex<ProofSeen>,
}

/// One request that is noted.
#[derive(Debug)]
pub struct Visit {
    notes: Arc<Notes>,
    at: Option<usize>,
}

/// One tunnel that is noted.
pub struct Tunnel {
    notes: Arc<Notes>,
    at: Option<usize>,
}

impl Default for Proof {
    fn default() -> Self {
        let notes = Notes { began: Instant::now(), seen: Mutex::default() };
        Self { notes: Arc::new(notes), host: None }
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.notes, &other.notes)
    }
}

impl Eq for Proof {}

impl Proof {
    /// All that came so far.
    pub fn seen(&self) -> ProofSeen {
        self.notes.change(|seen| seen.clone())
    }

    /// The same notes, for what comes through this intercepted host.
    pub fn through(&self, host: &str) -> Self {
        Self { notes: self.notes.clone(), host: Some(host.to_owned()) }
    }

    /// Notes a request, whose keys are out of it by now.
    pub fn visit(&self, parts: &Parts, asked: ProofAsked, websocket: bool) -> Visit {
        let agent = parts.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let request = ProofRequest {
            host: self.host.clone(),
            method: cut(parts.method.as_str()),
            path: cut(parts.uri.path()),
            user_agent: agent.map(|agent| cut(&agent)),
            asked,
            websocket,
            stream: websocket,
            status: 0,
            at_ms: self.notes.now_ms(),
            wrote_ms: Vec::new(),
            whole: false,
        };
        let at = self.notes.change(|seen| push(&mut seen.requests, request));
        Visit { notes: self.notes.clone(), at }
    }

    /// Notes a tunnel that is opened to us.
    pub fn tunnel(&self, host: &str, port: u16) -> Tunnel {
        let tunnel = ProofTunnel { host: cut(&format!("{host}:{port}")), came: ProofTunnelCame::Opened };
        let at = self.notes.change(|seen| push(&mut seen.tunnels, tunnel));
        Tunnel { notes: self.notes.clone(), at }
    }

    /// Notes what would go to somebody else, and says why it does not.
    pub fn leads_nowhere_else(&self, host: &str, port: u16) -> Fault {
        self.tunnel(host, port).came(ProofTunnelCame::Refused);
        Fault::new(Kind::TargetRefused, format!("a proof asks nobody else, and so not {host}"))
            .cure_with("nothing is to be done: this is `aigwctl doctor`")
    }

    /// The same for a request on an intercepted host that is no AI call.
    pub fn of_the_host(&self, parts: &Parts, why: &str) -> Fault {
        self.visit(parts, ProofAsked::Other, false).answered(StatusCode::FORBIDDEN);
        Fault::new(Kind::PathRefused, format!("{why}, and a proof asks nobody else"))
            .cure_with("nothing is to be done: this is `aigwctl doctor`")
    }
}

impl Notes {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn change<T>(&self, change: impl FnOnce(&mut ProofSeen) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Visit {
    /// It is answered with this.
    pub fn answered(&self, status: StatusCode) {
        self.change(|request| request.status = status.as_u16());
    }

    /// It wants its answer piece by piece.
    pub fn wants_stream(&self, stream: bool) {
        self.change(|request| request.stream = stream);
    }

    /// One word has gone out.
    pub fn wrote(&self) {
        let now = self.notes.now_ms();
        self.change(|request| {
            // A WebSocket may ask for ever.
            if request.wrote_ms.len() < MOST {
                request.wrote_ms.push(now);
            }
        });
    }

    /// All of it has.
    pub fn whole(&self) {
        self.change(|request| request.whole = true);
    }

    fn change(&self, change: impl FnOnce(&mut ProofRequest)) {
        if let Some(at) = self.at {
            self.notes.change(|seen| seen.requests.get_mut(at).map(change));
        }
    }
}

impl Tunnel {
    /// It came so far.
    pub fn came(&self, came: ProofTunnelCame) {
        if let Some(at) = self.at {
            self.notes.change(|seen| seen.tunnels.get_mut(at).map(|tunnel| tunnel.came = came));
        }
    }
}

fn push<T>(to: &mut Vec<T>, one: T) -> Option<usize> {
    (to.len() < MOST).then(|| {
        to.push(one);
        to.len() - 1
    })
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
