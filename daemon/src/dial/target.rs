//! Which addresses may be reached for others. Judged where the connection is made, on what the name has become by then,
//! so that a name which changes its mind gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use aigw_shared::config::{Cidr, Config, Shown};
use aigw_shared::fault::{Fault, Kind};
use url::Host;

use super::tcp;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The internet's.
    Public,
    /// This machine's or its owner's network's; the word says which.
    Private(&'static str),
    /// Nobody's to reach through a proxy; the word says why.
    Never(&'static str),
}

use Class::{Never, Private, Public};

/// Networks that are not the internet's, the first match counts. Metadata services give a machine's credentials to
/// whoever asks from it.
#[rustfmt::skip]
static NETWORKS: &[(&str, Class)] = &[
    ("0.0.0.0/8", Never("an unspecified")),
    // AWS, Azure, Google, Oracle and most others: 169.254.169.254; AWS for containers: 169.254.170.2 and .23.
    ("169.254.0.0/16", Never("a link-local or metadata")),
    // Alibaba Cloud's metadata service.
    ("100.100.100.200/32", Never("a metadata")),
    // Azure's platform channel ("WireServer"), which hands out a machine's settings.
    ("168.63.129.16/32", Never("a metadata")),
    // Oracle Cloud Infrastructure Classic's metadata service.
    ("192.0.0.192/32", Never("a metadata")),
    ("224.0.0.0/4", Never("a multicast")),
    ("240.0.0.0/4", Never("a reserved or broadcast")),
    ("127.0.0.0/8", Private("loopback")),
    ("10.0.0.0/8", Private("private")),
    ("172.16.0.0/12", Private("private")),
    ("192.168.0.0/16", Private("private")),
    ("100.64.0.0/10", Private("shared")),
    ("192.0.0.0/24", Private("special")),
    ("192.0.2.0/24", Private("documentation")),
    ("198.18.0.0/15", Private("benchmark")),
    ("198.51.100.0/24", Private("documentation")),
    ("203.0.113.0/24", Private("documentation")),

    ("::/128", Never("an unspecified")),
    ("::1/128", Private("loopback")),
    ("fe80::/10", Never("a link-local")),
    ("ff00::/8", Never("a multicast")),
    // AWS: metadata at ::254, credentials for containers at ::23.
    ("fd00:ec2::/32", Never("a metadata")),
    // Google Cloud's, Oracle Cloud's and Scaleway's metadata services.
    ("fd20:ce::254/128", Never("a metadata")),
    ("fd00:c1::a9fe:a9fe/128", Never("a metadata")),
    ("fd00:42::42/128", Never("a metadata")),
    ("fc00::/7", Private("private")),
    ("fec0::/10", Private("private")),
    ("100::/64", Never("a discarding")),
    ("2001:db8::/32", Private("documentation")),
];

/// What this address is for, and those of IPv4 that are hidden in it: the worst of them counts.
pub fn class(ip: IpAddr) -> Class {
    let ip = ip.to_canonical();
    let own = NETWORKS.iter().find(|(network, _)| within(network, ip)).map_or(Public, |(_, class)| *class);
    let hidden = match ip {
        IpAddr::V4(_) => Vec::new(),
        IpAddr::V6(ip) => hidden(ip),
    };
    hidden.into_iter().map(|ip| class(ip.into())).fold(own, |worst, class| match (worst, class) {
        (Never(why), _) | (_, Never(why)) => Never(why),
        (Private(why), _) | (_, Private(why)) => Private(why),
        (Public, Public) => Public,
    })
}

fn within(network: &str, ip: IpAddr) -> bool {
    // The table is read in a test.
    Cidr::parse(network).is_some_and(|network| network.contains(ip))
}

/// The IPv4 addresses that translators and tunnels on the way may make of this one.
fn hidden(ip: Ipv6Addr) -> Vec<Ipv4Addr> {
    let (bits, words) = (ip.to_bits(), ip.segments());
    let at = |shift: u32| Ipv4Addr::from_bits((bits >> shift) as u32);
    match words {
        // Unspecified and loopback are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(),
        // Compatible (RFC 4291), translated (RFC 2765), the well-known NAT64 prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => vec![at(0)],
        // A NAT64 of one's own (RFC 8215), whose prefix may have any length of RFC 6052; bits 64 to 71 are zero.
        [0x64, 0xff9b, 1, ..] => {
            let around = |before: u32| {
                let (high, low) = ((bits >> 64) as u64, (bits as u64) << 8);
                let joined = (u128::from(high) << 56) | u128::from(low >> 8);
                Ipv4Addr::from_bits((joined >> (120 - before - 32)) as u32)
            };
            // What begins with zero is padding read under the wrong length.
            let all = [at(0), around(48), around(56), around(64)];
            all.into_iter().filter(|ip| ip.octets()[0] != 0).collect()
        }
        // 6to4 (RFC 3056).
        [0x2002, ..] => vec![at(80)],
        // Teredo (RFC 4380): its server, and the client with every bit turned over.
        [0x2001, 0, ..] => vec![at(64), Ipv4Addr::from_bits(!(bits as u32))],
        // ISATAP (RFC 5214), below any prefix.
        [.., 0 | 0x200, 0x5efe, _, _] => vec![at(0)],
        _ => Vec::new(),
    }
}

/// Whom somebody wants to reach.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// A name or an address, without brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Private addresses are refused to this caller, whatever the settings say.
    pub block_private: bool,
}

/// What the settings say about it.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    ports: Vec<u16>,
    block_private: bool,
    allow: Vec<Cidr>,
    /// The gateways, which stay reachable.
    exempt: Vec<(Host<String>, u16)>,
    /// What of it is the policy's.
    locked: Vec<String>,
}

