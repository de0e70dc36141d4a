//! What every room of the daemon may use, and the settings in force, which a reload replaces as a whole.

mod edit;
mod held;
mod keyring;
pub mod logins;
mod pause;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use aigw_shared::config::{self, Config, Given, Mode, PolicyState, Shown, Sources};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::paths::Paths;
use arc_swap::ArcSwap;
use logins::Logins;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ca::{self, Ca};
use crate::credentials::Held;
use crate::credentials::store::Store;
use crate::dial::{self, Here, Outbound};
use crate::gateway::Gateway;
use crate::handover::Succession;
use crate::handover::estate::Memory;
use crate::keys::Keys;
use crate::observe::distrust::Distrust;
use crate::observe::health::Health;
use crate::observe::{log, settings};
use crate::os::peer::Lookup;
use crate::pipeline::admit::Rules;
use crate::pipeline::hosts::{self, Hosts};
use crate::pipeline::onward::RealHosts;
use crate::pipeline::record::Counters;

/// What findings about the proxies of the settings are about.
const PROXIES: &str = "the settings' proxies";
/// What findings about the settings are about. No gateway can have this name.
const SETTINGS: &str = "the settings";
const THE_CA: &str = "the CA";
/// What is found about a gateway itself, which goes with it.
const OF_A_GATEWAY: [&str; 9] = [
    "gateway-loop",
    "login-for-other-url",
    "login-damaged",
    "login-unreadable",
    "login-not-renewed",
    "login-ends",
    "login-refused",
    "login-left-behind",
    "keyring-unavailable",
];

/// Where the settings come from. Read once; only the files are read again.
#[derive(Clone, Debug)]
pub struct Origins {
    /// Our files and folders.
    pub paths: Paths,
    /// The environment at the start.
    pub environment: Vec<(OsString, OsString)>,
    /// Flags as key and text.
    pub flags: Vec<(String, String)>,
}

/// The settings in force and the gateways they make.
pub struct Current {
    /// The settings.
    pub config: Config,
    /// The gateways by name.
    pub gateways: BTreeMap<String, Arc<Gateway>>,
    /// The hosts that are intercepted.
    pub hosts: Hosts,
    /// The way out for what is no gateway.
    pub outbound: Arc<Outbound>,
    /// The real hosts behind intercepted names.
    pub real_hosts: Arc<RealHosts>,
    /// The settings for people.
    pub shown: Vec<Shown>,
    /// Why nothing may be forwarded: the managed policy cannot be believed, or the settings cannot be read.
    pub closed: Option<Fault>,
    /// Why the newest settings are not in force.
    pub refused: Option<String>,
}

/// The daemon.
pub struct App {
    /// Where everything is.
    pub origins: Origins,
    /// Local keys.
    pub keys: Keys,
    /// Signs for intercepted hosts.
    pub ca: Ca,
    /// What is wrong.
    pub health: Health,
    /// Who does not trust our certificates.
    pub distrust: Distrust,
    /// What was counted.
    pub counters: Arc<Counters>,
    /// Whose process is at the other end.
    pub peers: Lookup,
    /// When the daemon started.
    pub started: Instant,
    /// Cancelled when somebody asked the daemon to stop.
    pub stopping: CancellationToken,
    /// Cancelled when no new work is taken.
    pub draining: CancellationToken,
    /// Cancelled when what is still open is cut.
    pub ended: CancellationToken,
    /// Whether a successor serves.
    pub succession: Succession,
    /// Who is busy with which login.
    pub logins: Logins,
    /// Every connection, and what is done for one after its answer.
    pub tasks: TaskTracker,
    listen: OnceLock<Vec<SocketAddr>>,
    here: Here,
    /// Where logins are kept.
    pub store: Store,
    given: Given,
    /// The URL that a token from the environment is for: the one beside it, else the first one that is configured.
    given_for: OnceLock<String>,
    /// The settings that only a restart changes, as they were at the start.
    fixed: settings::Fixed,
    current: ArcSwap<Current>,
    /// Zero while it is not so.
    paused_since: AtomicI64,
    changing: Mutex<()>,
}

