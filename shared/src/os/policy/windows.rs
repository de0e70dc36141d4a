//! Windows: the key of the registry in which group policies stand, which only administrators can write. Tables are keys
//! in it; a list is a value of several texts.

use std::io;
use std::path::Path;

use windows_registry::{Key, LOCAL_MACHINE, Type};

use super::values::{Node, toml};
use crate::os::account;

pub(crate) const PLACE: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\aigw";
const ROOT: &str = r"HKEY_LOCAL_MACHINE\";
/// The same root, for the functions that tell of rights.
const MACHINE: &str = r"MACHINE\";

/// `ERROR_FILE_NOT_FOUND`, as an `HRESULT`.
const MISSING: i32 = 0x8007_0002_u32.cast_signed();

/// As deep as settings are, and a little more.
const DEEPEST: usize = 8;

pub(super) fn read(place: &Path, longest: u64) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = place.to_str().and_then(|place| place.strip_prefix(ROOT)) else { return Ok(None) };
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", place.display());
    let key = match LOCAL_MACHINE.open(path) {
        Ok(key) => key,
        Err(error) if error.code().0 == MISSING => return Ok(None),
        Err(error) => return Err(wrong(&error)),
    };
    let mut left = usize::try_from(longest).unwrap_or(usize::MAX);
    let values = table(&key, path, DEEPEST, &mut left).map_err(|error| wrong(&error))?;
    toml(values).map(|text| Some(text.into_bytes())).map_err(|why| wrong(&why))
}

fn table(key: &Key, path: &str, deep: usize, left: &mut usize) -> io::Result<Node> {
    if deep == 0 {
        return Err(io::Error::other("keys within keys within keys"));
    }
    // Each key has rights of its own.
    account::managed(&account::of_registry(&format!("{MACHINE}{path}"))?)
        .map_err(|why| io::Error::other(format!("{path} {why}")))?;
    let mut table = std::collections::BTreeMap::new();
    for (name, value) in key.values()? {
        *left = left
            .checked_sub(name.len() + value.len())
            .ok_or_else(|| io::Error::other("longer than a policy may be"))?;
        let node = match value.ty() {
            Type::U32 => Node::Number(u32::try_from(value)?.into()),
            Type::U64 => i64::try_from(u64::try_from(value)?).map_or(Node::Other, Node::Number),
            // Variables in it stay as they are: they are the user's.
            Type::String | Type::ExpandString => Node::Text(String::try_from(value)?),
            Type::MultiString => Node::List(texts(&value)),
            _ => Node::Other,
        };
        table.insert(name, node);
    }
    for name in key.keys()? {
        let below = self::table(&key.open(&name)?, &format!(r"{path}\{name}"), deep - 1, left)?;
        table.insert(name, below);
    }
    Ok(Node::Table(table))
}

fn texts(value: &windows_registry::Value) -> Vec<Node> {
    let texts = value.as_wide().split(|unit| *unit == 0).filter(|text| !text.is_empty());
    texts.map(|text| Node::Text(String::from_utf16_lossy(text))).collect()
}
