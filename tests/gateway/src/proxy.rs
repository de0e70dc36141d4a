//! The AI Gateway Proxy of the deployment: CONNECT, of which those for a provider's host are opened and turned into
//! requests to the gateway, and all others copied blindly.
//!
//! Faithful also where that is no pleasure: a port that is not allowed closes the connection without a word, HTTP/2 is
//! never offered inside, and whatever is not TLS inside is served as plain HTTP.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::connect::{self, Connects, Fate, Head, NotDialled, rewound};
use crate::front::Site;
use crate::hold;
use crate::opened::Opened;
use crate::practice::Certificate;
use crate::server::{self, Connection};
use crate::tls::Authority;

/// The proxy's listener: what cannot change while it runs. Set [`crate::Setup::proxy`] to have one.
#[derive(Clone, Debug)]
pub struct ProxySetup {
    /// Speak TLS on the listener, with a certificate from [`crate::Practice::ca_pem`].
    pub tls: bool,
    /// Names for that certificate besides loopback.
    pub names: Vec<String>,
    /// Where to listen.
    pub address: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// PEM certificates that the proxy believes in towards the real hosts.
    pub trust: Vec<String>,
}

impl Default for ProxySetup {
    fn default() -> Self {
        let address = Ipv4Addr::LOCALHOST.into();
        ProxySetup { tls: false, names: Vec::new(), address, port: 0, trust: Vec::new() }
    }
}

/// The proxy's switches, in [`crate::Behaviour::proxy`]. Which hosts it opens is said by [`crate::Provider::host`].
#[derive(Clone, Debug)]
pub struct ProxyBehaviour {
    /// There is none: connections are closed, and its certificate is not found.
    pub off: bool,
    /// The ports that a CONNECT may name; none means any.
    pub ports: Vec<u16>,
    /// Tunnels to private addresses are refused (but for the deployment itself).
    pub block_private: bool,
    /// Hosts that are somewhere else than their name says.
    pub detours: Vec<(String, SocketAddr)>,
}

impl Default for ProxyBehaviour {
    fn default() -> Self {
        ProxyBehaviour { off: false, ports: vec![80, 443], block_private: false, detours: Vec::new() }
    }
}

/// What the proxy keeps while it runs.
pub(crate) struct Proxy {
    pub(crate) authority: Authority,
    pub(crate) connects: Connects,
    leaves: Mutex<HashMap<String, TlsAcceptor>>,
    /// Towards the real hosts.
    pub(crate) connector: TlsConnector,
}

