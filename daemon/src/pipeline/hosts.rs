//! Which hosts are intercepted, and what becomes of a request on one: pure functions of the settings and the request's
//! head, so that `aigwctl explain` can ask the very same.

use std::collections::HashMap;
use std::sync::Arc;

use aigw_shared::config::{Config, Gateway, GatewayKind, Unmatched};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::provider::{self, Dialect, Layout, Served};
use http::request::Parts;

use super::admit;

/// TLS, unless an entry of the settings names another port.
const HTTPS: u16 = 443;

/// The hosts that are intercepted under some settings.
#[derive(Clone, Default)]
pub struct Hosts(HashMap<(String, u16), Arc<Host>>);

/// One of them.
#[derive(Debug)]
pub struct Host {
    /// Its name, in lower case.
    pub name: String,
    /// The port that a tool asks for.
    pub port: u16,
    /// The provider of the gateway that stands for it.
    pub provider: String,
    /// Whether replies need an `x-github-request-id`.
    pub github: bool,
    /// Whether HTTP/2 is offered on it.
    pub h2: bool,
    /// It is in the managed policy: never let through unread.
    pub by_policy: bool,
    served: Served,
}

/// What becomes of a request on an intercepted host.
#[derive(Debug)]
pub enum Turn {
    /// To the gateway, at this path (which begins with the provider).
    Gateway(String),
    /// To the host itself, as it came, for this reason.
    Onward(&'static str),
    /// Nowhere.
    Refuse(Fault),
}

impl Hosts {
    /// What these settings say. `by_policy`: the list of further hosts is the managed policy's.
    pub fn of(config: &Config, by_policy: bool) -> Self {
        let settings = &config.intercept;
        let listed = |name: &str, list: &[String]| list.iter().any(|listed| listed == name);
        let built_in =
            provider::HOSTS.iter().filter(|host| !listed(host.name, &settings.except)).map(|host| Host {
                name: host.name.to_owned(),
                port: HTTPS,
                provider: host.provider.to_owned(),
                github: host.github,
                h2: true,
                by_policy: false,
                served: host.served,
            });
        let further = settings.hosts.iter().filter_map(|entry| {
            let known = provider::host(&entry.host);
            let provider = entry.provider.clone().or_else(|| known.map(|known| known.provider.to_owned()))?;
            // The CA signs for names only.
            let named = entry.host.parse::<std::net::IpAddr>().is_err();
            named.then(|| Host {
                name: entry.host.clone(),
                port: entry.port,
                github: provider.starts_with("copilot"),
                h2: true,
                by_policy,
                served: provider::served(&provider),
                provider,
            })
        });
        let rows = built_in.chain(further).map(|host| {
            let h2 = !listed(&host.name, &settings.http1_only);
            ((host.name.clone(), host.port), Arc::new(Host { h2, ..host }))
        });
        Self(rows.collect())
    }

    /// The row of a host, as [`admit::host_and_port`] reads it from a target. A generic gateway that has nothing to stand
    /// for it leaves it alone, unless the managed policy names it.
    pub fn find(&self, host: &str, port: u16, gateway: Option<&Gateway>) -> Option<Arc<Host>> {
        let row = self.0.get(&(host.to_owned(), port))?;
        let stands = gateway.is_none_or(|gateway| {
            row.by_policy
                || gateway.kind != GatewayKind::Generic
                || gateway.providers.contains_key(&row.provider)
                || row.provider == provider::GEMINI
                    && gateway.providers.keys().any(|name| answers_gemini(name))
        });
        stands.then(|| row.clone())
    }

    /// Whether it is a provider's host, on whatever port.
    pub fn has_name(&self, host: &str) -> bool {
        self.0.keys().any(|(name, _)| name == host)
    }
}

impl Host {
    /// `name:port`, without a port that goes without saying.
    pub fn authority(&self) -> String {
        if self.port == HTTPS { self.name.clone() } else { format!("{}:{}", self.name, self.port) }
    }

    /// What its clients speak, for an error of ours at this path.
    pub fn dialect(&self, path: &str) -> Dialect {
        match provider::known(&self.provider) {
            _ if self.provider == provider::GEMINI => Dialect::Gemini,
            Some(known) if known.layout != Layout::Copilot => known.dialect,
            _ => super::route::guess_dialect(path),
        }
    }

