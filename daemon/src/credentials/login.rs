//! A login: the credential is tried at the gateway before anything of the old one is touched.

use std::sync::Arc;

use aigw_shared::config::{CredentialForm, Gateway as Settings, GatewayKind, ProviderSettings};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{LoggedIn, LoggedOut, Login, LoginNeeds, LoginQuery};
use aigw_shared::provider::{self, Dialect};
use aigw_shared::secret::Secret;

use crate::app::App;
use crate::credentials::aim::{self, Aim, named, prepare};
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
    let settings = aim::settings(&app.current().config, query)?;
    app.store.probe(aim::place(app, query, &settings.name)?).await?;
    if settings.kind == GatewayKind::Generic {
        return Ok(LoginNeeds {
            token_page: None,
            providers: with_a_key(&settings).cloned().collect(),
            name: settings.name,
        });
    }
    let url = settings.coder_url.as_ref().or(settings.url.as_ref()).ok_or_else(aim::which)?;
    Ok(LoginNeeds {
        name: settings.name,
        token_page: Some(format!("{}/cli-auth", trimmed(url))),
        providers: Vec::new(),
    })
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
    let new_settings = aim.draft_settings(app)?;
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
        let base = provider.base_url.as_ref().ok_or_else(aim::which)?;
        let dialect =
            provider.dialect.or(provider::known(name).map(|known| known.dialect)).unwrap_or(Dialect::OpenAi);
        let models = match dialect {
            Dialect::OpenAi => format!("{}/models", trimmed(base)),
            Dialect::Anthropic => format!("{}/v1/models", trimmed(base)),
            Dialect::Gemini => format!("{}/v1beta/models", trimmed(base)),
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
