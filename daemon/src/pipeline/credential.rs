//! The only file that puts a secret into a request. What the client brought is dropped, unless the route is one on
//! which the tool's own credential is what pays.

use aigw_shared::config::{CredentialForm, GatewayKind, Mode, UpstreamProxy};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::Dialect;
use aigw_shared::secret::{self, Secret};
use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};

use super::route::Route;
use crate::credentials::Held;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
const CHATGPT_ACCOUNT: HeaderName = HeaderName::from_static("chatgpt-account-id");
/// Carries our token where the tool's own credential stays; its presence is what makes a request BYOK.
const GOVERNANCE_TOKEN: HeaderName = HeaderName::from_static("x-coder-ai-governance-token");

/// Every field in which a credential of some kind travels.
const CREDENTIALS: [HeaderName; 11] = [
    AUTHORIZATION,
    X_API_KEY,
    X_GOOG_API_KEY,
    HeaderName::from_static("api-key"),
    CHATGPT_ACCOUNT,
    HeaderName::from_static("x-goog-user-project"),
    HeaderName::from_static("coder-session-token"),
    GOVERNANCE_TOKEN,
    HeaderName::from_static("x-coder-token"),
    HeaderName::from_static("x-coder-session-token"),
    COOKIE,
];

/// Shapes of real provider credentials: API keys of Anthropic and OpenAI, logins at Claude and ChatGPT, GitHub's tokens
/// and Copilot's.
const OWN_SHAPES: [&str; 8] = ["sk-", "ghu_", "gho_", "ghp_", "ghs_", "github_pat_", "tid=", "eyJ"];

/// What is kept of a client's fields, and what was odd about them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// The tool's own credential went along.
    pub own: bool,
    /// The user's own key for this provider, which is kept here, went along.
    pub kept: bool,
    /// A tool showed a deployment's token, which no tool should hold.
    pub tool_holds_token: bool,
}

/// Whether a credential of some kind travels in this field.
pub fn is_field(name: &HeaderName) -> bool {
    CREDENTIALS.contains(name)
}

/// Replaces what the client brought by what this route needs.
///
/// # Errors
/// When nobody is logged in, or the tool has to be and is not.
pub fn attach(
    headers: &mut HeaderMap,
    route: &Route,
    kind: GatewayKind,
    form: CredentialForm,
    held: &Held,
) -> Result<Attached, Fault> {
    let is_own = |name: &HeaderName, value: &HeaderValue| {
        // Where a gateway takes its key in Google's field, a tool's own stands there too.
        let place = [AUTHORIZATION, X_API_KEY].contains(name)
            || (*name == X_GOOG_API_KEY && form == CredentialForm::XGoogApiKey);
        place && !is_deployment_token(value, held)
    };
    let mut own = headers.iter().filter(|(name, value)| is_own(name, value));
    let mut attached = Attached {
        kept: false,
        own: match route.mode {
            Mode::Central => false,
            Mode::Byok => own.next().is_some(),
            Mode::Auto => own.any(|(_, value)| has_own_shape(value)),
        },
        tool_holds_token: headers
            .iter()
            .any(|(name, value)| CREDENTIALS.contains(name) && is_deployment_token(value, held)),
    };
    super::headers::retain(headers, |name, value| {
        if CREDENTIALS.contains(name) {
            attached.own && (is_own(name, value) || *name == CHATGPT_ACCOUNT)
        } else {
            // Whatever else is addressed to us.
            !name.as_str().starts_with("x-aigw-")
        }
    });
    if route.own_login && !attached.own {
        return Err(Fault::new(
            Kind::ToolNotSignedIn,
            format!("{} works with the tool's own login only, and it sent none", route.provider),
        ));
    }
    if kind == GatewayKind::Generic {
        if !attached.own {
            let (name, value) = match form {
                CredentialForm::None => return Ok(attached),
                CredentialForm::Bearer => (AUTHORIZATION, bearer(provider_key(held, route)?)?),
                CredentialForm::XApiKey => (X_API_KEY, sensitive(provider_key(held, route)?.reveal())?),
                CredentialForm::XGoogApiKey => {
                    (X_GOOG_API_KEY, sensitive(provider_key(held, route)?.reveal())?)
                }
            };
            headers.insert(name, value);
        }
        return Ok(attached);
    }
    let token = held.token.as_ref().ok_or_else(|| not_logged_in(&route.gateway))?;
    if attached.own {
        headers.insert(GOVERNANCE_TOKEN, sensitive(token.reveal())?);
    } else if let Some(key) = held.keys.get(&route.provider) {
        attached.kept = true;
        headers.extend(own_key(&route.gateway, route.dialect, key, held)?);
    } else {
        headers.insert(AUTHORIZATION, bearer(token)?);
    }
    Ok(attached)
}

