//! A login that stands in the environment already: Coder's own variables, or what a workspace's template gave to tools.

use std::fmt;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::secret::{Secret, is_deployment_token};
use url::Url;

use crate::os;

/// A token and the deployment it is for.
pub(super) struct Given {
    pub(super) url: String,
    pub(super) token: Secret,
    /// The names of the variables.
    pub(super) from: String,
}

/// How two variables tell a deployment's URL and a token.
struct Place {
    url: &'static str,
    token: &'static str,
    form: Form,
}

/// What the URL variable holds.
#[derive(Clone, Copy)]
enum Form {
    /// The deployment's URL.
    Deployment,
    /// The base URL of a provider behind its gateway.
    Provider,
    /// Its AI proxy, with the token as password.
    Proxy,
}

/// In this order. A tool's variables count only if they lead to a deployment.
const PLACES: [Place; 7] = [
    Place { url: "CODER_URL", token: "CODER_SESSION_TOKEN", form: Form::Deployment },
    Place { url: "ANTHROPIC_BASE_URL", token: "ANTHROPIC_AUTH_TOKEN", form: Form::Provider },
    Place { url: "ANTHROPIC_BASE_URL", token: "ANTHROPIC_API_KEY", form: Form::Provider },
    Place { url: "OPENAI_BASE_URL", token: "OPENAI_API_KEY", form: Form::Provider },
    Place { url: "OPENAI_API_BASE", token: "OPENAI_API_KEY", form: Form::Provider },
    Place { url: "HTTPS_PROXY", token: "HTTPS_PROXY", form: Form::Proxy },
    Place { url: "https_proxy", token: "https_proxy", form: Form::Proxy },
];
/// Where a gateway begins below its deployment's URL.
const PREFIXES: [&str; 2] = ["/api/v2/aibridge", "/api/v2/ai-gateway"];

/// The login in the environment, for this deployment if one is named.
///
/// # Errors
/// When there is none.
pub(super) fn find(wanted: Option<&str>) -> Result<Given, Failure> {
    find_in(wanted, &os::variable).ok_or_else(|| {
        let for_it = wanted.map(|url| format!(" for {url}")).unwrap_or_default();
        Fault::new(Kind::Usage, format!("there is no login{for_it} in the environment"))
            .cure_with(
                "set CODER_URL and CODER_SESSION_TOKEN, or give a token: `aigwctl login URL --token-stdin`",
            )
            .into()
    })
}

fn find_in(wanted: Option<&str>, variable: &dyn Fn(&str) -> Option<String>) -> Option<Given> {
    PLACES.iter().find_map(|place| place.read(wanted, variable))
}

/// The variable of Coder's own tools, and whether it belongs to this deployment: without CODER_URL it is for the one
/// that is named.
pub(super) enum Session {
    /// There is none.
    Absent,
    /// For this deployment.
    Ours(Secret),
    /// For that one.
    Others(String),
}

/// What CODER_SESSION_TOKEN says about this deployment.
pub(super) fn session(deployment: &str) -> Session {
    session_in(deployment, &os::variable)
}

fn session_in(deployment: &str, variable: &dyn Fn(&str) -> Option<String>) -> Session {
    let Some(token) = set(variable, PLACES[0].token) else { return Session::Absent };
    match set(variable, PLACES[0].url) {
        Some(url) if !same(&url, deployment) => Session::Others(url),
        _ => Session::Ours(Secret::new(token)),
    }
}

