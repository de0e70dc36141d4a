//! A login with the browser (OAuth2, authorization code with PKCE): the person allows this machine on the deployment's own
//! page, and nothing is typed or pasted. What comes of it makes this machine a token of its own; only where the deployment
//! makes none are the OAuth2 tokens themselves kept, and refreshed in time.

mod callback;
mod page;

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::config::Gateway as Settings;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{BrowserLogin, LoggedIn};
use aigw_shared::secret::{Secret, wire};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use self::callback::{Brought, Callback};
use self::page::Page;
use super::aim::{self, Aim};
use super::login;
use super::{Held, Lasting};
use crate::app::App;
use crate::deployment::oauth::{self, Offer, Pair, Server};
use crate::deployment::tokens;
use crate::gateway::{Gateway, trimmed};
use crate::now;

/// How long a person may take on the deployment's page.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A client that was registered for one login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its name for machines.
    pub id: String,
    /// Its name for people, on the deployment's page.
    pub name: String,
    /// By which it proves itself; none for a public one.
    #[serde(with = "super::optional", default)]
    pub secret: Option<Secret>,
    /// Where its tokens are fetched.
    pub token_url: String,
    /// Where they are ended.
    pub revoke_url: Option<String>,
    /// Where the registration itself can be taken back.
    pub own_url: Option<String>,
    /// By which it can.
    #[serde(with = "super::optional", default)]
    pub own_token: Option<Secret>,
}

/// OAuth2 tokens that are kept. The access token stands where every token does, in [`Held::token`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// For whom.
    pub client: Client,
    /// For the next access token; good once.
    #[serde(with = "wire")]
    pub refresh: Secret,
    /// When the access token was fetched, in seconds since 1970, by our clock.
    pub made_at: i64,
    /// How long it lives, in seconds.
    pub lifetime_s: u64,
}

impl Grant {
    /// When the next access token is fetched, in seconds since 1970: when less than a third of its life is left.
    pub fn refreshed_at(&self) -> i64 {
        self.made_at.saturating_add_unsigned(self.lifetime_s - self.lifetime_s / 3)
    }

    /// Its secrets besides the access token.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.refresh).chain(&self.client.secret).chain(&self.client.own_token)
    }
}

/// A login for which a browser is on its way.
pub struct Begun {
    app: Arc<App>,
    aim: Aim,
    server: Box<Server>,
    registration: Registration,
    callback: Callback,
    verifier: Secret,
}

/// A registration, which is taken back unless its client is kept.
struct Registration {
    gateway: Arc<Gateway>,
    client: Option<Client>,
}

impl Registration {
    fn keep(mut self) {
        self.client = None;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let (Some(client), Ok(runtime)) = (self.client.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let gateway = self.gateway.clone();
        runtime.spawn(async move {
            if let Err(fault) = oauth::unregister(&gateway, &client).await {
                tracing::debug!("the deployment keeps the client {}: {fault}", client.id);
            }
        });
    }
}

/// Begins a login, if the deployment has this way. `Err(words)`: it has not; words where it seemed to.
///
/// # Errors
/// When no login is possible, in whatever way.
pub async fn begin(app: &Arc<App>, query: &BrowserLogin) -> Result<Result<Begun, Option<String>>, Fault> {
    let aim = aim::prepare(app, &query.gateway, query.ca_file.as_deref())?;
    let gateway = Arc::new(app.candidate(aim.settings.clone()));
    let server = match oauth::offer(&gateway).await? {
        Offer::Server(server) => server,
        Offer::Absent => return Ok(Err(None)),
        Offer::Unusable(words) => return Ok(Err(Some(words))),
    };
    let callback = Callback::open().await?;
    let client = match oauth::register(&gateway, &server, &app.logins.client_name(), &callback.url()).await? {
        Ok(client) => client,
        Err(words) => return Ok(Err(Some(words))),
    };
    Ok(Ok(Begun {
        app: app.clone(),
        aim,
        server,
        registration: Registration { gateway, client: Some(client) },
        callback,
        verifier: Secret::new(callback::random()?),
    }))
}

impl Begun {
    /// The page for the browser.
    pub fn page(&self) -> String {
        let client = self.registration.client.as_ref();
        client.map_or_else(String::new, |client| {
            self.server.page(client, &self.callback.url(), self.callback.state(), &self.verifier)
        })
    }

