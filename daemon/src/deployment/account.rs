//! What a deployment says of its user's account, for `status`. Asked with little patience and remembered for a minute:
//! whoever wants to know how things are does not wait for a deployment that is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aigw_shared::config::GatewayKind;
use aigw_shared::fault::Fault;
use aigw_shared::ipc::payload::Account;
use futures_util::future::{join_all, join3};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{get, me, moment};
use crate::app::App;
use crate::gateway::{Gateway, trimmed};
use crate::pipeline::credential;

/// For all answers of all deployments.
const PATIENCE: Duration = Duration::from_secs(1);
/// What was said is told again so long, and a deployment that did not answer is not asked again.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What was last said, and when it was asked for.
pub type Remembered = Option<(Instant, Account)>;

#[derive(Deserialize)]
struct BuildInfo {
    version: String,
}

#[derive(Deserialize)]
struct Entitlements {
    features: Features,
}

#[derive(Deserialize)]
struct Features {
    #[serde(alias = "ai_gateway")]
    aibridge: Option<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    entitlement: String,
    enabled: bool,
}

#[derive(Deserialize)]
struct Spend {
    effective_budget: Option<Budget>,
    current_spend_micros: i64,
    period_end: Option<String>,
}

#[derive(Deserialize)]
struct Budget {
    spend_limit_micros: i64,
}

/// The accounts at all Coder gateways that somebody is logged in to.
pub async fn all(app: &App) -> Vec<Account> {
    let gateways: Vec<Arc<Gateway>> = app.current().gateways.values().cloned().collect();
    let coder = |gateway: &&Arc<Gateway>| {
        gateway.settings.kind != GatewayKind::Generic && gateway.held().token.is_some()
    };
    join_all(gateways.iter().filter(coder).map(|gateway| of(gateway))).await
}

/// The account at this one. What the deployment did not say is absent.
pub async fn of(gateway: &Gateway) -> Account {
    // Of many that ask at once, one asks the deployment.
    let mut remembered = gateway.account().await;
    if let Some((at, account)) = &*remembered
        && at.elapsed() < REMEMBERED
        && account.user == gateway.held().user.clone().or(account.user.clone())
    {
        return account.clone();
    }
    let name = gateway.settings.name.clone();
    let before = remembered.take().map(|(_, account)| account).unwrap_or_default();
    let account = match timeout(PATIENCE, asked(gateway)).await {
        Ok(Ok(account)) => account,
        _ => before,
    };
    let account = Account { gateway: name, ..account };
    *remembered = Some((Instant::now(), account.clone()));
    account
}

async fn asked(gateway: &Gateway) -> Result<Account, Fault> {
    // By itself: where there is no way to the deployment, or a proxy refuses us, once is enough.
    let build = said::<BuildInfo>(gateway, "buildinfo").await?;
    let (user, entitlements, spend) = join3(
        user(gateway),
        said::<Entitlements>(gateway, "entitlements"),
        said::<Spend>(gateway, "users/me/ai/spend"),
    )
    .await;
    let feature = entitlements?.and_then(|it| it.features.aibridge);
    let spend = spend?;
    let period_end = spend.as_ref().and_then(|it| moment(it.period_end.as_deref()?));
    Ok(Account {
        gateway: String::new(),
        user: user?,
        version: build.map(|it| it.version),
        enabled: feature.as_ref().map(|it| it.enabled),
        entitlement: feature.map(|it| it.entitlement),
        spent_micros: spend.as_ref().map(|it| it.current_spend_micros),
        budget_micros: spend.and_then(|it| it.effective_budget).map(|it| it.spend_limit_micros),
        period_end,
    })
}

async fn user(gateway: &Gateway) -> Result<Option<String>, Fault> {
    let held = gateway.held();
    match (&held.user, &held.token) {
        (Some(user), _) => Ok(Some(user.clone())),
        (None, Some(token)) => Ok(me(gateway, token).await.ok().map(|user| user.username)),
        (None, None) => Ok(None),
    }
}

/// One answer; nothing where the deployment does not have it, or not for us.
async fn said<T: DeserializeOwned>(gateway: &Gateway, below: &str) -> Result<Option<T>, Fault> {
    let held = gateway.held();
    let Some(token) = &held.token else { return Ok(None) };
    let url = format!("{}/api/v2/{below}", trimmed(gateway.coder_url()?));
    let (status, body) = get(gateway, &url, &[credential::session(token)?]).await?;
    Ok((status == StatusCode::OK).then(|| serde_json::from_slice(&body).ok()).flatten())
}
