//! The first look at a request: which part of the site is it for? And the last: write down what was answered.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};

use crate::behaviour::{Behaviour, Mounts};
use crate::body::{Body, Cut};
use crate::practice::Setup;
use crate::proxy::Proxy;
use crate::record::{Log, NOTHING, Outcome, Plane, Recorded, ResponseEnd, Ticket, Watched};
use crate::reply::{HangUp, Reply};
use crate::server::Connection;
use crate::tokens::Tokens;
use crate::{coder_api, data_plane, hold, management, oauth, opened, origin};

/// The state of the deployment, shared by all connections and kept over restarts.
pub(crate) struct Site {
    pub(crate) setup: Setup,
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) scripted: Mutex<VecDeque<Reply>>,
    pub(crate) tokens: Tokens,
    /// Requests whose token was refused.
    pub(crate) refused_tokens: AtomicU64,
    pub(crate) oauth: oauth::Store,
    pub(crate) log: Arc<Log>,
    pub(crate) connections: AtomicU64,
    pub(crate) in_flight: Arc<AtomicUsize>,
    /// Per token: the second and how many requests it saw.
    pub(crate) rates: Mutex<HashMap<String, (i64, u32)>>,
    /// Where it listens, once it does.
    pub(crate) address: OnceLock<SocketAddr>,
    pub(crate) proxy: Option<Arc<Proxy>>,
}

impl Site {
    pub(crate) fn behaviour(&self) -> Behaviour {
        hold(&self.behaviour).clone()
    }

    pub(crate) fn note_refused_token(&self) {
        self.refused_tokens.fetch_add(1, Ordering::SeqCst);
    }
}

/// One request on its way through the site, without its body.
pub(crate) struct Visit {
    pub(crate) site: Arc<Site>,
    /// As it was when the request arrived.
    pub(crate) behaviour: Behaviour,
    pub(crate) about: Connection,
    pub(crate) head: http::request::Parts,
    /// The path below the mount.
    pub(crate) path: String,
    /// Header lines as written.
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) ticket: Ticket,
}

