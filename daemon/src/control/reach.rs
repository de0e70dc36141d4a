//! How each gateway is reached now, step by step, for `doctor`. No answer holds a secret.

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::config::GatewayKind;
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::{Reach, ReachStep};
use futures_util::future::join_all;
use http::Uri;
use tokio::time::timeout;

use crate::app::App;
use crate::deployment::{self, account};
use crate::gateway::{Gateway, trimmed};

/// For the whole way to one gateway; `aigwctl` waits a little longer.
const PATIENCE: Duration = Duration::from_secs(12);

/// The way to every gateway that has an address.
pub async fn all(app: &App) -> Vec<Reach> {
    let gateways: Vec<Arc<Gateway>> = app.current().gateways.values().cloned().collect();
    join_all(gateways.iter().map(|gateway| of(gateway))).await
}

async fn of(gateway: &Gateway) -> Reach {
    let mut reach = Reach { gateway: gateway.settings.name.clone(), steps: Vec::new(), ahead_s: None };
    let step = match timeout(PATIENCE, walk(gateway, &mut reach)).await {
        Ok(Ok(())) => return reach,
        Ok(Err((what, fault))) => (what, fault),
        Err(_) => {
            let text = format!("there was no answer in {} s", PATIENCE.as_secs());
            ("time", Fault::new(Kind::GatewayUnreachable, text))
        }
    };
    reach.steps.push(ReachStep {
        what: step.0.to_owned(),
        saw: String::new(),
        trouble: Some(Failure::from(step.1)),
    });
    reach
}

/// The step that failed, and why.
type Trouble = (&'static str, Fault);

async fn walk(gateway: &Gateway, reach: &mut Reach) -> Result<(), Trouble> {
    let mut saw = |what: &'static str, saw: String| {
        reach.steps.push(ReachStep { what: what.to_owned(), saw, trouble: None });
    };
    let mut been = Vec::new();
    for uri in addresses(gateway) {
        if uri.authority().is_none_or(|host| been.contains(host)) {
            continue;
        }
        been.extend(uri.authority().cloned());
        for step in gateway.upstream.walk(&uri).await {
            let words = step.saw.map_err(|error| (step.what, Fault::from(&error)))?;
            saw(step.what, words);
        }
    }
    if gateway.settings.kind == GatewayKind::Generic || been.is_empty() {
        return Ok(());
    }
    if gateway.settings.kind == GatewayKind::Coder {
        let prefix = gateway.find_prefix().await.map_err(|fault| ("prefix", fault))?;
        saw("prefix", format!("the AI gateway is at {prefix}"));
    }
    reach.ahead_s = deployment::ahead_s(gateway).await.map_err(|fault| ("prefix", fault))?;
    let held = gateway.held();
    let Some(token) = &held.token else { return Ok(()) };
    let mut saw = |what: &'static str, saw: String| {
        reach.steps.push(ReachStep { what: what.to_owned(), saw, trouble: None });
    };
    let user = deployment::me(gateway, token).await.map_err(|fault| ("token", fault))?;
    saw("token", format!("the deployment takes it, and knows its owner as {}", user.username));
    let account = account::of(gateway).await;
    match (account.enabled, account.entitlement.as_deref()) {
        (_, Some("not_entitled")) | (Some(false), _) => {
            let text = "the deployment has no right to an AI gateway, or has it turned off";
            Err(("entitlement", Fault::new(Kind::GatewayRefused, text)))
        }
        (_, Some(word)) => {
            saw("entitlement", format!("the AI gateway is {}", word.replace('_', " ")));
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

/// The URLs that requests and logins go to.
fn addresses(gateway: &Gateway) -> impl Iterator<Item = Uri> {
    let settings = &gateway.settings;
    let of_providers = settings.providers.values().filter_map(|provider| provider.base_url.as_ref());
    let of_providers = of_providers.filter(|_| settings.kind == GatewayKind::Generic);
    let all = settings.url.iter().chain(&settings.coder_url).chain(of_providers);
    all.filter_map(|url| trimmed(url).parse().ok())
}
