//! Where each system keeps what its administrator says of programs: a file in `/etc`, macOS's managed preferences, the
//! policies' key of Windows's registry.

use std::path::Path;

use crate::config::managed::{Node, toml};

#[cfg(not(any(target_os = "macos", windows)))]
mod linux;
#[cfg(not(any(target_os = "macos", windows)))]
use linux as system;
#[cfg(any(target_os = "macos", test))]
mod plist;
#[cfg(target_os = "macos")]
use plist as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

/// Where it is.
pub(crate) use system::PLACE;

/// What is there.
#[cfg_attr(not(any(target_os = "macos", windows)), expect(dead_code, reason = "a file is TOML already"))]
pub(crate) enum Managed {
    /// TOML.
    Text(Vec<u8>),
    /// Values that the system itself keeps.
    Values(Node),
}

/// The policy as TOML, if there is one. It is believed only if nobody but the machine's administrator can have written
/// it; the error says why it cannot be.
pub(crate) fn read(place: &Path, longest: u64) -> Result<Option<Vec<u8>>, String> {
    Ok(match system::read(place, longest)? {
        None => None,
        Some(Managed::Text(text)) => Some(text),
        Some(Managed::Values(values)) => {
            let text = toml(values).map_err(|why| format!("{}: {why}", place.display()))?;
            Some(text.into_bytes())
        }
    })
}
