//! What is held for each gateway: the deployment's token, or a key per provider, and what is known of them.
//!
//! It is bound to the URL that it was given for, and is of no use at another.

pub mod aim;
pub mod file;
pub mod keyring;
pub mod lease;
pub mod login;
pub mod oauth;
pub mod own;
pub mod renew;
pub mod store;

use std::collections::BTreeMap;

use aigw_shared::ipc::payload::TokenStatus;
use aigw_shared::secret::Secret;
use serde::{Deserialize, Serialize};

/// What is held for one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The URL it was given for; empty for a gateway whose providers each have their own.
    pub url: String,
    /// The deployment's token.
    #[serde(with = "optional", default)]
    pub token: Option<Secret>,
    /// Keys by provider.
    #[serde(with = "by_provider", default)]
    pub keys: BTreeMap<String, Secret>,
    /// Base URLs the keys were given for.
    #[serde(default)]
    pub key_urls: BTreeMap<String, String>,
    /// Who is logged in.
    #[serde(default)]
    pub user: Option<String>,
    /// When the token ends, in seconds since 1970.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// What the token may do.
    #[serde(default)]
    pub scope: Option<String>,
    /// The API prefix that was found to work.
    #[serde(default)]
    pub prefix: Option<String>,
    /// How the token is kept from ending.
    #[serde(default)]
    pub lasting: Lasting,
}

/// How a token is kept from ending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lasting {
    /// Nothing is done: it is used as it was given.
    #[default]
    Given,
    /// It was made for this machine, and is replaced in time.
    Own {
        /// Its name at the deployment.
        name: String,
        /// When it was made, in seconds since 1970, by our clock.
        made_at: i64,
        /// How long it lives, in seconds.
        lifetime_s: u64,
    },
    /// A session, which lives on while somebody asks now and then who it belongs to.
    Session {
        /// How long it lives from the last such question on, in seconds.
        lifetime_s: u64,
    },
    /// An OAuth2 access token, which is refreshed in time.
    #[serde(rename = "oauth")]
    OAuth(Box<oauth::Grant>),
}

impl Held {
    /// Every secret in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let grant = match &self.lasting {
            Lasting::OAuth(grant) => Some(&**grant),
            _ => None,
        };
        self.token.iter().chain(self.keys.values()).chain(grant.into_iter().flat_map(oauth::Grant::secrets))
    }

    /// What may be shown of a secret of it.
    pub fn token_status(&self, token: &Secret) -> TokenStatus {
        let (name, renews_at, lasting) = match &self.lasting {
            Lasting::Given => (None, None, "given"),
            Lasting::Own { name, .. } => (Some(name.clone()), self.lasting.replaced_at(), "own"),
            Lasting::Session { .. } => (None, None, "session"),
            Lasting::OAuth(grant) => (None, Some(grant.refreshed_at()), "oauth"),
        };
        TokenStatus {
            fingerprint: token.fingerprint(),
            expires_at: self.expires_at,
            scope: self.scope.clone(),
            name,
            lasting: lasting.to_owned(),
            renews_at,
        }
    }

    /// Whether there is anything to log in with.
    pub fn is_empty(&self) -> bool {
        self.token.is_none() && self.keys.is_empty()
    }
}

impl Lasting {
    /// When a token that is refreshed ends, in seconds since 1970.
    pub fn ends_at(&self) -> Option<i64> {
        let Self::OAuth(grant) = self else { return None };
        Some(grant.made_at.saturating_add_unsigned(grant.lifetime_s))
    }

    /// When an own token is to be replaced, in seconds since 1970: after two thirds of its life.
    pub fn replaced_at(&self) -> Option<i64> {
        let Self::Own { made_at, lifetime_s, .. } = self else { return None };
        Some(made_at.saturating_add_unsigned(lifetime_s / 3 * 2 + lifetime_s % 3 * 2 / 3))
    }
}

mod optional {
    use aigw_shared::secret::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => to.serialize_some(secret.reveal()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Secret::new))
    }
}

mod by_provider {
    use std::collections::BTreeMap;

    use aigw_shared::secret::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        keys: &BTreeMap<String, Secret>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(keys.iter().map(|(provider, key)| (provider, key.reveal())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<String, Secret>, D::Error> {
        let keys = BTreeMap::<String, String>::deserialize(from)?;
        Ok(keys.into_iter().map(|(provider, key)| (provider, Secret::new(key))).collect())
    }
}
