//! Where each system keeps what its administrator says of programs: a file in `/etc`, macOS's managed preferences, the
//! policies' key of Windows's registry.

use std::path::Path;

#[cfg(not(any(target_os = "macos", windows)))]
mod linux;
#[cfg(not(any(target_os = "macos", windows)))]
use linux as system;
#[cfg(any(target_os = "macos", test))]
mod plist;
#[cfg(target_os = "macos")]
use plist as system;
#[cfg(any(target_os = "macos", windows, test))]
mod values;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

/// Where it is.
pub(crate) use system::PLACE;

/// The policy as TOML, of at most so many bytes, if there is one. It is believed only if nobody but the machine's
/// administrator can have written it; the error says why it cannot be.
pub(crate) fn read(place: &Path, longest: u64) -> Result<Option<Vec<u8>>, String> {
    system::read(place, longest)
}
