//! Where tools present a local key, and how it is taken out of there.

use std::borrow::Cow;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::key;
use aigw_shared::provider::Dialect;
use aigw_shared::secret::Secret;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::header::{HeaderMap, HeaderName};
use http::request::Parts;
use http::uri::PathAndQuery;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::headers::retain;
use super::route;

/// Fields that name the caller, first come first. The path comes before all of them.
const CALLER_FIELDS: [&str; 4] = ["x-aigw-key", "authorization", "x-api-key", "proxy-authorization"];
/// Where Google's clients have it, on routes in their dialect only: this field, and this name in the query.
const GOOGLES_FIELD: HeaderName = HeaderName::from_static("x-goog-api-key");
const GOOGLES_PAIR: &str = "key=";
/// Some tools leave out the padding, and whoever reads the field behind us may not care.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

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
        from_field(&mut parts.headers, &HeaderName::from_static(name), &mut keys);
    }
    if is_googles(parts.uri.path()) {
        from_field(&mut parts.headers, &GOOGLES_FIELD, &mut keys);
    }
    from_anywhere(&mut parts.headers, &mut keys);
    Ok(Presented { keys, path })
}

fn is_googles(path: &str) -> bool {
    route::guess_dialect(path) == Dialect::Gemini
}

/// The path's own segments, in the order `/_k/KEY/_g/GATEWAY`, and the query.
fn from_target(parts: &mut Parts, keys: &mut Vec<PresentedKey>) -> Result<OwnSegments, Fault> {
    let Some(target) = parts.uri.path_and_query() else { return Ok(OwnSegments::default()) };
    let mut path = target.path();
    let mut own = OwnSegments::default();
    if let Some(after) = path.strip_prefix("/_k/") {
        let (text, after) = split_segment(after);
        keys.push(PresentedKey { text: Secret::new(text), names_caller: true });
        path = after;
    }
    if let Some(after) = path.strip_prefix("/_g/") {
        let (name, after) = split_segment(after);
        own.gateway = Some(name.to_owned());
        path = after;
    }
    if unescaped(path).any(|text| whole_key(&text).is_some()) {
        return Err(Fault::new(Kind::BadRequest, "a local key stands in the middle of the path"));
    }
    let mut query: Vec<&str> = target.query().unwrap_or_default().split('&').collect();
    let pairs = query.len();
    query.retain(|pair| {
        let key = unescaped(pair).find_map(|text| begins_like_key(&text).or_else(|| whole_key(&text)));
        let stays = key.is_none();
        let names_caller = pair.starts_with(GOOGLES_PAIR) && is_googles(path);
        keys.extend(key.map(|text| PresentedKey { text, names_caller }));
        stays
    });
    if path.len() == target.path().len() && query.len() == pairs {
        return Ok(own);
    }
    let path = if path.is_empty() { "/" } else { path };
    let query = query.join("&");
    let text = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
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

/// The pieces of a path or query between `&` and `=`, which no key has in it, with their escapes resolved once.
fn unescaped(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    form_urlencoded::parse(text.as_bytes()).flat_map(|(name, value)| [name, value])
}

/// Takes the credentials that begin like a key of ours out of a field that says who is asking.
fn from_field(headers: &mut HeaderMap, name: &HeaderName, keys: &mut Vec<PresentedKey>) {
    if !headers.contains_key(name) {
        return;
    }
    retain(headers, |field, value| {
        let key = (field == name).then(|| credential(&String::from_utf8_lossy(value.as_bytes()))).flatten();
        let stays = key.is_none();
        keys.extend(key.map(|text| PresentedKey { text, names_caller: true }));
        stays
    });
}

/// A key in any other place takes its line with it.
fn from_anywhere(headers: &mut HeaderMap, keys: &mut Vec<PresentedKey>) {
    retain(headers, |_, value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let key = credential(&text).or_else(|| whole_key(&text));
        let stays = key.is_none();
        keys.extend(key.map(|text| PresentedKey { text, names_caller: false }));
        stays
    });
}

/// What a field says as a credential, if that begins like a key of ours: bare, `Bearer`, or the password of `Basic`.
fn credential(text: &str) -> Option<Secret> {
    let text = text.trim();
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => begins_like_key(rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
            let decoded = Zeroizing::new(BASE64.decode(rest.trim()).ok()?);
            let pair = Secret::new(String::from_utf8_lossy(&decoded));
            pair.reveal().rsplit(':').find_map(begins_like_key)
        }
        _ => begins_like_key(text),
    }
}

/// All of a text that begins like a key: it is one, right or wrong.
fn begins_like_key(text: &str) -> Option<Secret> {
    let text = text.trim();
    text.starts_with(key::PREFIX).then(|| Secret::new(text))
}

/// A whole key, wherever it stands in a text. Folder names such as `aigw_project` are none.
fn whole_key(text: &str) -> Option<Secret> {
    text.match_indices(key::PREFIX).find_map(|(at, _)| {
        let name = text[at + key::PREFIX.len()..].find('_')?;
        let whole = text.get(at..at + key::PREFIX.len() + name + 1 + key::SECRET_LEN)?;
        key::parse(whole).map(|_| Secret::new(whole))
    })
}

#[cfg(test)]
mod tests {
    use aigw_shared::key::{KeySpec, MachineSecret};
    use base64::engine::general_purpose::STANDARD;
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
        let unpadded = basic.trim_end_matches('=');
        let escaped = key.replacen("aigw", "%61igw", 1);
        for (uri, fields) in [
            (format!("/_k/{key}/anthropic/v1/messages?beta=true"), vec![]),
            ("/x?beta=true".into(), vec![("authorization", bearer.as_str())]),
            ("/x?beta=true".into(), vec![("x-api-key", key.as_str())]),
            ("/x?beta=true".into(), vec![("x-aigw-key", key.as_str())]),
            ("/x?beta=true".into(), vec![("proxy-authorization", basic.as_str())]),
            ("/x?beta=true".into(), vec![("authorization", basic.as_str())]),
            ("/x?beta=true".into(), vec![("x-goog-api-key", key.as_str())]),
            ("/x?beta=true".into(), vec![("cookie", cookie.as_str())]),
            ("/x?beta=true".into(), vec![("proxy-authorization", unpadded)]),
            (format!("/x?key={key}&beta=true"), vec![]),
            (format!("/x?beta=true&{escaped}"), vec![]),
        ] {
            let (presented, parts) = take(&uri, &fields);
            assert_eq!(presented.keys.len(), 1, "{uri} {fields:?}");
            assert_eq!(presented.keys[0].text.reveal(), key);
            assert!(!format!("{parts:?}").contains(&key), "{uri} {fields:?}");
            assert_eq!(parts.uri.query(), Some("beta=true"));
        }
    }

    #[test]
    fn googles_places_name_the_caller_in_googles_dialect_only() {
        let key = key();
        for (path, names) in [("/gemini/v1beta/models/m:generateContent", true), ("/openai/v1/models", false)]
        {
            let (by_field, _) = take(path, &[("x-goog-api-key", key.as_str())]);
            let (by_query, parts) = take(&format!("{path}?alt=sse&key={key}"), &[]);
            assert_eq!(by_field.keys[0].names_caller, names);
            assert_eq!(by_query.keys[0].names_caller, names);
            assert_eq!(parts.uri.query(), Some("alt=sse"));
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
