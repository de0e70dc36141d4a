//! Every outbound connection: names, TCP, TLS, proxies. Never to ourselves, never without a full check of the
//! certificate, and for others only where the rules of tunnels allow.

mod changes;
mod outbound;
mod proxy;
mod stream;
mod target;
mod tcp;
mod tls;
mod walk;
mod witness;

use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use aigw_shared::config::{self, UpstreamProxy};
use aigw_shared::fault::{Fault, Kind};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tower_service::Service;
use url::Host;

pub use outbound::Outbound;
pub use proxy::findings;
pub use stream::{Link, Pipe};
pub use target::Wanted;
pub use tls::{Offer, crypto};
pub use walk::Step;

use changes::Changes;
use proxy::{Variables, Way};
use target::Rules;
use tls::Trust;

/// Name, TCP and TLS together take no longer than a request waits for its gateway, within these bounds.
const SHORTEST_DIAL: Duration = Duration::from_secs(3);
const LONGEST_DIAL: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("{0} cannot be resolved")]
    Name(String),
    /// Nobody answers there.
    #[error("{host} cannot be reached: {what}")]
    Connect {
        /// Whom we tried.
        host: String,
        /// What the system says.
        what: String,
    },
    /// Too slow.
    #[error("{host} did not answer in {} s", limit.as_secs())]
    Timeout {
        /// Whom we tried.
        host: String,
        /// How long.
        limit: Duration,
    },
    /// The certificate does not hold, so nothing was sent.
    #[error("{host} shows a certificate that does not hold: {what}")]
    Certificate {
        /// Who showed it.
        host: String,
        /// What is wrong with it.
        what: String,
    },
    /// What is there does not speak TLS as it must.
    #[error("{host} does not speak TLS as it must: {what}")]
    Tls {
        /// Who.
        host: String,
        /// What it did.
        what: String,
    },
    /// The address is this daemon's own.
    #[error("{0} leads back to aigwd itself")]
    Loop(String),
    /// A file of the settings is of no use.
    #[error("{0}")]
    File(String),
    /// The rules, or the proxy on the way, do not let it happen.
    #[error("{}", .0.what)]
    Stopped(Fault),
}

impl DialError {
    /// As it is told to whoever wanted a host that is no gateway.
    pub fn of_target(&self) -> Fault {
        let kind = match self {
            Self::Name(_) | Self::Connect { .. } | Self::Timeout { .. } => Kind::TargetUnreachable,
            Self::Certificate { .. } | Self::Tls { .. } => Kind::TargetUntrusted,
            Self::Loop(_) => Kind::TargetRefused,
            Self::File(_) => Kind::BadConfiguration,
            Self::Stopped(fault) => return fault.clone(),
        };
        Fault::new(kind, self.to_string())
    }
}

/// What every connection has to know of this machine.
#[derive(Clone, Default)]
pub struct Here {
    /// The listeners' addresses, known once they are bound.
    own: Arc<RwLock<Vec<SocketAddr>>>,
    /// What the environment said about proxies when the daemon started.
    variables: Arc<Variables>,
    changes: Arc<Changes>,
}

impl Here {
    /// A machine with this environment.
    pub fn new(environment: &[(OsString, OsString)]) -> Self {
        Self { variables: Arc::new(Variables::read(environment)), ..Self::default() }
    }

    /// The number of the present edition of the network around us. What was connected in an earlier one may lead nowhere.
    pub fn edition(&self) -> u64 {
        self.changes.edition()
    }

    /// The listeners are bound.
    pub fn bound(&self, addresses: &[SocketAddr]) {
        if let Ok(mut own) = self.own.write() {
            addresses.clone_into(&mut own);
        }
    }

    fn own(&self) -> Vec<SocketAddr> {
        self.own.read().map_or_else(|_| Vec::new(), |own| own.clone())
    }
}

/// Where a connection has to go.
enum Whereto<'a> {
    /// To the proxy of the settings.
    Proxy(&'a UpstreamProxy),
    /// To one of these.
    Addresses(Vec<SocketAddr>),
}

/// Makes connections that HTTP is spoken on: to one gateway, or to the hosts that intercepted requests were meant for.
#[derive(Clone)]
pub struct Dialer {
    trust: Arc<Trust>,
    way: Arc<Way>,
    here: Here,
    offer: Offer,
    limit: Duration,
    /// For hosts that others choose; a gateway is whatever its settings say.
    rules: Option<Arc<Rules>>,
    block_private: bool,
}

impl Dialer {
    /// For a gateway of these settings.
    pub fn new(gateway: &config::Gateway, here: Here) -> Self {
        Self {
            trust: Arc::new(Trust::of_gateway(gateway)),
            way: Arc::new(Way::new(&gateway.leaving, &here)),
            here,
            offer: Offer::Any,
            limit: gateway.wait.clamp(SHORTEST_DIAL, LONGEST_DIAL),
            rules: None,
            block_private: false,
        }
    }

    /// The number of the present edition of the network around us.
    pub fn edition(&self) -> u64 {
        self.here.edition()
    }

    /// The same, offering something else.
    pub fn offering(&self, offer: Offer) -> Self {
        Self { offer, ..self.clone() }
    }

