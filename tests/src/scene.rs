//! The usual scene: a practice gateway, a daemon that is logged in to it, and a local key to ask with.

use std::time::Duration;

use aigw_gateway::{Practice, Recorded, Setup};

use crate::inside::{Greeting, Inside};
use crate::machine::{Machine, Running};
use crate::raw::{self, Answer, Raw};

/// A daemon between a client and a practice gateway.
pub struct Scene {
    /// The gateway.
    pub gateway: Practice,
    /// The home of the daemon.
    pub machine: Machine,
    /// The daemon.
    pub daemon: Running,
    /// The token that it holds.
    pub token: String,
    /// A local key.
    pub key: String,
}

impl Scene {
    /// Starts all of it: `Scene::set(machine!(), setup)`. What the login asked is forgotten.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn set(machine: Machine, setup: Setup) -> Self {
        let gateway = Practice::start(setup).await.expect("a practice gateway");
        let daemon = machine.start();
        let token = machine.log_in(&gateway);
        let key = machine.key("env");
        gateway.forget_requests();
        Self { gateway, machine, daemon, token, key }
    }

    /// Ends the daemon at once and starts it again, on another port.
    pub fn restart(&mut self) {
        self.daemon.kill();
        self.daemon = self.machine.start();
    }

    /// The daemon's `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.daemon.address
    }

    /// Posts a body with the key, and reads the answer.
    pub fn post(&self, path: &str, more: &[&str], body: &str) -> Answer {
        raw::exchange(self.address(), raw::post(self.address(), path, &self.key, more, body))
    }

    /// Gets a path with the key.
    pub fn get(&self, path: &str, more: &[&str]) -> Answer {
        raw::exchange(self.address(), raw::get(self.address(), path, &self.key, more))
    }

    /// Sends a post and leaves the answer on the connection.
    pub fn begin(&self, path: &str, more: &[&str], body: &str) -> Raw {
        let mut raw = Raw::connect(self.address());
        raw.send(raw::post(self.address(), path, &self.key, more, body));
        raw
    }

    /// Opens a tunnel with the key; `Err` is the refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn tunnel(&self, target: &str) -> Result<Raw, Answer> {
        raw::tunnel(self.address(), target, Some(&self.key))
    }

    /// Opens an intercepted host at port 443, trusting this machine's CA and nothing else.
    ///
    /// # Panics
    /// When it is refused, or its certificate is.
    pub async fn inside(&self, host: &str, protocols: &[&str]) -> Inside {
        let raw = self.tunnel(&format!("{host}:443")).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let roots = self.machine.root_pem();
        let greeting = Greeting { protocols, ..Greeting::new(&roots, host) };
        greeting.over(raw).await.unwrap_or_else(|error| panic!("{error}\n{}", self.machine.log()))
    }

    /// The one request that a provider route of the gateway saw.
    ///
    /// # Panics
    /// When it was none, or several.
    pub fn only_request(&self) -> Recorded {
        let mut seen = self.gateway.provider_requests();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.remove(0)
    }

    /// Waits until the gateway's record satisfies this.
    ///
    /// # Panics
    /// When it never does.
    pub async fn gateway_sees(&self, what: &str, enough: impl Fn(&[Recorded]) -> bool) {
        let seen = self.gateway.wait_until(enough, Duration::from_secs(30)).await;
        assert!(seen, "never: {what}\n{:#?}\n{}", self.gateway.requests(), self.machine.log());
    }
}
