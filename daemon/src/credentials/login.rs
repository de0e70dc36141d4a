//! A login: the credential is tried at the gateway before anything of the old one is touched.

use std::path::PathBuf;
use std::sync::Arc;

use aigw_shared::config::{
    self, Config, CredentialForm, Gateway as Settings, GatewayKind, ProviderSettings, StoreKind,
};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::Draft;
use aigw_shared::ipc::payload::{LoggedIn, LoggedOut, Login, LoginNeeds, LoginQuery};
use aigw_shared::provider::{self, Dialect};
use aigw_shared::secret::Secret;
use url::Url;

use crate::app::App;
use crate::credentials::oauth::{self, Grant};
use crate::credentials::renew::{self, Attempts, Occasion};
use crate::credentials::{Held, Lasting, own};
use crate::deployment::{self, tokens};
use crate::gateway::{Gateway, bound_to, trimmed, url_text};
use crate::pipeline::credential;

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

/// What a login is for.
pub struct Aim {
    /// The gateway, with the URL that was named.
    pub settings: Settings,
    /// Its certificates are new.
    new_ca: bool,
    /// Where the login is kept.
    place: StoreKind,
}

/// Tries the credentials; if they are good, writes the gateway into the configuration and keeps them.
///
/// # Errors
/// Why they are not, or cannot be kept. The old login is then as it was.
pub async fn log_in(app: &Arc<App>, login: Login) -> Result<LoggedIn, Fault> {
    let aim = prepare(app, &login.gateway, login.ca_file.as_deref())?;
    let settings = &aim.settings;
    if login.credentials.iter().any(|credential| credential.secret.is_empty()) {
        return Err(Fault::new(Kind::Usage, "the token is empty"));
    }
    if settings.kind == GatewayKind::Generic && with_a_key(settings).next().is_none() {
        return Err(Fault::new(Kind::Usage, format!("no provider of {} wants a key", settings.name))
            .cure_with("use it as it is: `aigwctl env`"));
    }
    let _alone = app.logins.alone(&settings.name).await;
    let candidate = app.candidate(settings.clone());
    let (held, checked, no_own_token) = match settings.kind {
        GatewayKind::Generic => {
            let (held, checked) = with_keys(app, &candidate, &login).await?;
            (held, checked, None)
        }
        GatewayKind::Coder | GatewayKind::CoderStandalone => {
            let token = login.credentials.into_iter().find(|credential| credential.provider.is_none());
            let token = token.ok_or_else(|| Fault::new(Kind::Usage, "a token is needed"))?.secret;
            let whose = if login.borrowed { Whose::Borrowed } else { Whose::Given };
            let (held, no_own_token) = with_token(app, &candidate, token, whose).await?;
            (held, true, no_own_token)
        }
    };
    settle(app, &aim, held, checked, no_own_token).await
}

