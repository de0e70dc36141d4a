//! Where a request goes: a pure function of the settings and the path, so that its test is a table.

use aigw_shared::config::{Config, Gateway, GatewayKind, Mode};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::{self, Dialect, Layout};

/// The deployment's own prefixes. Instructions that were written for the deployment work with the host replaced.
pub const API_PREFIXES: [&str; 2] = ["/api/v2/ai-gateway", "/api/v2/aibridge"];

/// Directly under the prefix these are the management API, which shows the user's history.
const MANAGEMENT: [&str; 7] =
    ["sessions", "models", "clients", "providers", "interceptions", "proxy", "keys"];

/// Where tools go wrong about `/v1`, and where they mean to go. A path matches whole, or up to a slash.
const MENDS: &[(Layout, &str, &str)] = &[
    (Layout::Anthropic, "/v1/v1", "/v1"),
    (Layout::Anthropic, "/messages", "/v1/messages"),
    (Layout::Anthropic, "/models", "/v1/models"),
    (Layout::OpenAi, "/v1/v1", "/v1"),
    (Layout::OpenAi, "/responses", "/v1/responses"),
    (Layout::OpenAi, "/chat/completions", "/v1/chat/completions"),
    (Layout::OpenAi, "/models", "/v1/models"),
    (Layout::OpenAi, "/conversations", "/v1/conversations"),
    (Layout::Gemini, "/v1beta/v1beta", "/v1beta"),
    (Layout::Gemini, "/v1beta/v1", "/v1"),
    (Layout::Gemini, "/v1/v1beta", "/v1beta"),
    (Layout::Gemini, "/v1/v1", "/v1"),
    (Layout::Gemini, "/models", "/v1beta/models"),
    (Layout::Copilot, "/v1/v1", "/v1"),
    (Layout::Copilot, "/v1/chat/completions", "/chat/completions"),
    (Layout::Copilot, "/v1/responses", "/responses"),
    (Layout::Copilot, "/v1/models", "/models"),
];

/// The versions of the Gemini API, and what is none of it below one: a Coder gateway may have a provider of that name,
/// which speaks OpenAI's.
const GEMINI_VERSIONS: [&str; 4] = ["/v1beta", "/v1", "/v1alpha", "/models"];
const NOT_GEMINI: [&str; 6] =
    ["/v1/chat", "/v1/responses", "/v1/messages", "/v1/completions", "/v1/embeddings", "/v1/conversations"];

/// What should happen to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name of the gateway.
    pub gateway: String,
    /// The provider.
    pub provider: String,
    /// What it speaks on this path.
    pub dialect: Dialect,
    /// Whose credential goes with it.
    pub mode: Mode,
    /// Whether it works with the tool's own login only.
    pub own_login: bool,
    /// The path after the provider, as the gateway has it.
    pub path: String,
    /// The path that the tool asked for, where it was mended.
    pub mended: Option<String>,
    /// No provider has it: it is read, and carried to others in their own dialects.
    pub translated: bool,
}

/// Decides by the path (without query) after our own segments were taken off.
///
/// # Errors
/// When the path leads nowhere, or no gateway is configured.
pub fn decide(config: &Config, gateway: Option<&str>, path: &str) -> Result<Route, Fault> {
    refuse_tricks(path)?;
    let clean = collapse_slashes(path);
    let stripped = API_PREFIXES.iter().find_map(|prefix| under(&clean, prefix)).unwrap_or(&clean);
    let (name, rest) = first_segment(stripped);
    if MANAGEMENT.contains(&name) {
        return Err(Fault::new(Kind::ManagementRoute, format!("/{name} is the deployment's management API")));
    }
    if !provider::is_name(name) || matches!(name, "api" | "v1" | "v1beta") {
        return Err(Fault::new(
            Kind::NoSuchRoute,
            "the path does not begin with a provider, such as /anthropic or /openai/v1",
        ));
    }
    let gateway = match gateway {
        Some(name) => config.gateways.get(name).ok_or_else(|| {
            Fault::new(Kind::NoGateway, format!("no gateway is named {name:?}"))
                .cure_with("see `aigwctl status`")
        })?,
        None => {
            config.default_gateway().ok_or_else(|| Fault::new(Kind::NoGateway, "no gateway is configured"))?
        }
    };
    let known = provider::known(name);
    let settings = gateway.providers.get(name);
    if settings.is_none() && is_gemini(name, rest) {
        let (right, changed) = mend(Some(Layout::Gemini), rest);
        return Ok(Route {
            gateway: gateway.name.clone(),
            provider: name.to_owned(),
            dialect: Dialect::Gemini,
            mode: Mode::Central,
            own_login: false,
            mended: (changed || clean != path).then(|| path.to_owned()),
            path: right,
            translated: true,
        });
    }
    if gateway.kind == GatewayKind::Generic && settings.is_none() {
        return Err(Fault::new(
            Kind::NoSuchRoute,
            format!("the gateway {} has no provider {name}", gateway.name),
        )
        .cure_with(format!("add `[gateway.{}.providers.{name}]` to the configuration", gateway.name)));
    }
    let said = settings.and_then(|settings| settings.dialect);
    let layout = match layout(said, known, rest) {
        Some(Layout::Copilot) if gateway.kind == GatewayKind::Generic => Some(Layout::OpenAi),
        layout => layout,
    };
    let (right, changed) = mend(layout, rest);
    let own_login = known.is_some_and(|provider| provider.own_login) && gateway.kind != GatewayKind::Generic;
    let mode = if own_login { Mode::Byok } else { settings.map_or(Mode::Central, |settings| settings.mode) };
    Ok(Route {
        gateway: gateway.name.clone(),
        provider: name.to_owned(),
        dialect: dialect(layout, known.map(|provider| provider.dialect), said, &right),
        mode,
        own_login,
        mended: (changed || clean != path).then(|| path.to_owned()),
        path: right,
        translated: false,
    })
}

