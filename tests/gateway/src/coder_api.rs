//! The ordinary Coder API beside the gateway: who am I, tokens, build info, and the management routes.

use std::time::Duration;

use http::{HeaderMap, Uri};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::front::Visit;
use crate::reply::Reply;
use crate::tokens::{Order, Purpose, Refused, Token, User};

/// Stands in every answer of a management route, so that a test can see whether one leaked.
pub const MANAGEMENT_MARK: &str = "practice-management-data";

const COOKIE: &str = "coder_session_token";
const SIGNED_OUT: &str = "You are signed out or your session has expired. Please sign in again to continue.";
/// Far more than any request here needs.
const BODY_CAP: u64 = 1 << 20;

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
        (_, ["api", "v2", "users" | "entitlements", ..]) => {}
        _ => return Reply::coder(404, "Route not found.", None),
    }

    let (token, user) = match authenticate(visit) {
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

/// Answers the management routes directly below a gateway mount.
pub(crate) async fn management(visit: &Visit, mut body: Incoming) -> Reply {
    // How the body ends is in the log; the answer does not depend on it.
    let _ = visit.ticket.read(&mut body, &visit.about.ear, BODY_CAP).await;
    let (_, user) = match authenticate(visit) {
        Ok(who) => who,
        Err(refusal) => return refusal,
    };
    let session = || {
        json!({
            "id": "00000000-0000-4000-8000-0000000000aa",
            "client": "Claude Code",
            "initiator": { "id": user.id, "username": user.name, "name": user.name, "avatar_url": "" },
            "models": ["claude-sonnet-4-5"],
            "providers": ["anthropic"],
            "started_at": "2026-01-01T00:00:00Z",
            "ended_at": null,
            "last_active_at": "2026-01-01T00:00:00Z",
            "last_prompt": MANAGEMENT_MARK,
            "threads": 1,
            "token_usage_summary": {
                "input_tokens": 25,
                "output_tokens": 12,
                "cache_read_input_tokens": 0,
                "cache_write_input_tokens": 0,
            },
            "network_calls": 0,
            "metadata": {},
        })
    };
    let path: Vec<_> = visit.path.trim_start_matches('/').split('/').collect();
    match path.as_slice() {
        ["sessions"] => Reply::json(200, &json!({ "count": 1, "sessions": [session()] })),
        ["sessions", _] => {
            let mut detail = session();
            detail["threads"] =
                json!([{ "prompt": MANAGEMENT_MARK, "tool_calls": [], "credential_kind": "centralized" }]);
            Reply::json(200, &detail)
        }
        ["models" | "clients" | "providers"] => Reply::json(200, &json!([MANAGEMENT_MARK])),
        ["proxy", "ca-cert.pem"] if !visit.behaviour.proxy.off => match &visit.site.proxy {
            None => not_found(),
            Some(proxy) => Reply::new(200)
                .header("content-type", "application/x-pem-file")
                .header("content-disposition", "attachment; filename=ca-cert.pem")
                .body(proxy.authority.pem().to_owned()),
        },
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

fn authenticate(visit: &Visit) -> Result<(Token, User), Reply> {
    let refuse = |detail: &str| Reply::coder(401, SIGNED_OUT, Some(detail));
    let Some(text) = session_token(&visit.head.headers, &visit.head.uri) else {
        return Err(refuse(&format!("Cookie \"{COOKIE}\" or query parameter must be provided.")));
    };
    let (token, user) = visit.site.tokens.check(&text).map_err(|refused| match refused {
        Refused::Malformed => refuse("Invalid API key format: incorrect amount of API key parts, expected 2"),
        Refused::Unknown | Refused::NoOwner => refuse("API key is invalid."),
        Refused::WrongSecret => refuse("API key secret is invalid."),
        Refused::Expired(at) => refuse(&format!("API key expired at \"{}\".", clock::text(at))),
    })?;
    if user.suspended {
        let text =
            "User is not active (status = \"suspended\"). Contact an admin to reactivate your account.";
        return Err(Reply::coder(401, text, None));
    }
    visit.site.tokens.used(&token.id, !visit.behaviour.sessions_never_slide);
    // As it is after this use.
    visit.site.tokens.check(&text).map_err(|_| refuse("API key is invalid."))
}

fn mint(visit: &Visit, user: &User, request: &Map<String, Value>) -> Reply {
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
    let many = request.get("scopes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut scopes: Vec<_> =
        many.iter().chain(request.get("scope")).filter_map(Value::as_str).map(str::to_owned).collect();
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

fn not_found() -> Reply {
    Reply::coder(404, "Resource not found or you do not have access to this resource", None)
}

fn build_info(visit: &Visit) -> Reply {
    let own = visit.head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if visit.about.tls { "https" } else { "http" };
    let version = match visit.behaviour.era {
        crate::Era::Old => "v2.33.0+practice",
        crate::Era::New => "v2.36.0+practice",
    };
    Reply::json(
        200,
        &json!({
            "version": version,
            "external_url": "https://github.com/coder/coder",
            "dashboard_url": format!("{scheme}://{own}{}", visit.site.setup.path),
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
    let now = visit.site.tokens.clock.now();
    let first = |month: time::Month, year: i32| {
        time::Date::from_calendar_date(year, month, 1).map_or(now, |date| date.midnight().assume_utc())
    };
    let next = now.month().next();
    let next_year = if next == time::Month::January { now.year() + 1 } else { now.year() };
    Reply::json(
        200,
        &json!({
            "effective_budget": { "spend_limit_micros": visit.behaviour.budget_cents * 10_000, "limit_source": "user" },
            "current_spend_micros": visit.behaviour.spend_cents * 10_000,
            "period_start": clock::text(first(now.month(), now.year())),
            "period_end": clock::text(first(next, next_year)),
        }),
    )
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
