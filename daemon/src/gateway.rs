//! One gateway: its settings, the way to it, what is held for it, and what was learned about it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aigw_shared::config::{self, GatewayKind, StoreKind};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::GatewayStatus;
use arc_swap::ArcSwap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use url::{Host, Url};

use crate::credentials::Held;
use crate::credentials::lease::InForce;
use crate::credentials::renew::Attempts;
use crate::deployment::{self, account, models};
use crate::dial::{Here, Pipe, Wanted};
use crate::header_command::{Fields, HeaderCommand};
use crate::pipeline::credential;
use crate::pipeline::route::{self, API_PREFIXES, Route};
use crate::pipeline::upstream::{Outgoing, Upstream};

/// Where a deployment's AI proxy listens unless it was moved.
const PROXY_PORT: u16 = 8888;
/// How long a refused WebSocket is not tried again.
const NO_WEBSOCKET: Duration = Duration::from_secs(600);

/// A gateway that requests can go to.
pub struct Gateway {
    /// As configured.
    pub settings: config::Gateway,
    /// The way there.
    pub upstream: Upstream,
    /// Whether it is on this machine, so that requests carry the mark that finds circles.
    pub local: bool,
    held: ArcSwap<InForce>,
    /// Providers for which the managed policy lets nobody but the deployment pay.
    central_only: ArcSwap<BTreeSet<String>>,
    prefix: ArcSwap<Option<String>>,
    /// When asking for the prefix last failed, and why. Locked by whoever asks.
    probing: tokio::sync::Mutex<Option<(Instant, Fault)>>,
    reachable: AtomicU8,
    no_websocket_until: Mutex<Option<Instant>>,
    attempts: Mutex<Attempts>,
    header_command: Option<HeaderCommand>,
    account: tokio::sync::Mutex<account::Remembered>,
    models: tokio::sync::Mutex<models::Remembered>,
}

impl Gateway {
    /// For these settings, holding this.
    pub fn new(settings: config::Gateway, held: Held, here: Here) -> Self {
        let upstream = Upstream::new(&settings, here);
        let urls = settings.url.iter().chain(settings.providers.values().filter_map(|p| p.base_url.as_ref()));
        let local = urls.into_iter().any(is_local);
        let told = settings.coder_url.as_ref().or(settings.url.as_ref());
        let header_command = settings
            .header_command
            .as_deref()
            .map(|line| HeaderCommand::new(&settings.name, line, &url_text(told)));
        let gateway = Self {
            header_command,
            account: tokio::sync::Mutex::default(),
            models: tokio::sync::Mutex::default(),
            upstream,
            local,
            held: ArcSwap::default(),
            central_only: ArcSwap::default(),
            prefix: ArcSwap::from_pointee(None),
            probing: tokio::sync::Mutex::new(None),
            reachable: AtomicU8::new(0),
            no_websocket_until: Mutex::new(None),
            attempts: Mutex::default(),
            settings,
        };
        gateway.hold(held);
        gateway
    }

    /// What is held for it now. Whoever uses it for a request keeps it as long.
    pub fn held(&self) -> Arc<InForce> {
        self.held.load_full()
    }

    /// The user's own keys for these providers are not used, from what is held next on.
    pub fn central_only(&self, providers: BTreeSet<String>) {
        self.central_only.store(Arc::new(providers));
    }

    /// Holds something else from the next request on. What was given for another URL is not taken over: after a login
    /// there, a gateway of that URL is about to take this one's place.
    pub fn hold(&self, mut held: Held) {
        if held.url != bound_to(&self.settings) && held.token.take().is_some() {
            return;
        }
        held.keys.retain(|provider, _| {
            let url = self.settings.providers.get(provider).and_then(|settings| settings.base_url.as_ref());
            let bound = match self.settings.kind {
                GatewayKind::Generic => url_text(url),
                GatewayKind::Coder | GatewayKind::CoderStandalone => bound_to(&self.settings),
            };
            held.key_urls.get(provider) == Some(&bound) && !self.central_only.load().contains(provider)
        });
        if held.prefix.is_some() {
            self.prefix.store(Arc::new(held.prefix.clone()));
        }
        let before = self.held.load_full();
        self.held.store(Arc::new(InForce::after(&before, held)));
        self.forget_websocket();
        self.upstream.read_files_again();
    }

