//! What a login is for: the gateway that is meant, where the login is kept, and what the configuration says afterwards.

use std::path::PathBuf;
use std::sync::Arc;

use aigw_shared::config::{self, Config, Gateway as Settings, GatewayKind, StoreKind};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::Draft;
use aigw_shared::ipc::payload::LoginQuery;
use url::Url;

use crate::app::App;
use crate::gateway::{Gateway, trimmed};

/// What a login is for.
pub struct Aim {
    /// The gateway, with the URL that was named.
    pub settings: Settings,
    /// Its certificates are new.
    pub(super) new_ca: bool,
    /// Where the login is kept.
    pub(super) place: StoreKind,
}

impl Aim {
    /// The user's file with what is new about the gateway, if anything is; everything else in it stays as it is.
    pub(super) fn draft_settings(&self, app: &App) -> Result<Option<Draft>, Fault> {
        let settings = &self.settings;
        let old = app.current().config.gateways.get(&settings.name).cloned();
        let key = |name: &str| vec!["gateway".to_owned(), settings.name.clone(), name.to_owned()];
        let mut changes: Vec<(Vec<String>, toml_edit::Value)> = Vec::new();
        let mut url_change = |name: &str, new: &Option<Url>, old: Option<&Option<Url>>| {
            if let Some(url) = new
                && old != Some(new)
            {
                changes.push((key(name), trimmed(url).into()));
            }
        };
        url_change("url", &settings.url, old.as_ref().map(|old| &old.url));
        url_change("coder_url", &settings.coder_url, old.as_ref().map(|old| &old.coder_url));
        if self.new_ca
            && let Some(file) = &settings.ca_file
        {
            changes.push((key("ca_file"), file.display().to_string().into()));
        }
        if changes.is_empty() {
            return Ok(None);
        }
        let (draft, _) = app.draft_settings(|text| config::edit::set(text, &changes))?;
        Ok(Some(draft))
    }
}

/// What a login is for, if one is possible at all.
///
/// # Errors
/// Why it is not.
pub fn prepare(app: &App, query: &LoginQuery, ca_file: Option<&str>) -> Result<Aim, Fault> {
    let mut settings = settings(&app.current().config, query)?;
    if let Some(file) = ca_file {
        settings.ca_file = Some(PathBuf::from(file));
    }
    if settings.url.as_ref().is_some_and(|url| app.is_own_url(url)) {
        return Err(Fault::new(Kind::Loop, "this URL is aigwd's own address, not a deployment's"));
    }
    obey_policy(app, &settings)?;
    let place = place(app, query, &settings.name)?;
    app.check_not_given(&settings.name, settings.url.as_ref())?;
    Ok(Aim { settings, new_ca: ca_file.is_some(), place })
}

/// The gateway of this name, or the default one.
pub fn named(app: &App, name: Option<String>) -> Result<Arc<Gateway>, Fault> {
    let unknown =
        || Fault::new(Kind::Usage, "no such gateway is configured").cure_with("see `aigwctl status`");
    let current = app.current();
    let name = match name {
        Some(name) => name,
        None => current.config.default_gateway().ok_or_else(unknown)?.name.clone(),
    };
    current.gateways.get(&name).cloned().ok_or_else(unknown)
}

/// Where a login is kept: where it says, where a policy says, where the last one was, where the settings say.
pub(super) fn place(app: &App, query: &LoginQuery, name: &str) -> Result<StoreKind, Fault> {
    let current = app.current();
    let set = current.config.login.store;
    let locked = current.shown.iter().any(|row| row.locked && row.key == "login.store");
    let asked = query.store.as_deref().map(|word| {
        StoreKind::from_word(word)
            .ok_or_else(|| Fault::new(Kind::Usage, "a login is kept in one of `file`, `keyring`, `memory`"))
    });
    match asked.transpose()? {
        Some(asked) if locked && asked != set => Err(Fault::new(
            Kind::PolicyForbids,
            format!("the managed policy sets login.store to {}", set.word()),
        )),
        Some(asked) => Ok(asked),
        None if locked => Ok(set),
        None => Ok(app.store.remembered(name)?.unwrap_or(set)),
    }
}

/// A managed policy may name the only deployment there is.
fn obey_policy(app: &App, settings: &Settings) -> Result<(), Fault> {
    let key = format!("gateway.{}.url", settings.name);
    let locked = app.current().shown.iter().any(|row| row.locked && row.key == key);
    let same =
        app.current().config.gateways.get(&settings.name).is_some_and(|known| known.url == settings.url);
    if locked && !same {
        return Err(Fault::new(Kind::PolicyForbids, format!("the managed policy sets {key} to another URL")));
    }
    Ok(())
}

/// The settings of the gateway that is meant, with the URL that was named.
pub(super) fn settings(config: &Config, query: &LoginQuery) -> Result<Settings, Fault> {
    let url = query.url.as_deref().map(read_url).transpose()?;
    let existing = match (&query.name, &url) {
        (Some(name), _) => config.gateways.get(name),
        (None, Some(url)) => {
            let same = |gateway: &&Settings| {
                [&gateway.url, &gateway.coder_url]
                    .into_iter()
                    .flatten()
                    .any(|known| trimmed(known) == trimmed(url))
            };
            config.gateways.values().find(same).or_else(|| config.default_gateway())
        }
        (None, None) => Some(config.default_gateway().ok_or_else(which)?),
    };
    let mut settings =
        existing.cloned().unwrap_or_else(|| config::new_gateway(query.name.as_deref().unwrap_or("default")));
    if !aigw_shared::key::is_name(&settings.name) {
        return Err(Fault::new(
            Kind::Usage,
            "a gateway's name has 1 to 32 characters, each a lower-case letter, a digit or a hyphen",
        ));
    }
    match (settings.kind, url) {
        (GatewayKind::CoderStandalone, Some(url)) if settings.url.as_ref() != Some(&url) => {
            settings.coder_url = Some(url)
        }
        (GatewayKind::Coder, Some(url)) => settings.url = Some(url),
        _ => {}
    }
    if settings.kind != GatewayKind::Generic && settings.url.is_none() {
        return Err(which());
    }
    Ok(settings)
}

fn read_url(text: &str) -> Result<Url, Fault> {
    // Somebody may have written a password into it.
    let shown = if text.contains(['@', '?', '#']) { "this".to_owned() } else { format!("{text:?}") };
    let bad = |what: &str| Fault::new(Kind::Usage, format!("{shown} is not a deployment's URL: {what}"));
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("it begins with https://"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(bad("it has no user, query or fragment"));
    }
    if url.scheme() == "http" {
        let loopback = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            _ => false,
        };
        if !loopback {
            return Err(bad(
                "plain http is for loopback addresses only, since the token would be readable on the way",
            ));
        }
    }
    Ok(url)
}

pub(super) fn which() -> Fault {
    Fault::new(Kind::Usage, "it is not clear which gateway is meant")
        .cure_with("name it: `aigwctl login URL`")
}
