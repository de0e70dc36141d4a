//! The scene with a real host: an intercepted name on loopback, behind which an origin stands.

use std::time::Duration;

use aigw_gateway::{Origin, OriginSetup, Practice, Recorded, Setup};
use aigw_tests::inside::{Greeting, Http, Inside};
use aigw_tests::machine;
use aigw_tests::raw::{self, Raw};
use aigw_tests::scene::Scene;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// The name that everything on this machine has.
pub const NAME: &str = "localhost";

/// A gateway, a daemon, and a real host that it intercepts.
pub struct Stage {
    pub scene: Scene,
    pub origin: Origin,
    /// `localhost:PORT`, the real host's.
    pub target: String,
}

impl Stage {
    /// The real host belongs to this provider, and there are these further settings (of the table `intercept` first).
    pub async fn set(provider: &str, settings: &str) -> Self {
        Self::with(OriginSetup::default(), Setup::default(), provider, settings).await
    }

    /// The same with these two servers. The gateway speaks TLS always.
    pub async fn with(origin: OriginSetup, gateway: Setup, provider: &str, settings: &str) -> Self {
        let origin = Origin::start(origin).await.unwrap();
        let target = format!("{NAME}:{}", origin.port());
        let machine = machine!();
        std::fs::write(machine.home().join("origin.pem"), origin.ca_pem()).unwrap();
        let entry = format!("{target}={provider}");
        machine.configure(&intercepting(&[&entry], &machine.home().join("origin.pem"), settings));
        let scene = Scene::set(machine, Setup { tls: true, http2: false, ..gateway }).await;
        Self { scene, origin, target }
    }

    /// A tunnel to the real host.
    pub fn tunnel(&self) -> Raw {
        self.scene.tunnel(&self.target).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// TLS in a tunnel to the real host, with a certificate of this machine's CA.
    pub async fn inside(&self, protocols: &[&str]) -> Inside {
        let roots = self.scene.machine.root_pem();
        let greeting = Greeting { protocols, ..Greeting::new(&roots, NAME) };
        let greeted = greeting.over(self.tunnel()).await;
        greeted.unwrap_or_else(|error| panic!("{error}\n{}", self.scene.machine.log()))
    }

    /// And HTTP in it.
    pub async fn http(&self, protocols: &[&str]) -> Http {
        let mut http = self.inside(protocols).await.http().await;
        self.target.clone_into(&mut http.authority);
        http
    }

    /// The one request that the real host saw, and forgets now. The gateway saw none.
    pub fn only_the_host_saw(&self) -> Recorded {
        let mut seen = self.origin.requests();
        assert_eq!(seen.len(), 1, "{seen:#?}\n{}", self.scene.machine.log());
        assert!(self.scene.gateway.requests().is_empty(), "{:#?}", self.scene.gateway.requests());
        self.origin.forget_requests();
        seen.remove(0)
    }

    /// The one request that the gateway saw, and forgets now. The real host saw none.
    pub fn only_the_gateway_saw(&self) -> Recorded {
        let seen = self.scene.only_request();
        assert!(self.origin.requests().is_empty(), "{:#?}", self.origin.requests());
        self.scene.gateway.forget_requests();
        seen
    }

    /// Nobody saw anything.
    pub fn nobody_saw(&self, what: &str) {
        assert!(self.scene.gateway.requests().is_empty(), "{what}: {:#?}", self.scene.gateway.requests());
        assert!(self.origin.requests().is_empty(), "{what}: {:#?}", self.origin.requests());
    }

    /// Whether a new tunnel to the real host ends there and not here.
    pub async fn is_let_through(&self) -> bool {
        match raw::tunnel(self.scene.address(), &self.target, Some(&self.scene.key)) {
            Ok(raw) => Greeting::new(self.origin.ca_pem(), NAME).over(raw).await.is_ok(),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    /// Puts other settings in force, with the gateway as it is.
    pub fn configure(&self, entries: &[&str], settings: &str) {
        configure(&self.scene, entries, settings);
        self.scene.machine.ask(&["reload"]);
    }
}

/// Writes other settings, with the gateway as it is.
pub fn configure(scene: &Scene, entries: &[&str], settings: &str) {
    let file = scene.machine.home().join("config/config.toml");
    let old = std::fs::read_to_string(file).unwrap();
    let gateway = &old[old.find("[gateway").expect("a login wrote it")..];
    let gateway = gateway.find("[intercept]").map_or(gateway, |end| &gateway[..end]);
    let new = intercepting(entries, &scene.machine.home().join("origin.pem"), settings);
    scene.machine.configure(&format!("{new}\n{gateway}"));
}

fn intercepting(entries: &[&str], ca_file: &std::path::Path, settings: &str) -> String {
    format!("[intercept]\nhosts = {entries:?}\nca_file = \"{}\"\n{settings}\n", ca_file.display())
}

/// Lets a server that was stopped listen again. Meanwhile a connection of another test may have its port.
pub async fn restart(server: &Practice) {
    for _ in 0..300 {
        if server.restart().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("somebody keeps the port {}", server.port());
}

/// Reads an answer until this text has come. False when it ends before.
pub async fn until(body: &mut Incoming, text: &str) -> bool {
    let mut seen = Vec::new();
    while !seen.windows(text.len()).any(|window| window == text.as_bytes()) {
        match tokio::time::timeout(Duration::from_secs(30), body.frame()).await.expect("more, or an end") {
            Some(Ok(frame)) => seen.extend_from_slice(&frame.into_data().unwrap_or_default()),
            _ => return false,
        }
    }
    true
}

/// What is in the fields that say who pays. Absent ones are left out.
pub fn credentials(seen: &Recorded) -> Vec<String> {
    let parts = ["authorization", "api-key", "cookie", "token", "aigw", "governance"];
    let lines = seen.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let mut all: Vec<_> = lines
        .filter(|(name, _)| parts.iter().any(|part| name.contains(part)) && name != "x-aigw-loop")
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    all.sort();
    all
}
