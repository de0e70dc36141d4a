//! The proxy through which connections leave this machine, and the hosts that are reached without it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::{Host, Url};

use super::value::{Cidr, address, has_userinfo};

/// The word that stands for the variables which most programs take their proxy from.
const ENVIRONMENT: &str = "environment";
/// What is reached without a proxy unless somebody says otherwise; the schema says the same.
const LOCAL: &[&str] = &["localhost", "127.0.0.0/8", "::1"];

/// How connections to others leave this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// Through which proxy.
    pub proxy: ProxyChoice,
    /// Further roots to trust when the proxy itself speaks TLS, in PEM.
    pub ca_file: Option<PathBuf>,
    /// What is reached without it.
    pub no_proxy: NoProxy,
}

/// Which proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// None.
    #[default]
    Direct,
    /// The one that the daemon's environment names, if it names one.
    Environment,
    /// This one.
    Fixed(UpstreamProxy),
}

impl ProxyChoice {
    /// Reads `environment` or a proxy's URL.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == ENVIRONMENT {
            return Ok(Self::Environment);
        }
        UpstreamProxy::parse(text).map(Self::Fixed)
    }
}

/// The proxy through which this machine reaches others. Its password prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamProxy {
    /// Where it is, without the login.
    pub url: Url,
    authorization: Option<String>,
}

impl UpstreamProxy {
    /// Reads `http://[USER[:PASSWORD]@]HOST[:PORT]`.
    ///
    /// # Errors
    /// What was expected, without repeating the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut url = address(text)?;
        if !["http", "https"].contains(&url.scheme()) || url.path() != "/" {
            return Err("expected a proxy, such as http://proxy.example.com:3128, or `environment`".into());
        }
        let authorization = match has_userinfo(&url, text) {
            true => Some(login(decode(url.username()), decode(url.password().unwrap_or("")))?),
            false => None,
        };
        // Neither can fail: there is a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, authorization })
    }

    /// The one at this URL, with this login.
    ///
    /// # Errors
    /// When it cannot be written as one.
    pub fn with_login(url: Url, user: &str, password: &str) -> Result<Self, String> {
        let authorization = Some(login(user.into(), password.into())?);
        Ok(Self { url, authorization })
    }

    /// The value of `Proxy-Authorization`, if it has a login.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Whether the way to the proxy itself is TLS.
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl fmt::Display for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.url, if self.authorization.is_some() { " (with a login)" } else { "" })
    }
}

/// A login in Basic form, where a user's name cannot hold a colon (RFC 7617).
fn login(user: Vec<u8>, password: Vec<u8>) -> Result<String, String> {
    if user.is_empty() && password.is_empty() {
        return Err("expected a user name, a password or both before the `@`, or no `@`".into());
    }
    if user.contains(&b':') || user.iter().chain(&password).any(u8::is_ascii_control) {
        return Err("expected a user name without colon, and neither it nor the password with control \
                    characters"
            .into());
    }
    Ok(format!("Basic {}", STANDARD.encode([user, password].join(&b':'))))
}

/// Percent-decodes a user name or password.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

/// The hosts that are reached without a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoProxy(Vec<Bypass>);

/// One of them, or many; a port narrows it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bypass {
    All,
    /// The name and everything below it.
    Name(String, Option<u16>),
    Network(Cidr, Option<u16>),
}

impl Default for NoProxy {
    fn default() -> Self {
        Self(LOCAL.iter().filter_map(|text| Bypass::parse(text)).collect())
    }
}

impl NoProxy {
    /// Reads a list of entries, each `*`, `HOST[:PORT]`, `.DOMAIN[:PORT]`, `ADDRESS` or `ADDRESS/BITS`.
    pub(super) fn parse(entries: &[&str]) -> Option<Self> {
        entries.iter().map(|entry| Bypass::parse(entry)).collect::<Option<_>>().map(Self)
    }

    /// Reads a variable. As all programs do, it passes over what it does not understand.
    pub fn from_variable(text: &str) -> Self {
        let entries = text.split([',', ' ', '\t']).map(str::trim).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Bypass::parse).collect())
    }

    /// Whether this host is reached without a proxy. Names are compared as they are written, never resolved.
    pub fn covers(&self, host: &Host<&str>, port: u16) -> bool {
        self.0.iter().any(|bypass| bypass.covers(host, port))
    }
}

