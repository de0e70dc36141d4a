//! What is held for a gateway: given by the environment, or kept by a login.

use std::ffi::OsString;

use aigw_shared::config::{self, GatewayKind, StoreKind};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::{self, Draft};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::secret::Secret;

use super::{App, found};
use crate::credentials::Held;
use crate::gateway::{Gateway, bound_to, url_text};

/// A token's file is longer only if it is none.
const MAX_TOKEN_FILE: u64 = 64 * 1024;

impl App {
    /// Keeps what a login brought, settings included, and uses it from the next request on. It goes where the last one was
    /// if no place is named.
    ///
    /// # Errors
    /// When it cannot be written; the old login is then as it was.
    pub async fn keep(
        &self,
        name: &str,
        place: Option<StoreKind>,
        held: Held,
        settings: Option<Draft>,
    ) -> Result<(), Fault> {
        self.succession.check()?;
        self.store.put(name, place, &held, settings).await?;
        for code in [
            "login-damaged",
            "login-unreadable",
            "keyring-unavailable",
            "login-refused",
            "login-not-renewed",
            "login-ends",
        ] {
            self.health.clear(code, name);
        }
        self.tidy(name).await;
        if let Some(gateway) = self.current.load().gateways.get(name) {
            gateway.hold(held);
        }
        Ok(())
    }

    /// Whether a login (or logout) would be overruled by what the environment gives.
    ///
    /// # Errors
    /// Then it names the variable.
    pub fn check_not_given(&self, name: &str, url: Option<&url::Url>) -> Result<(), Fault> {
        if name != "default" {
            return Ok(());
        }
        // What the policy says stands above the environment, too.
        let locked = self.current().shown.iter().any(|row| row.locked && row.key == "gateway.default.url");
        let given = given_url(&self.origins.environment).filter(|_| !locked);
        let overruled = match () {
            () if self.given.token_file.is_some() => "AIGW_TOKEN_FILE",
            () if self.given.token.is_some() => "AIGW_TOKEN",
            () if url.is_some() && given.is_some_and(|given| given != url_text(url)) => "AIGW_URL",
            () => return Ok(()),
        };
        Err(Fault::new(
            Kind::BadConfiguration,
            format!("aigwd was started with {overruled}, which stands above this login"),
        )
        .cure_with(format!("start aigwd without {overruled}, or give this gateway a name: `--name NAME`")))
    }

    /// Forgets a login.
    ///
    /// # Errors
    /// When there is none, or it cannot be removed.
    pub async fn forget(&self, name: &str) -> Result<(), Fault> {
        self.succession.check()?;
        self.store.forget(name).await?;
        for code in ["keyring-unavailable", "login-left-behind"] {
            self.health.clear(code, name);
        }
        if let Some(gateway) = self.current.load().gateways.get(name) {
            gateway.hold(Held::default());
        }
        Ok(())
    }

