//! Where tools present a local key, and how it is taken out of there.

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::key;
use aigw_shared::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use http::request::Parts;
use http::uri::PathAndQuery;

use super::headers::retain;

/// Fields that name the caller, first come first. The path comes before all of them.
const CALLER_FIELDS: [&str; 4] = ["x-aigw-key", "authorization", "x-api-key", "proxy-authorization"];
/// Fields in which a credential stands: whatever begins like a key of ours there is one, right or wrong.
const CREDENTIAL_FIELDS: [&str; 4] =
    ["api-key", "x-goog-api-key", "x-coder-ai-governance-token", "coder-session-token"];

/// What was found.
#[derive(Debug)]
pub struct Presented {
    /// Every value with our prefix, in order of precedence.
    pub keys: Vec<PresentedKey>,
    /// What our own path segments said.
    pub path: OwnSegments,
}

/// One value with our prefix.
#[derive(Debug)]
pub struct PresentedKey {
    /// The value.
    pub text: Secret,
    /// Whether it stood in a place that says who is asking.
    pub names_caller: bool,
}

/// `/_k/KEY` and `/_g/GATEWAY` at the head of a path.
#[derive(Debug, Default)]
pub struct OwnSegments {
    /// The gateway that was named.
    pub gateway: Option<String>,
}

/// Takes every value with our prefix out of the path, the query and all fields, and our own segments off the path.
///
/// # Errors
/// `BadRequest` when a key stands where it cannot be taken out.
pub fn take_out(parts: &mut Parts) -> Result<Presented, Fault> {
    let mut keys = Vec::new();
    let path = from_target(parts, &mut keys)?;
    for name in CALLER_FIELDS {
        from_field(&mut parts.headers, &HeaderName::from_static(name), true, &mut keys);
    }
    for name in CREDENTIAL_FIELDS {
        from_field(&mut parts.headers, &HeaderName::from_static(name), false, &mut keys);
    }
    from_anywhere(&mut parts.headers, &mut keys);
    Ok(Presented { keys, path })
}

/// The path's own segments, in the order `/_k/KEY/_g/GATEWAY`, and the query.
fn from_target(parts: &mut Parts, keys: &mut Vec<PresentedKey>) -> Result<OwnSegments, Fault> {
    let Some(target) = parts.uri.path_and_query() else { return Ok(OwnSegments::default()) };
    let whole = target.as_str();
    if !whole.contains(key::PREFIX) && !whole.starts_with("/_") {
        return Ok(OwnSegments::default());
    }
    let mut rest = target.path();
    let mut own = OwnSegments::default();
    if let Some(after) = rest.strip_prefix("/_k/") {
        let (text, after) = split_segment(after);
        keys.push(PresentedKey { text: Secret::new(text), names_caller: true });
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("/_g/") {
        let (name, after) = split_segment(after);
        own.gateway = Some(name.to_owned());
        rest = after;
    }
    if find_key(rest).is_some() {
        return Err(Fault::new(Kind::BadRequest, "a local key stands in the middle of the path"));
    }
    let mut query = Vec::new();
    for pair in target.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let value = pair.split_once('=').map_or(pair, |(_, value)| value);
        if value.starts_with(key::PREFIX) {
            keys.push(PresentedKey { text: Secret::new(value), names_caller: false });
        } else if let Some(found) = find_key(pair) {
            keys.push(PresentedKey { text: Secret::new(found), names_caller: false });
        } else {
            query.push(pair);
        }
    }
    let path = if rest.is_empty() { "/" } else { rest };
    let text = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    let bad = || Fault::new(Kind::BadRequest, "the path cannot be read");
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.path_and_query = Some(PathAndQuery::try_from(text).map_err(|_| bad())?);
    parts.uri = http::Uri::from_parts(uri).map_err(|_| bad())?;
    Ok(own)
}

/// The first segment, and the rest with its slash.
fn split_segment(path: &str) -> (&str, &str) {
    path.split_at(path.find('/').unwrap_or(path.len()))
}

/// Takes the values that begin like a key of ours out of a field in which credentials stand.
fn from_field(headers: &mut HeaderMap, name: &HeaderName, names_caller: bool, keys: &mut Vec<PresentedKey>) {
    if !headers.contains_key(name) {
        return;
    }
    retain(headers, |field, value| match (field == name).then(|| credential(value)).flatten() {
        Some(text) => {
            keys.push(PresentedKey { text, names_caller });
            false
        }
        None => true,
    });
}

