//! The ways that the proxy door needs: tunnels, plain HTTP for others, and requests to an intercepted host's real
//! server. One for each edition of the settings.

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::config::{Config, Shown, UpstreamProxy};
use aigw_shared::fault::Fault;
use http::{HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::proxy::{Way, login_refused};
use super::target::Rules;
use super::tls::{Offer, Trust};
use super::{DialError, Dialer, Here, Pipe, Wanted, Whereto, authority, tcp};

/// Name, TCP, and the proxy's answer if there is one.
const LIMIT: Duration = Duration::from_secs(10);

/// The way out for what others ask for.
pub struct Outbound {
    dialer: Dialer,
}

/// Plain HTTP goes to a proxy, which is told the whole URL (absolute-form).
#[derive(Clone, Debug)]
pub struct Forwarding {
    /// The `Proxy-Authorization` to send with it.
    pub authorization: Option<HeaderValue>,
    proxy: UpstreamProxy,
}

impl Forwarding {
    /// What a 407 with these fields means: the proxy's own, which is not for the tool to answer.
    pub fn login_refused(&self, target: &str, fields: &HeaderMap) -> Fault {
        login_refused(&self.proxy, target, fields)
    }
}

impl Outbound {
    /// Of these settings.
    pub fn new(config: &Config, shown: &[Shown], here: &Here) -> Self {
        let dialer = Dialer {
            trust: Arc::new(Trust::with_roots(config.intercept.ca_file.as_deref())),
            way: Arc::new(Way::new(&config.tunnel.leaving, here)),
            here: here.clone(),
            offer: Offer::Any,
            limit: LIMIT,
            rules: Some(Arc::new(Rules::new(config, shown))),
            block_private: false,
        };
        Self { dialer }
    }

    /// A tunnel to this host: what is sent into it is what arrives there.
    ///
    /// # Errors
    /// When it is refused, cannot be reached, or the proxy on the way does not let us.
    pub async fn tunnel(&self, wanted: &Wanted<'_>) -> Result<Pipe, Fault> {
        let pipe =
            in_time(wanted, self.dialer.pipe(true, wanted, &authority(wanted.host, wanted.port))).await?;
        Ok(lasting(pipe))
    }

    /// A connection for plain HTTP with this host, and what to mind when it is a proxy that takes it on.
    ///
    /// # Errors
    /// As [`Outbound::tunnel`].
    pub async fn plain(&self, wanted: &Wanted<'_>) -> Result<(Pipe, Option<Forwarding>), Fault> {
        let dialer = &self.dialer;
        let host = authority(wanted.host, wanted.port);
        let connect = async {
            match dialer.way.proxy_for(false, wanted)? {
                None => Ok((dialer.pipe(false, wanted, &host).await?, None)),
                Some(proxy) => {
                    dialer.check_literal(wanted).await?;
                    let forwarding =
                        Forwarding { authorization: dialer.way.authorization(proxy), proxy: proxy.clone() };
                    Ok((dialer.way.reach(proxy).await?, Some(forwarding)))
                }
            }
        };
        in_time(wanted, connect).await.map(|(pipe, forwarding)| (lasting(pipe), forwarding))
    }

    /// Where a tunnel (or plain HTTP) to this host would go, in words. Nothing is connected to.
    ///
    /// # Errors
    /// As [`Outbound::tunnel`].
    pub async fn check(&self, tunnel: bool, wanted: &Wanted<'_>) -> Result<String, Fault> {
        let asked = in_time(wanted, self.dialer.whereto(tunnel, wanted)).await?;
        Ok(match asked {
            Whereto::Proxy(proxy) => format!("to the proxy {}", proxy.url),
            Whereto::Addresses(addresses) => {
                let words: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                format!("to {}", words.join(", "))
            }
        })
    }

    /// Makes connections to the real servers of intercepted hosts, for a client that pools them.
    pub fn onward(&self, block_private: bool) -> Dialer {
        Dialer { block_private, ..self.dialer.clone() }
    }

    /// Reads certificates and the system's store again for the next connection.
    pub fn read_files_again(&self) {
        self.dialer.read_files_again();
    }
}

fn lasting(pipe: Pipe) -> Pipe {
    if let Pipe::Tcp(stream) = &pipe {
        tcp::keep_alive(stream);
    }
    pipe
}

async fn in_time<T>(
    wanted: &Wanted<'_>,
    connect: impl Future<Output = Result<T, DialError>>,
) -> Result<T, Fault> {
    let late = || DialError::Timeout { host: authority(wanted.host, wanted.port), limit: LIMIT };
    timeout(LIMIT, connect).await.unwrap_or_else(|_| Err(late())).map_err(|error| error.of_target())
}