/// The user's own key for a provider in the field that this provider wants, and our token beside it.
///
/// # Errors
/// When nobody is logged in, or one cannot stand in a field.
pub fn own_key(
    gateway: &str,
    dialect: Dialect,
    key: &Secret,
    held: &Held,
) -> Result<[(HeaderName, HeaderValue); 2], Fault> {
    let token = held.token.as_ref().ok_or_else(|| not_logged_in(gateway))?;
    // A subscription's token, unlike an API key, travels as a bearer.
    let own = if dialect == Dialect::Anthropic && !key.reveal().starts_with("sk-ant-oat") {
        (X_API_KEY, sensitive(key.reveal())?)
    } else {
        (AUTHORIZATION, bearer(key)?)
    };
    Ok([own, (GOVERNANCE_TOKEN, sensitive(token.reveal())?)])
}

/// The field that the deployment's ordinary API wants.
///
/// # Errors
/// When the token cannot stand in a field.
pub fn session(token: &Secret) -> Result<(HeaderName, HeaderValue), Fault> {
    Ok((HeaderName::from_static("coder-session-token"), sensitive(token.reveal())?))
}

/// The deployment's own proxy at this URL, with the login that it wants: any user, and the token.
///
/// # Errors
/// When nobody is logged in.
pub fn proxy_login(url: url::Url, gateway: &str, held: &Held) -> Result<UpstreamProxy, Fault> {
    let token = held.token.as_ref().ok_or_else(|| not_logged_in(gateway))?;
    UpstreamProxy::with_login(url, "coder", token.reveal())
        .map_err(|_| Fault::new(Kind::NotLoggedIn, "the stored credential cannot be a proxy's login"))
}

/// A provider key in its form, to try it out.
///
/// # Errors
/// When it cannot stand in a field.
pub fn provider_field(
    form: CredentialForm,
    key: &Secret,
) -> Result<Option<(HeaderName, HeaderValue)>, Fault> {
    Ok(match form {
        CredentialForm::None => None,
        CredentialForm::Bearer => Some((AUTHORIZATION, bearer(key)?)),
        CredentialForm::XApiKey => Some((X_API_KEY, sensitive(key.reveal())?)),
        CredentialForm::XGoogApiKey => Some((X_GOOG_API_KEY, sensitive(key.reveal())?)),
    })
}

/// Nobody is logged in.
pub fn not_logged_in(gateway: &str) -> Fault {
    Fault::new(Kind::NotLoggedIn, format!("not logged in to the gateway {gateway}"))
}

fn provider_key<'a>(held: &'a Held, route: &Route) -> Result<&'a Secret, Fault> {
    held.keys.get(&route.provider).ok_or_else(|| {
        Fault::new(
            Kind::NotLoggedIn,
            format!("there is no key for {} at the gateway {}", route.provider, route.gateway),
        )
        .cure_with(format!("run `aigwctl login --name {}`", route.gateway))
    })
}

fn bearer(secret: &Secret) -> Result<HeaderValue, Fault> {
    sensitive(&format!("Bearer {}", secret.reveal()))
}

