//! A proof's key: the daemon answers all that comes with it itself, in every dialect and through both doors, and tells what
//! came. Nothing reaches the gateway or anybody else.

#![cfg(unix)]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod forwarder;
mod lent;
mod proxy;
mod sockets;

use std::time::{Duration, Instant};

use aigw_gateway::Setup;
use aigw_shared::ipc::client::Client;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{GAP_MS, ProofSeen, WORDS};
use aigw_shared::paths::Paths;
use aigw_tests::eventually::PATIENCE;
use aigw_tests::machine;
use aigw_tests::raw::Raw;
use aigw_tests::scene::Scene;

/// A scene in which somebody proves something.
struct Proving {
    scene: Scene,
    doctor: Client,
    key: String,
}

impl Proving {
    async fn begin() -> Self {
        let scene = Scene::set(machine!(), Setup { tls: true, ..Setup::default() }).await;
        let (doctor, key) = borrow(&scene).await;
        Self { scene, doctor, key }
    }

    /// What the daemon has noted.
    async fn seen(&mut self) -> ProofSeen {
        match self.doctor.call(Request::Proof).await.unwrap() {
            Response::Proof(seen) => seen,
            other => panic!("{other:?}"),
        }
    }

    /// The same once it is so.
    async fn seen_until(&mut self, enough: impl Fn(&ProofSeen) -> bool) -> ProofSeen {
        let begun = Instant::now();
        loop {
            let seen = self.seen().await;
            if enough(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "never: {seen:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Neither the gateway nor the count of AI requests knows of any of it.
    fn nobody_else_saw(&self) {
        assert!(self.scene.gateway.requests().is_empty(), "{:#?}", self.scene.gateway.requests());
        let status = self.scene.machine.ask(&["status"]);
        assert_eq!(status["daemon"]["requests"], 0, "{status}");
        assert_eq!(status["findings"], serde_json::json!([]), "{status}");
    }
}

/// A conversation with the daemon, and the key that was lent in it.
async fn borrow(scene: &Scene) -> (Client, String) {
    let socket = Paths::under(scene.machine.home()).socket().address;
    let mut doctor = Client::connect(&socket).await.unwrap();
    match doctor.call(Request::LendProofKey).await.unwrap() {
        Response::Access(access) => {
            assert!(access.listen.contains(&scene.daemon.address), "{access:?}");
            (doctor, access.key.reveal().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

/// Reads until every word and this text have come, and says after how long each word did.
fn words(raw: &mut Raw, end: &str) -> Vec<Duration> {
    use std::io::Read;
    let begun = Instant::now();
    let (mut text, mut came, mut buffer) = (Vec::new(), Vec::new(), [0; 4096]);
    while came.len() < WORDS.len() || !String::from_utf8_lossy(&text).contains(end) {
        let length = raw.stream().read(&mut buffer).expect("more, not a time-out");
        assert!(length > 0, "an end after {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&buffer[..length]);
        while came.len() < WORDS.len() && String::from_utf8_lossy(&text).contains(WORDS[came.len()].trim()) {
            came.push(begun.elapsed());
        }
    }
    came
}

/// Whether they came one after the other, each when it was sent.
fn are_apart(came: &[Duration]) {
    for pair in came.windows(2) {
        // A busy machine may be late with one, and so early with the next.
        assert!(pair[1] > pair[0], "two at once: {came:?}");
    }
    let gaps = Duration::from_millis(GAP_MS * (came.len() as u64 - 1));
    assert!(*came.last().unwrap() - came[0] >= gaps / 2, "{came:?}");
}
