//! What is held for each gateway: the deployment's token, or a key per provider, and what is known of them.
//!
//! It is bound to the URL that it was given for, and is of no use at another.

pub mod file;
pub mod keyring;
pub mod login;
pub mod store;

use std::collections::BTreeMap;

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
}

impl Held {
    /// Every secret in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.token.iter().chain(self.keys.values())
    }

    /// Whether there is anything to log in with.
    pub fn is_empty(&self) -> bool {
        self.secrets().next().is_none()
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
