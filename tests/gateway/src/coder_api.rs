//! The ordinary Coder API beside the gateway: who am I, tokens, build info, spend, and the pages a browser shows.

use std::time::Duration;

use http::{HeaderMap, Uri};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use crate::behaviour::Era;
use crate::clock;
use crate::front::Visit;
use crate::oauth;
use crate::reply::Reply;
use crate::scopes::{self, Right};
use crate::tokens::{Order, Purpose, Refused, Token, User};

const COOKIE: &str = "coder_session_token";
const SIGNED_OUT: &str = "You are signed out or your session has expired. Please sign in again to continue.";
/// What `users/me/ai/spend` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// What was spent, and the budget.
    OfBudget,
    /// What was spent; there is no budget.
    NoBudget,
    /// No such route (404), as before it came.
    Absent,
}

/// Far more than any request here needs.
pub(crate) const BODY_CAP: u64 = 1 << 20;

/// Answers below `/api/v2`, and `/cli-auth`.
pub(crate) async fn answer(visit: &Visit, mut body: Incoming) -> Reply {
    let Ok(sent) = visit.ticket.read(&mut body, &visit.about.ear, BODY_CAP).await else {
        return Reply::coder(400, "Request body must be valid JSON.", None);
    };
    let path: Vec<_> = visit.path.trim_start_matches('/').split('/').collect();
    let method = visit.head.method.as_str();
    match (method, path.as_slice()) {
        ("GET" | "HEAD", ["api", "v2"]) => return Reply::coder(200, "👋", None),
        ("GET" | "HEAD", ["api", "v2", "buildinfo"]) => return build_info(visit),
        ("GET" | "HEAD", ["healthz"]) => {
            return Reply::new(200).header("content-type", "text/plain").body("OK");
        }
        ("GET" | "HEAD", ["cli-auth"]) => return cli_auth(visit),
        ("GET" | "HEAD", [""] | ["login"]) => {
            return page("Practice deployment", "This deployment is for practice.");
        }
        (_, [".well-known", "oauth-authorization-server"] | ["oauth2", ..]) => {
            let absent = || Reply::coder(404, "Route not found.", None);
            return visit
                .behaviour
                .oauth
                .as_ref()
                .map_or_else(absent, |own| oauth::answer(visit, own, &sent));
        }
        (_, ["api", "v2", "users" | "entitlements", ..]) => {}
        _ => return Reply::coder(404, "Route not found.", None),
    }

    let right = match (method, &path[2..]) {
        ("POST", ["users", _, "keys", ..]) => Right::MakeKeys,
        ("DELETE", ["users", _, "keys", ..]) => Right::RemoveKeys,
        (_, ["users", _, "keys", ..]) => Right::ReadKeys,
        _ => Right::Oneself,
    };
    let (token, user) = match authenticate(visit, Some(right)) {
        Ok(who) => who,
        Err(refusal) => return refusal,
    };
    let request = || match sent.is_empty() {
        true => Ok(Map::new()),
        false => serde_json::from_slice::<Map<String, Value>>(&sent),
    };
    match (method, &path[2..]) {
        ("GET", ["entitlements"]) => entitlements(visit),
        ("GET", ["users", me]) if is_me(me, &user) => {
            Reply::json(200, &user.to_json(visit.site.tokens.clock.now()))
        }
        ("GET", ["users", me, "ai", "spend"]) if is_me(me, &user) => spend(visit),
        ("POST", ["users", me, "keys"]) if is_me(me, &user) => {
            let key = visit.site.tokens.issue(Order {
                user: &user.name,
                purpose: Purpose::Session,
                name: "",
                scopes: token.scopes,
                lifetime: visit.behaviour.session_lifetime,
            });
            Reply::json(201, &json!({ "key": key }))
        }
        ("POST", ["users", me, "keys", "tokens"]) if is_me(me, &user) => match request() {
            Ok(request) => mint(visit, &user, &request),
            Err(error) => Reply::coder(400, "Request body must be valid JSON.", Some(&error.to_string())),
        },
        ("GET", ["users", me, "keys", "tokens"]) if is_me(me, &user) => {
            let all = visit.site.tokens.of(&user.name);
            let named = all.iter().filter(|token| token.purpose == Purpose::Named);
            Reply::json(200, &named.map(|token| token.to_json(&user)).collect())
        }
        ("GET", ["users", me, "keys", "tokens", "tokenconfig"])
            if is_me(me, &user) && visit.behaviour.tells_token_lifetime =>
        {
            let longest = visit.behaviour.max_token_lifetime.as_nanos();
            Reply::json(200, &json!({ "max_token_lifetime": u64::try_from(longest).unwrap_or(u64::MAX) }))
        }
        ("GET", ["users", me, "keys", "tokens", name]) if is_me(me, &user) => {
            let named = |token: &Token| token.purpose == Purpose::Named && token.name == *name;
            one(visit, &user, named)
        }
        ("GET", ["users", me, "keys", id]) if is_me(me, &user) => one(visit, &user, |token| token.id == *id),
        ("DELETE", ["users", me, "keys", id]) if is_me(me, &user) => {
            let own = visit.site.tokens.of(&user.name).iter().any(|token| token.id == *id);
            if own && visit.site.tokens.revoke(id) { Reply::new(204) } else { not_found() }
        }
        _ => Reply::coder(404, "Route not found.", None),
    }
}