impl Visit {
    /// `path` with the query, as the provider would get it.
    pub(crate) fn target(&self) -> String {
        match self.head.uri.query() {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The deployment's URL as this visitor knows it.
    pub(crate) fn url(&self) -> String {
        let header = || self.head.headers.get("host").and_then(|host| host.to_str().ok());
        let own = self.head.uri.authority().map(http::uri::Authority::as_str).or_else(header);
        let scheme = if self.about.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", own.unwrap_or("localhost"), self.site.setup.path)
    }

    /// Whether every line that the front end demands is there.
    fn passes_front(&self) -> bool {
        let has = |(name, value): &(String, String)| {
            self.head.headers.get_all(name).into_iter().any(|given| given.as_bytes() == value.as_bytes())
        };
        self.behaviour.front_demands.iter().all(has)
    }
}

/// Counts a provider request until its answer is over.
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Slot(Arc::clone(counter))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Answers one request, or does not.
pub(crate) async fn answer(
    site: Arc<Site>,
    about: Connection,
    request: Request<Incoming>,
) -> Result<Response<Watched<Option<Slot>>>, Cut> {
    let behaviour = site.behaviour();
    let (mut head, body) = request.into_parts();
    let http2 = head.version == Version::HTTP_2;
    let mut lines = header_lines(&about, &head, http2, !body.is_end_stream());
    let proxied = about.opened.as_ref().map(|opened| opened::mark(opened, &head, &lines));
    let served =
        about.opened.as_ref().is_none_or(|opened| opened::pass_on(&site, opened, &mut head, &mut lines));
    let mut place = locate(&site.setup.path, behaviour.mounts, head.uri.path());
    if !served || behaviour.origin.is_some() {
        let part = if served { Part::Origin } else { Part::Onward };
        place = Place { part, path: head.uri.path().to_owned() };
    }
    let ticket = site.log.begin(Recorded {
        http2,
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        path: place.path.clone(),
        headers: lines.clone(),
        proxied,
        ..Recorded::on(&about, place.part.plane())
    });
    let mut outcome = Outcome::new(ticket.clone());
    let bodiless = head.method == http::Method::HEAD;

    let requests = about.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let last = behaviour.requests_per_connection != 0 && requests >= behaviour.requests_per_connection;
    if last {
        about.enough.send_replace(true);
    }

    let slot = (place.part == Part::Provider).then(|| Slot::take(&site.in_flight));
    let visit = Visit { site, behaviour, about, head, path: place.path, lines, ticket: ticket.clone() };
    let mut response = dispatch(place.part, visit, body).await;
    if response.extensions().get::<HangUp>().is_some() {
        outcome.end(ResponseEnd::Cut);
        return Err(Cut);
    }
    if http2 {
        // Connection headers have no place there.
        response.headers_mut().remove(header::CONNECTION);
    } else if last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    ticket.update(|recorded| recorded.status = Some(response.status().as_u16()));
    Ok(response.map(|body| Watched::new(body, outcome, bodiless, slot)))
}

async fn dispatch(part: Part, visit: Visit, mut body: Incoming) -> Response<Body> {
    let stopped = (!visit.passes_front()).then(Reply::zero_trust_403);
    if let Some(reply) = stopped.or_else(|| visit.behaviour.answer_front.clone()) {
        // How the body ends is in the log; the answer does not depend on it.
        let _ = visit.ticket.read(&mut body, &visit.about.ear, NOTHING).await;
        tokio::time::sleep(reply.delay).await;
        return reply.into_response();
    }
    match part {
        Part::Provider => data_plane::answer(visit, body).await,
        Part::Management => management::answer(&visit, body).await.into_response(),
        Part::Origin => origin::answer(visit, body).await,
        Part::Onward => match visit.about.opened.clone() {
            Some(opened) => opened::to_real_host(&visit, &opened, body).await,
            None => Reply::new(502).into_response(),
        },
        Part::CoderApi => coder_api::answer(&visit, body).await.into_response(),
        Part::Health | Part::NoRoute | Part::Outside => {
            let _ = visit.ticket.read(&mut body, &visit.about.ear, NOTHING).await;
            match part {
                Part::Health if visit.path == "/readyz" && visit.behaviour.control_plane_away => {
                    Reply::new(503)
                }
                Part::Health => Reply::new(200),
                Part::Outside => Reply::plain(404, "404 page not found"),
                _ => Reply::coder(404, "Route not found.", None),
            }
            .into_response()
        }
    }
}

/// The lines as written where that could be followed, else as hyper has them.
fn header_lines(
    about: &Connection,
    head: &http::request::Parts,
    http2: bool,
    has_body: bool,
) -> Vec<(String, String)> {
    if !http2 && let Some(lines) = about.ear.take(head.method.as_str(), has_body) {
        return lines;
    }
    let mut lines = Vec::new();
    if http2 {
        about.ear.stop();
        lines.extend(head.uri.authority().map(|authority| (":authority".to_owned(), authority.to_string())));
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    lines.extend(head.headers.iter().map(|(name, value)| (name.to_string(), text(value))));
    lines
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Provider,
    Management,
    CoderApi,
    Health,
    /// Inside the deployment, but there is nothing.
    NoRoute,
    /// Not below the deployment's own path.
    Outside,
    /// This is no deployment.
    Origin,
    /// Not for the deployment, though it came through its proxy.
    Onward,
}

impl Part {
    fn plane(self) -> Plane {
        match self {
            Part::Provider => Plane::Provider,
            Part::Management => Plane::Management,
            Part::Origin => Plane::Origin,
            Part::Onward => Plane::Onward,
            Part::Health | Part::CoderApi | Part::NoRoute | Part::Outside => Plane::Ordinary,
        }
    }
}

#[derive(Debug)]
struct Place {
    part: Part,
    path: String,
}

const MANAGEMENT: &[&str] = &["sessions", "interceptions", "models", "clients", "providers", "proxy"];

fn locate(deployment: &str, mounts: Mounts, path: &str) -> Place {
    let place = |part, path: &str| Place { part, path: if path.is_empty() { "/" } else { path }.to_owned() };
    let Some(path) = below(deployment, path) else { return place(Part::Outside, path) };
    for (prefix, exists) in [("/api/v2/aibridge", mounts.aibridge), ("/api/v2/ai-gateway", mounts.ai_gateway)]
    {
        let Some(rest) = below(prefix, path) else { continue };
        let first = rest.split('/').nth(1).unwrap_or_default();
        return match exists {
            false => place(Part::NoRoute, path),
            true if mounts.coder_api && MANAGEMENT.contains(&first) => place(Part::Management, rest),
            true => place(Part::Provider, rest),
        };
    }
    match path {
        "/healthz" | "/readyz" if mounts.root => place(Part::Health, path),
        _ if path.starts_with("/api/") || !mounts.root => {
            place(if mounts.coder_api { Part::CoderApi } else { Part::NoRoute }, path)
        }
        "" | "/" | "/cli-auth" | "/login" | "/.well-known/oauth-authorization-server" if mounts.coder_api => {
            place(Part::CoderApi, path)
        }
        _ if mounts.coder_api && below("/oauth2", path).is_some() => place(Part::CoderApi, path),
        _ => place(Part::Provider, path),
    }
}

fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_site() {
        use Part::{CoderApi, Health, Management, NoRoute, Outside, Provider};
        let check = |deployment, mounts, path, part, below: &str| {
            let place = locate(deployment, mounts, path);
            assert_eq!((place.part, place.path.as_str()), (part, below), "{path}");
        };
        for (path, part, below) in [
            ("/api/v2/aibridge/openai/v1/models", Provider, "/openai/v1/models"),
            ("/api/v2/ai-gateway/openai", Provider, "/openai"),
            ("/api/v2/ai-gateway", Provider, "/"),
            ("/api/v2/ai-gateways/x", CoderApi, "/api/v2/ai-gateways/x"),
            ("/api/v2/aibridge/models", Management, "/models"),
            ("/api/v2/users/me", CoderApi, "/api/v2/users/me"),
            ("/openai/v1/models", CoderApi, "/openai/v1/models"),
        ] {
            check("", Mounts::coder(), path, part, below);
        }
        for (path, part, below) in [
            ("/openai/v1/models", Provider, "/openai/v1/models"),
            ("/healthz", Health, "/healthz"),
            ("/api/v2/ai-gateway/anthropic/v1/messages", Provider, "/anthropic/v1/messages"),
            ("/api/v2/aibridge/anthropic/v1/messages", NoRoute, "/api/v2/aibridge/anthropic/v1/messages"),
            ("/api/v2/users/me", NoRoute, "/api/v2/users/me"),
        ] {
            check("", Mounts::stand_alone(), path, part, below);
        }
        check("/coder", Mounts::coder(), "/coder/api/v2/buildinfo", CoderApi, "/api/v2/buildinfo");
        check("/coder", Mounts::coder(), "/api/v2/buildinfo", Outside, "/api/v2/buildinfo");
    }
}
