//! The few calls of a deployment's ordinary API that a login needs, and the question which prefix works.

pub mod account;
pub mod models;
pub mod oauth;
pub mod sessions;
pub mod tokens;

use aigw_shared::config::CredentialForm;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::{self, Dialect};
use aigw_shared::secret::Secret;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::credentials::Held;
use crate::gateway::Gateway;
use crate::header_command::Fields;
use crate::pipeline::admit::LOOP_MARKER;
use crate::pipeline::credential;
use crate::pipeline::route::API_PREFIXES;
use crate::pipeline::upstream::Outgoing;

/// An answer of the ordinary API is longer than this only if it is none.
const MAX_ANSWER: usize = 1024 * 1024;

/// Who a token belongs to.
#[derive(Debug, Deserialize)]
pub struct User {
    /// The login name.
    pub username: String,
}

/// Whether an AI gateway answers under this prefix. Asked without a token: the gateway then says 400, and a deployment
/// without that prefix says that it has no such route.
///
/// # Errors
/// When nobody answers.
pub async fn has_prefix(gateway: &Gateway, prefix: &str) -> Result<bool, Fault> {
    let (status, body) = get(gateway, &format!("{prefix}/anthropic/v1/models"), &[]).await?;
    let worded = serde_json::from_slice::<Message>(&body).is_ok();
    Ok(match status {
        StatusCode::NOT_FOUND => worded && !says_no_route(&body),
        status if status.is_server_error() && !worded => return Err(away(prefix, status)),
        status => !status.is_redirection() && !status.is_success(),
    })
}

/// A load balancer speaks for a deployment that is not there, and cannot know what it has.
fn away(url: &str, status: StatusCode) -> Fault {
    Fault::new(Kind::GatewayUnreachable, format!("{url} answers {status}"))
}

/// Whether this is the body by which a deployment says that it does not have a path.
pub fn says_no_route(body: &[u8]) -> bool {
    serde_json::from_slice::<Message>(body).is_ok_and(|body| body.message == "Route not found.")
}

/// By how many seconds the deployment's clock is ahead of ours, to the second that its answers are dated with. `None`
/// when they are not.
///
/// # Errors
/// When nobody answers.
pub async fn ahead_s(gateway: &Gateway) -> Result<Option<i64>, Fault> {
    let url = format!("{}/api/v2/buildinfo", crate::gateway::trimmed(gateway.coder_url()?));
    let answer = answered(gateway, Method::GET, &url, &[], None).await?;
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let theirs = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    Ok(theirs.map(|theirs| theirs.unix_timestamp() - crate::now()))
}

/// Who the token belongs to. This also extends a session, which use of the gateway alone does not.
///
/// # Errors
/// `TokenRejected` when the deployment does not take it.
pub async fn me(gateway: &Gateway, token: &Secret) -> Result<User, Fault> {
    let base = crate::gateway::trimmed(gateway.coder_url()?).to_owned();
    let (status, body) =
        get(gateway, &format!("{base}/api/v2/users/me"), &[credential::session(token)?]).await?;
    match status {
        StatusCode::OK => serde_json::from_slice(&body).map_err(|_| {
            Fault::new(Kind::WrongPrefix, format!("{base} does not answer as a Coder deployment does"))
        }),
        StatusCode::UNAUTHORIZED => {
            let said =
                serde_json::from_slice::<Message>(&body).map_or_else(|_| String::new(), |body| body.said());
            Err(Fault::new(Kind::TokenRejected, format!("{base} does not accept this token{said}"))
                .cure_with("get a new one: `aigwctl login`"))
        }
        status if status.is_server_error() => Err(away(&base, status)),
        status => Err(Fault::new(
            Kind::WrongPrefix,
            format!("{base} answers {status} where a Coder deployment says who you are"),
        )),
    }
}

/// How the provider routes take a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They let it in, whatever they say then.
    Taken,
    /// They do not.
    Refused,
}

/// How the gateway's provider routes take this token.
///
/// # Errors
/// When nobody answers.
pub async fn standing(gateway: &Gateway, token: &Secret) -> Result<Standing, Fault> {
    let prefix = gateway.prefix().await?;
    let url = format!("{}{prefix}/anthropic/v1/models", crate::gateway::trimmed(gateway.url()?));
    let field = credential::provider_field(CredentialForm::Bearer, token)?;
    Ok(match provider_takes(gateway, &url, field).await? {
        Some(false) => Standing::Refused,
        _ => Standing::Taken,
    })
}

/// The CA of the deployment's own AI proxy, in PEM.
///
/// # Errors
/// When nobody answers, or there is no such proxy.
pub async fn proxy_ca(gateway: &Gateway) -> Result<String, Fault> {
    let held = gateway.held();
    let token = held.token.as_ref().ok_or_else(|| credential::not_logged_in(&gateway.settings.name))?;
    let base = crate::gateway::trimmed(gateway.coder_url()?).to_owned();
    let prefix = gateway.known_prefix().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.unwrap_or_else(|| API_PREFIXES[0].to_owned());
    let url = format!("{base}{prefix}/proxy/ca-cert.pem");
    let (status, body) = get(gateway, &url, &[credential::session(token)?]).await?;
    match status {
        StatusCode::OK => String::from_utf8(body.to_vec())
            .map_err(|_| Fault::new(Kind::UpstreamFailed, format!("{url} is no text"))),
        _ => Err(Fault::new(
            Kind::GatewayRefused,
            format!("{base} has no AI proxy whose certificates could be trusted: it answers {status}"),
        )
        .cure_with("ask the deployment's administrator, or set `intercept.via = \"gateway\"`")),
    }
}