fn is_me(segment: &str, user: &User) -> bool {
    segment == "me" || segment == user.name || segment == user.id
}

/// Cookie, then query, then header.
fn session_token(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let pair =
        |text: &str| text.trim().split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let named = |(name, value): (String, String)| (name == COOKIE && !value.is_empty()).then_some(value);
    let cookies = headers.get_all("cookie").into_iter().filter_map(|line| line.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .find_map(|part| named(pair(part)?))
        .or_else(|| uri.query()?.split('&').find_map(|part| named(pair(part)?)))
        .or_else(|| Some(headers.get("coder-session-token")?.to_str().ok()?.to_owned()))
        .filter(|token| !token.is_empty())
}

/// Whose token this is, if it may do that (anybody may do nothing in particular).
pub(crate) fn authenticate(visit: &Visit, right: Option<Right>) -> Result<(Token, User), Reply> {
    let refuse = |detail: &str| Reply::coder(401, SIGNED_OUT, Some(detail));
    let Some(text) = session_token(&visit.head.headers, &visit.head.uri) else {
        return Err(refuse(&format!("Cookie \"{COOKIE}\" or query parameter must be provided.")));
    };
    let (token, user) = visit.site.tokens.check(&text).map_err(|refused| {
        visit.site.note_refused_token();
        match refused {
            Refused::Malformed => {
                refuse("Invalid API key format: incorrect amount of API key parts, expected 2")
            }
            Refused::Unknown | Refused::NoOwner => refuse("API key is invalid."),
            Refused::WrongSecret => refuse("API key secret is invalid."),
            Refused::Expired(at) => refuse(&format!("API key expired at \"{}\".", clock::text(at))),
        }
    })?;
    if user.suspended {
        let text =
            "User is not active (status = \"suspended\"). Contact an admin to reactivate your account.";
        return Err(Reply::coder(401, text, None));
    }
    if right.is_some_and(|right| !scopes::allow(&token.scopes, right)) {
        return Err(Reply::coder(403, "Forbidden.", Some("The scopes of this API key do not allow it.")));
    }
    visit.site.tokens.used(&token.id, !visit.behaviour.sessions_never_slide);
    // As it is after this use.
    visit.site.tokens.check(&text).map_err(|_| refuse("API key is invalid."))
}

fn mint(visit: &Visit, user: &User, request: &Map<String, Value>) -> Reply {
    if visit.behaviour.minting_refused {
        return Reply::coder(403, "Forbidden.", Some("API tokens are disabled by the administrator."));
    }
    let longest = visit.behaviour.max_token_lifetime;
    let lifetime = match request.get("lifetime").and_then(Value::as_i64) {
        None | Some(0) => longest.min(Duration::from_secs(720 * 3600)),
        Some(nanoseconds) => match u64::try_from(nanoseconds).map(Duration::from_nanos) {
            Ok(lifetime) if lifetime <= longest => lifetime,
            Ok(_) => return bad_lifetime(&format!("lifetime must be less than {}s", longest.as_secs())),
            Err(_) => return bad_lifetime("lifetime must be positive number"),
        },
    };
    let name = request.get("token_name").and_then(Value::as_str).unwrap_or_default();
    if !name.is_empty() && visit.site.tokens.of(&user.name).iter().any(|token| token.name == name) {
        let value = json!({
            "message": format!("A token with name \"{name}\" already exists."),
            "validations": [{ "field": "name", "detail": "This value is already in use and should be unique." }],
        });
        return Reply::json(409, &value);
    }
    let known = visit.behaviour.scopes;
    let many = request.get("scopes").filter(|_| known.lists).and_then(Value::as_array);
    let many = many.map(Vec::as_slice).unwrap_or_default();
    let mut scopes: Vec<_> =
        many.iter().chain(request.get("scope")).filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !known.know(scope)) {
        let detail = format!("invalid API key scope: \"{unknown}\"");
        return Reply::coder(400, "Failed to validate create API key request.", Some(&detail));
    }
    if scopes.is_empty() {
        scopes.push("all".to_owned());
    }
    let made_up = format!("token-{}", visit.site.tokens.of(&user.name).len() + 1);
    let name = if name.is_empty() { &made_up } else { name };
    let order = Order { user: &user.name, purpose: Purpose::Named, name, scopes, lifetime };
    Reply::json(201, &json!({ "key": visit.site.tokens.issue(order) }))
}

