//! Linux and its relatives: the XDG folders.

use directories::{BaseDirs, ProjectDirs};

use super::Standard;

pub(crate) const SYSTEM_CONFIG: &str = "/etc/aigw/config.toml";

pub(crate) fn standard() -> Option<Standard> {
    let dirs = ProjectDirs::from("", "", "aigw")?;
    Some(Standard {
        home: BaseDirs::new()?.home_dir().to_owned(),
        config: dirs.config_dir().to_owned(),
        state: dirs.state_dir()?.to_owned(),
        cache: dirs.cache_dir().to_owned(),
        runtime: dirs.runtime_dir().map(ToOwned::to_owned),
    })
}
