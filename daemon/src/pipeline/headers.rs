//! Which fields never travel on, in either direction.

use http::Method;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;

/// Fields that belong to one connection (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [HeaderName; 5] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const HOP_BY_HOP_NAMES: [&str; 5] =
    ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "http2-settings"];

/// Fields by which a client could tell lies about where it is or what it asked for.
const CLAIMS: [&str; 3] = ["forwarded", "x-original-url", "x-rewrite-url"];
/// And all that begin so.
const CLAIMS_PREFIX: &str = "x-forwarded-";

/// Drops the fields of the client's connection, and what it claims to have come through. The body's length stays: it
/// is what the body really has.
pub fn clean_request(headers: &mut HeaderMap) {
    retain(headers, |name, _| !is_claim(name.as_str()));
    clean_hops(headers);
}

/// Drops the fields of the client's connection only.
pub fn clean_hops(headers: &mut HeaderMap) {
    let named = named_by_connection(headers);
    retain(headers, |name, _| {
        !is_hop_by_hop(name) && ![HOST, EXPECT].contains(name) && !named.contains(name)
    });
    write_length_anew(headers);
}

/// Whether a field belongs to the connection or to the framing, which are ours to write.
pub fn is_ours(name: &HeaderName) -> bool {
    is_hop_by_hop(name) || [HOST, EXPECT, CONTENT_LENGTH].contains(name)
}

/// Whether it is a WebSocket's opening (RFC 6455 section 4.1).
pub fn wants_websocket(parts: &Parts) -> bool {
    let upgrade = parts.headers.get(UPGRADE);
    parts.method == Method::GET && upgrade.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Drops the fields of the gateway's connection.
pub fn clean_response(headers: &mut HeaderMap) {
    let named = named_by_connection(headers);
    retain(headers, |name, _| !is_hop_by_hop(name) && !named.contains(name));
    write_length_anew(headers);
}

/// Keeps the lines that `keep` wants, in their order, which [`HeaderMap::remove`] does not leave alone.
pub fn retain(headers: &mut HeaderMap, mut keep: impl FnMut(&HeaderName, &HeaderValue) -> bool) {
    let mut kept = HeaderMap::with_capacity(headers.len());
    let mut last = None;
    for (name, value) in headers.drain() {
        // A repeated line comes without its name.
        last = name.or(last);
        if let Some(name) = &last
            && keep(name, &value)
        {
            kept.append(name, value);
        }
    }
    *headers = kept;
}

fn is_claim(name: &str) -> bool {
    CLAIMS.contains(&name) || name.starts_with(CLAIMS_PREFIX)
}

/// What hyper has understood as one number, `5, 5` and `005` among it, is one number for everybody from here on.
fn write_length_anew(headers: &mut HeaderMap) {
    let understood = |value: &HeaderValue| value.to_str().ok()?.split(',').next()?.trim().parse::<u64>().ok();
    if let Some(length) = headers.get(CONTENT_LENGTH).and_then(understood) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(name) || HOP_BY_HOP_NAMES.contains(&name.as_str())
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        // Whoever names the length means to change the framing; it is ours to know.
        .filter(|name| *name != CONTENT_LENGTH)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_goes_and_the_length_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-private, Content-Length, Authorization"),
            ("x-private", "1"),
            ("accept", "1"),
            ("accept", "2"),
            ("authorization", "Bearer x"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-ssl", "on"),
            ("session_id", "s"),
            ("host", "h"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        clean_request(&mut headers);
        let left: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(left, ["accept", "accept", "content-length", "session_id"]);
    }
}