fn bad_lifetime(detail: &str) -> Reply {
    Reply::coder(400, "Failed to validate create API key request.", Some(detail))
}

fn one(visit: &Visit, user: &User, wanted: impl Fn(&Token) -> bool) -> Reply {
    let all = visit.site.tokens.of(&user.name);
    all.iter()
        .find(|token| wanted(token))
        .map_or_else(not_found, |token| Reply::json(200, &token.to_json(user)))
}

pub(crate) fn not_found() -> Reply {
    Reply::coder(404, "Resource not found or you do not have access to this resource", None)
}

fn build_info(visit: &Visit) -> Reply {
    let version = match visit.behaviour.era {
        Era::Old => "v2.33.0+practice",
        Era::New => "v2.36.0+practice",
    };
    Reply::json(
        200,
        &json!({
            "version": version,
            "external_url": "https://github.com/coder/coder",
            "dashboard_url": visit.url(),
            "telemetry": false,
            "workspace_proxy": false,
            "agent_api_version": "1.0",
            "provisioner_api_version": "1.0",
            "upgrade_message": "",
            "deployment_id": "00000000-0000-4000-8000-000000000000",
        }),
    )
}

fn entitlements(visit: &Visit) -> Reply {
    let (entitlement, enabled) = match (visit.behaviour.not_entitled, visit.behaviour.not_mounted) {
        (true, _) => ("not_entitled", false),
        (false, off) => ("entitled", !off),
    };
    Reply::json(
        200,
        &json!({
            "features": { "aibridge": { "entitlement": entitlement, "enabled": enabled } },
            "warnings": [],
            "errors": [],
            "has_license": true,
            "trial": false,
            "require_telemetry": false,
            "refreshed_at": clock::text(visit.site.tokens.clock.now()),
        }),
    )
}

fn spend(visit: &Visit) -> Reply {
    if visit.behaviour.not_entitled {
        return Reply::coder(403, "AI Gateway is a Premium feature. Contact sales!", None);
    }
    if visit.behaviour.spend == Spend::Absent || visit.behaviour.era == Era::Old {
        return Reply::coder(404, "Route not found.", None);
    }
    let now = visit.site.tokens.clock.now();
    let first = |month: time::Month, year: i32| {
        time::Date::from_calendar_date(year, month, 1).map_or(now, |date| date.midnight().assume_utc())
    };
    let next = now.month().next();
    let next_year = if next == time::Month::January { now.year() + 1 } else { now.year() };
    let mut answer = json!({
        "current_spend_micros": visit.behaviour.spend_cents * 10_000,
        "period_start": clock::text(first(now.month(), now.year())),
        "period_end": clock::text(first(next, next_year)),
    });
    if visit.behaviour.spend == Spend::OfBudget {
        let limit = visit.behaviour.budget_cents * 10_000;
        answer["effective_budget"] = json!({ "spend_limit_micros": limit, "limit_source": "user" });
    }
    Reply::json(200, &answer)
}

/// The page a person copies a session token from. Everybody is the one user of the setup here.
fn cli_auth(visit: &Visit) -> Reply {
    let token = visit.site.tokens.issue(Order {
        user: &visit.site.setup.user,
        purpose: Purpose::Session,
        name: "",
        scopes: vec!["all".to_owned()],
        lifetime: visit.behaviour.session_lifetime,
    });
    page("Session token", &format!("Paste this into your terminal: <code id=\"token\">{token}</code>"))
        .header("cache-control", "no-store")
}

fn page(title: &str, text: &str) -> Reply {
    Reply::new(200).header("content-type", "text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px system-ui;max-width:40em;margin:4em auto}}code{{user-select:all}}</style>\
         <h1>{title}</h1><p>{text}</p></html>\n"
    ))
}
