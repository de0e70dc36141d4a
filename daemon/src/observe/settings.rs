//! Findings about settings that are good, and yet not, or not yet, in force.

use aigw_shared::config::Config;
use aigw_shared::finding::{Finding, Severity};

/// The settings that are used once, at the start, as key and text.
pub type Fixed = Vec<(&'static str, String)>;

/// These settings in a configuration.
pub fn fixed(config: &Config) -> Fixed {
    vec![
        ("listen.port", config.listen.port.to_string()),
        ("log.level", config.log.level.word().to_owned()),
        ("log.format", config.log.format.word().to_owned()),
    ]
}

/// What differs from the start and waits for a restart.
pub fn waiting(at_start: &Fixed, config: &Config) -> Vec<Finding> {
    let changed = fixed(config).into_iter().filter(|setting| !at_start.contains(setting));
    changed
        .map(|(key, _)| {
            Finding::new(
                "restart-needed",
                Severity::Note,
                format!("`{key}` was changed, which takes effect when aigwd is started again"),
                "run `aigwctl stop && aigwctl start`",
            )
        })
        .collect()
}

/// Settings that are accepted and have no effect in this version, told of rather than passed over.
/// `keys_given`: the secret of the local keys comes from outside, and their names with it.
pub fn without_effect(config: &Config, keys_given: bool) -> Vec<Finding> {
    let rows = [(
        "listen.keys",
        config.listen.keys_set && !keys_given,
        "it counts only where AIGW_KEY_FILE gives the secret of the keys",
    )];
    rows.into_iter()
        .filter(|(_, set, _)| *set)
        .map(|(key, _, why)| {
            Finding::new(
                "setting-without-effect",
                Severity::Warning,
                format!("`{key}` is set, and {why}"),
                "remove it",
            )
        })
        .collect()
}
