//! Who may come in. Everything that stops here stops before the gateway hears of it.
//!
//! The order: the form of the target, then for a forwarder request `Host`, `Origin` and the browser's fetch metadata,
//! then the local keys, then whose process it is. The first act after the form is to take every local key out of the
//! request, so that nothing behind this file ever sees one.

use std::net::SocketAddr;

use aigw_shared::fault::{Fault, Kind};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Method, Version};

use super::hosts::Host;
use super::present::{self, Presented};
use crate::keys::{Admission, Keys};
use crate::os::peer::Owner;

/// Marks our requests to a gateway on this machine. One that comes in with it has gone round in a circle.
pub const LOOP_MARKER: HeaderName = HeaderName::from_static("x-aigw-loop");

/// Methods that some AI API has.
pub const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Where a URL without a port leads.
pub const HTTP_PORT: u16 = 80;
/// And with TLS.
const HTTPS_PORT: u16 = 443;

/// What a request's target line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// Something of ours: origin-form, or absolute-form with our own address.
    Ours,
    /// A proxy's service: `CONNECT`, or absolute-form with another address.
    Proxy,
}

/// Rules that are the same for every request on a listener.
pub struct Rules<'a> {
    /// The address the request came in at.
    pub listener: SocketAddr,
    /// The local keys.
    pub keys: &'a Keys,
    /// `listen.share`: other users may come in with a key.
    pub share: bool,
    /// `listen.keyless`: the owner may use the proxy without one.
    pub keyless: bool,
}

/// Reads the form of the target (RFC 9112 section 3.2). hyper passes on several that make no sense here.
///
/// # Errors
/// `BadRequest` or `MethodRefused` for a form that nothing here answers.
pub fn target(parts: &Parts, listener: SocketAddr) -> Result<Target, Fault> {
    let uri = &parts.uri;
    if parts.method == Method::CONNECT {
        let is_host = |whole: &&Authority| !whole.host().is_empty() && !whole.as_str().contains('@');
        let port = uri.authority().filter(is_host).and_then(Authority::port_u16);
        return match port {
            Some(1..) if uri.path_and_query().is_none() => Ok(Target::Proxy),
            _ => Err(Fault::new(Kind::BadRequest, "CONNECT needs a host and a port, and nothing else")),
        };
    }
    if parts.method == Method::TRACE {
        return Err(Fault::new(Kind::MethodRefused, "TRACE would show a request's secrets"));
    }
    match (uri.scheme(), uri.authority()) {
        (None, None) if uri.path().starts_with('/') => Ok(Target::Ours),
        (Some(scheme), Some(authority)) => {
            if *scheme != Scheme::HTTP || !is_ours(authority, listener) {
                return Ok(Target::Proxy);
            }
            let host = single_host(&parts.headers)?;
            if host.as_str().eq_ignore_ascii_case(authority.as_str()) {
                Ok(Target::Ours)
            } else {
                Err(Fault::new(Kind::BadRequest, "Host and the request's target name different addresses"))
            }
        }
        _ => Err(Fault::new(Kind::BadRequest, "the request's target is neither a path nor a URL")),
    }
}

/// The checks of a forwarder request that come before its key.
///
/// # Errors
/// The rule that refuses it.
pub fn forwarder(parts: &Parts, rules: &Rules<'_>) -> Result<(), Fault> {
    framing(&parts.headers, parts.version)?;
    let host = single_host(&parts.headers)?;
    if !is_loopback(&host) || host.port_u16().is_some_and(|port| port != rules.listener.port()) {
        return Err(Fault::new(Kind::HostRefused, "Host names another machine or port"));
    }
    web_page(&parts.headers)?;
    if parts.method == Method::OPTIONS {
        return Err(Fault::new(Kind::MethodRefused, "this port answers no preflight of a browser"));
    }
    if !METHODS.contains(&parts.method) {
        return Err(Fault::new(Kind::MethodRefused, "no AI API has this method"));
    }
    if parts.headers.contains_key(LOOP_MARKER) {
        return Err(Fault::new(Kind::Loop, "the gateway's URL leads back to an aigwd on this machine"));
    }
    Ok(())
}

/// The checks of a proxy request that come before its key.
///
/// # Errors
/// The rule that refuses it.
pub fn proxy(parts: &Parts) -> Result<(), Fault> {
    framing(&parts.headers, parts.version)?;
    // HTTP/1.0 has no such field, and Python before 3.12 opens its tunnels in that.
    if parts.version != Version::HTTP_10 || parts.headers.contains_key(HOST) {
        single_host(&parts.headers)?;
    }
    if parts.method == Method::CONNECT {
        let length = parts.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
        if length || parts.headers.contains_key(TRANSFER_ENCODING) {
            return Err(Fault::new(Kind::BadRequest, "CONNECT has no body, and this one announces one"));
        }
        let page = parts.headers.contains_key(ORIGIN) || crosses_sites(&parts.headers);
        if page {
            return Err(Fault::new(Kind::WebPageRefused, "a web page may not open a tunnel"));
        }
    }
    Ok(())
}