    /// What is kept for a gateway.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn stored(&self, name: &str) -> Result<Held, Fault> {
        match self.store.get(name)? {
            Some((held, _)) => Ok(held),
            None => self.read_keyring(name, true).await,
        }
    }

    /// The logins that are not where a managed policy wants them. The next one will be.
    pub(super) fn misplaced(&self, loaded: &config::Loaded) -> Vec<Finding> {
        let wanted = loaded.config.login.store;
        if !loaded.shown.iter().any(|row| row.locked && row.key == "login.store") {
            return Vec::new();
        }
        let elsewhere = |name: &&String| {
            self.store.remembered(name).is_ok_and(|place| place.is_some_and(|place| place != wanted))
        };
        let tell = |name: &String| {
            Finding::new(
                "login-elsewhere",
                Severity::Warning,
                format!(
                    "the login for the gateway {name} is not kept as the managed policy says: {}",
                    wanted.word()
                ),
                format!("run `aigwctl login --name {name}`"),
            )
        };
        loaded.config.gateways.keys().filter(elsewhere).map(tell).collect()
    }

    /// Where the login of a gateway is kept, for `status`; nothing if it was given by the environment, or there is none.
    pub fn place_of(&self, gateway: &Gateway) -> Option<StoreKind> {
        let settings = &gateway.settings;
        let unread = self.store.unread().contains(&settings.name);
        if !unread && (gateway.held().is_empty() || self.is_given(settings)) {
            return None;
        }
        self.store.remembered(&settings.name).ok().flatten()
    }

    /// The credential for a gateway: from the environment for the one named `default`, else the stored one. What was
    /// given for another URL is not used, and told of.
    pub fn held_for(&self, settings: &config::Gateway) -> Held {
        let url = bound_to(settings);
        let held = self.given_to(settings, &url).unwrap_or_else(|| self.kept_for(&settings.name));
        if held.token.is_some() && held.url != url {
            self.health.note(
                &settings.name,
                Finding::new(
                    "login-for-other-url",
                    Severity::Warning,
                    format!(
                        "the login for the gateway {} was given for {}, not for {url}",
                        settings.name, held.url
                    ),
                    "run `aigwctl login`, or start aigwd again if it was given a token for the new URL",
                ),
            );
        } else {
            self.health.clear("login-for-other-url", &settings.name);
        }
        held
    }

    /// Whether the token stands in a file that somebody else writes.
    pub fn reads_token_file(&self) -> bool {
        self.given.token_file.is_some()
    }

    /// Uses what stands in the token's file now.
    pub fn read_token_file_again(&self) {
        let default = self.current.load().gateways.get("default").cloned();
        let Some(gateway) = default.filter(|_| self.reads_token_file()) else { return };
        let held = self.held_for(&gateway.settings);
        if held.token.is_some() && held.token != gateway.held().token {
            gateway.hold(held);
        }
    }

    fn given_to(&self, settings: &config::Gateway, url: &str) -> Option<Held> {
        if !self.may_be_given(settings) {
            return None;
        }
        let token = self.given_token();
        match &token {
            Ok(_) => self.health.clear("token-file", "token-file"),
            Err(fault) => self.health.note("token-file", found("token-file", fault)),
        }
        let token = token.ok().flatten()?;
        let url = match url {
            "" => String::new(),
            bound => match self.given_for.get_or_init(|| bound.to_owned()) {
                // What stood beside the token was the URL alone.
                given if *given == url_text(settings.url.as_ref()) => bound.to_owned(),
                given => given.clone(),
            },
        };
        Some(Held { url, token: Some(token), ..Held::default() })
    }

    fn kept_for(&self, name: &str) -> Held {
        match self.store.get(name) {
            Ok(Some((held, damage))) => {
                self.health.clear("login-unreadable", name);
                self.health.clear("keyring-unavailable", name);
                if let Some(finding) = damage {
                    self.health.note(name, finding);
                }
                held
            }
            Ok(None) => {
                self.store.asked.notify_one();
                Held::default()
            }
            Err(fault) => {
                self.health.note(name, found("login-unreadable", &fault));
                Held::default()
            }
        }
    }

    fn may_be_given(&self, settings: &config::Gateway) -> bool {
        settings.name == "default" && settings.kind != GatewayKind::Generic
    }

    fn is_given(&self, settings: &config::Gateway) -> bool {
        self.may_be_given(settings) && (self.given.token.is_some() || self.given.token_file.is_some())
    }

    fn given_token(&self) -> Result<Option<Secret>, Fault> {
        let Some(file) = &self.given.token_file else { return Ok(self.given.token.clone()) };
        let bytes = files::read_limited(file, MAX_TOKEN_FILE)?.ok_or_else(|| {
            Fault::new(Kind::BadConfiguration, format!("AIGW_TOKEN_FILE: {} does not exist", file.display()))
        })?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Fault::new(Kind::BadConfiguration, format!("AIGW_TOKEN_FILE: {} is not text", file.display()))
        })?;
        Ok(Some(Secret::new(text)).filter(|token| !token.is_empty()))
    }
}

/// `AIGW_URL`, as a URL is written beside what was given for it.
pub(super) fn given_url(environment: &[(OsString, OsString)]) -> Option<String> {
    let (_, text) = environment.iter().find(|(name, _)| name == "AIGW_URL")?;
    Some(url_text(Some(&url::Url::parse(text.to_str()?).ok()?)))
}
