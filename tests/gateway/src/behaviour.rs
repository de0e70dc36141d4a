//! Every switch of the practice gateway as plain data, so a test says what is different and nothing else.

use std::time::Duration;

use crate::coder_api::Spend;
use crate::management::History;
use crate::oauth::OAuth;
use crate::origin::Script;
use crate::proxy::ProxyBehaviour;
use crate::reply::Reply;
use crate::scopes::Scopes;

/// How the gateway behaves right now. The default is a healthy, current deployment. Change it while it runs with
/// [`crate::Practice::change`].
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Which parts of the site exist.
    pub mounts: Mounts,
    /// Old and new releases differ in routes and texts.
    pub era: Era,
    /// The provider table.
    pub providers: Vec<Provider>,

    /// Gate: the licence lacks the feature (403).
    pub not_entitled: bool,
    /// Gate: licensed but switched off (404).
    pub not_mounted: bool,
    /// Gate: refuse every request for lack of capacity (503).
    pub at_capacity: bool,
    /// Gate: this many provider requests at once, 0 means any number (503 above).
    pub max_concurrency: usize,
    /// Gate: refuse every request as too frequent (429).
    pub rate_limited: bool,
    /// Gate: this many requests per second and token, 0 means any number (429 above).
    pub rate_limit: u32,
    /// What `Retry-After` says on 429, in seconds.
    pub retry_after: u32,
    /// Gate: "bring your own key" is switched off (403 when the governance header is there).
    pub byok_off: bool,
    /// Gate: the gateway cannot reach its control plane (503; `/readyz` too).
    pub control_plane_away: bool,
    /// Gate: the user's budget is spent (403).
    pub budget_exceeded: bool,
    /// The budget named in that refusal, in cents.
    pub budget_cents: u64,
    /// Gate: largest request body (413 above); the text names it in MiB.
    pub body_cap: u64,
    /// Refuse at a gate without waiting for the body, which is still read and recorded while it arrives.
    pub answer_before_body: bool,
    /// Refuse Responses requests with `background: true` (501).
    pub background_refused: bool,

    /// What goes wrong between gateway and provider, before a stream begins.
    pub provider_fault: Option<ProviderFault>,
    /// Answers every provider request with this instead of going through the gates.
    pub answer_all: Option<Reply>,
    /// Answers every request of the whole site with this, as a load balancer in front would.
    pub answer_front: Option<Reply>,
    /// Header lines (name and value) without which a zero-trust front end lets nothing through (403, a page).
    pub front_demands: Vec<(String, String)>,

    /// How answers look and how they are paced.
    pub stream: Stream,
    /// What a WebSocket request on a Responses route meets.
    pub websocket: WebSocket,
    /// In-band refusal of every `response.create` on an open WebSocket: status, type, code and message.
    pub websocket_refusal: Option<(u16, String, String, String)>,

    /// Misbehaviour below HTTP, for connections accepted from now on.
    pub transport: Transport,
    /// Close a connection after this many requests, 0 means never.
    pub requests_per_connection: usize,

    /// The deployment's own proxy, if [`crate::Setup::proxy`] asks for one.
    pub proxy: ProxyBehaviour,
    /// Be no deployment at all but the web server of this script: see [`crate::Origin`].
    pub origin: Option<Script>,

    /// The authorization server, if there is one.
    pub oauth: Option<OAuth>,
    /// The scopes that a token can have.
    pub scopes: Scopes,
    /// Nobody may mint a token (403).
    pub minting_refused: bool,
    /// Longest lifetime of a minted token.
    pub max_token_lifetime: Duration,
    /// It tells the longest lifetime (`tokens/tokenconfig`).
    pub tells_token_lifetime: bool,
    /// Lifetime of browser and command-line sessions.
    pub session_lifetime: Duration,
    /// Ordinary API calls do not extend sessions.
    pub sessions_never_slide: bool,
    /// How the ordinary API tells of the month's spend.
    pub spend: Spend,
    /// That spend, in cents; the limit is [`Behaviour::budget_cents`].
    pub spend_cents: u64,
    /// How the gateway tells of what was done with it.
    pub history: History,
    /// How many sessions (or interceptions) it tells of.
    pub history_length: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            mounts: Mounts::coder(),
            era: Era::New,
            providers: Provider::well_known(),
            not_entitled: false,
            not_mounted: false,
            at_capacity: false,
            max_concurrency: 0,
            rate_limited: false,
            rate_limit: 0,
            retry_after: 1,
            byok_off: false,
            control_plane_away: false,
            budget_exceeded: false,
            budget_cents: 10_000,
            body_cap: 32 << 20,
            answer_before_body: false,
            background_refused: true,
            provider_fault: None,
            answer_all: None,
            answer_front: None,
            front_demands: Vec::new(),
            stream: Stream::default(),
            websocket: WebSocket::Old,
            websocket_refusal: None,
            transport: Transport::Serve,
            requests_per_connection: 0,
            proxy: ProxyBehaviour::default(),
            origin: None,
            oauth: None,
            scopes: Scopes::NARROW,
            minting_refused: false,
            max_token_lifetime: Duration::from_secs(876_600 * 3600),
            tells_token_lifetime: true,
            session_lifetime: Duration::from_secs(24 * 3600),
            sessions_never_slide: false,
            spend: Spend::OfBudget,
            spend_cents: 1_234,
            history: History::Sessions,
            history_length: 1,
        }
    }
}