/// Takes every local key out of a forwarder request, and finds who it is by the first of them.
///
/// # Errors
/// A key of ours that is wrong, in any place; no key at all; another user's process.
pub fn caller(parts: &mut Parts, owner: Owner, rules: &Rules<'_>) -> Result<Admission, Fault> {
    let admission = presented(parts, rules, Kind::KeyWrong)?
        .ok_or_else(|| Fault::new(Kind::KeyMissing, "a local key is needed"))?;
    of_owner(admission, owner, rules)
}

/// The same for a proxy request.
///
/// # Errors
/// As [`caller`]; with `listen.keyless` the owner's processes need no key.
pub fn proxy_caller(parts: &mut Parts, owner: Owner, rules: &Rules<'_>) -> Result<Admission, Fault> {
    let admission = match presented(parts, rules, Kind::ProxyKeyMissing)? {
        Some(admission) => admission,
        None if rules.keyless && owner == Owner::Us => Admission::keyless(),
        None => return Err(Fault::new(Kind::ProxyKeyMissing, "a local key is needed")),
    };
    of_owner(admission, owner, rules)
}

/// The checks of a request inside a tunnel that was opened to this host. A key in it names the caller before the
/// tunnel's own does.
///
/// # Errors
/// The rule that refuses it.
pub fn inner(
    parts: &mut Parts,
    host: &Host,
    tunnel: &Admission,
    rules: &Rules<'_>,
) -> Result<Admission, Fault> {
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Fault::new(Kind::MethodRefused, "this makes no sense inside a tunnel"));
    }
    framing(&parts.headers, parts.version)?;
    if parts.uri.path_and_query().is_none_or(|target| !target.as_str().starts_with('/')) {
        return Err(Fault::new(Kind::BadRequest, "the request's target is neither a path nor a URL"));
    }
    // HTTP/2 has its authority in the target, and needs no Host.
    let named = match parts.uri.authority() {
        Some(authority) => vec![authority.clone()],
        None => vec![],
    };
    let needs_host = parts.version != Version::HTTP_2 || parts.headers.contains_key(HOST) || named.is_empty();
    let hosts = if needs_host { vec![single_host(&parts.headers)?] } else { vec![] };
    for authority in named.iter().chain(&hosts) {
        let (name, port) = host_and_port(authority, HTTPS_PORT);
        if name != host.name || port != host.port || authority.as_str().contains('@') {
            let what = format!("the tunnel was opened to {}, and the request is for another host", host.name);
            return Err(Fault::new(Kind::HostMismatch, what));
        }
    }
    if parts.headers.contains_key(LOOP_MARKER) {
        return Err(Fault::new(Kind::Loop, "the gateway's URL leads back to an aigwd on this machine"));
    }
    let mut admission = presented(parts, rules, Kind::KeyWrong)?.unwrap_or_else(|| tunnel.clone());
    // Another key makes no other machine of a container.
    admission.container |= tunnel.container;
    Ok(admission)
}

/// An authority's host in lower case, without brackets and the dot of a whole name, and its port.
pub fn host_and_port(authority: &Authority, default: u16) -> (String, u16) {
    let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
    (host.strip_suffix('.').unwrap_or(&host).to_owned(), authority.port_u16().unwrap_or(default))
}

/// Takes all keys out. The first that says who is asking, if there is one.
fn presented(parts: &mut Parts, rules: &Rules<'_>, wrong: Kind) -> Result<Option<Admission>, Fault> {
    let Presented { keys, path } = present::take_out(parts)?;
    let mut first = None;
    for key in keys {
        let admission = rules
            .keys
            .check(key.text.reveal())
            .ok_or_else(|| Fault::new(wrong, "the local key is not valid"))?;
        if key.names_caller && first.is_none() {
            first = Some(admission);
        }
    }
    if let Some(admission) = &mut first {
        admission.gateway = path.gateway.or(admission.gateway.take());
    }
    Ok(first)
}

fn of_owner(admission: Admission, owner: Owner, rules: &Rules<'_>) -> Result<Admission, Fault> {
    if owner == Owner::Other && !rules.share && !admission.container {
        return Err(Fault::new(Kind::OtherUser, "the connection belongs to another user of this machine"));
    }
    Ok(admission)
}

/// RFC 9112 section 6: what hyper lets through and could be read in two ways further on.
fn framing(headers: &HeaderMap, version: Version) -> Result<(), Fault> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !chunked || codings.next().is_some() || version != Version::HTTP_11 {
            return Err(Fault::new(Kind::BadRequest, "Transfer-Encoding is not just `chunked`"));
        }
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(Fault::new(Kind::BadRequest, "both Content-Length and Transfer-Encoding"));
        }
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    // Others may count in signed numbers.
    let small = |length: &HeaderValue| length.to_str().is_ok_and(|length| length.parse::<i64>().is_ok());
    if lengths.next().is_some_and(|length| !small(length)) || lengths.next().is_some() {
        return Err(Fault::new(Kind::BadRequest, "Content-Length is not one number"));
    }
    Ok(())
}

