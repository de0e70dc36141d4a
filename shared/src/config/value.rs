//! The values that are more than a word or a number: web addresses, hosts, networks, headers. Each is checked here,
//! once; a reason names what was expected and never repeats the value, which may hold a secret.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use crate::provider;

/// Headers that decide where a message ends or goes: whoever sets them breaks the connection.
const OURS: &[&str] = &["connection", "content-length", "host", "transfer-encoding", "upgrade"];

/// A release of aigw: `1.2.3`, or `1.2` for `1.2.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u64; 3]);

impl Version {
    /// Reads one. What stands behind a `-` or `+`, as in `1.2.0-rc.1`, does not count.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next()?;
        let numbers = numbers.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<_>>>()?;
        match numbers[..] {
            [major, minor] => Some(Self([major, minor, 0])),
            [major, minor, patch] => Some(Self([major, minor, patch])),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// Reads a gateway's address: https, or http where nobody can listen in.
pub(super) fn web_url(text: &str) -> Result<Url, String> {
    let url = address(text)?;
    if has_userinfo(&url, text) {
        return Err("expected a URL without user name and password; tokens come from `aigwctl login`".into());
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        _ => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err("expected an https URL: over http anyone on the way reads the token; http is for loopback \
                       addresses only, such as http://127.0.0.1:3000 (not `localhost`, which a resolver may answer)"
            .into()),
        _ => Err("expected an https URL".into()),
    }
}

/// What every address of ours has to be: whole, and ending with its path. `Url::parse` mends too much silently.
pub(super) fn address(text: &str) -> Result<Url, String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("expected a URL without spaces and backslashes".into());
    }
    let url = Url::parse(text)
        .map_err(|error| format!("expected a URL, such as https://coder.example.com ({error})"))?;
    if url.host().is_none() || !text.contains("://") {
        return Err("expected a URL with a host, such as https://coder.example.com".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected a URL without `?` and `#`".into());
    }
    Ok(url)
}

/// Also true for an empty one, which `Url` forgets.
pub(super) fn has_userinfo(url: &Url, text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest));
    authority.contains('@') || !url.username().is_empty() || url.password().is_some()
}

/// A text as `config show` may print it: without the login that a proxy's URL can hold.
pub(super) fn without_login(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if has_userinfo(&url, text) => {
            let _ = url.set_username("***");
            let _ = url.set_password(None);
            url.into()
        }
        _ => text.to_owned(),
    }
}

/// A host whose TLS is opened, written `host[:port][=provider]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterceptHost {
    /// In lower case; IPv6 without brackets.
    pub host: String,
    /// 443 unless said.
    pub port: u16,
    /// The provider that its requests belong to, where the table of providers does not know.
    pub provider: Option<String>,
}

impl InterceptHost {
    /// Reads one entry of `intercept.hosts`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (place, name) = match text.split_once('=') {
            Some((place, name)) if provider::is_name(name) => (place, Some(name.to_owned())),
            Some(_) => return None,
            None => (text, None),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok().filter(|p| *p > 0)?),
            _ => (place, 443),
        };
        let host = match Host::parse(host).ok()? {
            Host::Domain(name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) => {
                name
            }
            Host::Domain(_) => return None,
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        Some(Self { host, port, provider: name })
    }
}

/// A network, written `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads `ADDRESS/BITS`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some(Self { address, bits })
    }

    /// The network of one address.
    pub(super) fn only(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether an address is in it. An IPv4 address in IPv6 clothes counts as what it is.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let differs = net.to_bits() ^ ip.to_bits();
                differs.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let differs = net.to_bits() ^ ip.to_bits();
                differs.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Headers sent to a gateway. Their values are often secrets, so they print as `***`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Checks names and values.
    pub(super) fn parse(pairs: &[(String, String)]) -> Result<Self, String> {
        for (name, value) in pairs {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                return Err("expected names of HTTP headers".into());
            }
            if OURS.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(format!("expected other headers: aigwd sets {name} itself"));
            }
            if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
                return Err(format!("expected printable ASCII as the value of {name}"));
            }
        }
        Ok(Self(pairs.to_vec()))
    }
}

impl From<Vec<(String, String)>> for Headers {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl Deref for Headers {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a (String, String);
    type IntoIter = std::slice::Iter<'a, (String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "***"))).finish()
    }
}

/// Reads a path: `~/` is the user's home, and a relative one begins at `folder`, where the file that says it is.
pub(super) fn path(text: &str, folder: Option<&Path>, home: Option<&Path>) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("expected a path".into());
    }
    let path = match text.strip_prefix("~/") {
        Some(rest) => home.ok_or("expected a path without `~/`: there is no home folder")?.join(rest),
        None => PathBuf::from(text),
    };
    Ok(folder.map_or(path.clone(), |folder| folder.join(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_reached_over_https_or_on_this_machine() {
        for good in [
            "https://coder.example.com",
            "https://coder.example.com:8443/a/b",
            "http://127.0.0.1:3000",
            "http://127.8.9.1",
            "http://[::1]:3000/x@y",
        ] {
            assert!(web_url(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://coder.example.com", "over http anyone"),
            ("http://localhost:3000", "not `localhost`"),
            ("http://127.0.0.1.example.com", "over http anyone"),
            ("http://[::ffff:127.0.0.1]", "over http anyone"),
            ("http://0.0.0.0", "over http anyone"),
            ("https://a:b@coder.example.com", "without user name"),
            ("https://@coder.example.com", "without user name"),
            ("https:///a@coder.example.com", "without user name"),
            ("https://coder.example.com/?", "without `?`"),
            ("https://coder.example.com/#x", "without `?`"),
            ("https:coder.example.com", "with a host"),
            ("https:\\\\coder.example.com", "without spaces"),
            ("https://coder.exa\tmple.com", "without spaces"),
            (" https://coder.example.com", "without spaces"),
            ("coder.example.com", "expected a URL"),
            ("ftp://coder.example.com", "expected an https URL"),
            ("file:///etc/passwd", "with a host"),
            ("", "expected a URL"),
        ] {
            let said = web_url(bad).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn networks_contain_their_addresses() {
        for (net, ip, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.255.0.1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("192.168.1.7/32", "192.168.1.7", true),
            ("192.168.1.7/32", "192.168.1.6", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("::/0", "::1", true),
            ("::/0", "10.0.0.1", false),
        ] {
            assert_eq!(Cidr::parse(net).unwrap().contains(ip.parse().unwrap()), inside, "{net} {ip}");
        }
        for bad in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "x/8", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(Cidr::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn odd_hosts_are_refused() {
        for bad in
            ["", ":443", "a:0", "a:65536", "a:x", "a=", "a=B", "a b", "a/b", "::1", "*.a", "http://a", "[::1"]
        {
            assert!(InterceptHost::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_login_is_not_shown() {
        assert_eq!(without_login("http://a:b@c/"), "http://***@c/");
        assert_eq!(without_login("a:b@c"), "a:b@c");
    }

    #[test]
    fn paths_begin_where_they_were_written() {
        let read = |text| path(text, Some(Path::new("/etc/x")), Some(Path::new("/home/ada")));
        assert_eq!(read("a/b").unwrap(), Path::new("/etc/x/a/b"));
        assert_eq!(read("/a").unwrap(), Path::new("/a"));
        assert_eq!(read("~/a").unwrap(), Path::new("/home/ada/a"));
        assert!(read("").is_err());
        assert!(path("~/a", None, None).is_err());
        assert_eq!(path("a", None, None).unwrap(), Path::new("a"));
    }
}
