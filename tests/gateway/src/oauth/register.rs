//! Registration of clients by themselves (RFC 7591), and their removal (RFC 7592).

use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::store::Client;
use super::{OAuth, Registration, error};
use crate::front::Visit;
use crate::reply::Reply;

/// The method of a client that names none.
const USUAL_METHOD: &str = "client_secret_basic";

pub(super) fn register(visit: &Visit, oauth: &OAuth, sent: &[u8]) -> Reply {
    if oauth.registration == Registration::Refused {
        return error(403, "access_denied", "Dynamic client registration is disabled");
    }
    let bad = |text: &str| error(400, "invalid_client_metadata", text);
    let Ok(request) = serde_json::from_slice::<Map<String, Value>>(sent) else {
        return bad("the request is no JSON object");
    };
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = |name: &str| -> Vec<String> {
        let list = request.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let redirect_uris = list("redirect_uris");
    if redirect_uris.is_empty() || !redirect_uris.iter().all(|uri| fit(uri)) {
        return error(400, "invalid_redirect_uri", "https, or http on a loopback address, and no fragment");
    }
    let method = match text("token_endpoint_auth_method") {
        "" => USUAL_METHOD,
        method => method,
    };
    if !oauth.auth_methods.iter().any(|known| known == method) {
        return bad("unsupported token_endpoint_auth_method");
    }
    let client = Client::new(text("client_name"), redirect_uris, method);
    let mut answer = json!({
        "client_id": client.id,
        "client_id_issued_at": visit.site.tokens.clock.now().unix_timestamp(),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "registration_access_token": client.registration_token,
        "registration_client_uri": format!("{}/oauth2/clients/{}", visit.url(), client.id),
    });
    if let Some(secret) = &client.secret {
        answer["client_secret"] = secret.as_str().into();
        answer["client_secret_expires_at"] = 0.into();
    }
    visit.site.oauth.add(client);
    Reply::json(201, &answer).header("cache-control", "no-store")
}

/// Where a browser may be sent with a code.
fn fit(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.fragment().is_none() && (url.scheme() == "https" || url.scheme() == "http" && loopback)
}

pub(super) fn remove(visit: &Visit, id: &str) -> Reply {
    let bearer = visit.head.headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer "));
    match visit.site.oauth.client(id) {
        Some(client) if token == Some(client.registration_token.as_str()) => {
            visit.site.oauth.remove(id, &visit.site.tokens);
            Reply::new(204)
        }
        _ => error(401, "invalid_token", "no such client, or not its token"),
    }
}
