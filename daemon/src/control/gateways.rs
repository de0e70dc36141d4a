//! Changes to the gateways in the user's settings.

use std::sync::Arc;

use aigw_shared::config::{GatewayKind, Loaded, Mode, edit};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{GatewayChange, GatewayChanged, GatewayDraft, ProviderPays};
use aigw_shared::{key, provider};
use toml_edit::Value;

use crate::app::App;
use crate::credentials::{aim, login};

/// What may be said about a gateway as a text.
const SETTINGS: [&str; 7] =
    ["url", "kind", "coder_url", "ca_file", "header_command", "client_cert", "client_key"];
const DEFAULT: &str = "default_gateway";

/// Makes a change, and uses it from the next request on.
///
/// # Errors
/// When a policy or something else that stands above the user's file says otherwise, or it makes no sense. Nothing has
/// changed then.
pub async fn to(app: &Arc<App>, change: GatewayChange) -> Result<GatewayChanged, Fault> {
    match change {
        GatewayChange::Set(draft) => set(app, &draft),
        GatewayChange::Default(name) => make_default(app, name),
        GatewayChange::Remove(name) => remove(app, name).await,
        GatewayChange::Pays(pays) => who_pays(app, pays),
    }
}

fn set(app: &App, draft: &GatewayDraft) -> Result<GatewayChanged, Fault> {
    let name = &draft.name;
    if !key::is_name(name) {
        return Err(Fault::new(
            Kind::Usage,
            "a gateway's name has 1 to 32 characters, each a lower-case letter, a digit or a hyphen",
        ));
    }
    let path = |below: &[&str]| {
        let below = below.iter().map(|part| (*part).to_owned());
        ["gateway".to_owned(), name.clone()].into_iter().chain(below).collect::<Vec<_>>()
    };
    let mut changes: Vec<(Vec<String>, Value)> = Vec::new();
    for (setting, value) in &draft.settings {
        if !SETTINGS.contains(&setting.as_str()) {
            return Err(Fault::new(Kind::Usage, format!("a gateway has no setting {setting:?}")));
        }
        changes.push((path(&[setting]), value.as_str().into()));
    }
    for (provider, url) in &draft.providers {
        changes.push((path(&["providers", provider, "base_url"]), url.as_str().into()));
    }
    for header in &draft.headers {
        changes.push((path(&["headers", &header.name]), header.value.reveal().into()));
    }
    changes.iter().try_for_each(|(path, _)| not_locked(app, &setting_of(path)))?;
    let (file, loaded) = app.draft_settings(|text| edit::set(text, &changes))?;
    let Some(settings) = loaded.config.gateways.get(name) else {
        return Err(Fault::new(Kind::Usage, format!("nothing is said about the gateway {name}")));
    };
    if settings.kind != GatewayKind::Generic && settings.url.is_none() {
        return Err(Fault::new(Kind::Usage, format!("the gateway {name} has no URL"))
            .cure_with(format!("give it one: `aigwctl gateway add {name} URL`")));
    }
    let urls = settings.url.iter().chain(settings.providers.values().filter_map(|it| it.base_url.as_ref()));
    if urls.into_iter().any(|url| app.is_own_url(url)) {
        return Err(Fault::new(Kind::Loop, "this URL is aigwd's own address, not a deployment's"));
    }
    changes.iter().try_for_each(|(path, _)| not_overruled(&loaded, &setting_of(path)))?;
    let new = !app.current().config.gateways.contains_key(name);
    file.put()?;
    app.reload()?;
    Ok(GatewayChanged { name: name.clone(), new, logged_out: None })
}

fn make_default(app: &App, name: String) -> Result<GatewayChanged, Fault> {
    known(app, &name)?;
    not_locked(app, DEFAULT)?;
    let changes = [(vec![DEFAULT.to_owned()], Value::from(name.as_str()))];
    let (file, loaded) = app.draft_settings(|text| edit::set(text, &changes))?;
    not_overruled(&loaded, DEFAULT)?;
    file.put()?;
    app.reload()?;
    Ok(GatewayChanged { name, new: false, logged_out: None })
}