impl Bypass {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if text.contains('/') {
            return Cidr::parse(text).map(|network| Self::Network(network, None));
        }
        if let Ok(ip) = text.parse() {
            return Some(Self::Network(Cidr::only(ip), None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, Some(port.parse().ok().filter(|port| *port > 0)?))
            }
            _ => (text, None),
        };
        let host = host.strip_prefix("*.").or_else(|| host.strip_prefix('.')).unwrap_or(host);
        match Host::parse(host.trim_end_matches('.')).ok()? {
            Host::Ipv4(ip) => Some(Self::Network(Cidr::only(ip.into()), port)),
            Host::Ipv6(ip) => Some(Self::Network(Cidr::only(ip.into()), port)),
            Host::Domain(name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) => {
                Some(Self::Name(name, port))
            }
            Host::Domain(_) => None,
        }
    }

    fn covers(&self, host: &Host<&str>, port: u16) -> bool {
        let (same_port, ip): (_, Option<IpAddr>) = match (self, host) {
            (Self::All, _) => return true,
            (Self::Name(name, only), Host::Domain(host)) => {
                let host = host.trim_end_matches('.');
                let below = host.len().checked_sub(name.len()).filter(|at| host.is_char_boundary(*at));
                return only.is_none_or(|only| only == port)
                    && below.is_some_and(|at| {
                        host[at..].eq_ignore_ascii_case(name) && (at == 0 || host[..at].ends_with('.'))
                    });
            }
            (Self::Network(_, only), Host::Ipv4(ip)) => (*only, Some((*ip).into())),
            (Self::Network(_, only), Host::Ipv6(ip)) => (*only, Some((*ip).into())),
            _ => return false,
        };
        let Self::Network(network, _) = self else { return false };
        same_port.is_none_or(|only| only == port) && ip.is_some_and(|ip| network.contains(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_may_have_a_login_that_nobody_sees() {
        let proxy = UpstreamProxy::parse("http://ada:s3cret@proxy.example:3128").unwrap();
        assert_eq!(proxy.authorization(), Some(format!("Basic {}", STANDARD.encode("ada:s3cret")).as_str()));
        assert_eq!(
            format!("{proxy:?} {proxy}"),
            "http://proxy.example:3128/ (with a login) http://proxy.example:3128"
        );
        for (text, login) in [
            ("http://ada@proxy", "ada:"),
            ("http://:s3cret@proxy", ":s3cret"),
            ("https://a%64a:p%40%3as@proxy", "ada:p@:s"),
        ] {
            let proxy = UpstreamProxy::parse(text).unwrap();
            assert_eq!(proxy.authorization(), Some(format!("Basic {}", STANDARD.encode(login)).as_str()));
        }
        assert_eq!(UpstreamProxy::parse("http://proxy:3128").unwrap().authorization(), None);
        for bad in [
            "socks5://proxy:1080",
            "http://proxy/path",
            "proxy:3128",
            "http://proxy/?a",
            "http://@proxy",
            "http://:@proxy",
            "http://a%3ab:c@proxy",
            "http://a:b%0d%0ac@proxy",
        ] {
            let said = UpstreamProxy::parse(bad).unwrap_err();
            assert!(!said.contains("%0d"), "{bad}: {said}");
        }
        assert_eq!(decode("a%40%4g%"), b"a@%4g%");
    }

    #[test]
    fn no_proxy_means_what_other_programs_take_it_for() {
        for (entry, host, port, covered) in [
            ("*", "anything.example", 1, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "EXAMPLE.com.", 443, true),
            ("example.com", "api.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            ("example.com", "example.com.evil.test", 443, false),
            (".example.com", "api.example.com", 443, true),
            (".example.com", "example.com", 443, true),
            ("*.example.com", "a.b.example.com", 443, true),
            ("Example.COM", "example.com", 443, true),
            ("example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("10.0.0.0/8", "10.1.2.3", 80, true),
            ("10.0.0.0/8", "11.1.2.3", 80, false),
            ("10.0.0.0/8", "10.1.2.3.example", 80, false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", 80, true),
            ("192.168.1.7", "192.168.1.7", 80, true),
            ("192.168.1.7", "192.168.1.70", 80, false),
            ("192.168.1.7:81", "192.168.1.7", 80, false),
            ("::1", "::1", 80, true),
            ("[::1]:81", "::1", 81, true),
            ("[::1]:81", "::1", 80, false),
            ("fd00::/8", "fd12::1", 80, true),
            ("localhost", "app.localhost", 80, true),
            ("a", "münchen", 80, false),
        ] {
            let no_proxy = NoProxy::from_variable(&format!("other.test,{entry}"));
            let host = match host.parse() {
                Ok(IpAddr::V4(ip)) => Host::Ipv4(ip),
                Ok(IpAddr::V6(ip)) => Host::Ipv6(ip),
                Err(_) => Host::Domain(host),
            };
            assert_eq!(no_proxy.covers(&host, port), covered, "{entry} {host}:{port}");
        }
        assert!(!NoProxy::from_variable("").covers(&Host::Domain("a"), 1));
        assert!(NoProxy::from_variable("%% b\ta").covers(&Host::Domain("a"), 1));
        assert!(NoProxy::default().covers(&Host::Ipv4([127, 0, 0, 9].into()), 1));
        for bad in ["", "a:0", "a:x", "http://a", "10.0.0.0/33", "a b", "a/8", "[::1", "."] {
            assert!(NoProxy::parse(&[bad]).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_list_and_no_host_makes_it_panic(list in ".{0,40}", host in "[a-zé.:%\\[\\]0-9]{0,20}", port: u16) {
            let _ = NoProxy::from_variable(&list).covers(&Host::Domain(&host), port);
            let _ = UpstreamProxy::parse(&list);
            let _ = UpstreamProxy::parse(&format!("http://{host}@proxy"));
        }
    }
}
