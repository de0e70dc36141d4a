//! A request inside a CONNECT that the proxy has opened: how it becomes one to the gateway, or goes to the real host.

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;

use crate::body::Body;
use crate::connect;
use crate::front::{Site, Visit};
use crate::reply::Reply;
use crate::upstream::{GOVERNANCE_REQUEST_ID, GOVERNANCE_TOKEN, bearer};

/// How a request came through the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThroughProxy {
    /// The host of the CONNECT, in lower case.
    pub host: String,
    /// The provider it was opened for.
    pub provider: String,
    /// Method and target inside.
    pub line: String,
    /// Header lines as the client wrote them inside. ([`crate::Recorded::headers`] has what the gateway was sent.)
    pub headers: Vec<(String, String)>,
}

/// The CONNECT that a request came through.
pub(crate) struct Opened {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) provider: String,
    pub(crate) token: String,
}

/// Turns a request inside an opened CONNECT into the one that the gateway is sent. False when the provider is not
/// served any more, and the request belongs to the real host.
pub(crate) fn pass_on(
    site: &Site,
    opened: &Opened,
    head: &mut http::request::Parts,
    lines: &mut Vec<(String, String)>,
) -> bool {
    let behaviour = site.behaviour();
    let upgrade = head.headers.contains_key(header::UPGRADE);
    let dropped = |name: &str| match name {
        "proxy-connection" | "proxy-authenticate" | "proxy-authorization" | "accept-encoding" => true,
        "connection" => !upgrade,
        _ => false,
    };
    for name in ["proxy-connection", "proxy-authenticate", "proxy-authorization", "accept-encoding"] {
        head.headers.remove(name);
    }
    if !upgrade {
        head.headers.remove(header::CONNECTION);
    }
    lines.retain(|(name, _)| !dropped(&name.to_ascii_lowercase()));

    let served = |row: &crate::Provider| {
        row.enabled && row.name == opened.provider && row.host.eq_ignore_ascii_case(&opened.host)
    };
    if !behaviour.providers.iter().any(served) {
        return false;
    }
    let mount = match behaviour.mounts {
        mounts if mounts.aibridge => "/api/v2/aibridge",
        mounts if mounts.ai_gateway => "/api/v2/ai-gateway",
        _ => "",
    };
    let inner = head.uri.path_and_query().map_or("/", |inner| inner.as_str());
    let mapped = format!("{}{mount}/{}{inner}", site.setup.path, opened.provider);
    if let Ok(mapped) = mapped.parse() {
        head.uri = mapped;
    }

    let governed = wants_governance(&head.headers, &opened.token);
    let mut set = |name: &'static str, value: &str| {
        lines.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        lines.push((name.to_owned(), value.to_owned()));
        if let Ok(value) = HeaderValue::from_str(value) {
            head.headers.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some(address) = site.address.get() {
        set("host", &address.to_string());
    }
    set(GOVERNANCE_REQUEST_ID, &crate::tokens::random_uuid());
    if governed {
        set(GOVERNANCE_TOKEN, &opened.token);
    }
    true
}

/// A bearer of the client's own, and no governance header.
fn wants_governance(headers: &HeaderMap, token: &str) -> bool {
    !headers.contains_key(GOVERNANCE_TOKEN) && bearer(headers).is_some_and(|own| own != token)
}

/// The mark of a request inside an opened CONNECT.
pub(crate) fn mark(opened: &Opened, head: &http::request::Parts, lines: &[(String, String)]) -> ThroughProxy {
    ThroughProxy {
        host: opened.host.clone(),
        provider: opened.provider.clone(),
        line: format!("{} {}", head.method, head.uri),
        headers: lines.to_vec(),
    }
}

/// Sends a request on to the real host. (Upgrades are not carried over.)
pub(crate) async fn to_real_host(visit: &Visit, opened: &Opened, mut body: Incoming) -> Response<Body> {
    let Ok(sent) = visit.ticket.read(&mut body, &visit.about.ear, 32 << 20).await else {
        return Reply::new(400).into_response();
    };
    let reached = async {
        let proxy = visit.site.proxy.as_ref()?;
        let place = (opened.host.as_str(), opened.port);
        let stream = connect::dial(place, &visit.behaviour.proxy.detours, |_| true).await.ok()?;
        let name = ServerName::try_from(opened.host.clone()).ok()?;
        let stream = proxy.connector.connect(name, stream).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(sent));
        *request.method_mut() = visit.head.method.clone();
        *request.uri_mut() = visit.head.uri.clone();
        *request.headers_mut() = visit.head.headers.clone();
        sender.send_request(request).await.ok()
    };
    match reached.await {
        Some(response) => response.map(|body| body.map_err(|_| crate::body::Cut).boxed_unsync()),
        None => Reply::plain(502, "Bad Gateway").into_response(),
    }
}
