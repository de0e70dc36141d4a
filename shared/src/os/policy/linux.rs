//! Linux: a file.

use std::path::Path;

use super::Managed;
use crate::files::read_open;
use crate::os::owner::open_managed;

pub(crate) const PLACE: &str = "/etc/aigw/policy.toml";

pub(super) fn read(place: &Path, longest: u64) -> Result<Option<Managed>, String> {
    let Some(file) = open_managed(place)? else { return Ok(None) };
    let text = read_open(file, longest).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(Some(Managed::Text(text)))
}
