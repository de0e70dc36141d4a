//! What is around a tool that is told a proxy and nothing else: every name leads to loopback, and on its port 443 stands
//! a stub for all the hosts that the tool may mean.

use std::io::ErrorKind;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aigw_gateway::{Manner, Origin, OriginSetup, Recorded, Reply};
use aigw_tests::eventually::PATIENCE;
use aigw_tests::machine;
use tokio::sync::{Mutex, MutexGuard};

use super::names;
use crate::desk::{Desk, Told};

/// There is one port 443.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Hosts that the stub has a certificate for.
const HOSTS: [&str; 16] = [
    "site.test",
    "api.anthropic.com",
    "api.openai.com",
    "chatgpt.com",
    "ab.chatgpt.com",
    "api.github.com",
    "github.com",
    "api.githubcopilot.com",
    "api.individual.githubcopilot.com",
    "proxy.individual.githubcopilot.com",
    "telemetry.individual.githubcopilot.com",
    "copilot-telemetry.githubusercontent.com",
    "collector.github.com",
    "default.exp-tas.com",
    "pypi.test",
    "registry.test",
];

/// A desk in the middle of it.
pub struct Town {
    desk: Desk,
    /// All the other hosts.
    pub origin: Origin,
    /// The certificate of the CA that signed the stub's.
    pub origin_ca: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Town {
    /// With somebody logged in. The daemon trusts the stub to be who it says, as it trusts the real hosts.
    pub async fn open() -> Self {
        Self::open_with("").await
    }

    /// The same with further settings, written with dots: `listen.keyless = true`.
    pub async fn open_with(settings: &str) -> Self {
        let alone = ALONE.lock().await;
        names::serve();
        let setup = OriginSetup {
            names: HOSTS.map(str::to_owned).to_vec(),
            port: 443,
            body_kept: 16 << 20,
            ..OriginSetup::default()
        };
        let origin = on_port_443(setup).await;
        // What no test is about gets a short answer, so that no tool waits for more.
        origin.otherwise(Manner::Reply(Reply::json(200, &serde_json::json!({}))));
        let machine = machine!();
        let origin_ca = machine.home().join("origin-ca.pem");
        std::fs::write(&origin_ca, origin.ca_pem()).expect("a file");
        machine.configure(&format!("{settings}\nintercept.ca_file = {:?}\n", path(&origin_ca)));
        let desk = Desk::with(machine).await;
        Self { desk, origin, origin_ca, _alone: alone }
    }

    /// The variables of `aigwctl env --proxy`, for somebody who had made tools trust the stub's CA before.
    pub fn variables(&mut self) -> Vec<(String, String)> {
        let ca = path(&self.origin_ca).to_owned();
        for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            self.desk.machine.set(name, &ca);
        }
        let set = self.desk.machine.ask(&["env", "--proxy"]);
        let set = set.as_object().expect("an object").iter();
        set.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect()
    }

    /// Runs a program with those, and some more.
    pub fn proxied(
        &mut self,
        program: &Path,
        words: &[&str],
        more: &[(&str, &str)],
        limit: Duration,
    ) -> Told {
        let variables = self.variables();
        let all: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.desk.run(program, words, &[&all, more].concat(), limit)
    }

    /// What the stub saw on this path (without query).
    pub fn onward(&self, at: &str) -> Vec<Recorded> {
        let mut seen = self.origin.requests();
        seen.retain(|seen| seen.target.split('?').next() == Some(at));
        seen
    }

    /// What reached the gateway: with its token once, and with nothing of these, nor of a local key.
    #[track_caller]
    pub fn at_gateway(&self, credentials: &[&str]) -> Vec<Recorded> {
        let seen = self.gateway.provider_requests();
        assert!(!seen.is_empty(), "nothing reached the gateway\n{:#?}", self.origin.requests());
        for seen in &seen {
            let all = format!("{seen:?}\n{}", seen.body_text());
            assert_eq!(all.matches(&self.token).count(), 1, "{all}");
            let left: Vec<_> = credentials.iter().filter(|credential| all.contains(**credential)).collect();
            assert!(left.is_empty() && !all.contains("aigw_"), "{left:?} in {all}");
            assert_eq!(seen.header("proxy-authorization"), None);
        }
        seen
    }

    /// Nothing of the gateway's or ours got to anybody else, nor into the log.
    #[track_caller]
    pub fn nothing_leaked(&self, credentials: &[&str]) {
        let log = self.machine.log();
        for secret in [&[&self.token[..], &self.key[self.key.len() - 43..]], credentials].concat() {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
        for seen in self.origin.requests() {
            let all = format!("{seen:?}\n{}", seen.body_text());
            assert!(!all.contains(&self.token) && !all.contains("aigw_"), "{all}");
            assert_eq!(seen.header("proxy-authorization"), None);
        }
    }
}

impl Deref for Town {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl DerefMut for Town {
    fn deref_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }
}

/// The listener of the test before may still be closing.
async fn on_port_443(setup: OriginSetup) -> Origin {
    let begun = Instant::now();
    loop {
        match Origin::start(setup.clone()).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            origin => return origin.expect("port 443; run by `.ci/run clients`"),
        }
    }
}

/// A path as a word.
pub fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// The fields of two requests that are not alike, but for these.
pub fn unlike(one: &Recorded, other: &Recorded, but: &[&str]) -> Vec<String> {
    let of = |seen: &Recorded| -> Vec<_> {
        let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
        seen.headers.iter().map(lower).filter(|(name, _)| !but.contains(&name.as_str())).collect()
    };
    let (one, other) = (of(one), of(other));
    let missing = |here: &[(String, String)], there: &[(String, String)], mark: &str| -> Vec<_> {
        let gone = here.iter().filter(|field| !there.contains(field));
        gone.map(|(name, value)| format!("{mark} {name}: {value}")).collect()
    };
    [missing(&one, &other, "-"), missing(&other, &one, "+")].concat()
}
