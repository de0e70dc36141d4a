//! macOS: everything but the cache in `Application Support`, where state needs a folder of its own.

use directories::{BaseDirs, ProjectDirs};

use super::Standard;

pub(crate) const SYSTEM_CONFIG: &str = "/Library/Application Support/aigw/config.toml";

pub(crate) fn standard() -> Option<Standard> {
    let dirs = ProjectDirs::from("", "", "aigw")?;
    Some(Standard {
        home: BaseDirs::new()?.home_dir().to_owned(),
        config: dirs.config_dir().to_owned(),
        state: dirs.data_local_dir().join("state"),
        cache: dirs.cache_dir().to_owned(),
        runtime: None,
    })
}
