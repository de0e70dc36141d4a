//! Which credential counts, and what would be sent to the provider: the rules that decide who pays and what leaks.

use http::HeaderMap;

use crate::behaviour::{Provider, ProviderKind};
use crate::routes::Handling;

/// The key the gateway holds for every provider.
pub const CENTRAL_KEY: &str = "practice-central-key";

pub(crate) const GOVERNANCE_TOKEN: &str = "x-coder-ai-governance-token";
pub(crate) const GOVERNANCE_REQUEST_ID: &str = "x-coder-ai-governance-request-id";
pub(crate) const FIREWALL_SESSION: &str = "x-coder-agent-firewall-session-id";
pub(crate) const FIREWALL_SEQUENCE: &str = "x-coder-agent-firewall-sequence-number";

/// Removed whatever the route.
const ALWAYS: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    GOVERNANCE_TOKEN,
    GOVERNANCE_REQUEST_ID,
    FIREWALL_SESSION,
    FIREWALL_SEQUENCE,
];

/// Removed on intercepted routes, besides.
const INTERCEPTED: &[&str] = &[
    "accept-encoding",
    "content-length",
    "forwarded",
    "anthropic-workspace-id",
    "authorization",
    "x-api-key",
];

/// The request a provider would have received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The provider's name.
    pub provider: String,
    /// Whose credential it carries.
    pub credential: Credential,
    /// Path and query below the provider's base.
    pub target: String,
    /// Header lines after stripping and adding.
    pub headers: Vec<(String, String)>,
}

impl Upstream {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Whose credential goes to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The gateway's own key.
    Centralized,
    /// The user's key or subscription.
    Byok,
    /// None at all.
    Nobody,
}

/// The first token a request carries, and whether it came in the header that means "bring your own key".
pub(crate) fn token(headers: &HeaderMap) -> Option<(&str, bool)> {
    text(headers, GOVERNANCE_TOKEN)
        .map(|token| (token, true))
        .or_else(|| bearer(headers).or_else(|| text(headers, "x-api-key")).map(|token| (token, false)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = text(headers, "authorization")?.split_whitespace();
    match (fields.next(), fields.next(), fields.next()) {
        (Some(scheme), Some(token), None) if scheme.eq_ignore_ascii_case("bearer") => Some(token),
        _ => None,
    }
}

/// The user's own credential, which counts only beside the governance header. A key wins over a subscription.
fn own_credential(headers: &HeaderMap, kind: ProviderKind) -> Option<(String, String)> {
    text(headers, GOVERNANCE_TOKEN)?;
    let key = || Some(("x-api-key".to_owned(), text(headers, "x-api-key")?.to_owned()));
    let subscription = || Some(("authorization".to_owned(), format!("Bearer {}", bearer(headers)?)));
    match kind {
        ProviderKind::Anthropic => key().or_else(subscription),
        ProviderKind::OpenAi | ProviderKind::Copilot => subscription(),
    }
}

/// What remains of a request on its way to the provider.
pub(crate) fn prepare(
    provider: &Provider,
    handling: Handling,
    target: &str,
    sent: &HeaderMap,
    lines: &[(String, String)],
    scheme: &str,
) -> Upstream {
    let intercepted = handling != Handling::Passthrough;
    let own = own_credential(sent, provider.kind);
    let byok = sent.contains_key(GOVERNANCE_TOKEN);
    let dropped = |name: &str| {
        ALWAYS.contains(&name)
            || (intercepted && (INTERCEPTED.contains(&name) || name.starts_with("x-forwarded-")))
            || (!byok && (name == "authorization" || name == "x-api-key"))
    };
    let mut headers: Vec<_> =
        lines.iter().filter(|(name, _)| !dropped(&name.to_ascii_lowercase())).cloned().collect();

    let credential = match own {
        Some(line) => {
            // On passthrough routes the user's header is still there.
            if intercepted {
                headers.push(line);
            }
            Credential::Byok
        }
        None if provider.central_key => {
            headers.push(match provider.kind {
                ProviderKind::Anthropic => ("x-api-key".to_owned(), CENTRAL_KEY.to_owned()),
                _ => ("authorization".to_owned(), format!("Bearer {CENTRAL_KEY}")),
            });
            Credential::Centralized
        }
        None => Credential::Nobody,
    };

    if !intercepted {
        add_forwarded(&mut headers, sent, scheme);
    }
    let target = target.strip_prefix(&format!("/{}", provider.name)).unwrap_or(target).to_owned();
    Upstream { provider: provider.name.clone(), credential, target, headers }
}

fn add_forwarded(headers: &mut Vec<(String, String)>, sent: &HeaderMap, scheme: &str) {
    let mut hops: Vec<String> = Vec::new();
    headers.retain(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => {
            hops.push(value.clone());
            false
        }
        "x-forwarded-host" | "x-forwarded-proto" => false,
        _ => true,
    });
    hops.push("127.0.0.1".to_owned());
    headers.push(("x-forwarded-for".to_owned(), hops.join(", ")));
    headers.push(("x-forwarded-host".to_owned(), text(sent, "host").unwrap_or_default().to_owned()));
    headers.push(("x-forwarded-proto".to_owned(), scheme.to_owned()));
    if !sent.contains_key("user-agent") {
        headers.push(("user-agent".to_owned(), "aibridge".to_owned()));
    }
}
