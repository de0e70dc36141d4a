//! Linux: a file.

use std::path::Path;

use crate::files::read_open;
use crate::os::owner::open_managed;

pub(crate) const PLACE: &str = "/etc/aigw/policy.toml";

pub(super) fn read(place: &Path, longest: u64) -> Result<Option<Vec<u8>>, String> {
    let Some(file) = open_managed(place)? else { return Ok(None) };
    read_open(file, longest).map(Some).map_err(|error| format!("{}: {error}", place.display()))
}
