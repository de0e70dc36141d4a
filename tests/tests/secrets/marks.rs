//! What is marked, so that it can be searched for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub const PROMPT: &str = "marked-prompt-5b1c";
pub const ANSWER: &str = "marked-answer-5b1c";
pub const QUERY: &str = "marked-query-5b1c";
pub const COOKIE: &str = "marked-cookie-5b1c";
pub const FIELD: &str = "marked-field-5b1c";
pub const ANSWER_FIELD: &str = "marked-answer-field-5b1c";
pub const FRONT_DOOR: &str = "marked-front-door-5b1c";
pub const PROXY_LOGIN: &str = "marked-proxy-login-5b1c";
pub const OWN_KEY: &str = "sk-ant-api03-marked-own-key-5b1c";
pub const OWN_LOGIN: &str = "eyJtYXJrZWQ.eyJvd24i.bG9naW4tNWIxYw";
pub const GITHUB: &str = "ghu_markedGithubLogin5b1c";
pub const WRONG_KEY: &str = "aigw_env_markedWrongKey5b1cAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const WRONG_TOKEN: &str = "markedwron-012345678markedtok5b1c";
pub const WRONG_PROVIDER_KEY: &str = "marked-wrong-provider-key-5b1c";

/// In no file at all, and in nothing that is printed.
pub const NOWHERE: [&str; 12] = [
    PROMPT,
    ANSWER,
    QUERY,
    COOKIE,
    FIELD,
    ANSWER_FIELD,
    OWN_KEY,
    OWN_LOGIN,
    GITHUB,
    WRONG_KEY,
    WRONG_TOKEN,
    WRONG_PROVIDER_KEY,
];

/// As it is, or in base64.
pub fn found(text: &str, mark: &str) -> bool {
    text.contains(mark) || text.contains(STANDARD.encode(mark).trim_end_matches('='))
}