    /// The URL that a routed request goes to.
    ///
    /// # Errors
    /// When the gateway has no URL, or nothing there is an AI gateway.
    pub async fn uri(&self, route: &Route, query: Option<&str>) -> Result<Uri, Fault> {
        let (base, below) = match self.settings.kind {
            GatewayKind::Generic => {
                let base = self.settings.providers.get(&route.provider).and_then(|p| p.base_url.as_ref());
                let base = base.ok_or_else(|| no_url(&self.settings.name))?;
                (trimmed(base).to_owned(), route::below_base_url(&self.settings, route)?.to_owned())
            }
            GatewayKind::Coder | GatewayKind::CoderStandalone => {
                let prefix = self.prefix().await?;
                (format!("{}{prefix}", trimmed(self.url()?)), format!("/{}{}", route.provider, route.path))
            }
        };
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        format!("{base}{below}{query}")
            .parse()
            .map_err(|error| Fault::new(Kind::BadRequest, format!("the path cannot be sent on: {error}")))
    }

    /// The prefix of the AI gateway's routes: remembered, or found by asking.
    ///
    /// # Errors
    /// When the deployment cannot be reached, or has none of them.
    pub async fn prefix(&self) -> Result<String, Fault> {
        if self.settings.kind == GatewayKind::CoderStandalone {
            return Ok(String::new());
        }
        if let Some(prefix) = &**self.prefix.load() {
            return Ok(prefix.clone());
        }
        let came = Instant::now();
        let mut failed = self.probing.lock().await;
        if let Some(prefix) = &**self.prefix.load() {
            return Ok(prefix.clone());
        }
        // Of many that came while one was asking, not each waits for an answer of its own in turn.
        if let Some((at, fault)) = &*failed
            && *at >= came
        {
            return Err(fault.clone());
        }
        let found = self.find_prefix().await;
        match &found {
            Ok(prefix) => self.prefix.store(Arc::new(Some(prefix.clone()))),
            Err(fault) => *failed = Some((Instant::now(), fault.clone())),
        }
        found
    }

    /// The prefix of the AI gateway's routes, asked for now.
    ///
    /// # Errors
    /// As [`prefix`](Self::prefix).
    pub async fn find_prefix(&self) -> Result<String, Fault> {
        let base = trimmed(self.url()?);
        for prefix in API_PREFIXES {
            if deployment::has_prefix(self, &format!("{base}{prefix}")).await? {
                return Ok(prefix.to_owned());
            }
        }
        Err(Fault::new(
            Kind::WrongPrefix,
            format!("{base} has no AI gateway (neither {} nor {})", API_PREFIXES[0], API_PREFIXES[1]),
        ))
    }

    /// The prefix that is remembered.
    pub fn known_prefix(&self) -> Option<String> {
        (**self.prefix.load()).clone()
    }

    /// The deployment says that there is no such route: ask again where they are.
    pub fn forget_prefix(&self) {
        self.prefix.store(Arc::new(None));
    }

    /// Sends a request, and remembers whether the gateway was there.
    ///
    /// # Errors
    /// See [`Upstream::send`].
    pub async fn send(
        &self,
        build: impl Fn() -> Request<Outgoing>,
    ) -> Result<Response<hyper::body::Incoming>, Fault> {
        let result = self.upstream.send(build).await;
        self.saw(match &result {
            Ok(_) => true,
            Err(fault) => {
                use Kind::*;
                let away = [
                    GatewayUnreachable,
                    GatewayUntrusted,
                    Loop,
                    UpstreamProxyUnavailable,
                    UpstreamProxyFailed,
                ];
                !away.contains(&fault.kind)
            }
        });
        result
    }