impl Behaviour {
    /// The provider of that name, to change it; a new one of the OpenAI kind is added when there is none.
    pub fn provider(&mut self, name: &str) -> &mut Provider {
        let at = self.providers.iter().position(|provider| provider.name == name).unwrap_or_else(|| {
            self.providers.push(Provider::new(name, ProviderKind::OpenAi));
            self.providers.len() - 1
        });
        &mut self.providers[at]
    }
}

/// Which parts of the site exist. An absent one answers 404 `Route not found.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mounts {
    /// `/api/v2/...`: build info, users, tokens, entitlements, and `/cli-auth`.
    pub coder_api: bool,
    /// `/api/v2/aibridge/<provider>/...`
    pub aibridge: bool,
    /// `/api/v2/ai-gateway/<provider>/...`
    pub ai_gateway: bool,
    /// `/<provider>/...`, `/healthz` and `/readyz`.
    pub root: bool,
}

impl Mounts {
    /// A deployment that serves the gateway itself, under both names.
    pub const fn coder() -> Self {
        Mounts { coder_api: true, aibridge: true, ai_gateway: true, root: false }
    }

    /// A deployment from before the rename.
    pub const fn coder_before_rename() -> Self {
        Mounts { coder_api: true, aibridge: true, ai_gateway: false, root: false }
    }

    /// A gateway standing alone, without the ordinary API.
    pub const fn stand_alone() -> Self {
        Mounts { coder_api: false, aibridge: false, ai_gateway: true, root: true }
    }

    /// Everything at once.
    pub const fn all() -> Self {
        Mounts { coder_api: true, aibridge: true, ai_gateway: true, root: true }
    }
}

/// Which generation of releases to imitate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// "AI Bridge": fewer Copilot routes, no body cap.
    Old,
    /// "AI Gateway".
    New,
}

/// One row of the provider table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The path segment.
    pub name: String,
    /// Which routes it has.
    pub kind: ProviderKind,
    /// A disabled one answers 503 on all its paths.
    pub enabled: bool,
    /// The host of its base URL, which the deployment's proxy opens; empty for none.
    pub host: String,
    /// Whether the gateway holds a key of its own for it. Without one only users with their own credential get through.
    pub central_key: bool,
}

const HOSTS: &[(&str, &str)] = &[
    ("anthropic", "api.anthropic.com"),
    ("openai", "api.openai.com"),
    ("copilot", "api.individual.githubcopilot.com"),
    ("copilot-business", "api.business.githubcopilot.com"),
    ("copilot-enterprise", "api.enterprise.githubcopilot.com"),
    ("chatgpt", "chatgpt.com"),
];

impl Provider {
    /// An enabled provider, with its well-known host if the name has one; those of the Copilot kind and `chatgpt` have no central key.
    pub fn new(name: &str, kind: ProviderKind) -> Self {
        let central_key = kind != ProviderKind::Copilot && name != "chatgpt";
        let host = HOSTS.iter().find(|(of, _)| *of == name).map_or("", |(_, host)| host);
        Provider { name: name.to_owned(), kind, enabled: true, host: host.to_owned(), central_key }
    }

