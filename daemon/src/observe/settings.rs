//! Findings about settings that are good, and yet not, or not yet, in force.

use aigw_shared::config::{Config, Loaded, Version};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};

const MINIMUM_VERSION: &str = "policy.minimum_version";

/// The settings that are used once, at the start, as key and text.
pub type Fixed = Vec<(&'static str, String)>;

/// These settings in a configuration.
pub fn fixed(config: &Config) -> Fixed {
    vec![
        ("listen.port", config.listen.port.to_string()),
        ("log.format", config.log.format.word().to_owned()),
        ("log.to", config.log.to.word().to_owned()),
        ("log.file_kb", config.log.file_size.to_string()),
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

/// Why this program is too old for the managed policy, if it is. Nobody else's word counts.
pub fn too_old(loaded: &Loaded) -> Option<Fault> {
    let row = loaded.shown.iter().find(|row| row.locked && row.key == MINIMUM_VERSION)?;
    let (minimum, ours) = (loaded.config.policy.minimum_version?, Version::parse(env!("CARGO_PKG_VERSION"))?);
    if ours >= minimum {
        return None;
    }
    let message = loaded.config.policy.message.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    let what = format!("this is aigwd {ours}, and the {} wants {minimum} or newer{message}", row.origin);
    Some(Fault::new(Kind::VersionTooOld, what))
}

/// Settings that are accepted and have no effect in this version, told of rather than passed over.
/// `keys_given`: the secret of the local keys comes from outside, and their names with it.
pub fn without_effect(loaded: &Loaded, keys_given: bool) -> Vec<Finding> {
    let config = &loaded.config;
    let policys = loaded.shown.iter().any(|row| row.locked && row.key == MINIMUM_VERSION);
    let rows = [
        (
            "listen.keys",
            config.listen.keys_set && !keys_given,
            "it counts only where AIGW_KEY_FILE gives the secret of the keys",
        ),
        (
            MINIMUM_VERSION,
            config.policy.minimum_version.is_some() && !policys,
            "it counts only in the managed policy",
        ),
    ];
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