impl Rules {
    /// Of these settings.
    pub fn new(config: &Config, shown: &[Shown]) -> Self {
        let gateways = config.gateways.values();
        let urls = gateways.flat_map(|gateway| {
            let bases = gateway.providers.values().filter_map(|provider| provider.base_url.as_ref());
            gateway.url.iter().chain(&gateway.coder_url).chain(bases)
        });
        Self {
            ports: config.tunnel.ports.clone(),
            block_private: config.tunnel.block_private,
            allow: config.tunnel.allow_cidrs.clone(),
            exempt: urls
                .filter_map(|url| Some((url.host()?.to_owned(), url.port_or_known_default()?)))
                .collect(),
            locked: shown.iter().filter(|row| row.locked).map(|row| row.key.clone()).collect(),
        }
    }

    /// Of a target's addresses those that may be reached. The port is looked at first.
    ///
    /// # Errors
    /// Why none may.
    pub async fn allowed(
        &self,
        wanted: &Wanted<'_>,
        addresses: &[SocketAddr],
        own: &[SocketAddr],
    ) -> Result<Vec<SocketAddr>, Fault> {
        self.port(wanted)?;
        let mut allowed = Vec::new();
        let mut refusal = None;
        let mut exempt = None;
        for address in addresses {
            let said = match class(address.ip()) {
                _ if is_own(*address, own) => Err(own_address(wanted)),
                Never(what) => Err(never(wanted, what)),
                Private(what)
                    if self.blocks(wanted) && !self.allow.iter().any(|net| net.contains(address.ip())) =>
                {
                    if exempt.is_none() {
                        exempt = Some(self.gateways_at(wanted).await);
                    }
                    match exempt.iter().flatten().any(|ip| *ip == address.ip().to_canonical()) {
                        true => Ok(()),
                        false => Err(self.private(wanted, what)),
                    }
                }
                Private(_) | Public => Ok(()),
            };
            match said {
                Ok(()) => allowed.push(*address),
                Err(fault) => refusal = refusal.or(Some(fault)),
            }
        }
        match refusal {
            Some(refusal) if allowed.is_empty() => Err(refusal),
            _ => Ok(allowed),
        }
    }

    fn blocks(&self, wanted: &Wanted<'_>) -> bool {
        self.block_private || wanted.block_private
    }

    /// Whether this port may be asked for at all.
    ///
    /// # Errors
    /// When it may not.
    pub fn port(&self, wanted: &Wanted<'_>) -> Result<(), Fault> {
        if self.ports.is_empty() || self.ports.contains(&wanted.port) {
            return Ok(());
        }
        let what = format!("{} is not among the ports of `tunnel.ports`", shown(wanted));
        Err(self.refusal(&["tunnel.ports"], what, "add the port to `tunnel.ports`"))
    }

    /// The addresses of the gateways that have the wanted port. Their names are looked up only here, where it matters.
    async fn gateways_at(&self, wanted: &Wanted<'_>) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for (host, _) in self.exempt.iter().filter(|(_, port)| *port == wanted.port) {
            match host {
                Host::Ipv4(ip) => found.push(IpAddr::V4(*ip)),
                Host::Ipv6(ip) => found.push(IpAddr::V6(*ip)),
                Host::Domain(name) => {
                    let addresses = tcp::resolve(name, wanted.port).await.unwrap_or_default();
                    found.extend(addresses.iter().map(|address| address.ip()));
                }
            }
        }
        found.into_iter().map(|ip| ip.to_canonical()).collect()
    }

    fn private(&self, wanted: &Wanted<'_>, what: &str) -> Fault {
        let by = if self.block_private { "`tunnel.block_private`" } else { "this key" };
        let what = format!("{} is a {what} address, which {by} does not allow", shown(wanted));
        let cure = "add its network to `tunnel.allow_cidrs`";
        self.refusal(&["tunnel.block_private", "tunnel.allow_cidrs"], what, cure)
    }

    fn refusal(&self, keys: &[&str], what: String, cure: &str) -> Fault {
        match self.locked.iter().any(|locked| keys.contains(&locked.as_str())) {
            true => Fault::new(Kind::PolicyForbids, what),
            false => Fault::new(Kind::TargetRefused, what).cure_with(cure),
        }
    }
}

fn shown(wanted: &Wanted<'_>) -> String {
    super::authority(wanted.host, wanted.port)
}

fn own_address(wanted: &Wanted<'_>) -> Fault {
    Fault::new(Kind::TargetRefused, format!("{} is aigwd itself", shown(wanted)))
}

fn never(wanted: &Wanted<'_>, what: &str) -> Fault {
    Fault::new(Kind::TargetRefused, format!("{} is {what} address", shown(wanted)))
}

/// Whether one of our listeners answers there. 127.0.0.2 is somebody else while we listen on 127.0.0.1 alone; a
/// listener on every address is reached by any one of this machine.
pub fn is_own(address: SocketAddr, own: &[SocketAddr]) -> bool {
    let ip = address.ip().to_canonical();
    own.iter().filter(|own| own.port() == address.port()).any(|own| {
        let listens = own.ip().to_canonical();
        // A connection to the unspecified address is one to loopback.
        listens == ip || ip.is_unspecified() || (listens.is_unspecified() && is_local(ip))
    })
}

/// Whether this is an address of this machine: then the system would send from there, too. Nothing is sent.
fn is_local(ip: IpAddr) -> bool {
    let source = || {
        let any: IpAddr =
            if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((ip, 9))?;
        socket.local_addr()
    };
    ip.is_loopback() || source().is_ok_and(|source: SocketAddr| source.ip() == ip)
}

#[cfg(test)]
mod tests;