/// A value that hyper neither prints nor puts into an HTTP/2 compression table.
fn sensitive(text: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Fault::new(Kind::NotLoggedIn, "the stored credential cannot stand in a header field"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The credential without its scheme.
fn bare(value: &HeaderValue) -> &str {
    let text = value.to_str().unwrap_or_default().trim();
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => text,
    }
}

/// A value that equals a token that we hold, or has the form of one.
fn is_deployment_token(value: &HeaderValue, held: &Held) -> bool {
    let text = bare(value);
    secret::is_deployment_token(text) || held.secrets().any(|secret| secret.reveal() == text)
}

fn has_own_shape(value: &HeaderValue) -> bool {
    let text = bare(value);
    let shape = OWN_SHAPES.iter().any(|shape| text.starts_with(shape));
    // A JWT has three parts.
    shape && (!text.starts_with("eyJ") || text.split('.').filter(|part| !part.is_empty()).count() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";

    fn route(mode: Mode, own_login: bool) -> Route {
        Route {
            gateway: "default".into(),
            provider: "openai".into(),
            dialect: Dialect::OpenAi,
            mode,
            own_login,
            path: "/v1/responses".into(),
            mended: None,
            translated: false,
        }
    }

    fn held() -> Held {
        Held { token: Some(Secret::new(TOKEN)), ..Held::default() }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn sent(fields: &[(&'static str, &str)], mode: Mode) -> (Vec<(String, String)>, Attached) {
        let mut map = headers(fields);
        let attached =
            attach(&mut map, &route(mode, false), GatewayKind::Coder, CredentialForm::Bearer, &held())
                .unwrap();
        let mut list: Vec<_> =
            map.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        list.sort();
        (list, attached)
    }

    /// F8: in central mode nothing that the client brought survives.
    #[test]
    fn f8_central_mode_sends_one_token_and_no_client_credential() {
        let fields = CREDENTIALS.map(|name| (HeaderName::as_str(&name).to_owned(), "client".to_owned()));
        let mut map: HeaderMap = fields
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        map.insert("x-aigw-anything", "1".parse().unwrap());
        map.insert("x-stainless-lang", "python".parse().unwrap());
        attach(&mut map, &route(Mode::Central, false), GatewayKind::Coder, CredentialForm::Bearer, &held())
            .unwrap();
        assert_eq!(map.len(), 2);
        assert_eq!(map[AUTHORIZATION], format!("Bearer {TOKEN}"));
        assert_eq!(map["x-stainless-lang"], "python");
    }

    #[test]
    fn byok_keeps_the_credential_and_adds_the_governance_token() {
        let (list, attached) =
            sent(&[("authorization", "Bearer own"), ("x-api-key", "k"), ("cookie", "c=1")], Mode::Byok);
        assert!(attached.own);
        assert_eq!(
            list,
            [
                ("authorization".into(), "Bearer own".into()),
                ("x-api-key".into(), "k".into()),
                ("x-coder-ai-governance-token".into(), TOKEN.into()),
            ]
        );
        let (list, attached) = sent(&[], Mode::Byok);
        assert!(!attached.own);
        assert_eq!(list, [("authorization".into(), format!("Bearer {TOKEN}"))]);
    }

    #[test]
    fn auto_tells_by_the_shape() {
        for (credential, own) in [
            ("sk-ant-api03-x", true),
            ("sk-ant-oat01-x", true),
            ("sk-proj", true),
            ("eyJhbGciOi.eyJzdWIi.sig", true),
            ("eyJhbGciOi.eyJzdWIi", false),
            ("ghu_x", true),
            ("tid=1;exp=2", true),
            ("placeholder", false),
            (TOKEN, false),
            ("zzzzzzzzzz-0123456789abcdefghijkl", false),
        ] {
            let (_, attached) = sent(&[("authorization", &format!("Bearer {credential}"))], Mode::Auto);
            assert_eq!(attached.own, own, "{credential}");
        }
    }

    #[test]
    fn a_deployments_token_is_never_an_own_key() {
        let (list, attached) = sent(&[("x-api-key", "zzzzzzzzzz-0123456789abcdefghijkl")], Mode::Byok);
        assert!(attached.tool_holds_token && !attached.own);
        assert_eq!(list, [("authorization".into(), format!("Bearer {TOKEN}"))]);
    }

    #[test]
    fn a_provider_with_own_login_says_sign_in() {
        let mut map = HeaderMap::new();
        let fault =
            attach(&mut map, &route(Mode::Byok, true), GatewayKind::Coder, CredentialForm::Bearer, &held())
                .unwrap_err();
        assert_eq!(fault.kind, Kind::ToolNotSignedIn);
    }

    #[test]
    fn a_generic_gateway_gets_the_providers_key_in_its_form() {
        let keys = [("openai".to_owned(), Secret::new("lite-key"))].into();
        let held = Held { keys, ..Held::default() };
        for (form, field) in [
            (CredentialForm::Bearer, Some((AUTHORIZATION, "Bearer lite-key"))),
            (CredentialForm::XApiKey, Some((X_API_KEY, "lite-key"))),
            (CredentialForm::XGoogApiKey, Some((X_GOOG_API_KEY, "lite-key"))),
            (CredentialForm::None, None),
        ] {
            let mut map = headers(&[("authorization", "Bearer placeholder")]);
            attach(&mut map, &route(Mode::Central, false), GatewayKind::Generic, form, &held).unwrap();
            assert_eq!(map.iter().next().map(|(n, v)| (n.clone(), v.to_str().unwrap())), field);
        }
        let mut map = headers(&[("authorization", "Bearer own")]);
        attach(&mut map, &route(Mode::Byok, false), GatewayKind::Generic, CredentialForm::Bearer, &held)
            .unwrap();
        assert_eq!(map.len(), 1);
        assert_eq!(map[AUTHORIZATION], "Bearer own");
    }
}