impl App {
    /// Reads everything that is on the disk. A damaged file of settings does not keep it from starting: then it answers on
    /// the control socket, and forwards nothing.
    ///
    /// # Errors
    /// When the state folder is of no use, a given machine secret is, or a flag or variable makes no sense.
    pub fn open(origins: Origins) -> Result<Arc<Self>, Fault> {
        let (loaded, refused) = match load(&origins) {
            Ok(loaded) => (loaded, None),
            Err(fault) => (without_files(&origins)?, Some(fault)),
        };
        Self::with(origins, loaded, refused, Memory::default())
    }

    /// The same, after a daemon that goes on if we cannot serve as it does.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the settings cannot be read.
    pub fn open_after(origins: Origins, memory: Memory) -> Result<Arc<Self>, Fault> {
        let loaded = load(&origins)?;
        Self::with(origins, loaded, None, memory)
    }

    fn with(
        origins: Origins,
        loaded: config::Loaded,
        refused: Option<Fault>,
        memory: Memory,
    ) -> Result<Arc<Self>, Fault> {
        let paths = &origins.paths;
        let (keys, findings) = match &loaded.given.key_file {
            Some(file) => (Keys::given(file, &loaded.config.listen.keys)?, Vec::new()),
            None => Keys::open(&paths.key_file(), &paths.state.join("keys.json"))?,
        };
        let health = Health::default();
        for finding in findings {
            health.note("keys", finding);
        }
        let peers = Lookup::find();
        if !peers.tells() {
            health.note(
                "peers",
                Finding::new(
                    "owner-unknown",
                    Severity::Note,
                    "this system does not tell whose process a connection belongs to; the local key alone decides",
                    "keep local keys to yourself",
                ),
            );
        }
        let here = Here::new(&origins.environment);
        let app = Arc::new(Self {
            store: Store::open(&paths.credentials_dir())?,
            here: here.clone(),
            listen: OnceLock::new(),
            given: loaded.given.clone(),
            given_for: memory
                .given_for
                .or_else(|| held::given_url(&origins.environment))
                .map_or_else(OnceLock::new, OnceLock::from),
            fixed: settings::fixed(&loaded.config),
            current: ArcSwap::from_pointee(Current {
                outbound: Arc::new(Outbound::new(&Config::default(), &[], &here)),
                real_hosts: Arc::new(RealHosts::over(&Outbound::new(&Config::default(), &[], &here))),
                config: Config::default(),
                gateways: BTreeMap::new(),
                hosts: Hosts::default(),
                shown: Vec::new(),
                closed: None,
                refused: None,
            }),
            paused_since: AtomicI64::new(0),
            changing: Mutex::new(()),
            distrust: Distrust::default(),
            counters: Arc::default(),
            started: Instant::now(),
            stopping: CancellationToken::new(),
            draining: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            succession: Succession::new(),
            logins: Logins::open(&paths.state.join("identity"))?,
            keys,
            ca: Ca::new(&paths.ca_dir()),
            health,
            peers,
            origins,
        });
        app.keys.lend_from(memory.lent);
        app.store.take_over(memory.logins);
        app.take_over(loaded, refused);
        app.look_at_pause();
        app.look_at_ca();
        Ok(app)
    }

    /// The settings in force.
    pub fn current(&self) -> arc_swap::Guard<Arc<Current>> {
        self.current.load()
    }

    /// The addresses that answer, IPv4 first; empty before they are bound.
    pub fn listening(&self) -> &[SocketAddr] {
        self.listen.get().map_or(&[], Vec::as_slice)
    }

