//! Local keys: what a tool shows to the daemon instead of the company's token.
//!
//! A key is `aigw_NAME_SECRET`, where SECRET is HMAC-SHA-256 under a random machine secret over the key's name and
//! generation. So a key can be shown again at any time, and only names and generations are stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What every key begins with. Nothing that begins so is ever forwarded to anyone.
pub const PREFIX: &str = "aigw_";
/// Characters of a key's secret part: 32 bytes in base64url.
pub const SECRET_LEN: usize = 43;
/// Longest name.
pub const NAME_LEN: usize = 32;
/// Least length of a machine secret, in bytes.
pub const MACHINE_SECRET_LEN: usize = 32;

/// Whether this can name a key: `[a-z0-9-]{1,32}`.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_LEN).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A key's name and generation, written `NAME` or `NAME:GENERATION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// `[a-z0-9-]{1,32}`.
    pub name: String,
    /// Raised by each revocation; the first is 1.
    pub generation: u32,
}

impl KeySpec {
    /// Reads `NAME` or `NAME:GENERATION`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, generation) = match text.split_once(':') {
            Some((name, generation)) => (name, generation.parse().ok().filter(|g| *g > 0)?),
            None => (text, 1),
        };
        is_name(name).then(|| Self { name: name.to_owned(), generation })
    }
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.generation == 1 {
            f.write_str(&self.name)
        } else {
            write!(f, "{}:{}", self.name, self.generation)
        }
    }
}

/// The random secret of this machine under which keys are made.
pub struct MachineSecret(Zeroizing<Vec<u8>>);

impl MachineSecret {
    /// A new random one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; MACHINE_SECRET_LEN]);
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// From the content of a file: base64 in any of its spellings where that gives at least 32 bytes, else the bytes
    /// as they are. `None` when it is too short.
    pub fn from_file(content: &[u8]) -> Option<Self> {
        let text = content.trim_ascii();
        let decoded = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|engine| engine.decode(text).ok())
            .filter(|bytes| bytes.len() >= MACHINE_SECRET_LEN);
        let bytes = Zeroizing::new(decoded.unwrap_or_else(|| content.to_vec()));
        (bytes.len() >= MACHINE_SECRET_LEN).then_some(Self(bytes))
    }

    /// The bytes, for the file that keeps them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// The whole key of this name and generation.
    pub fn key(&self, spec: &KeySpec) -> Secret {
        let secret = URL_SAFE_NO_PAD.encode(self.mac(spec).finalize().into_bytes());
        Secret::new(format!("{PREFIX}{}_{secret}", spec.name))
    }

    /// Whether the secret part of a key belongs to this name and generation. Takes the same time either way.
    pub fn verify(&self, spec: &KeySpec, secret: &[u8; 32]) -> bool {
        self.mac(spec).verify_slice(secret).is_ok()
    }

    fn mac(&self, spec: &KeySpec) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"aigw-key-1\0");
        mac.update(spec.name.as_bytes());
        mac.update(b"\0");
        mac.update(spec.generation.to_string().as_bytes());
        mac
    }
}

impl fmt::Debug for MachineSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Takes a presented key apart. `None` when it has our prefix and yet not our form.
pub fn parse(key: &str) -> Option<(&str, [u8; 32])> {
    let (name, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    if !is_name(name) || secret.len() != SECRET_LEN {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
    Some((name, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> MachineSecret {
        MachineSecret::from_file(&[7; 32]).unwrap()
    }

    /// Anyone with the secret can make the same key: this value was computed with Python's hmac module.
    #[test]
    fn a_key_is_the_documented_hmac() {
        let key = machine().key(&KeySpec::parse("env").unwrap());
        assert_eq!(key.reveal(), "aigw_env_9uMwPv3XLSc8HzEteekjee2gw-XxuuenLH5sahAFczM");
    }

    #[test]
    fn only_the_right_name_and_generation_verify() {
        let machine = machine();
        let spec = KeySpec::parse("ci-box:3").unwrap();
        let key = machine.key(&spec);
        let (name, secret) = parse(key.reveal()).unwrap();
        assert_eq!(name, "ci-box");
        assert!(machine.verify(&spec, &secret));
        assert!(!machine.verify(&KeySpec::parse("ci-box:2").unwrap(), &secret));
        assert!(!machine.verify(&KeySpec::parse("ci-bo").unwrap(), &secret));
    }

    #[test]
    fn a_machine_secret_is_raw_or_base64() {
        let raw = [9; 40];
        let text = STANDARD.encode(raw) + "\n";
        assert_eq!(MachineSecret::from_file(text.as_bytes()).unwrap().reveal(), raw);
        assert_eq!(MachineSecret::from_file(&raw).unwrap().reveal(), raw);
        assert!(MachineSecret::from_file(&[1; 31]).is_none());
    }

    #[test]
    fn odd_keys_are_no_keys() {
        for odd in
            ["", "aigw_", "aigw_env", "aigw_env_short", "sk-ant-x", "aigw_ENV_00000000000000000000000000000"]
        {
            assert!(parse(odd).is_none(), "{odd}");
        }
    }
}
