//! The page where a person allows a client, or does not. Whoever looks is logged in as the user of the setup.

use url::Url;

use super::store::{Allowed, Client};
use super::{OAuth, parameters};
use crate::front::Visit;
use crate::reply::Reply;

const KNOWN: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "resource",
    "code_challenge",
    "code_challenge_method",
];
/// Characters of a SHA-256 in base64url.
const CHALLENGE: usize = 43;

/// A request that may be allowed.
struct Wanted {
    client: Client,
    redirect_uri: String,
    state: Option<String>,
    challenge: String,
    scopes: Vec<String>,
}

pub(super) fn page(visit: &Visit, oauth: &OAuth) -> Reply {
    let wanted = match understand(visit, oauth) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let (client, user) = (escaped(&wanted.client.name), escaped(&visit.site.setup.user));
    let scopes = escaped(&wanted.scopes.join(", "));
    html(
        200,
        &format!(
            "<h1>Allow {client}?</h1><p>You are <b id=\"user\">{user}</b>. It asks for: <span id=\"scopes\">{scopes}</span></p>\
             <form method=\"post\"><button id=\"allow\" name=\"decision\" value=\"allow\">Allow</button> \
             <button id=\"deny\" name=\"decision\" value=\"deny\">Deny</button></form>"
        ),
    )
}

/// A button was pressed.
pub(super) fn decided(visit: &Visit, oauth: &OAuth, sent: &[u8]) -> Reply {
    let wanted = match understand(visit, oauth) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let decision = parameters(sent).unwrap_or_default();
    match decision.get("decision").map(String::as_str) {
        Some("allow") => {
            let allowed = Allowed {
                client: wanted.client.id,
                redirect_uri: wanted.redirect_uri.clone(),
                challenge: wanted.challenge,
                user: visit.site.setup.user.clone(),
                scopes: wanted.scopes,
            };
            let now = visit.site.tokens.clock.now();
            let code = visit.site.oauth.allow(allowed, now, oauth.code_lifetime);
            back(&wanted.redirect_uri, wanted.state.as_deref(), &[("code", &code)])
        }
        Some("deny") => {
            let why = [("error", "access_denied"), ("error_description", "The person said no")];
            back(&wanted.redirect_uri, wanted.state.as_deref(), &why)
        }
        _ => refused("Neither allowed nor denied."),
    }
}

/// Before the client and its address are known to be right, a fault is shown here; afterwards the client hears of it.
fn understand(visit: &Visit, oauth: &OAuth) -> Result<Wanted, Reply> {
    let given = parameters(visit.head.uri.query().unwrap_or_default().as_bytes())
        .map_err(|name| refused(&format!("The parameter {name} came twice.")))?;
    let get = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    if let Some(name) = given.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(refused(&format!("The parameter {name} is not known.")));
    }
    let client = visit.site.oauth.client(get("client_id")).ok_or_else(|| refused("No such client."))?;
    let redirect_uri = get("redirect_uri");
    if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return Err(refused("The redirect_uri is not the one that was registered."));
    }
    let state = given.get("state").cloned();
    let tell = |code: &str, text: &str| {
        Err(back(redirect_uri, state.as_deref(), &[("error", code), ("error_description", text)]))
    };
    if get("response_type") != "code" {
        return tell("unsupported_response_type", "Only code is supported");
    }
    let challenge = get("code_challenge");
    if get("code_challenge_method") != "S256" || challenge.len() != CHALLENGE {
        return tell("invalid_request", "PKCE with S256 is required");
    }
    let mut scopes: Vec<_> = get("scope").split_whitespace().map(str::to_owned).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !visit.behaviour.scopes.know(scope)) {
        return tell("invalid_scope", &format!("'{unknown}': unknown or unsupported scope"));
    }
    if scopes.is_empty() {
        scopes.push(oauth.default_scope.clone());
    }
    let (redirect_uri, challenge) = (redirect_uri.to_owned(), challenge.to_owned());
    Ok(Wanted { client, redirect_uri, state, challenge, scopes })
}

/// Sends the browser back to the client.
fn back(redirect_uri: &str, state: Option<&str>, what: &[(&str, &str)]) -> Reply {
    let Ok(mut url) = Url::parse(redirect_uri) else { return refused("The redirect_uri is no URL.") };
    url.query_pairs_mut().extend_pairs(what).extend_pairs(state.map(|state| ("state", state)));
    Reply::redirect(url.as_str()).header("cache-control", "no-store")
}

fn refused(text: &str) -> Reply {
    html(400, &format!("<h1>This cannot be allowed</h1><p id=\"why\">{}</p>", escaped(text)))
}

fn html(status: u16, body: &str) -> Reply {
    Reply::new(status)
        .header("content-type", "text/html; charset=utf-8")
        .header("cache-control", "no-store")
        .header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Practice deployment</title>\
             <style>body{{font:16px system-ui;max-width:40em;margin:4em auto}}</style>{body}</html>\n"
        ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