/// `auto` lets a tool's own credential through where it shows one, and changes nothing for those that show none.
fn who_pays(app: &App, pays: ProviderPays) -> Result<GatewayChanged, Fault> {
    let ProviderPays { gateway, provider, own } = pays;
    let name = aim::named(app, gateway)?.settings.name.clone();
    if !provider::is_name(&provider) {
        return Err(Fault::new(Kind::Usage, "a provider's name is lower-case words joined by hyphens"));
    }
    let current = app.current();
    let mode = current.config.gateways.get(&name).and_then(|gateway| gateway.providers.get(&provider));
    let mode = mode.map_or(Mode::Central, |settings| settings.mode);
    let path: Vec<String> =
        ["gateway", &name, "providers", &provider, "mode"].map(str::to_owned).into_iter().collect();
    let key = setting_of(&path);
    let (file, loaded) = match (own, mode) {
        (true, Mode::Central) => {
            not_locked(app, &key)?;
            let value = Value::from(Mode::Auto.word());
            app.draft_settings(|text| edit::set(text, &[(path, value)]))?
        }
        (false, Mode::Auto) => {
            not_locked(app, &key)?;
            app.draft_settings(|text| edit::remove(text, &[path]))?
        }
        _ => return Ok(GatewayChanged { name, new: false, logged_out: None }),
    };
    not_overruled(&loaded, &key)?;
    file.put()?;
    app.reload()?;
    Ok(GatewayChanged { name, new: true, logged_out: None })
}

/// The login goes first: its token is of no use to anybody afterwards.
async fn remove(app: &Arc<App>, name: String) -> Result<GatewayChanged, Fault> {
    let gateway = known(app, &name)?;
    let table = format!("gateway.{name}.");
    let locked = app.current().shown.iter().find(|row| row.locked && row.key.starts_with(&table)).cloned();
    if let Some(row) = locked {
        not_locked(app, &row.key)?;
    }
    let mut paths = vec![vec!["gateway".to_owned(), name.clone()]];
    if app.current().shown.iter().any(|row| row.key == DEFAULT && row.value == name) {
        paths.push(vec![DEFAULT.to_owned()]);
    }
    let (_, loaded) = app.draft_settings(|text| edit::remove(text, &paths))?;
    if loaded.config.gateways.contains_key(&name) {
        let from = loaded.shown.iter().find(|row| row.key.starts_with(&table) && row.origin != "default");
        let from = from.map_or_else(|| "another place".to_owned(), |row| row.origin.clone());
        return Err(Fault::new(Kind::BadConfiguration, format!("the gateway {name} is set by {from}"))
            .cure_with("remove it there"));
    }
    let logged_in = !gateway.held().is_empty() || app.place_of(&gateway).is_some();
    let logged_out = match logged_in {
        true => Some(login::log_out(app, Some(name.clone())).await?),
        false => None,
    };
    // The deployment was asked meanwhile, and somebody else may have changed the file.
    app.draft_settings(|text| edit::remove(text, &paths))?.0.put()?;
    app.reload()?;
    Ok(GatewayChanged { name, new: false, logged_out })
}

fn known(app: &App, name: &str) -> Result<Arc<crate::gateway::Gateway>, Fault> {
    app.current().gateways.get(name).cloned().ok_or_else(|| {
        Fault::new(Kind::Usage, format!("no gateway {name:?} is configured"))
            .cure_with("see `aigwctl gateway list`")
    })
}

/// The setting that a path belongs to: a field's name is a part of its value.
fn setting_of(path: &[String]) -> String {
    let length = if path.get(2).is_some_and(|leaf| leaf == "headers") { 3 } else { path.len() };
    path[..length].join(".")
}

fn not_locked(app: &App, key: &str) -> Result<(), Fault> {
    let locked = app.current().shown.iter().any(|row| row.locked && row.key == key);
    if locked {
        return Err(Fault::new(Kind::PolicyForbids, format!("the managed policy sets {key}")));
    }
    Ok(())
}

/// A variable or a flag stands above the file.
fn not_overruled(loaded: &Loaded, key: &str) -> Result<(), Fault> {
    let loses = |overrides: &[String]| overrides.iter().any(|from| from == "user file");
    let Some(row) = loaded.shown.iter().find(|row| row.key == key && loses(&row.overrides)) else {
        return Ok(());
    };
    Err(Fault::new(
        Kind::BadConfiguration,
        format!("{key} is set by {}, which stands above your file", row.origin),
    )
    .cure_with("change it there"))
}