impl Place {
    fn read(&self, wanted: Option<&str>, variable: &dyn Fn(&str) -> Option<String>) -> Option<Given> {
        let text = set(variable, self.url)?;
        let url = Url::parse(text.trim()).ok().filter(|url| url.host().is_some())?;
        let (found, token) = match self.form {
            Form::Deployment => (plain(&url), set(variable, self.token)?),
            Form::Provider => (before_prefix(&url)?, set(variable, self.token)?),
            Form::Proxy => (host_of(&url)?, url.password()?.to_owned()),
        };
        // Coder's variable is what it says; in a tool's a local key, or a provider's, may stand.
        if !matches!(self.form, Form::Deployment) && !is_deployment_token(token.trim()) {
            return None;
        }
        let found = match wanted {
            None => found,
            // A proxy tells the host alone.
            Some(wanted) if matches!(self.form, Form::Proxy) && same_host(&found, wanted) => {
                wanted.to_owned()
            }
            Some(wanted) if same(&found, wanted) => wanted.to_owned(),
            Some(_) => return None,
        };
        Some(Given { url: found, token: Secret::new(token), from: self.to_string() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.url == self.token {
            f.write_str(self.url)
        } else {
            write!(f, "{} and {}", self.url, self.token)
        }
    }
}

fn set(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|text| !text.trim().is_empty())
}

/// Without what is no part of a deployment's URL.
fn plain(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

fn before_prefix(url: &Url) -> Option<String> {
    let path = url.path().to_owned();
    let at = PREFIXES.iter().find_map(|prefix| {
        let at = path.find(prefix)?;
        let rest = &path[at + prefix.len()..];
        (rest.is_empty() || rest.starts_with('/')).then_some(at)
    })?;
    let mut url = url.clone();
    url.set_path(&path[..at]);
    Some(plain(&url))
}

fn host_of(url: &Url) -> Option<String> {
    let host = url.host()?;
    Some(format!("https://{host}"))
}

fn same_host(one: &str, other: &str) -> bool {
    let host = |text: &str| Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    host(one).is_some() && host(one) == host(other)
}

/// Whether two texts name the same deployment.
pub(super) fn same(one: &str, other: &str) -> bool {
    let read = |text: &str| Url::parse(&super::with_scheme(text.trim())).ok().map(|url| plain(&url));
    read(one).is_some() && read(one) == read(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";

    fn found(variables: &[(&str, &str)], wanted: Option<&str>) -> Option<(String, String)> {
        let variable = |name: &str| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        };
        find_in(wanted, &variable).map(|given| {
            assert_eq!(given.token.reveal(), TOKEN);
            (given.url, given.from)
        })
    }

    #[test]
    fn what_a_template_sets_leads_to_the_deployment() {
        for (variables, url, from) in [
            (
                [("CODER_URL", "https://coder.example.com/"), ("CODER_SESSION_TOKEN", TOKEN)],
                "https://coder.example.com",
                "CODER_URL and CODER_SESSION_TOKEN",
            ),
            (
                [
                    ("ANTHROPIC_BASE_URL", "https://coder.example.com/api/v2/aibridge/anthropic"),
                    ("ANTHROPIC_AUTH_TOKEN", TOKEN),
                ],
                "https://coder.example.com",
                "ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN",
            ),
            (
                [
                    ("ANTHROPIC_BASE_URL", "https://example.com:8443/dev/api/v2/ai-gateway/anthropic/"),
                    ("ANTHROPIC_API_KEY", TOKEN),
                ],
                "https://example.com:8443/dev",
                "ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY",
            ),
            (
                [
                    ("OPENAI_BASE_URL", "https://coder.example.com/api/v2/ai-gateway/openai/v1"),
                    ("OPENAI_API_KEY", TOKEN),
                ],
                "https://coder.example.com",
                "OPENAI_BASE_URL and OPENAI_API_KEY",
            ),
            (
                [
                    ("HTTPS_PROXY", "https://coder:abcdefghij-0123456789abcdefghijkl@coder.example.com:8888"),
                    ("UNUSED", ""),
                ],
                "https://coder.example.com",
                "HTTPS_PROXY",
            ),
        ] {
            assert_eq!(found(&variables, None), Some((url.to_owned(), from.to_owned())));
            assert_eq!(found(&variables, Some(url)), Some((url.to_owned(), from.to_owned())));
            assert_eq!(found(&variables, Some("https://other.example.com")), None);
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_login() {
        let coder = "https://coder.example.com/api/v2/aibridge/anthropic";
        for variables in [
            [("CODER_URL", "https://coder.example.com"), ("CODER_SESSION_TOKEN", " ")],
            [("CODER_URL", "coder"), ("CODER_SESSION_TOKEN", TOKEN)],
            // A provider's own address, a local key, and a provider's key.
            [("ANTHROPIC_BASE_URL", "https://api.anthropic.com"), ("ANTHROPIC_AUTH_TOKEN", TOKEN)],
            [("ANTHROPIC_BASE_URL", coder), ("ANTHROPIC_AUTH_TOKEN", "aigw_env_0123456789")],
            [("ANTHROPIC_BASE_URL", coder), ("ANTHROPIC_API_KEY", "sk-ant-api03-0123456789")],
            [
                ("ANTHROPIC_BASE_URL", "https://example.com/api/v2/aibridges/anthropic"),
                ("ANTHROPIC_API_KEY", TOKEN),
            ],
            [("HTTPS_PROXY", "http://aigw:aigw_env_0123456789@127.0.0.1:2449"), ("UNUSED", "")],
            [("HTTPS_PROXY", "http://proxy.example.com:3128"), ("UNUSED", "")],
        ] {
            assert_eq!(found(&variables, None), None, "{variables:?}");
        }
    }

    #[test]
    fn a_proxys_host_is_enough_for_a_deployment_that_is_named() {
        let proxy = "https://coder:abcdefghij-0123456789abcdefghijkl@coder.example.com:8888";
        let (url, _) = found(&[("HTTPS_PROXY", proxy)], Some("https://coder.example.com:3001/x")).unwrap();
        assert_eq!(url, "https://coder.example.com:3001/x");
    }

    #[test]
    fn a_session_token_belongs_to_the_url_beside_it() {
        let session = |url: Option<&str>| {
            let variable = |name: &str| match name {
                "CODER_URL" => url.map(str::to_owned),
                _ => Some(TOKEN.to_owned()),
            };
            session_in("https://coder.example.com", &variable)
        };
        assert!(matches!(session(None), Session::Ours(_)));
        assert!(matches!(session(Some("https://coder.example.com/")), Session::Ours(_)));
        assert!(matches!(session(Some("coder.example.com")), Session::Ours(_)));
        assert!(matches!(session(Some("https://other.example.com")), Session::Others(_)));
        assert!(matches!(session_in("https://coder.example.com", &|_| None), Session::Absent));
    }
}
