//! Who stands for a model of Google's at this gateway: by its settings, and by what its providers list.

use std::sync::Arc;

use aigw_shared::config::ProviderSettings;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::{self, Dialect};
use serde_json::Value;

use super::Trouble;
use crate::app::App;
use crate::deployment;
use crate::keys::Admission;
use crate::translate::gemini::error;
use crate::translate::gemini::models::{ALIASES, Listed, choose, described};
use crate::translate::{Origin, Target};

/// Who answers for a model.
///
/// # Errors
/// Nobody does, or the gateway cannot be asked for its models.
pub async fn of(app: &Arc<App>, admission: &Admission, asked: &str) -> Result<Origin, Trouble> {
    let known = Known::at(app, admission).await?;
    if let Some(origin) = choose(asked, &known.rules, &known.listed) {
        return Ok(origin);
    }
    if let Some(fault) = known.trouble {
        return Err(fault.into());
    }
    let text = format!(
        "aigw: no model of the gateway {0} stands for {asked}. Name one in its setting `gemini_models`, \
         such as [\"gemini-*=MODEL\"]; `aigwctl models` lists them.",
        known.gateway
    );
    Err(Trouble::Shown(error::shown(404, None, &text, None)))
}

/// What is told of every model: those of the gateway under their own names, and Google's that have one that stands for
/// them.
///
/// # Errors
/// The gateway cannot be asked.
pub async fn all(app: &Arc<App>, admission: &Admission) -> Result<Vec<Value>, Trouble> {
    let known = Known::at(app, admission).await?;
    if let Some(fault) = known.trouble {
        return Err(fault.into());
    }
    let listed = known.listed.iter().flat_map(|row| &row.models).map(String::as_str);
    let ruled = known.rules.iter().map(|(pattern, _)| pattern.as_str()).filter(|name| !name.contains('*'));
    let mut names: Vec<&str> = Vec::new();
    for name in listed.chain(ruled).chain(ALIASES) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let told =
        names.iter().filter_map(|name| Some(described(name, &choose(name, &known.rules, &known.listed)?)));
    Ok(told.collect())
}

/// What is known of a gateway's models.
struct Known {
    gateway: String,
    rules: Vec<(String, String)>,
    listed: Vec<Listed>,
    /// Why nothing is listed.
    trouble: Option<Fault>,
}

impl Known {
    async fn at(app: &Arc<App>, admission: &Admission) -> Result<Self, Fault> {
        let (gateway, rules, providers) = {
            let current = app.current();
            let config = &current.config;
            let gateway = match &admission.gateway {
                Some(name) => config.gateways.get(name),
                None => config.default_gateway(),
            };
            let gateway = gateway.ok_or_else(|| Fault::new(Kind::NoGateway, "no gateway is configured"))?;
            (gateway.name.clone(), gateway.gemini_models.clone(), gateway.providers.clone())
        };
        let row = |provider: &str, models: Vec<String>| {
            let target = target(provider, providers.get(provider));
            Listed { provider: provider.to_owned(), target, models }
        };
        let (list, trouble) = match deployment::models::of(app, Some(gateway.clone())).await {
            Ok(list) => (list, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        // One that is not there lists nothing, and has no trouble.
        let there = list.into_iter().filter(|p| !p.models.is_empty() || p.trouble.is_some());
        let mut listed: Vec<_> = there.map(|p| row(&p.provider, p.models)).collect();
        if listed.is_empty() {
            // A name that says whose it is, or a rule, needs no list.
            let usual = provider::PROVIDERS.iter().filter(|known| !known.own_login).map(|known| known.name);
            let further = providers.keys().map(String::as_str).filter(|name| provider::known(name).is_none());
            listed = usual.chain(further).map(|name| row(name, Vec::new())).collect();
        }
        Ok(Self { gateway, rules, listed, trouble })
    }
}

/// The language in which a provider is asked; `None` if only its models' names tell.
fn target(name: &str, settings: Option<&ProviderSettings>) -> Option<Target> {
    let known = provider::known(name).map(|known| known.dialect);
    match settings.and_then(|settings| settings.dialect).or(known)? {
        Dialect::Anthropic => Some(Target::Anthropic),
        Dialect::OpenAi => Some(Target::Responses),
        Dialect::Gemini => None,
    }
}