/// The same with an OAuth2 access token, and what is kept of its grant if the deployment makes no other token. Whether it
/// is kept.
///
/// # Errors
/// As [`log_in`].
pub async fn with_grant(
    app: &Arc<App>,
    aim: &Aim,
    token: Secret,
    grant: Option<Box<Grant>>,
) -> Result<(LoggedIn, bool), Fault> {
    let _alone = app.logins.alone(&aim.settings.name).await;
    let candidate = app.candidate(aim.settings.clone());
    let (held, no_own_token) = with_token(app, &candidate, token, Whose::Granted(grant)).await?;
    let kept = no_own_token.is_some();
    Ok((settle(app, aim, held, true, no_own_token).await?, kept))
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

/// Keeps what a login brought, and uses it from now on.
async fn settle(
    app: &Arc<App>,
    aim: &Aim,
    held: Held,
    checked: bool,
    no_own_token: Option<String>,
) -> Result<LoggedIn, Fault> {
    let name = &aim.settings.name;
    let mut held = held;
    if aim.settings.kind != GatewayKind::Generic
        && let Ok(stored) = app.stored(name).await
    {
        // The user's own provider keys outlive the token beside them.
        (held.keys, held.key_urls) = (stored.keys, stored.key_urls);
    }
    let new_settings = draft_settings(app, &aim.settings, aim.new_ca)?;
    let before = app.current().gateways.get(name).cloned();
    let before = before.map(|gateway| (gateway.settings.clone(), gateway.held()));
    app.keep(name, Some(aim.place), held.clone(), new_settings).await?;
    app.reload()?;
    if let Some(gateway) = app.current().gateways.get(name) {
        gateway.saw(true);
        gateway.attempts().clone_from(&Attempts::default());
    }
    if let Some((settings, before)) = before
        && let Some(token) = before.token.clone().filter(|token| held.token.as_ref() != Some(token))
    {
        let (lasting, unused) = (before.lasting.clone(), before.unused());
        drop(before);
        match lasting {
            Lasting::Own { .. } => renew::retire(app, &settings, &token, unused),
            Lasting::OAuth(grant) => oauth::retire(app, &settings, grant, unused),
            Lasting::Session { .. } | Lasting::Given => {}
        }
    }
    Ok(LoggedIn {
        store: aim.place.word().to_owned(),
        no_own_token,
        checked,
        ..logged_in(app, &aim.settings, &held)
    })
}

fn logged_in(app: &App, settings: &Settings, held: &Held) -> LoggedIn {
    LoggedIn {
        name: settings.name.clone(),
        url: settings.url.as_ref().map(|url| trimmed(url).to_owned()),
        user: held.user.clone(),
        expires_at: held.expires_at,
        prefix: held.prefix.clone(),
        checked: true,
        token: held.token.as_ref().map(|token| held.token_status(token)),
        no_own_token: None,
        store: app.store.remembered(&settings.name).ok().flatten().unwrap_or_default().word().to_owned(),
    }
}

/// Replaces the token of this machine now.
///
/// # Errors
/// When there is none, or no new one.
pub async fn renew(app: &Arc<App>, name: Option<String>) -> Result<LoggedIn, Fault> {
    let gateway = named(app, name)?;
    app.check_not_given(&gateway.settings.name, None)?;
    renew::rotate(app, &gateway, Occasion::Asked).await?;
    Ok(logged_in(app, &gateway.settings, &gateway.held()))
}

/// Forgets a login, and has the deployment forget the token that it made for this machine.
///
/// # Errors
/// When there is no such gateway, or what is stored cannot be removed.
pub async fn log_out(app: &Arc<App>, name: Option<String>) -> Result<LoggedOut, Fault> {
    let gateway = named(app, name)?;
    let name = gateway.settings.name.clone();
    app.check_not_given(&name, None)?;
    let _alone = app.logins.alone(&name).await;
    let held = gateway.held();
    let mut done = LoggedOut { name: name.clone(), deleted: None, left: None };
    if let (Lasting::Own { name, .. }, Some(token)) = (&held.lasting, &held.token)
        && let Some(id) = tokens::id(token)
    {
        match tokens::delete(&gateway, token, id).await {
            Ok(()) => done.deleted = Some(name.clone()),
            Err(fault) => {
                tracing::warn!("the token {name} could not be deleted: {fault}");
                done.left = Some(name.clone());
            }
        }
    }
    if let Lasting::OAuth(grant) = &held.lasting {
        let client = Some(grant.client.name.clone());
        match oauth::end(&gateway, grant).await {
            Ok(()) => done.deleted = client,
            Err(fault) => {
                tracing::warn!("the OAuth2 tokens could not be revoked: {fault}");
                done.left = client;
            }
        }
    }
    app.forget(&name).await?;
    Ok(done)
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

/// Whose the token is that a login brings.
enum Whose {
    /// Somebody gave it to us.
    Given,
    /// Another program's: a token is made with it, and it is not kept itself.
    Borrowed,
    /// The deployment gave it to us, for this.
    Granted(Option<Box<Grant>>),
}

/// What is held after a login with a token: one made for this machine, where the deployment makes one; else the token
/// itself, and why.
async fn with_token(
    app: &App,
    candidate: &Gateway,
    token: Secret,
    whose: Whose,
) -> Result<(Held, Option<String>), Fault> {
    let user = deployment::me(candidate, &token).await?;
    let prefix = candidate.prefix().await?;
    let held = Held {
        url: bound_to(&candidate.settings),
        user: Some(user.username),
        prefix: Some(prefix),
        ..Held::default()
    };
    let family = app.logins.family(&candidate.settings.name);
    match own::make(candidate, &token, &family, None).await? {
        Ok(own) => Ok((renew::held_of(own, held), None)),
        Err(words) => {
            let info = tokens::info(candidate, &token).await?;
            let (expires_at, scope) = (info.ends(), info.scope());
            let lasting = match whose {
                Whose::Borrowed => {
                    let what = format!(
                        "the deployment makes no token for this machine ({words}), and another program's is not kept"
                    );
                    return Err(Fault::new(Kind::GatewayRefused, what)
                        .cure_with("give a token of its own: `aigwctl login --token-stdin`"));
                }
                Whose::Granted(Some(grant)) => Lasting::OAuth(grant),
                Whose::Given if info.token_name.is_empty() && info.lifetime_seconds > 0 => {
                    Lasting::Session { lifetime_s: info.lifetime_seconds }
                }
                Whose::Given | Whose::Granted(None) => Lasting::Given,
            };
            Ok((Held { token: Some(token), expires_at, scope, lasting, ..held }, Some(words)))
        }
    }
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
    let (draft, _) = app.draft_settings(|text| config::edit::set(text, &changes))?;
    Ok(Some(draft))
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
