//! The path of every request, whichever door it came through.

pub mod admit;
pub mod body;
pub mod canned;
pub mod credential;
pub mod events;
pub mod explain;
pub mod headers;
pub mod hosts;
pub mod inbound;
pub mod onward;
pub mod present;
pub mod record;
pub mod relay;
pub mod route;
pub mod upstream;
pub mod websocket;

use std::sync::Arc;

use aigw_shared::config::{CredentialForm, GatewayKind};
use aigw_shared::fault::Fault;
use aigw_shared::finding::{Finding, Severity};
use http::header::{HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request, Response, Uri, Version};

use crate::app::App;
use crate::credentials::lease::InForce;
use crate::gateway::Gateway;
use crate::header_command::Fields;
use crate::keys::Admission;
use body::{Answer, Slot};
use credential::Attached;
use inbound::Inbound;
use record::Exchange;
use route::Route;
use upstream::Outgoing;

/// A request that is ready to be sent.
pub struct Call {
    /// Where to.
    pub gateway: Arc<Gateway>,
    /// Why there.
    pub route: Route,
    /// The full URL.
    pub uri: Uri,
    /// As received.
    pub method: Method,
    /// The fields that go along, our credential among them.
    pub headers: HeaderMap,
    /// Those among them that the front end wants.
    pub front: Fields,
    /// What was decided about credentials.
    pub attached: Attached,
    /// What our credential was taken from.
    pub held: Arc<InForce>,
}

/// Takes an admitted request to the gateway and brings the answer back.
pub async fn handle(app: &Arc<App>, inbound: Inbound, admission: Admission) -> Response<Answer> {
    if let Some(proof) = &admission.proof {
        return canned::answer(app, proof, &admission, inbound).await;
    }
    let Inbound { mut parts, body, .. } = inbound;
    let dialect = route::guess_dialect(parts.uri.path());
    if let Some(wanted) = websocket::wanted(&mut parts) {
        return websocket::relay(app, prepare(app, parts, &admission), wanted, dialect).await;
    }
    let slot = Slot::new(body, app.tasks.clone());
    let call = match prepare(app, parts, &admission).await {
        Ok(call) => call,
        Err(fault) => {
            slot.discard();
            return explain::refuse(&fault, dialect);
        }
    };
    let exchange = Exchange::begin(app.counters.clone(), &call.route.provider).using(call.held.clone());
    match call.gateway.send(|| call.request(&slot)).await {
        Ok(response) => {
            slot.settle();
            relay::back(app, &call, response, exchange).await
        }
        Err(fault) => {
            slot.discard();
            explain::reply(&fault, call.route.dialect)
        }
    }
}

/// Route, fields and credential: all that has to be known before anything is sent.
async fn prepare(app: &App, parts: Parts, admission: &Admission) -> Result<Call, Fault> {
    let current = app.current();
    if let Some(fault) = &current.closed {
        return Err(fault.clone());
    }
    let route = route::decide(&current.config, admission.gateway.as_deref(), parts.uri.path())?;
    if route.mended.is_some() {
        misdirected(app, &route);
    }
    let gateway = current
        .gateways
        .get(&route.gateway)
        .cloned()
        .ok_or_else(|| Fault::new(aigw_shared::fault::Kind::NoGateway, "no gateway is configured"))?;
    drop(current);

    let mut fields = parts.headers;
    let chunked = fields.get(TRANSFER_ENCODING).cloned();
    headers::clean_request(&mut fields);
    if let Some(chunked) = chunked.filter(|_| matches!(parts.method, Method::GET | Method::HEAD)) {
        // Without it hyper sends no body with these.
        fields.insert(TRANSFER_ENCODING, chunked);
    }
    let form =
        gateway.settings.providers.get(&route.provider).map_or(CredentialForm::Bearer, |p| p.credential);
    app.await_login(&gateway).await?;
    let held = gateway.held();
    let attached = credential::attach(&mut fields, &route, gateway.settings.kind, form, &held)?;
    if attached.tool_holds_token {
        app.health.note(
            &admission.name,
            Finding::new(
                "tool-holds-token",
                Severity::Warning,
                format!(
                    "the tool with the local key `{}` sent a deployment's token of its own; it was dropped",
                    admission.name
                ),
                "give the tool its local key alone: `aigwctl env`",
            ),
        );
    }
    let front = gateway.fields().await?;
    for (name, value) in front.iter() {
        fields.insert(name.clone(), value.clone());
    }
    if gateway.local {
        fields.insert(admit::LOOP_MARKER, HeaderValue::from_static("1"));
    }
    let uri = gateway.uri(&route, parts.uri.query()).await?;
    Ok(Call { gateway, route, uri, method: parts.method, headers: fields, front, attached, held })
}

impl Call {
    /// The request for one attempt to send it.
    pub fn request(&self, slot: &Slot) -> Request<Outgoing> {
        let mut request = Request::new(Outgoing::Relay(slot.upload()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Whether the gateway is Coder's.
    pub fn is_coder(&self) -> bool {
        self.gateway.settings.kind != GatewayKind::Generic
    }
}

/// A tool has a base URL that only works because we know what it means.
fn misdirected(app: &App, route: &Route) {
    let asked = route.mended.as_deref().unwrap_or_default();
    let port = app.listening().first().map_or(0, |address| address.port());
    let base = match route.dialect {
        aigw_shared::provider::Dialect::Anthropic => format!("http://127.0.0.1:{port}/{}", route.provider),
        aigw_shared::provider::Dialect::OpenAi => format!("http://127.0.0.1:{port}/{}/v1", route.provider),
    };
    app.health.note(
        asked,
        Finding::new(
            "tool-misdirected",
            Severity::Note,
            format!("a tool asked for {asked}, which was taken as /{}{}", route.provider, route.path),
            format!("set its base URL to {base}"),
        ),
    );
}