impl Proxy {
    pub(crate) fn new(setup: &ProxySetup) -> io::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for pem in &setup.trust {
            for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Proxy {
            authority: Authority::new("Practice proxy CA")?,
            connects: Connects::default(),
            leaves: Mutex::default(),
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// The leaf for the host of a CONNECT, made once.
    fn leaf(&self, host: &str) -> io::Result<TlsAcceptor> {
        let mut leaves = hold(&self.leaves);
        if let Some(leaf) = leaves.get(host) {
            return Ok(leaf.clone());
        }
        let leaf = self.authority.acceptor(vec![host.to_owned()], &[], Certificate::Good, None)?;
        leaves.insert(host.to_owned(), leaf.clone());
        Ok(leaf)
    }
}

/// One connection to the proxy's listener.
pub(crate) async fn serve<S>(
    site: Arc<Site>,
    proxy: Arc<Proxy>,
    mut stream: S,
    about: Connection,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    let behaviour = site.behaviour();
    if behaviour.proxy.off {
        return Ok(());
    }
    let Some(head) = Head::read(&mut stream, Vec::new()).await else { return Ok(()) };
    let number = proxy.connects.begin(&head);
    let fate = |fate| proxy.connects.fate(number, fate);
    if head.method != "CONNECT" {
        fate(Fate::Refused(407));
        return challenge(&mut stream, "Proxy authentication required").await;
    }
    let place = head
        .place()
        .filter(|(_, port)| behaviour.proxy.ports.is_empty() || behaviour.proxy.ports.contains(port));
    let Some((host, port)) = place else {
        fate(Fate::Closed);
        return Ok(());
    };
    let provider = behaviour.providers.iter().find(|row| row.enabled && row.host.eq_ignore_ascii_case(&host));
    let Some(provider) = provider else {
        return tunnel(&site, &proxy, stream, number, head.rest, (&host, port)).await;
    };
    let Some((_, token)) = head.login().filter(|(_, token)| !token.is_empty()) else {
        fate(Fate::Refused(407));
        return challenge(&mut stream, "Proxy Authentication Required").await;
    };
    fate(Fate::Intercepted(provider.name.clone()));
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await?;
    stream.flush().await?;
    let opened = Opened { host: host.clone(), port, provider: provider.name.clone(), token };
    intercept(site, proxy, stream, head.rest, about, opened).await
}

async fn challenge(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    let realm = r#"Basic realm="Coder AI Bridge Proxy""#;
    let headers = [("Proxy-Authenticate", realm), ("Proxy-Connection", "close")];
    connect::refuse(stream, "407 Proxy Authentication Required", &headers, text).await
}

async fn intercept<S>(
    site: Arc<Site>,
    proxy: Arc<Proxy>,
    mut stream: S,
    mut ahead: Vec<u8>,
    mut about: Connection,
    opened: Opened,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    if ahead.is_empty() && stream.read_buf(&mut ahead).await? == 0 {
        return Ok(());
    }
    let handshake = ahead.first() == Some(&0x16);
    let stream = rewound(stream, ahead);
    about.tls = handshake;
    let leaf = proxy.leaf(&opened.host)?;
    about.opened = Some(Arc::new(opened));
    if handshake {
        let stream = leaf.accept(stream).await?;
        about.server_name = stream.get_ref().1.server_name().map(str::to_owned);
        server::serve(site, stream, about).await;
    } else {
        server::serve(site, stream, about).await;
    }
    Ok(())
}

async fn tunnel(
    site: &Site,
    proxy: &Proxy,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    number: usize,
    ahead: Vec<u8>,
    place: (&str, u16),
) -> io::Result<()> {
    let behaviour = site.behaviour().proxy;
    let own = |ip| site.address.get().is_some_and(|own| own.ip() == ip && own.port() == place.1);
    let allowed = |ip| !behaviour.block_private || !is_private(ip) || own(ip);
    let refused = |status| proxy.connects.fate(number, Fate::Refused(status));
    match connect::dial(place, &behaviour.detours, allowed).await {
        Ok(server) => {
            proxy.connects.fate(number, Fate::Tunnelled);
            stream.write_all(b"HTTP/1.0 200 Connection established\r\n\r\n").await?;
            stream.flush().await?;
            connect::splice(stream, &ahead, server).await
        }
        Err(NotDialled::Private) => {
            refused(403);
            connect::refuse(&mut stream, "403 Forbidden", &[("Connection", "close")], "Forbidden").await
        }
        Err(NotDialled::Failed) => {
            refused(502);
            connect::refuse(&mut stream, "502 Bad Gateway", &[("Connection", "close")], "Bad Gateway").await
        }
    }
}

/// The ranges that the real one knows.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            matches!(a, 0 | 10 | 127 | 240..)
                || (a == 100 && b & 0xc0 == 64)
                || matches!((a, b), (169, 254) | (192, 168) | (198, 18 | 19))
                || (a == 172 && b & 0xf0 == 16)
                || (a, b, c) == (192, 0, 0)
        }
        IpAddr::V6(ip) => {
            let part = ip.segments();
            ip.to_ipv4_mapped().is_some_and(|ip| is_private(ip.into()))
                || ip.is_loopback()
                || part[..6] == [0x64, 0xff9b, 0, 0, 0, 0]
                || part[..3] == [0x64, 0xff9b, 1]
                || part[0] == 0x2002
                || part[0] & 0xfe00 == 0xfc00
                || part[0] & 0xffc0 == 0xfe80
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses() {
        for ip in [
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.0.1",
            "192.168.1.1",
            "198.19.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "64:ff9b::1",
            "64:ff9b:1::1",
            "2002::1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.2.1",
            "198.20.0.1",
            "2001:db8::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }
}