    /// What holds for every request that comes in at this address.
    pub fn rules(&self, listener: SocketAddr) -> Rules<'_> {
        let listen = &self.current.load().config.listen;
        Rules { listener, keys: &self.keys, share: listen.share, keyless: listen.keyless }
    }

    /// The listeners are bound.
    pub fn bound(&self, addresses: Vec<SocketAddr>) {
        self.here.bound(&addresses);
        let _ = self.listen.set(addresses);
        self.refuse_circles();
    }

    /// Reads the settings again. A bad one leaves the old ones in force.
    ///
    /// # Errors
    /// What is wrong with the new ones.
    pub fn reload(&self) -> Result<(), Fault> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        match load(&self.origins) {
            Ok(loaded) => {
                self.take_over(loaded, None);
                self.refuse_circles();
                self.look_at_pause();
                self.distrust.forget(&self.health);
                self.look_at_ca();
                Ok(())
            }
            Err(fault) => {
                let old = self.current.load();
                // A mistake of the user's is no way around a policy; and it may be another one that still closes us.
                let policy = without_files(&self.origins).ok().and_then(|loaded| closed_by_policy(&loaded));
                let closed = policy.or_else(|| match &old.closed {
                    Some(old) if old.kind == Kind::BadConfiguration => Some(fault.clone()),
                    other => other.clone(),
                });
                self.current.store(Arc::new(Current {
                    config: old.config.clone(),
                    gateways: old.gateways.clone(),
                    hosts: old.hosts.clone(),
                    outbound: old.outbound.clone(),
                    real_hosts: old.real_hosts.clone(),
                    shown: old.shown.clone(),
                    closed,
                    refused: Some(fault.to_string()),
                }));
                self.health.note(SETTINGS, found("configuration-refused", &fault));
                Err(fault)
            }
        }
    }

    /// What a successor would not find on the disk.
    pub fn memory(&self) -> Memory {
        Memory {
            logins: self.store.in_memory(),
            given_for: self.given_for.get().cloned(),
            lent: self.keys.lent(),
        }
    }

    /// The names that the CA has to sign for.
    pub fn ca_names(&self) -> Vec<String> {
        ca::names(&self.current.load().config)
    }

    /// Notes what is wrong with the CA now.
    pub fn look_at_ca(&self) {
        self.health.replace(THE_CA, self.ca.findings(&self.ca_names()));
    }

    /// A gateway that is not in the settings, to try a login with.
    pub fn candidate(&self, settings: config::Gateway) -> Gateway {
        Gateway::new(settings, Held::default(), self.here.clone())
    }

    /// Makes these settings the ones in force. A gateway whose settings are the same keeps its connections.
    fn take_over(&self, loaded: config::Loaded, refused: Option<Fault>) {
        let old = self.current.load();
        let mut gateways = BTreeMap::new();
        for (name, settings) in &loaded.config.gateways {
            let same = old.gateways.get(name).filter(|gateway| gateway.settings == *settings);
            let gateway = match same {
                Some(gateway) => {
                    gateway.forget_websocket();
                    gateway.forget_fields();
                    gateway.clone()
                }
                None => Arc::new(Gateway::new(settings.clone(), Held::default(), self.here.clone())),
            };
            gateway.central_only(central_by_policy(settings, &loaded.shown));
            gateway.hold(self.held_for(settings));
            gateways.insert(name.clone(), gateway);
        }
        for gone in old.gateways.keys().filter(|name| !gateways.contains_key(*name)) {
            OF_A_GATEWAY.iter().for_each(|code| self.health.clear(code, gone));
        }
        self.keys.replace_given(&loaded.config.listen.keys);
        let mut findings = self.misplaced(&loaded);
        findings.extend(settings::too_old(&loaded).map(|fault| found("version-too-old", &fault)));
        findings.extend(loaded.findings.iter().cloned());
        findings.extend(hosts::findings(&loaded.config));
        findings.extend(settings::without_effect(&loaded, self.keys.are_given()));
        findings.extend(settings::waiting(&self.fixed, &loaded.config));
        findings.extend(refused.as_ref().map(|fault| found("configuration-refused", fault)));
        self.health.replace(SETTINGS, findings);
        let closed = closed_by_policy(&loaded).or_else(|| {
            let fault = refused.as_ref()?;
            Some(Fault::new(Kind::BadConfiguration, fault.what.clone()).cure_with(fault.cure()))
        });
        let outbound = Outbound::new(&loaded.config, &loaded.shown, &self.here);
        let by_policy = loaded.shown.iter().any(|row| row.key == "intercept.hosts" && row.locked);
        self.current.store(Arc::new(Current {
            hosts: Hosts::of(&loaded.config, by_policy),
            real_hosts: Arc::new(RealHosts::over(&outbound)),
            outbound: Arc::new(outbound),
            config: loaded.config,
            gateways,
            shown: loaded.shown,
            closed,
            refused: refused.map(|fault| fault.to_string()),
        }));
        log::set_level(self.current.load().config.log.level);
        self.logins.change();
    }

    /// A gateway whose URL is our own listener is refused when it is configured, not when it is used.
    fn refuse_circles(&self) {
        for gateway in self.current.load().gateways.values() {
            let urls = gateway
                .settings
                .url
                .iter()
                .chain(gateway.settings.providers.values().filter_map(|p| p.base_url.as_ref()));
            let circle = gateway.local && urls.into_iter().any(|url| self.is_own_url(url));
            let name = &gateway.settings.name;
            if circle {
                self.health.note(
                    name,
                    Finding::new(
                        "gateway-loop",
                        Severity::Error,
                        format!("the URL of the gateway {name} is aigwd's own address"),
                        "set the deployment's own URL: `aigwctl login URL`",
                    ),
                );
            } else {
                self.health.clear("gateway-loop", name);
            }
        }
        self.health.replace(PROXIES, self.proxy_findings());
    }

    fn proxy_findings(&self) -> Vec<Finding> {
        let current = self.current.load();
        let of = |key: &str, leaving| dial::findings(key, leaving, &self.here, |url| self.is_own_url(url));
        let mut found = of("tunnel.upstream_proxy", &current.config.tunnel.leaving);
        for (name, gateway) in &current.config.gateways {
            found.extend(of(&format!("gateway.{name}.upstream_proxy"), &gateway.leaving));
        }
        found
    }

    /// Whether a URL is that of one of our listeners.
    pub fn is_own_url(&self, url: &url::Url) -> bool {
        let local = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        };
        local && self.listening().iter().any(|own| Some(own.port()) == url.port_or_known_default())
    }
}