/// Whether a path is one of the Gemini API.
fn is_gemini(name: &str, rest: &str) -> bool {
    name == provider::GEMINI
        && GEMINI_VERSIONS.iter().any(|version| under(rest, version).is_some())
        && !NOT_GEMINI.iter().any(|other| under(rest, other).is_some())
}

/// The dialect for an error about a request that was not routed.
pub fn guess_dialect(path: &str) -> Dialect {
    let anthropic = path.contains("/anthropic") || path.contains("/messages");
    let gemini = ["/gemini/v1", "/gemini/models", "/v1beta/", ":generateContent", ":streamGenerateContent"];
    if gemini.iter().any(|part| path.contains(part)) {
        return Dialect::Gemini;
    }
    if anthropic { Dialect::Anthropic } else { Dialect::OpenAi }
}

/// Where the routed path stands below a generic provider's base URL, which stands for `/P/v1` with OpenAI's dialect
/// and for `/P` with Anthropic's.
///
/// # Errors
/// When it stands nowhere.
pub fn below_base_url<'a>(gateway: &Gateway, route: &'a Route) -> Result<&'a str, Fault> {
    match route.dialect {
        Dialect::Anthropic | Dialect::Gemini => Ok(&route.path),
        Dialect::OpenAi => under(&route.path, "/v1").ok_or_else(|| {
            Fault::new(Kind::NoSuchRoute, format!("{} has nothing at {}", gateway.name, route.path))
        }),
    }
}

/// Segments that lead out of the prefix, plain or encoded, in one spelling or a mix.
fn refuse_tricks(path: &str) -> Result<(), Fault> {
    let lower = path.to_ascii_lowercase();
    let decoded = lower.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    let leaves =
        decoded.split(['/', '\\']).any(|segment| matches!(segment.split(';').next(), Some("." | "..")));
    if leaves || decoded.contains('\\') || lower.contains("%00") {
        return Err(Fault::new(Kind::BadRequest, "the path has dot segments or backslashes"));
    }
    Ok(())
}

/// `//` comes of a base URL with a slash at its end.
fn collapse_slashes(path: &str) -> String {
    let mut clean = String::with_capacity(path.len());
    for letter in path.chars() {
        if !(letter == '/' && clean.ends_with('/')) {
            clean.push(letter);
        }
    }
    clean
}

/// The rest of the path if it lies under this prefix: `/anthropicX` is not under `/anthropic`.
fn under<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn first_segment(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_at(path.find('/').unwrap_or(path.len()))
}

/// Where `/v1` stands: by what the settings say, else by the provider's name, else by the path.
fn layout(said: Option<Dialect>, known: Option<&provider::Provider>, rest: &str) -> Option<Layout> {
    match (said, known) {
        (_, Some(provider)) if said.is_none_or(|said| said == provider.dialect) => Some(provider.layout),
        (Some(Dialect::Anthropic), _) => Some(Layout::Anthropic),
        (Some(Dialect::OpenAi), _) => Some(Layout::OpenAi),
        (Some(Dialect::Gemini), _) => Some(Layout::Gemini),
        (None, _) => (under(rest, "/messages").is_some() || under(rest, "/v1/v1").is_some())
            .then_some(Layout::Anthropic),
    }
}

fn dialect(layout: Option<Layout>, known: Option<Dialect>, said: Option<Dialect>, path: &str) -> Dialect {
    let by_path = || if under(path, "/v1/messages").is_some() { Dialect::Anthropic } else { Dialect::OpenAi };
    match layout {
        Some(Layout::Copilot) => by_path(),
        _ => said.or(known).unwrap_or_else(by_path),
    }
}

fn mend(layout: Option<Layout>, rest: &str) -> (String, bool) {
    let mut path = rest.to_owned();
    let mut changed = false;
    // Twice: `/v1/v1/responses` at Copilot is wrong in two ways.
    for _ in 0..2 {
        let rule = MENDS.iter().find_map(|(of, wrong, right)| {
            let applies = layout == Some(*of);
            under(&path, wrong).filter(|_| applies).map(|rest| format!("{right}{rest}"))
        });
        let Some(better) = rule else { break };
        path = better;
        changed = true;
    }
    (path, changed)
}

#[cfg(test)]
mod tests;