/// Whether the gateway lets its user's own key for a provider through, and the provider takes it. A provider without a
/// route to ask takes it unasked.
///
/// # Errors
/// When it does not.
pub async fn takes_own_key(
    gateway: &Gateway,
    held: &Held,
    provider: &str,
    key: &Secret,
) -> Result<(), Fault> {
    let prefix = gateway.prefix().await?;
    let url = format!("{}{prefix}/{provider}/v1/models", crate::gateway::trimmed(gateway.url()?));
    let set = gateway.settings.providers.get(provider).and_then(|settings| settings.dialect);
    let dialect = set.or(provider::known(provider).map(|known| known.dialect)).unwrap_or(Dialect::OpenAi);
    let mut fields = credential::own_key(&gateway.settings.name, dialect, key, held)?.to_vec();
    fields.push((HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01")));
    let (status, body) = get(gateway, &url, &fields).await?;
    match status {
        StatusCode::FORBIDDEN if says_no_own_keys(&body) => Err(own_keys_refused(provider)),
        StatusCode::UNAUTHORIZED => {
            Err(Fault::new(Kind::TokenRejected, format!("the provider {provider} does not accept this key"))
                .cure_with(format!("get a new one, and run `aigwctl byok set {provider}` again")))
        }
        StatusCode::NOT_FOUND => {
            Err(Fault::new(Kind::Usage, format!("the gateway has no provider {provider:?}")))
        }
        status if status.is_server_error() => Err(away(&url, status)),
        _ => Ok(()),
    }
}

/// Whether this is the body by which a gateway says that its users may not bring keys of their own.
pub fn says_no_own_keys(body: &[u8]) -> bool {
    serde_json::from_slice::<Message>(body).is_ok_and(|body| body.message.starts_with("Bring Your Own Key"))
}

/// That, in words that help.
pub fn own_keys_refused(provider: &str) -> Fault {
    Fault::new(
        Kind::GatewayRefused,
        format!("the deployment does not let its users bring their own key for {provider}"),
    )
    .cure_with(format!(
        "use the deployment's key (`aigwctl byok unset {provider}`, or `mode = \"central\"`), or ask its administrator to allow it"
    ))
}

/// How the ordinary API says no, if it does.
fn words(body: &[u8]) -> Option<String> {
    Some(serde_json::from_slice::<Message>(body).ok()?.text())
}

/// Whether a provider takes this key: `None` when it has no route to ask.
///
/// # Errors
/// When nobody answers.
pub async fn provider_takes(
    gateway: &Gateway,
    models: &str,
    field: Option<(HeaderName, HeaderValue)>,
) -> Result<Option<bool>, Fault> {
    let mut fields: Vec<_> = field.into_iter().collect();
    fields.push((HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01")));
    let (status, _) = get(gateway, models, &fields).await?;
    Ok(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(false),
        status if status.is_success() => Some(true),
        _ => None,
    })
}

async fn get(
    gateway: &Gateway,
    url: &str,
    fields: &[(HeaderName, HeaderValue)],
) -> Result<(StatusCode, Bytes), Fault> {
    ask(gateway, Method::GET, url, fields, None).await
}

/// One call. A body comes with its media type.
async fn ask(
    gateway: &Gateway,
    method: Method,
    url: &str,
    fields: &[(HeaderName, HeaderValue)],
    body: Option<(&'static str, Bytes)>,
) -> Result<(StatusCode, Bytes), Fault> {
    let response = answered(gateway, method, url, fields, body).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|error| {
        Fault::new(Kind::UpstreamFailed, format!("the deployment's answer broke off: {error}"))
    })?;
    Ok((status, body.to_bytes()))
}

/// The same as far as the answer's head, with the fields that the gateway wants of every call.
async fn answered(
    gateway: &Gateway,
    method: Method,
    url: &str,
    fields: &[(HeaderName, HeaderValue)],
    body: Option<(&'static str, Bytes)>,
) -> Result<Response<Incoming>, Fault> {
    let uri: Uri = url
        .parse()
        .map_err(|error| Fault::new(Kind::BadConfiguration, format!("{url} cannot be asked: {error}")))?;
    let front = gateway.fields().await?;
    let build = |front: &Fields| {
        let mut request = Request::new(Outgoing::Own(body.as_ref().map(|(_, bytes)| bytes.clone())));
        *request.method_mut() = method.clone();
        request.uri_mut().clone_from(&uri);
        if let Some((kind, _)) = &body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let agent = HeaderValue::from_static(concat!("aigwd/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        for (name, value) in front.iter().chain(fields) {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        if gateway.local {
            request.headers_mut().insert(LOOP_MARKER, HeaderValue::from_static("1"));
        }
        request
    };
    let mut response = gateway.send(|| build(&front)).await?;
    if let Some(other) = gateway.fields_after(&response, &front).await {
        response = gateway.send(|| build(&other)).await?;
    }
    if is_aigwd(&response) {
        return Err(Fault::new(Kind::Loop, "this URL leads to an aigwd, not to a deployment"));
    }
    Ok(response)
}

fn is_aigwd<B>(response: &Response<B>) -> bool {
    response.headers().contains_key("x-aigw-error")
}

/// How the ordinary API says no.
#[derive(Deserialize)]
struct Message {
    message: String,
    detail: Option<String>,
}

impl Message {
    fn said(&self) -> String {
        format!(" ({})", self.text())
    }

    fn text(&self) -> String {
        self.detail.as_deref().unwrap_or(&self.message).trim_end_matches('.').to_owned()
    }
}

/// A point in time of the deployment's, in seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    Some(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp())
}
