//! What the user has done with a gateway lately, in the deployment's words. A token of this machine may not read that,
//! where the deployment makes narrow ones; then one that may is made for this one question, and deleted.

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{SessionRow, SessionsQuery};
use aigw_shared::secret::Secret;
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::moment;
use super::tokens::{self, Minted};
use super::{away, get};
use crate::app::App;
use crate::credentials::aim;
use crate::gateway::{Gateway, trimmed};
use crate::pipeline::credential;
use crate::pipeline::route::API_PREFIXES;

/// No deployment gives more at once.
const MOST: u32 = 1000;
/// What a token for this question may do, and how long it lives if it cannot be deleted.
const READS: [&str; 2] = ["user:read", "aibridge_interception:read"];
const LIFETIME: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    client: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    providers: Vec<String>,
    started_at: Option<String>,
    last_active_at: Option<String>,
    last_prompt: Option<String>,
    token_usage_summary: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

/// As releases before sessions have it.
#[derive(Deserialize)]
struct Interceptions {
    results: Vec<Interception>,
}

#[derive(Deserialize)]
struct Interception {
    id: String,
    client: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    #[serde(default)]
    token_usages: Vec<Usage>,
    #[serde(default)]
    user_prompts: Vec<Value>,
}

/// The newest first.
///
/// # Errors
/// When nobody is logged in, or answers, or the deployment does not tell.
pub async fn recent(app: &Arc<App>, query: SessionsQuery) -> Result<Vec<SessionRow>, Fault> {
    let gateway = aim::named(app, query.gateway.clone())?;
    let name = &gateway.settings.name;
    let held = gateway.held();
    let token = held.token.as_ref().ok_or_else(|| credential::not_logged_in(name))?;
    let refused = match asked(&gateway, token, &query).await? {
        Ok(rows) => return Ok(rows),
        Err(words) => words,
    };
    let reader = app.logins.family(name).name()?;
    if let Minted::Token(reader) = tokens::mint(&gateway, token, &reader, LIFETIME, &READS).await? {
        let rows = asked(&gateway, &reader, &query).await;
        if let Some(id) = tokens::id(&reader)
            && let Err(fault) = tokens::delete(&gateway, token, id).await
        {
            tracing::debug!("a token that is of no use any more stays until the next rotation: {fault}");
        }
        if let Ok(rows) = rows? {
            return Ok(rows);
        }
    }
    let url = trimmed(gateway.coder_url()?);
    Err(Fault::new(Kind::GatewayRefused, format!("{url} does not tell of your sessions: {refused}"))
        .cure_with("look at them in a browser, at the deployment"))
}

/// `Err`: not with this token.
async fn asked(
    gateway: &Gateway,
    token: &Secret,
    query: &SessionsQuery,
) -> Result<Result<Vec<SessionRow>, String>, Fault> {
    let base = trimmed(gateway.coder_url()?);
    let known = gateway.known_prefix().filter(|prefix| !prefix.is_empty());
    let prefix = known.unwrap_or_else(|| API_PREFIXES[0].to_owned());
    let limit = query.limit.clamp(1, MOST);
    let mut refused = "it has no such list".to_owned();
    for (list, read) in
        [("sessions", sessions as fn(&Bytes) -> Option<Vec<SessionRow>>), ("interceptions", interceptions)]
    {
        let url = format!("{base}{prefix}/{list}?q=initiator:me&limit={limit}");
        let (status, body) = get(gateway, &url, &[credential::session(token)?]).await?;
        match status {
            StatusCode::OK => {
                let rows = read(&body).ok_or_else(|| {
                    Fault::new(
                        Kind::UpstreamFailed,
                        format!("{base} tells of its {list} in words that are not known"),
                    )
                })?;
                let shown =
                    |row: SessionRow| SessionRow { prompt: row.prompt.filter(|_| query.prompts), ..row };
                return Ok(Ok(rows.into_iter().take(limit as usize).map(shown).collect()));
            }
            status if status.is_server_error() => return Err(away(base, status)),
            StatusCode::NOT_FOUND => {}
            _ => refused = super::words(&body).unwrap_or_else(|| status.to_string()),
        }
    }
    Ok(Err(refused))
}

fn sessions(body: &Bytes) -> Option<Vec<SessionRow>> {
    let list: Sessions = serde_json::from_slice(body).ok()?;
    let row = |it: Session| {
        let usage = it.token_usage_summary.unwrap_or(Usage { input_tokens: 0, output_tokens: 0 });
        SessionRow {
            id: it.id,
            client: it.client.unwrap_or_default(),
            models: it.models,
            providers: it.providers,
            started_at: it.started_at.as_deref().and_then(moment),
            last_active_at: it.last_active_at.as_deref().and_then(moment),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            prompt: it.last_prompt,
        }
    };
    Some(list.sessions.into_iter().map(row).collect())
}

fn interceptions(body: &Bytes) -> Option<Vec<SessionRow>> {
    let list: Interceptions = serde_json::from_slice(body).ok()?;
    let row = |it: Interception| SessionRow {
        id: it.id,
        client: it.client.unwrap_or_default(),
        models: it.model.into_iter().collect(),
        providers: it.provider.into_iter().collect(),
        started_at: it.started_at.as_deref().and_then(moment),
        last_active_at: it.ended_at.as_deref().and_then(moment),
        input_tokens: it.token_usages.iter().map(|usage| usage.input_tokens).sum(),
        output_tokens: it.token_usages.iter().map(|usage| usage.output_tokens).sum(),
        prompt: it.user_prompts.last().and_then(|prompt| prompt["prompt"].as_str()).map(str::to_owned),
    };
    Some(list.results.into_iter().map(row).collect())
}
