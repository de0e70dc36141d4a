//! Which models a gateway's providers list, for tools that have to be told their names. Remembered for a minute, for the
//! login that they were asked with.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use aigw_shared::config::CredentialForm;
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::ProviderModels;
use aigw_shared::provider::{self, Dialect};
use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::{get, says_no_route, words};
use crate::app::App;
use crate::credentials::aim;
use crate::credentials::lease::InForce;
use crate::gateway::Gateway;
use crate::pipeline::{credential, route};

const REMEMBERED: Duration = Duration::from_secs(60);
/// Anthropic's lists have pages, of 20 unless more are asked for; OpenAI's have none.
const PAGE: &str = "limit=1000";

/// What was last listed, when, and with which login. That one is not kept from being dropped.
pub type Remembered = Option<(Instant, Weak<InForce>, Vec<ProviderModels>)>;

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    /// Only OpenAI's, whose lists are in no order.
    #[serde(default)]
    created: i64,
}

/// What the providers of this gateway list, in the order of their names.
///
/// # Errors
/// When nobody is logged in, or none of them can be asked.
pub async fn of(app: &Arc<App>, gateway: Option<String>) -> Result<Vec<ProviderModels>, Fault> {
    let gateway = aim::named(app, gateway)?;
    app.await_login(&gateway).await?;
    let held = gateway.held();
    // Of many that ask at once, one asks the gateway.
    let mut remembered = gateway.models().await;
    if let Some((at, with, list)) = &*remembered
        && at.elapsed() < REMEMBERED
        && with.ptr_eq(&Arc::downgrade(&held))
    {
        return Ok(list.clone());
    }
    let mut names: Vec<String> = provider::PROVIDERS
        .iter()
        .filter(|known| !known.own_login)
        .map(|known| known.name.to_owned())
        .collect();
    names.extend(gateway.settings.providers.keys().filter(|name| provider::known(name).is_none()).cloned());
    names.sort();
    names.dedup();
    let asked = join_all(names.iter().map(|name| listed(app, &gateway, &held, name))).await;
    let nobody_answered = asked.iter().all(Result::is_err);
    let complete = asked.iter().all(Result::is_ok);
    let mut list = Vec::new();
    for (provider, answer) in names.into_iter().zip(asked) {
        match answer {
            Ok(models) => list.push(ProviderModels { provider, models, trouble: None }),
            Err(fault) if nobody_answered => return Err(fault),
            Err(fault) => {
                list.push(ProviderModels {
                    provider,
                    models: Vec::new(),
                    trouble: Some(Failure::from(fault)),
                });
            }
        }
    }
    if complete {
        *remembered = Some((Instant::now(), Arc::downgrade(&held), list.clone()));
    }
    Ok(list)
}

/// What one lists; nothing if it is not there. It is asked as a tool would ask it.
async fn listed(app: &App, gateway: &Gateway, held: &InForce, name: &str) -> Result<Vec<String>, Fault> {
    let path = format!("/{name}/v1/models");
    let Ok(route) = route::decide(&app.current().config, Some(&gateway.settings.name), &path) else {
        return Ok(Vec::new());
    };
    let settings = gateway.settings.providers.get(name);
    let form = settings.map_or(CredentialForm::Bearer, |settings| settings.credential);
    let mut fields = HeaderMap::new();
    credential::attach(&mut fields, &route, gateway.settings.kind, form, held)?;
    if route.dialect == Dialect::Gemini {
        return Ok(Vec::new());
    }
    let query = (route.dialect == Dialect::Anthropic).then_some(PAGE);
    fields.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));
    let url = gateway.uri(&route, query).await?.to_string();
    let fields: Vec<_> = fields.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
    let (status, body) = get(gateway, &url, &fields).await?;
    match status {
        StatusCode::OK => read(&body).ok_or_else(|| {
            Fault::new(Kind::UpstreamFailed, format!("{name} lists its models in words that are not known"))
        }),
        StatusCode::NOT_FOUND => {
            if says_no_route(&body) {
                gateway.forget_prefix();
            }
            Ok(Vec::new())
        }
        _ => {
            let said = words(&body).unwrap_or_else(|| status.to_string());
            Err(Fault::new(Kind::GatewayRefused, format!("{name} does not list its models: {said}")))
        }
    }
}

/// The ids, newest first where they are dated, each once.
fn read(body: &Bytes) -> Option<Vec<String>> {
    let mut list = serde_json::from_slice::<List>(body).ok()?.data;
    list.sort_by_key(|model| std::cmp::Reverse(model.created));
    let mut ids: Vec<String> = Vec::new();
    for model in list {
        if !ids.contains(&model.id) {
            ids.push(model.id);
        }
    }
    Some(ids)
}