    /// The fields that its front end wants of every request: those that are set, and those that a command prints.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn fields(&self) -> Result<Fields, Fault> {
        let printed = match &self.header_command {
            Some(command) => command.fields().await?,
            None => Fields::default(),
        };
        Ok(self.with_set_fields(&printed))
    }

    /// Other ones, after an answer that looks like the front end's refusal of these; `None` if there are none.
    pub async fn fields_after<B>(&self, answer: &Response<B>, used: &Fields) -> Option<Fields> {
        let command = self.header_command.as_ref().filter(|_| is_of_a_front(answer))?;
        let fields = self.with_set_fields(&command.anew().await.ok()?);
        (fields != *used).then_some(fields)
    }

    /// The command is run again for the next request.
    pub fn forget_fields(&self) {
        if let Some(command) = &self.header_command {
            command.forget();
        }
    }

    /// What is set stands behind what is printed, and wins.
    fn with_set_fields(&self, printed: &Fields) -> Fields {
        let set = self.settings.headers.iter().filter_map(|(name, value)| {
            let mut value: HeaderValue = value.parse().ok()?;
            value.set_sensitive(true);
            Some((name.parse::<HeaderName>().ok()?, value))
        });
        Arc::new(printed.iter().cloned().chain(set).collect())
    }

    /// The last check said so.
    pub fn saw(&self, reachable: bool) {
        self.reachable.store(if reachable { 1 } else { 2 }, Ordering::Relaxed);
    }

    /// Whether a WebSocket was refused lately, in a way that will stay so.
    pub fn refuses_websocket(&self) -> bool {
        self.websocket_lock().is_some_and(|until| Instant::now() < until)
    }

    /// A WebSocket was refused for good.
    pub fn refused_websocket(&self) {
        *self.websocket_lock() = Some(Instant::now() + NO_WEBSOCKET);
    }

    /// Tries WebSockets again: the login or the settings are new.
    pub fn forget_websocket(&self) {
        *self.websocket_lock() = None;
    }

    /// A tunnel to this host through the deployment's own AI proxy, with our token.
    ///
    /// # Errors
    /// When nobody is logged in, or the proxy is not there or does not let us.
    pub async fn relay(&self, host: &str, port: u16) -> Result<Pipe, Fault> {
        let proxy = credential::proxy_login(self.proxy_url()?, &self.settings.name, &self.held())?;
        let wanted = Wanted { host, port, block_private: false };
        self.upstream.through(&proxy, &wanted).await.map_err(|error| {
            let fault = Fault::from(&error);
            match fault.kind {
                Kind::UpstreamProxyFailed => Fault::new(fault.kind, fault.what)
                    .cure_with("run `aigwctl login`, or set `intercept.via = \"gateway\"`"),
                Kind::UpstreamProxyUnavailable => Fault::new(fault.kind, fault.what)
                    .cure_with("set `proxy_url` of the gateway, or `intercept.via = \"gateway\"`"),
                _ => fault,
            }
        })
    }

    fn proxy_url(&self) -> Result<Url, Fault> {
        if let Some(url) = &self.settings.proxy_url {
            return Ok(url.clone());
        }
        let mut url = self.coder_url()?.clone();
        url.set_path("/");
        // It has a host, so it can have a port.
        let _ = url.set_port(Some(PROXY_PORT));
        Ok(url)
    }

    /// What `status` says about it.
    pub fn status(&self, default: bool, place: Option<StoreKind>) -> GatewayStatus {
        let held = self.held();
        let url = self.settings.url.as_ref().or(self.settings.coder_url.as_ref());
        GatewayStatus {
            name: self.settings.name.clone(),
            url: url.map(|url| trimmed(url).to_owned()),
            kind: self.settings.kind.word().to_owned(),
            prefix: self.known_prefix(),
            default,
            reachable: match self.reachable.load(Ordering::Relaxed) {
                1 => Some(true),
                2 => Some(false),
                _ => None,
            },
            user: held.user.clone().filter(|_| !held.is_empty()),
            token: held.secrets().next().map(|secret| held.token_status(secret)),
            store: place.map(|place| place.word().to_owned()),
        }
    }

    /// The deployment's address.
    ///
    /// # Errors
    /// When it is not configured yet.
    pub fn url(&self) -> Result<&Url, Fault> {
        self.settings.url.as_ref().ok_or_else(|| no_url(&self.settings.name))
    }

    /// Where logins go: the deployment itself, or the one behind a stand-alone gateway.
    ///
    /// # Errors
    /// When it is not configured yet.
    pub fn coder_url(&self) -> Result<&Url, Fault> {
        self.settings.coder_url.as_ref().map_or_else(|| self.url(), Ok)
    }

    /// What its deployment last said of the account. Locked by whoever asks it.
    pub async fn account(&self) -> tokio::sync::MutexGuard<'_, account::Remembered> {
        self.account.lock().await
    }

    /// What its providers last listed. Locked by whoever asks them.
    pub async fn models(&self) -> tokio::sync::MutexGuard<'_, models::Remembered> {
        self.models.lock().await
    }

    /// How renewing its login goes.
    pub fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn websocket_lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.no_websocket_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a front end, and not the gateway, has refused: with a page, or by sending to one.
fn is_of_a_front<B>(answer: &Response<B>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    let page = kind.is_none_or(|kind| kind.starts_with(b"text/html"));
    let status = answer.status();
    page && (status.is_redirection() || [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status))
}

/// A URL without the slash at its end, ready to be continued.
pub fn trimmed(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// How a URL is written down beside what was given for it.
pub fn url_text(url: Option<&Url>) -> String {
    url.map_or_else(String::new, |url| trimmed(url).to_owned())
}

/// What a login at a gateway of these settings is bound to: its URL, and the deployment that logs in for it.
pub fn bound_to(settings: &config::Gateway) -> String {
    let url = url_text(settings.url.as_ref());
    match &settings.coder_url {
        Some(coder_url) if settings.kind == GatewayKind::CoderStandalone => {
            format!("{url} with logins at {}", trimmed(coder_url))
        }
        _ => url,
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

fn no_url(name: &str) -> Fault {
    Fault::new(Kind::NoGateway, format!("the gateway {name} has no URL yet"))
}
