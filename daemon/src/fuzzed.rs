//! What fuzzing calls: what is read of clients and of proxies, each with what must hold of any bytes.

use std::net::SocketAddr;

use aigw_shared::config::{Config, new_gateway};
use aigw_shared::key;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use crate::pipeline::{admit, headers, present, route};

/// A request head: the first line is a method and a target, the others are fields. None if no parser would take it.
fn head(text: &[u8]) -> Option<Parts> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).ok()?)
        .uri(target.parse::<Uri>().ok()?)
        .body(())
        .ok()?;
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(&line[at + 1..]).ok()?);
    }
    Some(request.into_parts().0)
}

/// The target's form and the rules before a key: a target of CONNECT that is let through has a host and a port.
pub fn target(text: &[u8]) {
    let Some(parts) = head(text) else { return };
    let listener: SocketAddr = ([127, 0, 0, 1], 2449).into();
    let form = admit::target(&parts, listener);
    if parts.method == Method::CONNECT && form.is_ok() {
        let authority = parts.uri.authority().expect("it was let through");
        let (host, port) = admit::host_and_port(authority, 443);
        assert!(port > 0 && !host.is_empty() && !host.contains(['/', '@', ' ']), "{host}:{port}");
    }
    let _ = admit::proxy(&parts);
}

/// A path leads to a provider and stays below it, in whatever way the gateway decodes it.
pub fn path(text: &str) {
    let mut config = Config::default();
    config.gateways.insert("default".into(), new_gateway("default"));
    let Ok(route) = route::decide(&config, None, text) else { return };
    assert!(route.path.is_empty() || route.path.starts_with('/'), "{route:?}");
    let mut seen = route.path.to_ascii_lowercase();
    for _ in 0..2 {
        let leaves = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
        assert!(!seen.split(['/', '\\']).any(leaves), "{route:?}");
        seen = seen.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    }
}

/// Fields of the connection, and lies about the way, do not travel on.
pub fn fields(text: &[u8]) {
    let Some(parts) = head(text) else { return };
    let named: Vec<String> = parts
        .headers
        .get_all("connection")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    for clean in [headers::clean_request, headers::clean_response] {
        let mut left = parts.headers.clone();
        clean(&mut left);
        for name in left.keys().map(HeaderName::as_str).filter(|name| *name != "content-length") {
            let hop = [
                "connection",
                "transfer-encoding",
                "te",
                "trailer",
                "upgrade",
                "keep-alive",
                "proxy-connection",
            ];
            assert!(!hop.contains(&name) && !named.iter().any(|named| named == name), "{name}");
        }
        assert!(left.get_all("content-length").iter().count() <= 1);
    }
    let mut sent = parts.headers;
    headers::clean_request(&mut sent);
    assert!(!sent.keys().any(|name| name.as_str().starts_with("x-forwarded-") || name == "forwarded"));
}

/// No local key is left anywhere in a request that goes on.
pub fn keys(text: &[u8]) {
    let Some(mut parts) = head(text) else { return };
    if present::take_out(&mut parts).is_err() {
        return;
    }
    let values = parts.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    for text in values.chain([parts.uri.to_string()]) {
        for (at, _) in text.match_indices(key::PREFIX) {
            let rest = &text[at..];
            let end = rest[key::PREFIX.len()..]
                .find('_')
                .map(|name| key::PREFIX.len() + name + 1 + key::SECRET_LEN);
            let whole = end.and_then(|end| rest.get(..end));
            assert!(whole.is_none_or(|whole| key::parse(whole).is_none()), "{text}");
        }
    }
}

/// What a client says first inside a tunnel that is opened.
pub fn greeting(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(crate::listen::fuzzed(bytes));
}

/// A corporate proxy's answer to CONNECT.
pub fn proxy_answer(bytes: &[u8]) {
    crate::dial::fuzzed(bytes);
}
