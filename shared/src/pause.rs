//! Whether tools go to their vendors' own hosts for a while. One small file says since when; the daemon reads it when it
//! starts, and `aigwctl` writes it where no daemon runs. A managed policy may forbid it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{Config, Shown};
use crate::fault::{Fault, Kind};
use crate::files;
use crate::paths::Paths;

/// The setting that forbids it.
const KEY: &str = "policy.allow_pause";

fn file(paths: &Paths) -> PathBuf {
    paths.state.join("paused")
}

/// Since when, in seconds since 1970; `None` when it is not so.
pub fn since(paths: &Paths) -> Option<i64> {
    match files::read_limited(&file(paths), 64) {
        Ok(None) => None,
        Ok(Some(text)) => Some(String::from_utf8_lossy(&text).trim().parse().unwrap_or_else(|_| now())),
        // It is there, and that is what counts.
        Err(_) => Some(now()),
    }
}

/// Begins it, or ends it; twice is the same as once. Since when it is so afterwards.
///
/// # Errors
/// When the file cannot be written.
pub fn set(paths: &Paths, on: bool) -> Result<Option<i64>, Fault> {
    let file = file(paths);
    match (on, since(paths)) {
        (true, Some(known)) => Ok(Some(known)),
        (true, None) => {
            let now = now();
            files::create_private_dir(&paths.state)?;
            files::write_private(&file, format!("{now}\n").as_bytes())?;
            Ok(Some(now))
        }
        (false, _) => remove(&file).map(|()| None),
    }
}

fn remove(file: &Path) -> Result<(), Fault> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::new(Kind::File, format!("{} cannot be removed: {error}", file.display())))
        }
        _ => Ok(()),
    }
}

/// Whether the settings allow it.
///
/// # Errors
/// When they do not; it says whose they are.
pub fn check(config: &Config, shown: &[Shown]) -> Result<(), Fault> {
    if config.policy.allow_pause {
        return Ok(());
    }
    let row = shown.iter().find(|row| row.key == KEY);
    let whose = row.map_or("the settings", |row| &row.origin);
    let fault =
        Fault::new(Kind::PolicyForbids, format!("{KEY} is false, by {whose}: aigw is not to be paused"));
    Err(if row.is_some_and(|row| row.locked) { fault } else { fault.cure_with(format!("set {KEY} = true")) })
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    i64::try_from(since).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_once_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert_eq!(since(&paths), None);
        assert_eq!(set(&paths, false).unwrap(), None);
        let begun = set(&paths, true).unwrap();
        assert!(begun.is_some_and(|begun| begun > 1_700_000_000));
        std::fs::write(file(&paths), "1700000001\n").unwrap();
        assert_eq!((since(&paths), set(&paths, true).unwrap()), (Some(1_700_000_001), Some(1_700_000_001)));
        // A damaged one is still one.
        std::fs::write(file(&paths), "x").unwrap();
        assert!(since(&paths).is_some());
        assert_eq!((set(&paths, false).unwrap(), since(&paths)), (None, None));
    }

    #[test]
    fn settings_forbid_it_in_their_own_words() {
        let mut config = Config::default();
        let row = |locked| Shown {
            key: KEY.to_owned(),
            value: "false".to_owned(),
            origin: "policy (/etc/aigw/policy.toml)".to_owned(),
            overrides: Vec::new(),
            locked,
        };
        let fault = check(&config, &[row(true)]).unwrap_err();
        assert_eq!((fault.kind, fault.cure()), (Kind::PolicyForbids, Kind::PolicyForbids.face().cure));
        assert!(fault.what.contains("by policy (/etc/aigw/policy.toml)"));
        assert_eq!(check(&config, &[row(false)]).unwrap_err().cure(), "set policy.allow_pause = true");
        config.policy.allow_pause = true;
        check(&config, &[]).unwrap();
    }
}
