//! Users and their tokens: `<id>-<secret>`, expiring by a clock that tests can move.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::clock::{self, Clock};
use crate::hold;

const ID_LENGTH: usize = 10;
const SECRET_LENGTH: usize = 22;

/// What a token was made for; it decides whether use of the ordinary API extends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A browser or command-line session.
    Session,
    /// A long-lived token with a name.
    Named,
    /// An access token of the authorization server.
    OAuth,
}

/// A stored token. The secret itself is not kept.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) id: String,
    secret_hash: [u8; 32],
    pub(crate) user: String,
    pub(crate) purpose: Purpose,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) created: OffsetDateTime,
    pub(crate) last_used: OffsetDateTime,
    pub(crate) expires: OffsetDateTime,
    pub(crate) lifetime: Duration,
}

/// A user of the deployment.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) deleted: bool,
    pub(crate) suspended: bool,
}

/// A token that works, as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The part before the hyphen.
    pub id: String,
    /// Empty for sessions.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it ends, by the gateway's clock.
    pub expires: SystemTime,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Unknown,
    WrongSecret,
    Expired(OffsetDateTime),
    NoOwner,
}

/// All tokens and users.
#[derive(Default)]
pub(crate) struct Tokens {
    store: Mutex<Store>,
    pub(crate) clock: Clock,
}

#[derive(Default)]
struct Store {
    users: BTreeMap<String, User>,
    tokens: BTreeMap<String, Token>,
}

/// What a new token should be.
pub(crate) struct Order<'a> {
    pub(crate) user: &'a str,
    pub(crate) purpose: Purpose,
    pub(crate) name: &'a str,
    pub(crate) scopes: Vec<String>,
    pub(crate) lifetime: Duration,
}

impl Tokens {
    /// Makes a token; its user comes into being when there is none of that name.
    pub(crate) fn issue(&self, order: Order<'_>) -> String {
        let (id, secret) = (random_text(ID_LENGTH), random_text(SECRET_LENGTH));
        let now = self.clock.now();
        let mut store = hold(&self.store);
        store.ensure_user(order.user);
        let token = Token {
            id: id.clone(),
            secret_hash: Sha256::digest(&secret).into(),
            user: order.user.to_owned(),
            purpose: order.purpose,
            name: order.name.to_owned(),
            scopes: order.scopes,
            created: now,
            last_used: now,
            expires: clock::after(now, order.lifetime),
            lifetime: order.lifetime,
        };
        store.tokens.insert(id.clone(), token);
        format!("{id}-{secret}")
    }

    /// Who a token belongs to, if it is good. Looks only; nothing is extended.
    pub(crate) fn check(&self, text: &str) -> Result<(Token, User), Refused> {
        let (id, secret) = text.split_once('-').ok_or(Refused::Malformed)?;
        if id.len() != ID_LENGTH || secret.len() != SECRET_LENGTH || secret.contains('-') {
            return Err(Refused::Malformed);
        }
        let store = hold(&self.store);
        let token = store.tokens.get(id).ok_or(Refused::Unknown)?;
        if <[u8; 32]>::from(Sha256::digest(secret)) != token.secret_hash {
            return Err(Refused::WrongSecret);
        }
        if token.expires <= self.clock.now() {
            return Err(Refused::Expired(token.expires));
        }
        let user = store.users.get(&token.user).filter(|user| !user.deleted).ok_or(Refused::NoOwner)?;
        Ok((token.clone(), user.clone()))
    }

    /// Notes use by the ordinary API, which extends a session, at most once an hour.
    pub(crate) fn used(&self, id: &str, slides: bool) {
        let now = self.clock.now();
        if let Some(token) = hold(&self.store).tokens.get_mut(id) {
            token.last_used = now;
            let extended = clock::after(now, token.lifetime);
            if slides && token.purpose == Purpose::Session && extended - token.expires >= time::Duration::HOUR
            {
                token.expires = extended;
            }
        }
    }

    /// The tokens of one user, oldest first.
    pub(crate) fn of(&self, user: &str) -> Vec<Token> {
        let mut all: Vec<_> =
            hold(&self.store).tokens.values().filter(|token| token.user == user).cloned().collect();
        all.sort_by_key(|token| token.created);
        all
    }

    /// The tokens of one user that have not ended, oldest first.
    pub(crate) fn alive(&self, user: &str) -> Vec<Alive> {
        let now = self.clock.now();
        let mut tokens = self.of(user);
        tokens.retain(|token| token.expires > now);
        let alive = |token: Token| Alive {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            expires: token.expires.into(),
        };
        tokens.into_iter().map(alive).collect()
    }