fn load(origins: &Origins) -> Result<config::Loaded, Fault> {
    config::load(&Sources::of(&origins.paths, origins.environment.clone(), origins.flags.clone())?)
}

/// Why a policy stops all forwarding, if it does.
fn closed_by_policy(loaded: &config::Loaded) -> Option<Fault> {
    match &loaded.policy {
        PolicyState::Unreadable(why) => {
            Some(Fault::new(Kind::PolicyUnreadable, format!("the managed policy cannot be used: {why}")))
        }
        PolicyState::InForce => settings::too_old(loaded),
        PolicyState::None => None,
    }
}

/// The providers for which the managed policy says that the deployment pays.
fn central_by_policy(settings: &config::Gateway, shown: &[Shown]) -> BTreeSet<String> {
    let locked = |provider: &str| {
        let key = format!("gateway.{}.providers.{provider}.mode", settings.name);
        shown.iter().any(|row| row.locked && row.key == key)
    };
    let central = settings.providers.iter().filter(|(_, it)| it.mode == Mode::Central);
    central.map(|(name, _)| name.clone()).filter(|name| locked(name)).collect()
}

/// The settings of a daemon whose files cannot be read: what the environment and the flags say, so that it listens where
/// it is looked for. The policy is still asked, since it may close everything.
fn without_files(origins: &Origins) -> Result<config::Loaded, Fault> {
    let sources = Sources::of(&origins.paths, origins.environment.clone(), origins.flags.clone())?;
    config::load(&Sources { system: None, user: std::path::PathBuf::new(), ..sources })
}

fn found(code: &'static str, fault: &Fault) -> Finding {
    Finding::new(code, Severity::Error, fault.what.clone(), fault.cure())
}
