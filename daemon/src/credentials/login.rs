//! A login: the credential is tried at the gateway before anything of the old one is touched.

use std::path::PathBuf;

use aigw_shared::config::edit;
use aigw_shared::config::{
    Config, CredentialForm, Gateway as Settings, GatewayKind, ProviderSettings, StoreKind,
};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::{self, Draft};
use aigw_shared::ipc::payload::{LoggedIn, Login, LoginNeeds, LoginQuery};
use aigw_shared::provider::{self, Dialect};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::app::App;
use crate::credentials::Held;
use crate::deployment;
use crate::gateway::{Gateway, trimmed, url_text};
use crate::pipeline::credential;

/// A configuration is longer only if it is none.
const MAX_CONFIG: u64 = 1024 * 1024;

/// What a login at this gateway takes. The place where it will be kept is tried, before anybody is asked for a token.
///
/// # Errors
/// When it is not clear which gateway is meant, or the login could not be kept.
pub async fn needs(app: &App, query: &LoginQuery) -> Result<LoginNeeds, Fault> {
    let settings = settings(&app.current().config, query)?;
    app.store.probe(place(app, query, &settings.name)?).await?;
    if settings.kind == GatewayKind::Generic {
        return Ok(LoginNeeds {
            token_page: None,
            providers: with_a_key(&settings).cloned().collect(),
            name: settings.name,
        });
    }
    let url = settings.coder_url.as_ref().or(settings.url.as_ref()).ok_or_else(which)?;
    Ok(LoginNeeds {
        name: settings.name,
        token_page: Some(format!("{}/cli-auth", trimmed(url))),
        providers: Vec::new(),
    })
}