    /// Removes a token, given its id or the whole of it. Whether there was one.
    pub(crate) fn revoke(&self, token: &str) -> bool {
        let id = token.split('-').next().unwrap_or_default();
        hold(&self.store).tokens.remove(id).is_some()
    }

    pub(crate) fn change_user(&self, name: &str, change: impl FnOnce(&mut User)) {
        change(hold(&self.store).ensure_user(name));
    }

    /// When a token ends, if it is in the store.
    pub(crate) fn expiry(&self, token: &str) -> Option<OffsetDateTime> {
        let id = token.split('-').next().unwrap_or_default();
        hold(&self.store).tokens.get(id).map(|token| token.expires)
    }
}

impl Store {
    fn ensure_user(&mut self, name: &str) -> &mut User {
        self.users.entry(name.to_owned()).or_insert_with(|| User {
            id: random_uuid(),
            name: name.to_owned(),
            deleted: false,
            suspended: false,
        })
    }
}

impl Token {
    /// As the ordinary API shows it.
    pub(crate) fn to_json(&self, owner: &User) -> Value {
        let kind = match self.purpose {
            Purpose::Session => "password",
            Purpose::Named => "token",
            Purpose::OAuth => "oauth2_provider_app",
        };
        json!({
            "id": self.id,
            "user_id": owner.id,
            "username": owner.name,
            "token_name": self.name,
            "last_used": clock::text(self.last_used),
            "expires_at": clock::text(self.expires),
            "created_at": clock::text(self.created),
            "updated_at": clock::text(self.last_used),
            "login_type": kind,
            "scope": self.scopes.first().map_or("all", String::as_str),
            "scopes": self.scopes,
            "lifetime_seconds": self.lifetime.as_secs(),
        })
    }
}

impl User {
    /// As the ordinary API shows it.
    pub(crate) fn to_json(&self, now: OffsetDateTime) -> Value {
        let now = clock::text(now);
        json!({
            "id": self.id,
            "username": self.name,
            "name": self.name,
            "email": format!("{}@practice.test", self.name),
            "avatar_url": "",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "last_seen_at": now,
            "status": if self.suspended { "suspended" } else { "active" },
            "login_type": "password",
            "organization_ids": ["00000000-0000-4000-8000-000000000001"],
            "roles": [],
        })
    }
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has random numbers, or TLS would not work either");
    bytes
}

pub(crate) fn random_text(length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    random_bytes::<32>()[..length]
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// A random UUID in its text form.
pub(crate) fn random_uuid() -> String {
    let mut bytes = random_bytes::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crate::record::hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(lifetime: Duration) -> Order<'static> {
        Order { user: "ada", purpose: Purpose::Session, name: "", scopes: vec!["all".to_owned()], lifetime }
    }

    #[test]
    fn every_way_a_token_can_be_bad() {
        let tokens = Tokens::default();
        let good = tokens.issue(session(Duration::from_secs(7200)));
        assert_eq!(good.len(), 33);
        assert!(tokens.check(&good).is_ok());
        let other_secret = format!("{}-{}", &good[..10], "x".repeat(22));
        for (text, expected) in [
            ("", Refused::Malformed),
            ("sk-ant-api03-something", Refused::Malformed),
            ("aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", Refused::Unknown),
            (other_secret.as_str(), Refused::WrongSecret),
        ] {
            assert_eq!(tokens.check(text).unwrap_err(), expected, "{text}");
        }
        tokens.clock.advance(Duration::from_secs(7201));
        assert!(matches!(tokens.check(&good), Err(Refused::Expired(_))));
    }

    #[test]
    fn the_ordinary_api_extends_sessions_once_an_hour() {
        let tokens = Tokens::default();
        let token = tokens.issue(session(Duration::from_secs(86_400)));
        let first = tokens.expiry(&token).unwrap();
        tokens.clock.advance(Duration::from_secs(1800));
        tokens.used(&token[..10], true);
        assert_eq!(tokens.expiry(&token), Some(first));
        tokens.clock.advance(Duration::from_secs(1801));
        tokens.used(&token[..10], false);
        assert_eq!(tokens.expiry(&token), Some(first));
        tokens.used(&token[..10], true);
        assert!(tokens.expiry(&token).unwrap() > first + time::Duration::minutes(59));
    }
}
