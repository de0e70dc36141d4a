//! The management routes directly below a gateway mount: what was done with the gateway, and its names of things.

use std::collections::BTreeMap;

use hyper::body::Incoming;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::clock;
use crate::coder_api::{BODY_CAP, authenticate, not_found};
use crate::front::Visit;
use crate::reply::Reply;
use crate::scopes::Right;
use crate::tokens::User;

/// Stands in every answer of a management route, so that a test can see whether one leaked.
pub const MANAGEMENT_MARK: &str = "practice-management-data";

/// What the gateway tells of what was done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Sessions.
    Sessions,
    /// Single interceptions, as releases before sessions.
    Interceptions,
}

/// Sessions on a page when nothing is said, and at most.
const PAGE: (usize, usize) = (100, 1000);
const CLIENTS: [&str; 3] = ["Claude Code", "Codex", "GitHub Copilot (VS Code)"];

/// Answers them.
pub(crate) async fn answer(visit: &Visit, mut body: Incoming) -> Reply {
    // How the body ends is in the log; the answer does not depend on it.
    let _ = visit.ticket.read(&mut body, &visit.about.ear, BODY_CAP).await;
    let path: Vec<_> = visit.path.trim_start_matches('/').split('/').collect();
    let right = (path.first() != Some(&"proxy")).then_some(Right::Sessions);
    let (_, user) = match authenticate(visit, right) {
        Ok(who) => who,
        Err(refusal) => return refusal,
    };
    let history = visit.behaviour.history;
    match path.as_slice() {
        ["sessions"] if history == History::Sessions => list(visit, &user, "sessions", session),
        ["interceptions"] if history == History::Interceptions => list(visit, &user, "results", interception),
        ["sessions", id] if history == History::Sessions => {
            let all = 0..visit.behaviour.history_length;
            let found = all.map(|number| session(visit, &user, number)).find(|session| session["id"] == *id);
            let Some(mut detail) = found else { return not_found() };
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

/// A page of them, newest first: after the one of an id, or from a number on.
fn list(visit: &Visit, user: &User, field: &str, one: fn(&Visit, &User, usize) -> Value) -> Reply {
    let query = form_urlencoded::parse(visit.head.uri.query().unwrap_or_default().as_bytes());
    let query: BTreeMap<_, _> = query.into_owned().collect();
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<usize>().ok());
    let limit = number("limit").filter(|limit| *limit != 0).unwrap_or(PAGE.0).min(PAGE.1);
    let mut rows: Vec<_> =
        (0..visit.behaviour.history_length).map(|number| one(visit, user, number)).collect();
    let count = rows.len();
    let begin = match query.get("after_session_id").or_else(|| query.get("after_id")) {
        Some(id) => rows.iter().position(|row| row["id"] == id.as_str()).map_or(count, |at| at + 1),
        None => number("offset").unwrap_or(0).min(count),
    };
    rows.drain(..begin);
    rows.truncate(limit);
    Reply::json(200, &json!({ "count": count, field: rows }))
}

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{:012x}", 0xaa + number)
}

/// They lie an hour apart.
fn begun(visit: &Visit, number: usize) -> String {
    let hours = i64::try_from(number).unwrap_or(0) + 1;
    clock::text(visit.site.tokens.clock.now() - time::Duration::hours(hours))
}

fn initiator(user: &User) -> Value {
    json!({ "id": user.id, "username": user.name, "name": user.name, "avatar_url": "" })
}

fn session(visit: &Visit, user: &User, number: usize) -> Value {
    json!({
        "id": id(number),
        "client": CLIENTS[number % CLIENTS.len()],
        "initiator": initiator(user),
        "models": ["claude-sonnet-4-5"],
        "providers": ["anthropic"],
        "started_at": begun(visit, number),
        "ended_at": null,
        "last_active_at": begun(visit, number),
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
}

fn interception(visit: &Visit, user: &User, number: usize) -> Value {
    json!({
        "id": id(number),
        "initiator": initiator(user),
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "started_at": begun(visit, number),
        "ended_at": begun(visit, number),
        "token_usages": [{ "input_tokens": 25, "output_tokens": 12 }],
        "user_prompts": [{ "prompt": MANAGEMENT_MARK }],
        "tool_usages": [],
        "metadata": {},
    })
}
