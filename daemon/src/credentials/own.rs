//! A token of this machine's own: made with whatever somebody logged in with, as narrow as the deployment knows how, and
//! tried before it is relied on.

use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::secret::Secret;

use crate::deployment::tokens::{self, Minted, TokenInfo};
use crate::deployment::{self, Standing};
use crate::gateway::Gateway;
use crate::random;

/// What such a token may do, the narrowest first; the last is all that its user may. It has to tell who it belongs to and
/// to make its own successor; the gateway itself asks for no scope, or for one of its own, depending on the version.
/// Names from the scope list of Coder's API reference.
const SCOPES: [&[&str]; 4] = [
    &["user:read", "user:read_personal", "api_key:create", "api_key:read", "api_key:delete"],
    &[
        "user:read",
        "user:read_personal",
        "api_key:create",
        "api_key:read",
        "api_key:delete",
        "aibridge_interception:create",
        "aibridge_interception:update",
        "ai_provider:read",
    ],
    &["user:*", "api_key:*", "aibridge_interception:*", "ai_provider:*"],
    &[],
];
/// Tried one after the other where the deployment does not say what its longest is.
const SHORTER: [Duration; 3] = [hours(7 * 24), hours(24), hours(1)];
/// No name of Coder's is longer.
const NAME_LENGTH: usize = 32;

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// A token that was made and tried.
#[derive(Debug)]
pub struct Own {
    /// The token.
    pub token: Secret,
    /// Its name.
    pub name: String,
    /// What the deployment says of it.
    pub info: TokenInfo,
    /// How long it lives.
    pub lifetime: Duration,
}

/// Whose tokens these are: this gateway's, of this aigwd. All their names begin alike and no other's do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family(String);

impl Family {
    /// For a gateway of an aigwd with this identity on the machine called so.
    pub fn new(host_name: &str, machine: &str, gateway: &str) -> Self {
        use sha2::{Digest, Sha256};
        let plain: String = host_name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .take(10)
            .collect();
        let host = Some(plain.trim_matches('-')).filter(|host| !host.is_empty()).unwrap_or("machine");
        // The host's whole name too: a copied home has the same identity, and must not delete the other's tokens.
        let hash = Sha256::digest(format!("{host_name}/{machine}/{gateway}"));
        let tag: String = hash.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
        // Two hyphens in a row are no name of Coder's.
        let host = host.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        Self(format!("aigw-{host}-{tag}-"))
    }

    /// A new name.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn name(&self) -> Result<String, Fault> {
        let serial = random::hex::<4>()?;
        debug_assert!(self.0.len() + serial.len() <= NAME_LENGTH);
        Ok(format!("{}{serial}", self.0))
    }

    /// Whether a token of this name is one of them.
    pub fn has(&self, name: &str) -> bool {
        name.starts_with(&self.0)
    }
}

/// Makes a token with this one, tries it, and says what it may do; or, in the deployment's words, why it makes none. The
/// scope that an earlier one had, `known`, is tried first.
///
/// # Errors
/// When nobody answers; what was made on the way is deleted.
pub async fn make(
    gateway: &Gateway,
    with: &Secret,
    family: &Family,
    known: Option<&str>,
) -> Result<Result<Own, String>, Fault> {
    let longest = tokens::longest_life(gateway, with).await?;
    let wanted = gateway.settings.token_lifetime;
    let wanted = longest.map_or(wanted, |longest| longest.min(wanted));
    let standard = deployment::standing(gateway, with).await?;
    let mut said = String::from("it makes no tokens");
    let mut ladder = SCOPES;
    ladder.sort_by_key(|scopes| known != Some(&named(scopes)));
    for scopes in ladder {
        let lives = std::iter::once(wanted).chain(SHORTER.into_iter().filter(|life| *life < wanted));
        for lifetime in lives {
            let name = family.name()?;
            match tokens::mint(gateway, with, &name, lifetime, scopes).await? {
                Minted::Token(token) => {
                    match tried(gateway, &token, standard, scopes.is_empty()).await {
                        Ok(Some(info)) => {
                            let lifetime = info.lifetime().unwrap_or(lifetime);
                            return Ok(Ok(Own { token, name, info, lifetime }));
                        }
                        Ok(None) => said = "a token that it made is not taken".to_owned(),
                        Err(fault) => {
                            discard(gateway, with, &token).await;
                            return Err(fault);
                        }
                    }
                    discard(gateway, with, &token).await;
                    break;
                }
                Minted::NotLikeThis(words) => {
                    let about_life = words.to_ascii_lowercase().contains("lifetime");
                    said = words;
                    if !about_life {
                        break;
                    }
                }
                Minted::Refused(words) => return Ok(Err(words)),
            }
        }
    }
    Ok(Err(said))
}

/// How the deployment names these scopes together.
fn named(scopes: &[&str]) -> String {
    if scopes.is_empty() { "all".to_owned() } else { scopes.join(" ") }
}

/// What the deployment says of a token that is good for all that we need. The broadest need only say who it is.
async fn tried(
    gateway: &Gateway,
    token: &Secret,
    standard: Standing,
    broadest: bool,
) -> Result<Option<TokenInfo>, Fault> {
    match deployment::me(gateway, token).await {
        Ok(_) => {}
        Err(fault) if matches!(fault.kind, Kind::TokenRejected | Kind::WrongPrefix) => return Ok(None),
        Err(fault) => return Err(fault),
    }
    let info = tokens::info(gateway, token).await?;
    if broadest {
        return Ok(Some(info));
    }
    // It has to see its own kind to make a successor, and what it was made from may have reached the providers.
    let sees = tokens::list(gateway, token).await.is_ok();
    let standing = deployment::standing(gateway, token).await?;
    Ok((sees && (standing == Standing::Taken || standard == Standing::Refused)).then_some(info))
}

/// Not worth a failure: what stays is deleted at the next rotation.
async fn discard(gateway: &Gateway, with: &Secret, token: &Secret) {
    if let Some(id) = tokens::id(token)
        && let Err(fault) = tokens::delete(gateway, with, id).await
    {
        tracing::debug!("a token that is of no use stays for now: {fault}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ones_that_coder_takes_and_belong_to_one_family() {
        for host in ["", "laptop", "Ada's_MacBook-Pro.local", "----", "a.b.c.d.e.f.g", "\u{fc}ber"] {
            let family = Family::new(host, "0123", "default");
            let name = family.name().unwrap();
            assert!(name.len() <= NAME_LENGTH, "{name}");
            assert!(!name.contains("--"), "{name}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(family.has(&name));
            assert!(!Family::new(host, "0124", "default").has(&name));
            assert!(!Family::new(host, "0123", "work").has(&name));
        }
    }
}
