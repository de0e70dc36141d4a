//! Takes out of a text what must not leave this machine: tokens, keys, passwords in URLs, mail addresses, and who the user is.

use aigw_shared::key;
use aigw_shared::secret::is_deployment_token;
use serde_json::Value;

use crate::os;

/// What stands where something was taken out.
const GONE: &str = "***";

/// What providers' and forges' keys begin with.
const PROVIDERS: [&str; 14] = [
    "sk-",
    "sk_",
    "pk-",
    "rk-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "AIza",
    "AKIA",
];
/// The beginning of a JSON object in base64: a JWT, or part of one.
const OBJECT: &str = "eyJ";
/// Too short a text after one of those is no secret.
const SHORTEST: usize = 12;
/// A longer run of letters and digits is random: a hash, or a token of somebody unknown.
const RANDOM: usize = 32;

/// What a word is that must not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    LocalKey,
    DeploymentToken,
    ProviderKey,
    /// Something that looks random.
    Random,
}

/// What this word is; `None` when it may be seen.
pub(crate) fn kind_of(word: &str) -> Option<Kind> {
    let begins = |prefix: &str| word.starts_with(prefix) && word.len() >= prefix.len() + SHORTEST;
    let digit = word.bytes().any(|byte| byte.is_ascii_digit());
    match () {
        () if begins(key::PREFIX) => Some(Kind::LocalKey),
        () if is_deployment_token(word) => Some(Kind::DeploymentToken),
        () if PROVIDERS.iter().any(|prefix| begins(prefix)) => Some(Kind::ProviderKey),
        () if begins(OBJECT) || (digit && is_random(word)) => Some(Kind::Random),
        () => None,
    }
}

fn is_random(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    word.len() >= RANDOM && word.bytes().any(|byte| byte.is_ascii_alphabetic()) && word.bytes().all(plain)
}

/// Knows the user, so that the name can be taken out wherever it stands.
pub(crate) struct Redactor {
    /// What is replaced, and by what, the longest first.
    known: Vec<(String, &'static str)>,
}

impl Redactor {
    /// For whoever runs this.
    pub(crate) fn here() -> Self {
        let mut known = Vec::new();
        for (name, by) in
            [("HOME", "~"), ("USERPROFILE", "~"), ("USER", "USER"), ("USERNAME", "USER"), ("LOGNAME", "USER")]
        {
            known.extend(os::variable(name).map(|value| (value, by)));
        }
        if let Some(home) = known.iter().find(|(_, by)| *by == "~").map(|(home, _)| home.clone()) {
            let last = home.rsplit(['/', '\\']).find(|part| !part.is_empty());
            known.extend(last.map(|name| (name.to_owned(), "USER")));
        }
        Self::knowing(known)
    }

    fn knowing(mut known: Vec<(String, &'static str)>) -> Self {
        // `root` and the like say nothing about anybody, and are words.
        known.retain(|(text, by)| text.len() > 2 && !(*by == "USER" && text == "root"));
        known.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        known.dedup();
        Self { known }
    }

    /// Knows this too: a name, and what is to stand for it.
    pub(crate) fn and(self, text: impl Into<String>, by: &'static str) -> Self {
        let mut known = self.known;
        known.push((text.into(), by));
        Self::knowing(known)
    }

    /// The value without them, in every text and name of it.
    pub(crate) fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(&text)),
            Value::Array(all) => all.into_iter().map(|value| self.clean_value(value)).collect(),
            Value::Object(all) => {
                let clean = all.into_iter().map(|(name, value)| (self.clean(&name), self.clean_value(value)));
                Value::Object(clean.collect())
            }
            other => other,
        }
    }

    /// The text without them.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (known, by) in &self.known {
            text = replaced(&text, known, by);
        }
        let mut clean = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(begin) = rest.find(in_word) {
            clean.push_str(&rest[..begin]);
            rest = &rest[begin..];
            let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            clean.push_str(&word(&rest[..end]));
            rest = &rest[end..];
        }
        clean.push_str(rest);
        clean
    }
}

/// Whole words only: a user named `ai` is not in `aigw`.
fn replaced(text: &str, what: &str, by: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(what) {
        let (before, after) = (&rest[..at], &rest[at + what.len()..]);
        let bounded = !before.ends_with(|c: char| c.is_alphanumeric())
            && !after.starts_with(|c: char| c.is_alphanumeric());
        clean.push_str(before);
        clean.push_str(if bounded { by } else { what });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// What tokens, mail addresses and logins in URLs are made of.
fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.@+=%~".contains(c)
}

fn word(text: &str) -> String {
    // `user:password@` has a colon, at which the word has begun anew: all before the `@` goes.
    if let Some((before, after)) = text.rsplit_once('@') {
        return if before.is_empty() { text.to_owned() } else { format!("{GONE}@{}", domain(after)) };
    }
    let bare = text.trim_matches(['.', '=', '~', '-', '%', '+']);
    let pieces = || bare.split(['.', '=', '%', '+', '~']);
    let secret = kind_of(bare).is_some() || pieces().any(|piece| kind_of(piece).is_some());
    if secret { text.replace(bare, GONE) } else { text.to_owned() }
}

/// Of a mail address or a login nothing is left but where it is for.
fn domain(after: &str) -> &str {
    if after.contains('.') { "***" } else { after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        let known = [("/home/ada", "~"), ("ada", "USER")].map(|(text, by)| (text.to_owned(), by));
        Redactor::knowing(known.into()).clean(text)
    }

    #[test]
    fn secrets_and_people_are_gone_wherever_they_stand() {
        const KEY: &str = "aigw_env_9uMwPv3XLSc8HzEteekjee2gw-XxuuenLH5sahAFczM";
        const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";
        for (text, secret) in [
            (format!("authorization: Bearer {TOKEN}"), TOKEN),
            (format!("\"key\":\"{KEY}\","), KEY),
            (format!("http://aigw:{KEY}@127.0.0.1:2449/x"), KEY),
            (format!("https://coder:{TOKEN}@coder.example.com:8888"), TOKEN),
            (format!("/_k/{KEY}/anthropic"), KEY),
            ("x=sk-ant-api03-0123456789abcdef;".to_owned(), "sk-ant-api03-0123456789abcdef"),
            ("github_pat_11ABCDEFG0abcdefghij".to_owned(), "11ABCDEFG0"),
            ("eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYSJ9.c2ln".to_owned(), "eyJlbWFpbCI6ImFkYSJ9"),
            ("mail ada.lovelace@example.com now".to_owned(), "lovelace"),
            ("/home/ada/.codex/config.toml".to_owned(), "ada"),
            ("user ada, /Users/ada/x".to_owned(), "ada"),
            ("0123456789abcdef0123456789abcdef".to_owned(), "0123456789abcdef"),
            ("https://ada:hunter2@proxy.example:3128".to_owned(), "hunter2"),
        ] {
            let clean = clean(&text);
            assert!(!clean.contains(secret), "{text}: {clean}");
            assert!(clean.contains("***") || clean.contains('~') || clean.contains("USER"), "{clean}");
        }
    }

    #[test]
    fn what_tells_nothing_stays() {
        for text in [
            "aigwd 0.1.0, pid 4711, running for 3 hours",
            "listens at 127.0.0.1:2449, [::1]:2449",
            "ANTHROPIC_BASE_URL, experimental_bearer_token",
            "aigwctl setup claude-code",
            "canada, adapter",
            "https://coder.example.com/api/v2/ai-gateway",
            "2026-11-29T14:12:56.123456Z",
        ] {
            assert_eq!(clean(text), text);
        }
    }
}