/// Where a login is kept: where it says, where a policy says, where the last one was, where the settings say.
fn place(app: &App, query: &LoginQuery, name: &str) -> Result<StoreKind, Fault> {
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

/// The providers that want a key.
fn with_a_key(settings: &Settings) -> impl Iterator<Item = &String> {
    let wants = |provider: &ProviderSettings| provider.credential != CredentialForm::None;
    settings.providers.iter().filter(move |(_, provider)| wants(provider)).map(|(name, _)| name)
}

/// Tries the credentials; if they are good, writes the gateway into the configuration and keeps them.
///
/// # Errors
/// Why they are not, or cannot be kept. The old login is then as it was.
pub async fn log_in(app: &App, login: Login) -> Result<LoggedIn, Fault> {
    let mut settings = settings(&app.current().config, &login.gateway)?;
    if let Some(file) = &login.ca_file {
        settings.ca_file = Some(PathBuf::from(file));
    }
    if settings.url.as_ref().is_some_and(|url| app.is_own_url(url)) {
        return Err(Fault::new(Kind::Loop, "this URL is aigwd's own address, not a deployment's"));
    }
    obey_policy(app, &settings)?;
    let place = place(app, &login.gateway, &settings.name)?;
    app.check_not_given(&settings.name, settings.url.as_ref())?;
    if login.credentials.iter().any(|credential| credential.secret.is_empty()) {
        return Err(Fault::new(Kind::Usage, "the token is empty"));
    }
    if settings.kind == GatewayKind::Generic && with_a_key(&settings).next().is_none() {
        return Err(Fault::new(Kind::Usage, format!("no provider of {} wants a key", settings.name))
            .cure_with("use it as it is: `aigwctl env`"));
    }
    let candidate = app.candidate(settings.clone());
    let (held, checked) = match settings.kind {
        GatewayKind::Generic => with_keys(app, &candidate, &login).await?,
        GatewayKind::Coder | GatewayKind::CoderStandalone => (with_token(&candidate, &login).await?, true),
    };
    let new_settings = draft_settings(app, &settings, login.ca_file.is_some())?;
    app.keep(&settings.name, Some(place), held.clone(), new_settings).await?;
    app.reload()?;
    if let Some(gateway) = app.current().gateways.get(&settings.name) {
        gateway.saw(true);
    }
    Ok(LoggedIn {
        name: settings.name.clone(),
        url: settings.url.as_ref().map(|url| trimmed(url).to_owned()),
        user: held.user,
        expires_at: held.expires_at,
        prefix: held.prefix,
        checked,
        store: place.word().to_owned(),
    })
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

async fn with_token(candidate: &Gateway, login: &Login) -> Result<Held, Fault> {
    let token = login
        .credentials
        .iter()
        .find(|credential| credential.provider.is_none())
        .map(|credential| credential.secret.clone())
        .ok_or_else(|| Fault::new(Kind::Usage, "a token is needed"))?;
    let user = deployment::me(candidate, &token).await?;
    let info = deployment::token_info(candidate, &token).await?;
    let prefix = candidate.prefix().await?;
    let expires_at = info
        .expires_at
        .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok())
        .map(OffsetDateTime::unix_timestamp)
        // Go writes its zero time, year 1, for a token that never ends.
        .filter(|at| *at > 0);
    Ok(Held {
        url: url_text(candidate.settings.url.as_ref()),
        token: Some(token),
        user: Some(user.username),
        expires_at,
        scope: info.scope,
        prefix: Some(prefix),
        ..Held::default()
    })
}

/// The keys of a generic gateway, one for each provider that was given one; the others stay.
async fn with_keys(app: &App, candidate: &Gateway, login: &Login) -> Result<(Held, bool), Fault> {
    let mut held = app.stored(&candidate.settings.name).await?;
    held.url = url_text(candidate.settings.url.as_ref());
    let mut all_checked = true;
    for credential in &login.credentials {
        let name = credential.provider.as_deref().unwrap_or_default();
        let provider = candidate.settings.providers.get(name).ok_or_else(|| {
            Fault::new(
                Kind::Usage,
                format!("the gateway {} has no provider {name:?}", candidate.settings.name),
            )
        })?;
        let base = provider.base_url.as_ref().ok_or_else(which)?;
        let dialect =
            provider.dialect.or(provider::known(name).map(|known| known.dialect)).unwrap_or(Dialect::OpenAi);
        let models = match dialect {
            Dialect::OpenAi => format!("{}/models", trimmed(base)),
            Dialect::Anthropic => format!("{}/v1/models", trimmed(base)),
        };
        let field = credential::provider_field(provider.credential, &credential.secret)?;
        match deployment::provider_takes(candidate, &models, field).await? {
            Some(true) => {}
            Some(false) => {
                return Err(Fault::new(
                    Kind::TokenRejected,
                    format!("{} does not accept this key for {name}", trimmed(base)),
                )
                .cure_with(format!(
                    "get a new one and run `aigwctl login --name {}`",
                    candidate.settings.name
                )));
            }
            None => all_checked = false,
        }
        held.key_urls.insert(name.to_owned(), url_text(Some(base)));
        held.keys.insert(name.to_owned(), credential.secret.clone());
    }
    Ok((held, all_checked))
}

/// The settings of the gateway that is meant, with the URL that was named.
fn settings(config: &Config, query: &LoginQuery) -> Result<Settings, Fault> {
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
    let mut settings = existing.cloned().unwrap_or_else(|| Settings {
        name: query.name.clone().unwrap_or_else(|| "default".to_owned()),
        wait: std::time::Duration::from_secs(3),
        ..Settings::default()
    });
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

/// The user's file with what is new about the gateway, if anything is; everything else in it stays as it is.
fn draft_settings(app: &App, settings: &Settings, new_ca: bool) -> Result<Option<Draft>, Fault> {
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
    if new_ca && let Some(file) = &settings.ca_file {
        changes.push((key("ca_file"), file.display().to_string().into()));
    }
    if changes.is_empty() {
        return Ok(None);
    }
    let file = app.origins.paths.config_file();
    let text = files::read_limited(&file, MAX_CONFIG)?.unwrap_or_default();
    let text = String::from_utf8(text)
        .map_err(|_| Fault::new(Kind::BadConfiguration, format!("{} is not text", file.display())))?;
    files::create_private_dir(&app.origins.paths.config)?;
    Draft::of(&file, edit::set(&text, &changes)?.as_bytes()).map(Some)
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

fn which() -> Fault {
    Fault::new(Kind::Usage, "it is not clear which gateway is meant")
        .cure_with("name it: `aigwctl login URL`")
}