    /// Waits for the browser. Given up, it closes the listener; once the browser is back, the login is brought to its end
    /// in any case, since that is what the browser then shows.
    ///
    /// # Errors
    /// Why nobody is logged in. The old login is then as it was.
    pub async fn finish(self) -> Result<LoggedIn, Fault> {
        let Self { app, aim, registration, callback, verifier, .. } = self;
        let back_to = callback.url();
        let Ok(arrival) = timeout(PATIENCE, callback.arrival()).await else {
            let minutes = PATIENCE.as_secs() / 60;
            return Err(not_logged_in(format!("nobody allowed the login within {minutes} minutes")));
        };
        let ending = tokio::spawn(async move {
            let outcome = match &arrival.brought {
                Brought::Code(code) => redeem(&app, &aim, registration, code, &verifier, &back_to).await,
                Brought::Refusal(words) => {
                    Err(not_logged_in(format!("the login was not allowed in the browser: {words}")))
                }
            };
            arrival.show(last_page(&outcome)).await;
            outcome
        });
        ending.await.map_err(|error| Fault::new(Kind::Internal, error.to_string()))?
    }
}

fn not_logged_in(what: String) -> Fault {
    Fault::new(Kind::NotLoggedIn, what).cure_with("run `aigwctl login` again")
}

async fn redeem(
    app: &Arc<App>,
    aim: &Aim,
    registration: Registration,
    code: &Secret,
    verifier: &Secret,
    back_to: &str,
) -> Result<LoggedIn, Fault> {
    let gateway = registration.gateway.clone();
    let Some(client) = registration.client.clone() else {
        return Err(Fault::new(Kind::Internal, "the login has lost its client"));
    };
    let pair = oauth::exchange(&gateway, &client, code, verifier, back_to).await?;
    let to_end = pair.refresh.clone().unwrap_or_else(|| pair.access.clone());
    let access = pair.access.clone();
    let grant = grant(&gateway, client.clone(), pair, None).await;
    let outcome = match grant {
        Ok(grant) => login::with_grant(app, aim, access, grant).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok((logged_in, true)) => {
            registration.keep();
            Ok(logged_in)
        }
        other => {
            // It has done its work, or is of no use.
            if let Err(fault) = oauth::revoke(&gateway, &client, &to_end).await {
                tracing::debug!("the OAuth2 tokens end by themselves: {fault}");
            }
            other.map(|(logged_in, _)| logged_in)
        }
    }
}

/// What is kept of a pair; nothing without a refresh token, new or old.
async fn grant(
    gateway: &Gateway,
    client: Client,
    pair: Pair,
    before: Option<&Secret>,
) -> Result<Option<Box<Grant>>, Fault> {
    let Some(refresh) = pair.refresh.or_else(|| before.cloned()) else { return Ok(None) };
    let lifetime_s = match pair.lifetime_s {
        Some(lifetime) => Some(lifetime),
        None => tokens::info(gateway, &pair.access).await?.lifetime().map(|life| life.as_secs()),
    };
    Ok(lifetime_s.map(|lifetime_s| Box::new(Grant { client, refresh, made_at: now(), lifetime_s })))
}

fn last_page(outcome: &Result<LoggedIn, Fault>) -> Page {
    match outcome {
        Ok(it) => {
            let place = it.url.as_deref().unwrap_or(&it.name);
            let user = it.user.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
            Page::good(
                "You are logged in",
                vec![
                    format!("aigw on this machine is logged in to {place}{user}."),
                    "You can close this window.".to_owned(),
                ],
            )
        }
        Err(fault) => Page::bad(
            "You are not logged in",
            vec![
                format!("What happened: {}.", fault.what),
                format!("What to do: {}.", fault.cure().replace('`', "")),
            ],
        ),
    }
}

/// Fetches the next access token. The caller is alone with this login.
///
/// The deployment forgets the old tokens when it makes new ones: a crash before these are stored, moments later, takes the
/// login along. That is why they are kept only where no better token is made.
///
/// # Errors
/// Why there is none; what is held stays.
pub async fn refresh(app: &App, gateway: &Gateway) -> Result<(), Fault> {
    let held = gateway.held();
    let Lasting::OAuth(old) = &held.lasting else { return Ok(()) };
    let pair = oauth::refresh(gateway, &old.client, &old.refresh).await?.map_err(|words| {
        let url = gateway.settings.url.as_ref().map_or("the deployment", trimmed);
        Fault::new(Kind::TokenRejected, format!("{url} does not refresh the login: {words}"))
    })?;
    let access = pair.access.clone();
    let lasting = match grant(gateway, old.client.clone(), pair, Some(&old.refresh)).await? {
        Some(grant) => Lasting::OAuth(grant),
        None => Lasting::Given,
    };
    let held = Held { expires_at: lasting.ends_at(), token: Some(access), lasting, ..(**held).clone() };
    app.keep(&gateway.settings.name, None, held, None).await?;
    app.logins.change();
    Ok(())
}

/// Has the deployment end the tokens and forget the client.
///
/// # Errors
/// When the tokens may still be good.
pub async fn end(gateway: &Gateway, grant: &Grant) -> Result<(), Fault> {
    let revoked = oauth::revoke(gateway, &grant.client, &grant.refresh).await;
    let forgotten = oauth::unregister(gateway, &grant.client).await;
    if let Err(fault) = &forgotten {
        tracing::debug!("the deployment keeps the client {}: {fault}", grant.client.id);
    }
    revoked
}

/// Ends tokens that a new login took the place of, after the last request that uses them. If the daemon ends before, they
/// end by themselves.
pub fn retire(
    app: &Arc<App>,
    settings: &Settings,
    grant: Box<Grant>,
    unused: impl Future<Output = ()> + Send + 'static,
) {
    // A way of its own: the gateway itself may be gone by then.
    let (way, app) = (app.candidate(settings.clone()), app.clone());
    tokio::spawn(async move {
        tokio::select! {
            // A daemon before us may use them, too.
            () = async { unused.await; app.succession.alone().await } => {}
            () = app.ended.cancelled() => return,
        }
        if let Err(fault) = end(&way, &grant).await {
            tracing::debug!("the old OAuth2 tokens end by themselves: {fault}");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_listener_is_gone_with_whoever_waits() {
        let callback = Callback::open().await.unwrap();
        let address = callback.url().replace("http://", "").replace("/callback", "");
        assert!(timeout(PATIENCE, callback.arrival()).await.is_err());
        tokio::net::TcpStream::connect(address).await.unwrap_err();
    }

    #[test]
    fn a_token_is_refreshed_when_a_third_of_its_life_is_left() {
        let client = Client {
            id: String::new(),
            name: String::new(),
            secret: None,
            token_url: String::new(),
            revoke_url: None,
            own_url: None,
            own_token: None,
        };
        let grant = Grant { client, refresh: Secret::new("r"), made_at: 1000, lifetime_s: 3600 };
        assert_eq!(grant.refreshed_at(), 1000 + 2400);
    }
}
