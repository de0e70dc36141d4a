//! A string that must not be seen: wiped when dropped, printed as `***`, shown only by [`Secret::reveal`].

use std::fmt;

use zeroize::Zeroizing;

/// A token or key. It has no `Serialize` of its own; the control protocol uses [`wire`] for the one message
/// that carries one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; surrounding white space, which pasted tokens have, is dropped.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        let trimmed = text.trim();
        if trimmed.len() == text.len() { Self(text) } else { Self(Zeroizing::new(trimmed.to_owned())) }
    }

    /// The text itself. Whoever calls this puts it into a request, a store or a comparison, and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most four characters by which a person can tell two tokens apart: the first ones, and only of a
    /// text so long that they give nothing away.
    pub fn fingerprint(&self) -> String {
        if self.0.len() < 16 { String::new() } else { self.0.chars().take(4).collect() }
    }
}

/// Whether a text has the form of a deployment's token: ten characters, a hyphen, twenty-two.
pub fn is_deployment_token(text: &str) -> bool {
    let plain = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_alphanumeric());
    text.split_once('-').is_some_and(|(id, secret)| plain(id, 10) && plain(secret, 22))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// For `#[serde(with = "secret::wire")]` on a field of a control message.
pub mod wire {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Secret;

    /// Writes the text.
    pub fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.reveal())
    }

    /// Reads the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new(" abcdefghij-klmnopqrstuvwxyzabcdef\n");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.reveal(), "abcdefghij-klmnopqrstuvwxyzabcdef");
        assert_eq!(secret.fingerprint(), "abcd");
        assert_eq!(Secret::new("short").fingerprint(), "");
    }

    #[test]
    fn a_deployments_token_is_known_by_its_form() {
        assert!(is_deployment_token("abcdefghij-0123456789abcdefghijkl"));
        for other in ["", "sk-ant-api03-x", "aigw_env_x", "abcdefghij-0123456789abcdefghijk_", "abcdefghij"] {
            assert!(!is_deployment_token(other), "{other}");
        }
    }
}
