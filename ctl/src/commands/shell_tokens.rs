//! A deployment's token in a variable of some tool: it lies open in every process of that shell, and ends while the tool
//! runs. Looked for in the environment of whoever runs `aigwctl`, never printed.

use aigw_shared::finding::{Finding, Severity};
use aigw_shared::secret::is_deployment_token;
use url::Url;

use crate::os;

/// Variables in which tools look for a credential.
const TOOLS: [&str; 8] = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// The variables that hold one.
pub(super) fn found() -> impl Iterator<Item = &'static str> {
    TOOLS.into_iter().filter(|name| os::variable(name).is_some_and(|value| holds_token(&value)))
}

/// The same as findings.
pub(super) fn findings() -> impl Iterator<Item = Finding> {
    found().map(|name| {
        let cure =
            if name.to_ascii_uppercase().ends_with("_PROXY") { "aigwctl env --proxy" } else { "aigwctl env" };
        let cure = format!("use the local key instead: `{}`", os::shell_in_use().evaluate(cure));
        Finding::new("environment-holds-token", Severity::Note, words(name), cure)
    })
}

/// What is the matter.
pub(super) fn words(name: &str) -> String {
    format!("{name} in this shell holds a deployment's token; a tool needs the local key alone")
}

/// A token by itself, or as the password of a URL.
fn holds_token(value: &str) -> bool {
    let password = || Some(Url::parse(value.trim()).ok()?.password()?.to_owned());
    is_deployment_token(value.trim()) || password().is_some_and(|password| is_deployment_token(&password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_and_local_keys_are_none() {
        const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";
        for (value, holds) in [
            (TOKEN.to_owned(), true),
            (format!("https://coder:{TOKEN}@coder.example.com:8888"), true),
            ("http://aigw:aigw_env_9uMwPv3XLSc8HzEteekjee2gw@127.0.0.1:2449".to_owned(), false),
            ("aigw_env_9uMwPv3XLSc8HzEteekjee2gw-XxuuenLH5sahAFczM".to_owned(), false),
            ("sk-ant-api03-0123456789".to_owned(), false),
            ("http://proxy.example.com:3128".to_owned(), false),
        ] {
            assert_eq!(holds_token(&value), holds, "{value}");
        }
    }
}