/// The one `Host` there must be, as an authority.
fn single_host(headers: &HeaderMap) -> Result<Authority, Fault> {
    let bad = |what| Fault::new(Kind::BadRequest, what);
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().ok_or_else(|| bad("Host is missing"))?;
    if hosts.next().is_some() {
        return Err(bad("Host is repeated"));
    }
    let text = host.to_str().map_err(|_| bad("Host is malformed"))?;
    if text.contains('@') {
        return Err(bad("Host is malformed"));
    }
    let authority: Authority = text.parse().map_err(|_| bad("Host is malformed"))?;
    // `Authority` takes a colon without a number, or with too large a one.
    let after_host = &text[authority.host().len()..];
    if authority.host().is_empty() || (!after_host.is_empty() && authority.port_u16().is_none()) {
        return Err(bad("Host is malformed"));
    }
    Ok(authority)
}

/// Whether a target's authority names our listener: one of our names, with the listener's port.
fn is_ours(authority: &Authority, listener: SocketAddr) -> bool {
    is_loopback(authority) && authority.port_u16().unwrap_or(HTTP_PORT) == listener.port()
}

/// The names that only this machine has.
fn is_loopback(authority: &Authority) -> bool {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    names.iter().any(|name| authority.host().eq_ignore_ascii_case(name)) && !authority.as_str().contains('@')
}

/// A page's request says so itself: browsers send `Origin` with everything but simple GETs, and fetch metadata with
/// all. Programs send neither.
fn web_page(headers: &HeaderMap) -> Result<(), Fault> {
    if has_web_origin(headers) {
        return Err(Fault::new(Kind::WebPageRefused, "Origin names a web page"));
    }
    if crosses_sites(headers) {
        return Err(Fault::new(Kind::WebPageRefused, "Sec-Fetch-Site names another site"));
    }
    Ok(())
}

/// Whether a web page made the request.
pub fn is_web_page(headers: &HeaderMap) -> bool {
    has_web_origin(headers) || crosses_sites(headers)
}

fn has_web_origin(headers: &HeaderMap) -> bool {
    headers.get_all(ORIGIN).iter().any(is_web_origin)
}

fn is_web_origin(origin: &HeaderValue) -> bool {
    let origin = origin.as_bytes().to_ascii_lowercase();
    origin == b"null" || origin.starts_with(b"http:") || origin.starts_with(b"https:")
}

fn crosses_sites(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| {
        !site.as_bytes().eq_ignore_ascii_case(b"none")
            && !site.as_bytes().eq_ignore_ascii_case(b"same-origin")
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const LISTENER: &str = "127.0.0.1:2449";

    fn parts(method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_target_tells_the_door() {
        let listener = LISTENER.parse().unwrap();
        let host = [("host", "127.0.0.1:2449")];
        for (method, uri, door) in [
            ("POST", "/anthropic/v1/messages", Some(Target::Ours)),
            ("POST", "http://127.0.0.1:2449/anthropic/v1/messages", Some(Target::Ours)),
            ("POST", "http://localhost:2449/x", None), // Host says otherwise
            ("GET", "http://127.0.0.1/x", Some(Target::Proxy)), // Port 80
            ("GET", "http://example.com/", Some(Target::Proxy)),
            ("GET", "https://127.0.0.1:2449/", Some(Target::Proxy)),
            ("CONNECT", "example.com:443", Some(Target::Proxy)),
            ("CONNECT", "example.com", None),
            ("CONNECT", "ada@example.com:443", None),
            ("CONNECT", ":443", None),
            ("CONNECT", "/path", None),
            ("TRACE", "/", None),
            ("OPTIONS", "*", None),
            ("GET", "example.com:443", None),
        ] {
            assert_eq!(target(&parts(method, uri, &host), listener).ok(), door, "{method} {uri}");
        }
    }

    #[test]
    fn an_authority_is_a_loopback_name_with_our_port() {
        let listener: SocketAddr = LISTENER.parse().unwrap();
        for (host, ours) in [
            ("127.0.0.1:2449", true),
            ("LOCALHOST:2449", true),
            ("[::1]:2449", true),
            ("127.0.0.1", false),
            ("127.0.0.1:2450", false),
            ("evil.example:2449", false),
            ("127.0.0.1.evil.example:2449", false),
        ] {
            let authority = single_host(&parts("GET", "/", &[("host", host)]).headers).unwrap();
            assert_eq!(is_ours(&authority, listener), ours, "{host}");
        }
        for malformed in
            ["", "a@127.0.0.1:2449", "127.0.0.1:2449/x", "127.0.0.1:", "127.0.0.1:99999", "a b", "::1"]
        {
            assert!(single_host(&parts("GET", "/", &[("host", malformed)]).headers).is_err(), "{malformed}");
        }
    }
}