/// What a credential field says, if it begins like a key of ours: bare, `Bearer`, or the password of `Basic`.
fn credential(value: &HeaderValue) -> Option<Secret> {
    let text = value.to_str().ok()?.trim();
    let ours = |text: &str| text.starts_with(key::PREFIX).then(|| Secret::new(text));
    let Some((scheme, rest)) = text.split_once(' ') else { return ours(text) };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return ours(rest);
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = Secret::new(String::from_utf8(STANDARD.decode(rest).ok()?).ok()?);
        let (user, password) = decoded.reveal().split_once(':')?;
        return ours(password).or_else(|| ours(user));
    }
    ours(text)
}

/// A whole key in any other field takes its line with it.
fn from_anywhere(headers: &mut HeaderMap, keys: &mut Vec<PresentedKey>) {
    retain(headers, |_, value| {
        let text = std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.len() > key::SECRET_LEN);
        match text.and_then(find_key) {
            Some(text) => {
                keys.push(PresentedKey { text: Secret::new(text), names_caller: false });
                false
            }
            None => true,
        }
    });
}

/// A whole key, wherever it stands in a text. Folder names such as `aigw_project` are none.
fn find_key(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(at) = text[from..].find(key::PREFIX) {
        let start = from + at;
        let name_at = start + key::PREFIX.len();
        let name = text[name_at..].split('_').next().unwrap_or_default();
        let end = name_at + name.len() + 1 + key::SECRET_LEN;
        if let Some(whole) = text.get(start..end)
            && key::parse(whole).is_some()
        {
            return Some(whole);
        }
        from = name_at;
    }
    None
}

#[cfg(test)]
mod tests {
    use aigw_shared::key::{KeySpec, MachineSecret};
    use http::Request;

    use super::*;

    fn key() -> String {
        let spec = KeySpec::parse("env").unwrap();
        MachineSecret::from_file(&[7; 32]).unwrap().key(&spec).reveal().to_owned()
    }

    fn take(uri: &str, fields: &[(&str, &str)]) -> (Presented, Parts) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        (take_out(&mut parts).unwrap(), parts)
    }

    #[test]
    fn a_key_is_found_in_every_place_and_gone_afterwards() {
        let key = key();
        let basic = format!("Basic {}", STANDARD.encode(format!("aigw:{key}")));
        let bearer = format!("bearer {key}");
        let cookie = format!("a=b; c={key}");
        for (uri, fields) in [
            (format!("/_k/{key}/anthropic/v1/messages?beta=true"), vec![]),
            ("/x?beta=true".into(), vec![("authorization", bearer.as_str())]),
            ("/x?beta=true".into(), vec![("x-api-key", key.as_str())]),
            ("/x?beta=true".into(), vec![("x-aigw-key", key.as_str())]),
            ("/x?beta=true".into(), vec![("proxy-authorization", basic.as_str())]),
            ("/x?beta=true".into(), vec![("authorization", basic.as_str())]),
            ("/x?beta=true".into(), vec![("x-goog-api-key", key.as_str())]),
            ("/x?beta=true".into(), vec![("cookie", cookie.as_str())]),
            (format!("/x?key={key}&beta=true"), vec![]),
        ] {
            let (presented, parts) = take(&uri, &fields);
            assert_eq!(presented.keys.len(), 1, "{uri} {fields:?}");
            assert_eq!(presented.keys[0].text.reveal(), key);
            assert!(!format!("{parts:?}").contains(&key), "{uri} {fields:?}");
            assert_eq!(parts.uri.query(), Some("beta=true"));
        }
    }

    #[test]
    fn own_credentials_stay_beside_a_key() {
        let key = key();
        let (presented, parts) = take(
            &format!("/_k/{key}/_g/work/openai/v1/models"),
            &[("authorization", "Bearer sk-own"), ("x-api-key", "k")],
        );
        assert_eq!(presented.path.gateway.as_deref(), Some("work"));
        assert_eq!(parts.uri.path(), "/openai/v1/models");
        assert_eq!(parts.headers["authorization"], "Bearer sk-own");
        assert_eq!(parts.headers["x-api-key"], "k");
    }

    #[test]
    fn a_damaged_key_counts_and_a_folder_name_does_not() {
        let (presented, _) = take("/x", &[("x-api-key", "aigw_env_short")]);
        assert_eq!(presented.keys.len(), 1);
        let (presented, parts) = take(
            "/x?dir=/home/aigw_x",
            &[("x-meta", "{\"path\":\"/src/aigw_project_with_a_very_long_name_that_goes_on\"}")],
        );
        assert!(presented.keys.is_empty());
        assert!(parts.headers.contains_key("x-meta"));
        assert_eq!(parts.uri.query(), Some("dir=/home/aigw_x"));
    }
}
