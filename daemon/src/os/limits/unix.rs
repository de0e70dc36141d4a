//! Unix: umask and resource limits.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

pub(super) fn apply() -> u64 {
    umask(Mode::from_raw_mode(0o077));
    // A core file would hold the token.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
