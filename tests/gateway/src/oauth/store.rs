//! What the authorization server remembers: clients, codes and grants. Secrets are kept as they are: this is practice.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use time::OffsetDateTime;

use crate::clock;
use crate::hold;
use crate::tokens::{Order, Purpose, Tokens, random_text, random_uuid};

/// A client that registered itself.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// `None` for a public one.
    pub(crate) secret: Option<String>,
    /// Lets the client remove itself.
    pub(crate) registration_token: String,
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) auth_method: String,
}

/// What a person allowed: waiting to be fetched with a code, or fetched.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    /// SHA-256 of the verifier, in base64url.
    pub(crate) challenge: String,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
}

struct Code {
    allowed: Allowed,
    expires: OffsetDateTime,
    /// The grant that it was exchanged for.
    used: Option<u64>,
}

/// Tokens that belong together.
struct Grant {
    client: String,
    user: String,
    scopes: Vec<String>,
    /// The id of the access token.
    access: String,
    refresh: String,
    refresh_expires: OffsetDateTime,
    /// Refresh tokens that were exchanged: one that comes back was stolen.
    spent: Vec<String>,
}

/// A new pair.
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scopes: Vec<String>,
}

/// How long a new pair lives.
#[derive(Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) access: Duration,
    pub(crate) refresh: Duration,
}

/// Everything remembered.
#[derive(Default)]
pub(crate) struct Store(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    clients: BTreeMap<String, Client>,
    codes: BTreeMap<String, Code>,
    grants: BTreeMap<u64, Grant>,
    last_grant: u64,
}

impl Store {
    pub(crate) fn add(&self, client: Client) {
        hold(&self.0).clients.insert(client.id.clone(), client);
    }

    pub(crate) fn client(&self, id: &str) -> Option<Client> {
        hold(&self.0).clients.get(id).cloned()
    }

    /// Removes a client with all that was granted to it.
    pub(crate) fn remove(&self, id: &str, tokens: &Tokens) {
        let mut kept = hold(&self.0);
        kept.clients.remove(id);
        kept.codes.retain(|_, code| code.allowed.client != id);
        let of_client = kept.grants.iter().filter(|(_, grant)| grant.client == id);
        for number in of_client.map(|(number, _)| *number).collect::<Vec<_>>() {
            kept.end(number, tokens);
        }
    }

    pub(crate) fn clients(&self) -> usize {
        hold(&self.0).clients.len()
    }

    /// A code for what was allowed.
    pub(crate) fn allow(&self, allowed: Allowed, now: OffsetDateTime, life: Duration) -> String {
        let code = format!("coder_{}_{}", random_text(10), random_text(32));
        let expires = clock::after(now, life);
        hold(&self.0).codes.insert(code.clone(), Code { allowed, expires, used: None });
        code
    }

    /// The pair for a code, once. A code that comes twice ends what it was exchanged for.
    pub(crate) fn redeem(
        &self,
        code: &str,
        tokens: &Tokens,
        lives: Lives,
        right: impl FnOnce(&Allowed) -> bool,
    ) -> Option<Pair> {
        let mut kept = hold(&self.0);
        let now = tokens.clock.now();
        let number = kept.last_grant + 1;
        let code = kept.codes.get_mut(code)?;
        if let Some(before) = code.used {
            kept.end(before, tokens);
            return None;
        }
        // Also a wrong exchange uses it up.
        code.used = Some(number);
        if code.expires <= now || !right(&code.allowed) {
            return None;
        }
        let allowed = code.allowed.clone();
        kept.last_grant = number;
        let mut grant = Grant {
            client: allowed.client,
            user: allowed.user,
            scopes: allowed.scopes,
            access: String::new(),
            refresh: String::new(),
            refresh_expires: now,
            spent: Vec::new(),
        };
        let pair = grant.renew(tokens, lives);
        kept.grants.insert(number, grant);
        Some(pair)
    }

    /// The next pair for a refresh token. One that was exchanged already ends everything.
    pub(crate) fn refresh(&self, refresh: &str, client: &str, tokens: &Tokens, lives: Lives) -> Option<Pair> {
        let mut kept = hold(&self.0);
        let known = |grant: &Grant| grant.refresh == refresh || grant.spent.iter().any(|old| old == refresh);
        let number = kept.grants.iter().find(|(_, grant)| known(grant)).map(|(number, _)| *number)?;
        let grant = kept.grants.get_mut(&number).filter(|grant| grant.client == client)?;
        if grant.refresh != refresh || tokens.expiry(&grant.access).is_none() {
            kept.end(number, tokens);
            return None;
        }
        if grant.refresh_expires <= tokens.clock.now() {
            return None;
        }
        tokens.revoke(&grant.access);
        Some(grant.renew(tokens, lives))
    }

    /// Ends the grant that an access or refresh token of this client belongs to, if there is one.
    pub(crate) fn revoke(&self, token: &str, client: &str, tokens: &Tokens) {
        let mut kept = hold(&self.0);
        let id = token.split('-').next().unwrap_or_default();
        let meant = |grant: &Grant| grant.client == client && (grant.refresh == token || grant.access == id);
        if let Some(number) = kept.grants.iter().find(|(_, grant)| meant(grant)).map(|(number, _)| *number) {
            kept.end(number, tokens);
        }
    }
}

impl Kept {
    fn end(&mut self, number: u64, tokens: &Tokens) {
        if let Some(grant) = self.grants.remove(&number) {
            tokens.revoke(&grant.access);
        }
    }
}

impl Grant {
    fn renew(&mut self, tokens: &Tokens, lives: Lives) -> Pair {
        let access = tokens.issue(Order {
            user: &self.user,
            purpose: Purpose::OAuth,
            name: &format!("{}_oauth_session_token", self.client),
            scopes: self.scopes.clone(),
            lifetime: lives.access,
        });
        let refresh = format!("coder_{}_{}", random_text(10), random_text(32));
        let before = std::mem::replace(&mut self.refresh, refresh.clone());
        if !before.is_empty() {
            self.spent.push(before);
        }
        access.split('-').next().unwrap_or_default().clone_into(&mut self.access);
        self.refresh_expires = clock::after(tokens.clock.now(), lives.refresh);
        Pair { access, refresh, scopes: self.scopes.clone() }
    }
}

impl Client {
    /// A new one; with a secret unless it is public.
    pub(crate) fn new(name: &str, redirect_uris: Vec<String>, auth_method: &str) -> Self {
        let secret = || format!("coder_{}_{}", random_text(10), random_text(32));
        Client {
            id: random_uuid(),
            secret: (auth_method != "none").then(secret),
            registration_token: secret(),
            name: name.to_owned(),
            redirect_uris,
            auth_method: auth_method.to_owned(),
        }
    }
}
