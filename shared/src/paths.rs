//! Every file and folder that we own. `AIGW_HOME` moves them all; nothing moves the managed policy.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::fault::{Fault, Kind};
use crate::files;
use crate::os::{dirs, owner, policy};

/// In the CA's folder: our roots, and those that the user had added, for what adds to the roots that a program trusts.
pub const CA_ROOTS: &str = "roots.pem";
/// There, too: the system's roots, the user's and ours, for what replaces the roots that a program trusts.
pub const CA_BUNDLE: &str = "bundle.pem";

/// The folders, and what lies in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Settings.
    pub config: PathBuf,
    /// What has to survive a restart.
    pub state: PathBuf,
    /// What does not.
    pub runtime: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
    /// The machine's settings; none when `AIGW_HOME` hides them.
    pub system_config: Option<PathBuf>,
    /// The user's home, for `~/` in settings.
    pub user_home: Option<PathBuf>,
    /// What tells this place from others: the folder that `AIGW_HOME` names, else the runtime folder.
    anchor: PathBuf,
    /// Where a socket may go whose path would be too long.
    short: Vec<PathBuf>,
}

/// Where the managed policy is: a file, or a key of the registry. No variable, flag or feature changes it.
pub fn policy_file() -> &'static Path {
    Path::new(policy::PLACE)
}

impl Paths {
    /// The folders of this user, or those below `AIGW_HOME`.
    ///
    /// # Errors
    /// When the user has no home.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Fault> {
        let folder = |name| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let absolute = |name| folder(name).filter(|path| path.is_absolute());
        let standard = dirs::standard();
        let mut paths = match (folder("AIGW_HOME"), &standard) {
            (Some(home), _) => Self::under(&home),
            (None, Some(standard)) => Self::of_user(standard),
            (None, None) => {
                return Err(Fault::new(Kind::BadConfiguration, "this user has no home folder")
                    .cure_with("set HOME, or AIGW_HOME to a folder for aigw alone"));
            }
        };
        paths.user_home = standard.map(|standard| standard.home);
        paths.short.splice(0..0, ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(absolute));
        Ok(paths)
    }

    /// Everything below one folder, as with `AIGW_HOME`, for a process without `XDG_RUNTIME_DIR` and `TMPDIR`.
    pub fn under(home: &Path) -> Self {
        // Both programs may stand in different folders, and spell the same one with and without a closing slash.
        let home: PathBuf =
            std::path::absolute(home).unwrap_or_else(|_| home.to_owned()).components().collect();
        Self {
            config: home.join("config"),
            state: home.join("state"),
            runtime: home.join("run"),
            cache: home.join("cache"),
            system_config: None,
            user_home: None,
            anchor: home,
            short: vec![PathBuf::from("/tmp")],
        }
    }

    fn of_user(standard: &dirs::Standard) -> Self {
        let runtime = standard.runtime.clone().unwrap_or_else(|| standard.state.join("run"));
        Self {
            config: standard.config.clone(),
            state: standard.state.clone(),
            cache: standard.cache.clone(),
            system_config: Some(PathBuf::from(dirs::SYSTEM_CONFIG)),
            user_home: None,
            anchor: runtime.clone(),
            runtime,
            short: vec![PathBuf::from("/tmp")],
        }
    }

    /// The user's settings.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The machine secret under which local keys are made.
    pub fn key_file(&self) -> PathBuf {
        self.state.join("key")
    }

    /// Tokens, a file for each gateway.
    pub fn credentials_dir(&self) -> PathBuf {
        self.state.join("credentials")
    }

    /// This machine's CA, and the files of certificates that tools trust.
    pub fn ca_dir(&self) -> PathBuf {
        self.state.join("ca")
    }

    /// The log of a daemon that no service manager listens to.
    pub fn log_file(&self) -> PathBuf {
        self.state.join("aigwd.log")
    }

    /// What was the log before it became full.
    pub fn older_log_file(&self) -> PathBuf {
        self.state.join("aigwd.log.1")
    }

    /// Held by the one daemon that runs here.
    pub fn lock_file(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Where the daemon is spoken to. Both programs come to the same answer.
    pub fn socket(&self) -> SocketPlace {
        let digest = Sha256::digest(self.anchor.as_os_str().as_encoded_bytes());
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        dirs::control(&self.runtime, &hash, &self.short)
    }
}

/// The control endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPlace {
    /// The socket's path, or the pipe's name.
    pub address: PathBuf,
    /// The private folder it is in; for a pipe the runtime folder.
    pub folder: PathBuf,
    /// A text file in the runtime folder that names a socket which is elsewhere.
    pub pointer: Option<PathBuf>,
}

impl SocketPlace {
    /// Makes the folder, and the file that names the socket where it is needed. The daemon's act.
    ///
    /// # Errors
    /// When the folder cannot be made, or belongs to somebody else.
    pub fn prepare(&self) -> Result<(), Fault> {
        files::create_private_dir(&self.folder)?;
        let Some(pointer) = &self.pointer else { return Ok(()) };
        if let Some(runtime) = pointer.parent() {
            files::create_private_dir(runtime)?;
        }
        files::write_private(pointer, format!("{}\n", self.address.display()).as_bytes())
    }

    /// Checks that nobody else could have put a socket there. To be asked before connecting.
    ///
    /// # Errors
    /// [`Kind::DaemonNotRunning`] when there is no folder yet, [`Kind::File`] when it is not ours or is open to others.
    pub fn check(&self) -> Result<(), Fault> {
        owner::check_folder(&self.folder).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(Kind::DaemonNotRunning, "aigwd does not run here"),
            _ => Fault::new(Kind::File, format!("{} cannot be used: {error}", self.folder.display())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &str)]) -> Paths {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        Paths::from_environment(&lookup).unwrap()
    }

    #[test]
    fn aigw_home_moves_everything_but_the_policy() {
        let base = std::path::absolute("/srv/ada").unwrap();
        let paths = paths(&[("AIGW_HOME", "/srv/ada/")]);
        assert_eq!(paths.config_file(), base.join("config").join("config.toml"));
        assert_eq!((&paths.state, &paths.runtime), (&base.join("state"), &base.join("run")));
        assert_eq!(paths.cache, base.join("cache"));
        assert_eq!(paths.system_config, None);
        assert!(!policy_file().starts_with(&base));
        assert_eq!(Paths::under(Path::new("/srv/ada")).socket(), paths.socket());
        for file in [paths.key_file(), paths.credentials_dir(), paths.lock_file(), paths.log_file()] {
            assert!(file.starts_with(&paths.state), "{file:?}");
        }
    }

    #[test]
    fn a_relative_home_is_made_absolute() {
        assert!(paths(&[("AIGW_HOME", "here")]).state.is_absolute());
    }
}