    /// Reads certificates, keys and the system's store again for the next connection.
    pub fn read_files_again(&self) {
        self.trust.read_files_again();
        self.way.read_files_again();
    }

    /// A tunnel to this host through the deployment's own proxy, which shows the same certificates as the gateway.
    ///
    /// # Errors
    /// When the proxy is not there, or does not let us.
    pub async fn through(&self, proxy: &UpstreamProxy, wanted: &Wanted<'_>) -> Result<Pipe, DialError> {
        let way = Way::trusting(self.trust.clone(), &self.here);
        let late = || DialError::Timeout { host: proxy.to_string(), limit: self.limit };
        timeout(self.limit, way.connect(proxy, wanted)).await.unwrap_or_else(|_| Err(late()))
    }

    /// A connection to the host of this URL, ready for HTTP.
    ///
    /// # Errors
    /// Before a single byte of HTTP is sent to it.
    pub async fn dial(self, uri: Uri) -> Result<Link, DialError> {
        let host = uri.authority().map_or_else(String::new, ToString::to_string);
        let limit = self.limit;
        let result = timeout(limit, self.connect(&uri, &host)).await;
        result.unwrap_or(Err(DialError::Timeout { host, limit }))
    }

    async fn connect(&self, uri: &Uri, host: &str) -> Result<Link, DialError> {
        let secure = uri.scheme_str() != Some("http");
        let name = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let wanted = Wanted { host: name, port, block_private: self.block_private };
        if !secure && self.rules.is_some() {
            return match self.way.proxy_for(secure, &wanted)? {
                Some(proxy) => {
                    self.check_literal(&wanted).await?;
                    Ok(Link::Forwarding(self.way.reach(proxy).await?))
                }
                None => Ok(Link::Plain(self.pipe(secure, &wanted, host).await?)),
            };
        }
        let pipe = self.pipe(secure, &wanted, host).await?;
        match secure {
            true => Ok(Link::Tls(Box::new(self.trust.greet(self.offer, name, host, pipe).await?))),
            false => Ok(Link::Plain(pipe)),
        }
    }

    /// Bytes to and from this host, directly or through the proxy of the settings.
    async fn pipe(&self, secure: bool, wanted: &Wanted<'_>, host: &str) -> Result<Pipe, DialError> {
        let whereto = self.whereto(secure, wanted).await?;
        self.along(&whereto, wanted, host).await
    }

    /// The same, where it is known where to go.
    async fn along(&self, whereto: &Whereto<'_>, wanted: &Wanted<'_>, host: &str) -> Result<Pipe, DialError> {
        match whereto {
            Whereto::Proxy(proxy) => self.way.connect(proxy, wanted).await,
            Whereto::Addresses(addresses) => tcp::connect(addresses)
                .await
                .map(Pipe::Tcp)
                .map_err(|error| DialError::Connect { host: host.to_owned(), what: error.to_string() }),
        }
    }

    /// Where a connection to this host has to go.
    async fn whereto(&self, secure: bool, wanted: &Wanted<'_>) -> Result<Whereto<'_>, DialError> {
        if let Some(proxy) = self.way.proxy_for(secure, wanted)? {
            self.check_literal(wanted).await?;
            return Ok(Whereto::Proxy(proxy));
        }
        if let Some(rules) = &self.rules {
            // What is refused by its port alone is not looked up.
            rules.port(wanted).map_err(DialError::Stopped)?;
        }
        let host = authority(wanted.host, wanted.port);
        let mut addresses = tcp::resolve(wanted.host, wanted.port)
            .await
            .map_err(|_| DialError::Name(wanted.host.to_owned()))?;
        let own = self.here.own();
        if let Some(rules) = &self.rules {
            addresses = rules.allowed(wanted, &addresses, &own).await.map_err(DialError::Stopped)?;
        } else {
            addresses.retain(|address| !target::is_own(*address, &own));
        }
        if addresses.is_empty() { Err(DialError::Loop(host)) } else { Ok(Whereto::Addresses(addresses)) }
    }

    /// A name is looked up by the proxy, so that only what is written as an address can be judged here.
    async fn check_literal(&self, wanted: &Wanted<'_>) -> Result<(), DialError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let address = match place(wanted.host) {
            Some(Host::Ipv4(ip)) => ip.into(),
            Some(Host::Ipv6(ip)) => ip.into(),
            _ => return rules.port(wanted).map_err(DialError::Stopped),
        };
        let allowed = rules.allowed(wanted, &[SocketAddr::new(address, wanted.port)], &self.here.own()).await;
        allowed.map(drop).map_err(DialError::Stopped)
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Link>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Link>, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { Ok(TokioIo::new(dialer.dial(uri).await?)) })
    }
}

/// What a host's text says: a name in lower case, or an address in any spelling. Nothing is looked up.
fn place(host: &str) -> Option<Host<String>> {
    let host = host.trim_matches(['[', ']']);
    if let Ok(ip) = host.parse() {
        return Some(Host::Ipv6(ip));
    }
    // `Host` would decode escapes, which no other program does.
    if host.contains('%') {
        return None;
    }
    Host::parse(host).ok()
}

/// As it is written in a URL.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
