//! The way to a gateway one step after the other, for `doctor`: a request would say only that it did not get there.

use std::future::Future;

use http::Uri;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{DialError, Dialer, Pipe, Wanted, Whereto, witness};

/// One step, and what was seen there.
pub struct Step {
    /// `name`, `tcp` or `tls`.
    pub what: &'static str,
    /// In words.
    pub saw: Result<String, DialError>,
}

impl Dialer {
    /// Goes to the host of this URL, and no further than the first step that fails.
    pub async fn walk(&self, uri: &Uri) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Err(step) = self.go(uri, &mut steps).await {
            steps.push(step);
        }
        steps
    }

    async fn go(&self, uri: &Uri, steps: &mut Vec<Step>) -> Result<(), Step> {
        let host = uri.authority().map_or_else(String::new, ToString::to_string);
        let secure = uri.scheme_str() != Some("http");
        let name = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let wanted = Wanted { host: name, port, block_private: self.block_private };
        let failed = |what| move |error| Step { what, saw: Err(error) };

        let whereto = self.within(&host, self.whereto(secure, &wanted)).await.map_err(failed("name"))?;
        let saw = match &whereto {
            Whereto::Proxy(proxy) => format!("{name} is looked up by the proxy {proxy}"),
            Whereto::Addresses(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
                format!("{name} is {}", addresses.join(", "))
            }
        };
        steps.push(Step { what: "name", saw: Ok(saw) });

        let pipe = self.within(&host, self.along(&whereto, &wanted, &host)).await.map_err(failed("tcp"))?;
        let saw = match (&whereto, pipe.peer()) {
            (Whereto::Proxy(proxy), _) => format!("{host} answers through the proxy {proxy}"),
            (_, Some(peer)) => format!("{host} answers at {peer}"),
            _ => format!("{host} answers"),
        };
        steps.push(Step { what: "tcp", saw: Ok(saw) });
        if !secure {
            return Ok(());
        }

        match self.within(&host, self.trust.greet(self.offer, name, &host, pipe)).await {
            Ok(stream) => {
                let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let issuer = leaf.and_then(|leaf| witness::issuer_of(leaf));
                let by = issuer.map_or_else(String::new, |issuer| format!(", which {issuer} issued"));
                steps.push(Step {
                    what: "tls",
                    saw: Ok(format!("{host} shows a certificate that holds{by}")),
                });
                Ok(())
            }
            Err(DialError::Certificate { host, what }) => {
                let again = self.within(&host, self.along(&whereto, &wanted, &host)).await;
                let issuer = match again {
                    Ok(pipe) => timeout(self.limit, witness::issuer(name, pipe)).await.ok().flatten(),
                    Err(_) => None,
                };
                let by = issuer.map_or_else(String::new, |issuer| format!("; {issuer} issued it"));
                Err(failed("tls")(DialError::Certificate { host, what: format!("{what}{by}") }))
            }
            Err(error) => Err(failed("tls")(error)),
        }
    }

    async fn within<T>(
        &self,
        host: &str,
        step: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let late = || Err(DialError::Timeout { host: host.to_owned(), limit: self.limit });
        timeout(self.limit, step).await.unwrap_or_else(|_| late())
    }
}

impl Pipe {
    /// The address at the other end of a connection of our own.
    fn peer(&self) -> Option<String> {
        match self {
            Self::Tcp(stream) => TcpStream::peer_addr(stream).ok().map(|address| address.to_string()),
            Self::Through(_) => None,
        }
    }
}
