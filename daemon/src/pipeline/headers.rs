//! Which fields never travel on, in either direction.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Fields that belong to one connection (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [HeaderName; 5] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const HOP_BY_HOP_NAMES: [&str; 5] =
    ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "http2-settings"];

/// Fields by which a client could tell lies about where it is or what it asked for.
const CLAIMS: [&str; 8] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-original-url",
    "x-rewrite-url",
];

/// Drops the fields of the client's connection, and what it claims to have come through. The body's length stays: it
/// is what the body really has.
pub fn clean_request(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
    headers.remove(HOST);
    headers.remove(EXPECT);
    for name in CLAIMS {
        headers.remove(name);
    }
}

/// Drops the fields of the gateway's connection.
pub fn clean_response(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            // Whoever names the length means to change the framing; it is ours to know.
            .filter(|name| *name != CONTENT_LENGTH)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    for name in HOP_BY_HOP_NAMES {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_connection_names_goes_and_the_length_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-private, Content-Length, Authorization"),
            ("x-private", "1"),
            ("authorization", "Bearer x"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("x-forwarded-for", "10.0.0.1"),
            ("session_id", "s"),
            ("host", "h"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        clean_request(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "session_id"]);
    }
}