    /// The names that every deployment uses.
    pub fn well_known() -> Vec<Self> {
        use ProviderKind::{Anthropic, Copilot, OpenAi};
        [
            ("anthropic", Anthropic),
            ("openai", OpenAi),
            ("copilot", Copilot),
            ("copilot-business", Copilot),
            ("copilot-enterprise", Copilot),
            ("chatgpt", OpenAi),
        ]
        .map(|(name, kind)| Provider::new(name, kind))
        .into()
    }
}

/// The type of a provider, which decides its routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Speaks OpenAI, routes under `/v1`.
    OpenAi,
    /// Speaks Anthropic Messages.
    Anthropic,
    /// GitHub Copilot: no `/v1`, always the user's own credential.
    Copilot,
}

/// What goes wrong between gateway and provider before an answer begins.
#[derive(Clone, Debug)]
pub enum ProviderFault {
    /// The provider does not accept the key (401 in its own form).
    KeyRejected,
    /// Every central key failed for good (502).
    KeysFailed,
    /// Every central key is rate limited (429).
    KeysRateLimited,
    /// The circuit breaker is open (503 with this `Retry-After`, in seconds).
    BreakerOpen(u32),
    /// The provider answers with this status, error type and message.
    Status(u16, String, String),
    /// The provider cannot be reached (502 in plain text on passthrough routes, `api_error` elsewhere).
    Unreachable,
}

/// How answers look and how they are paced.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The answer.
    pub text: String,
    /// How many text events it is split into; beyond its words it is repeated. `None` means one for each word.
    pub deltas: Option<usize>,
    /// Answer with the request body's SHA-256 and length instead: `sha256=<hex> bytes=<n>`.
    pub echo: bool,
    /// Call a tool when the request offers one and does not end with a tool's result.
    pub tool_use: Option<ToolUse>,
    /// The counts reported to the client.
    pub usage: Usage,
    /// Time until the response head, on intercepted routes.
    pub before_headers: Duration,
    /// Time before every event but the first.
    pub gap: Duration,
    /// Anthropic streams get a `ping` after this much silence.
    pub ping_after: Duration,
    /// How the stream ends.
    pub ending: Ending,
    /// For the endings that cut the answer short: after how many text events.
    pub ending_after: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Stream {
            text: "Hello from the practice gateway.".to_owned(),
            deltas: None,
            echo: false,
            tool_use: None,
            usage: Usage { input: 25, cache_read: 0, cache_write: 0, output: 12 },
            before_headers: Duration::ZERO,
            gap: Duration::ZERO,
            ping_after: Duration::from_secs(10),
            ending: Ending::Complete,
            ending_after: 2,
        }
    }
}

/// Which tool the answer calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUse {
    /// The tool's name; `None` takes the first one offered.
    pub name: Option<String>,
    /// The arguments, as JSON text (as plain text for a Responses custom tool).
    pub arguments: String,
}

/// Token counts an answer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Input that came from no cache.
    pub input: u64,
    /// Input read from the cache.
    pub cache_read: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// Output.
    pub output: u64,
}

/// How a stream ends. All but the first cut the text short after [`Stream::ending_after`] events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Complete,
    /// With an error event in the dialect.
    Error,
    /// With `response.failed` (Responses; elsewhere the same as `Error`).
    Failed,
    /// In the middle: connection closed without last chunk, or stream reset.
    Cut,
    /// Never, and nothing more is said (but for Anthropic's pings).
    Silence,
    /// Never: text goes on until the client leaves.
    Endless,
}

/// What a WebSocket request on a Responses route meets, once past the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebSocket {
    /// A release without WebSocket: 500 in plain text.
    Old,
    /// The cap on open sockets is reached: 426.
    Full,
    /// No such route: 404.
    Absent,
    /// It works: `response.create` is answered with Responses events.
    Relay,
    /// It opens and stays silent.
    Silent,
    /// Any other status, with a plain text body.
    Status(u16),
}

/// Misbehaviour below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// None.
    Serve,
    /// Close every accepted connection at once.
    CloseAtOnce,
    /// Accept, then never read or write.
    NeverAnswer,
    /// Wait for the first bytes, then reset the connection.
    Reset,
    /// Send every byte back as it comes (without TLS), and end after the other side has ended.
    Echo,
    /// Send everything back (without TLS), but only once the other side has ended: proves a half-closed connection.
    EchoAtEnd,
}