    /// What becomes of a request.
    pub fn turn(&self, parts: &Parts, unmatched: Unmatched) -> Turn {
        let path = self.served.iter().find_map(|served| served.map(parts.uri.path()));
        let why = match path {
            // A page in a browser that uses this proxy must not get the token that way either.
            Some(_) if admit::is_web_page(&parts.headers) => "a web page asks",
            Some(path) if admit::METHODS.contains(&parts.method) => {
                let query = parts.uri.query().map_or_else(String::new, |query| format!("?{query}"));
                return Turn::Gateway(format!("/{}{path}{query}", self.provider));
            }
            Some(_) => "no AI call has this method",
            None => "the gateway serves no such path",
        };
        match unmatched {
            Unmatched::Origin => Turn::Onward(why),
            Unmatched::Refuse => Turn::Refuse(Fault::new(
                Kind::PathRefused,
                format!("{why}, and nothing else of {} is let through", self.name),
            )),
        }
    }
}

/// Whether Google's requests can be carried to this provider.
fn answers_gemini(name: &str) -> bool {
    provider::known(name).is_some_and(|known| !known.own_login)
}

/// Entries of `intercept.hosts` that cannot be intercepted.
pub fn findings(config: &Config) -> Vec<Finding> {
    let trouble = config.intercept.hosts.iter().filter_map(|entry| {
        let (text, cure) = if entry.host.parse::<std::net::IpAddr>().is_ok() {
            (format!("{} is an address, and the CA signs for names only", entry.host), "give the host's name")
        } else if entry.provider.is_none() && provider::host(&entry.host).is_none() {
            (format!("{} belongs to no provider that is known here", entry.host), "write it as HOST=PROVIDER")
        } else {
            return None;
        };
        Some(Finding::new("intercept-host", Severity::Warning, format!("`intercept.hosts`: {text}"), cure))
    });
    trouble.collect()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn host(name: &str) -> Arc<Host> {
        Hosts::of(&Config::default(), false).find(name, 443, None).unwrap()
    }

    fn turn(name: &str, method: &str, path: &str, fields: &[(&str, &str)]) -> String {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        match host(name).turn(&request.body(()).unwrap().into_parts().0, Unmatched::Origin) {
            Turn::Gateway(path) => path,
            Turn::Onward(_) => "onward".to_owned(),
            Turn::Refuse(fault) => fault.to_string(),
        }
    }

    #[test]
    fn ai_calls_go_to_the_gateway_and_all_else_to_the_host() {
        for (name, path, there) in [
            ("api.anthropic.com", "/v1/messages?beta=true", "/anthropic/v1/messages?beta=true"),
            ("api.anthropic.com", "/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"),
            ("api.anthropic.com", "/v1/messages/batches", "onward"),
            ("api.anthropic.com", "/v1/models/claude", "/anthropic/v1/models/claude"),
            ("api.anthropic.com", "/v1/messagesX", "onward"),
            ("api.anthropic.com", "/api/event_logging/batch", "onward"),
            ("api.openai.com", "/v1/responses/r1/cancel", "/openai/v1/responses/r1/cancel"),
            ("api.openai.com", "/v1/files", "onward"),
            ("chatgpt.com", "/backend-api/codex/responses", "/chatgpt/v1/responses"),
            ("chatgpt.com", "/backend-api/codexx", "onward"),
            ("chatgpt.com", "/backend-api/me", "onward"),
            ("api.individual.githubcopilot.com", "/chat/completions", "/copilot/chat/completions"),
            ("api.business.githubcopilot.com", "/v1/messages", "/copilot-business/v1/messages"),
            ("api.enterprise.githubcopilot.com", "/models", "/copilot-enterprise/models"),
            ("api.enterprise.githubcopilot.com", "/mcp/readonly", "onward"),
            (
                "generativelanguage.googleapis.com",
                "/v1beta/models/gemini-2.5-pro:generateContent",
                "/gemini/v1beta/models/gemini-2.5-pro:generateContent",
            ),
            ("generativelanguage.googleapis.com", "/v1/models?key=x", "/gemini/v1/models?key=x"),
            ("generativelanguage.googleapis.com", "/upload/v1beta/files", "onward"),
        ] {
            assert_eq!(turn(name, "POST", path, &[]), there, "{name}{path}");
        }
        assert_eq!(turn("api.anthropic.com", "OPTIONS", "/v1/messages", &[]), "onward");
    }

    /// T14: a page has no way to the token.
    #[test]
    fn t14_a_web_page_goes_to_the_host() {
        for field in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(turn("api.anthropic.com", "POST", "/v1/messages", &[field]), "onward", "{field:?}");
        }
        for field in
            [("origin", "vscode-file://x"), ("sec-fetch-site", "none"), ("sec-fetch-site", "same-origin")]
        {
            let there = turn("api.anthropic.com", "POST", "/v1/messages", &[field]);
            assert_eq!(there, "/anthropic/v1/messages", "{field:?}");
        }
    }

    /// What a generic gateway has nothing for is left alone, but not what the policy names.
    #[test]
    fn a_policys_host_is_never_left_alone() {
        let entry = aigw_shared::config::InterceptHost {
            host: "ai.example".into(),
            port: 443,
            provider: Some("openai".into()),
        };
        let mut config = Config::default();
        config.intercept.hosts.push(entry);
        let generic = Gateway { kind: GatewayKind::Generic, ..Gateway::default() };
        for by_policy in [false, true] {
            let hosts = Hosts::of(&config, by_policy);
            assert!(hosts.find("ai.example", 443, None).is_some());
            assert_eq!(hosts.find("ai.example", 443, Some(&generic)).is_some(), by_policy);
            assert!(hosts.find("api.openai.com", 443, Some(&generic)).is_none());
        }
    }

    #[test]
    fn only_exact_names_on_their_port_are_intercepted() {
        let hosts = Hosts::of(&Config::default(), false);
        for name in [
            "proxy.individual.githubcopilot.com",
            "api.githubcopilot.com",
            "x.api.anthropic.com",
            "github.com",
        ] {
            assert!(hosts.find(name, 443, None).is_none(), "{name}");
        }
        assert!(hosts.find("api.anthropic.com", 8443, None).is_none());
        let ca = crate::ca::names(&Config::default());
        assert_eq!(ca, provider::CA_NAMES);
        for name in provider::HOSTS.iter().map(|host| host.name) {
            let covered = ca.iter().any(|ca| name == ca || name.ends_with(&format!(".{ca}")));
            assert!(covered, "the CA cannot sign for {name}");
        }
    }
}
