//! Reads the environment and the flags. Both are lists of names and texts, so they share the rules for lists and
//! truth values.

use std::path::{Path, PathBuf};

use super::layer::{Entry, Layer, Place, Raw};
use super::{schema, value};
use crate::fault::Fault;
use crate::finding::{Finding, Severity};
use crate::secret::Secret;

/// Variables that are no settings.
const TOKEN: &str = "AIGW_TOKEN";
const TOKEN_FILE: &str = "AIGW_TOKEN_FILE";
const KEY_FILE: &str = "AIGW_KEY_FILE";
/// The one setting with a name in it that has a variable: where the gateway named `default` is.
const URL: (&str, &str) = ("AIGW_URL", "gateway.default.url");
const HOME: &str = "AIGW_HOME";

/// What the environment hands over besides settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// `AIGW_TOKEN`: the gateway's token itself.
    pub token: Option<Secret>,
    /// `AIGW_TOKEN_FILE`: the file that holds it.
    pub token_file: Option<PathBuf>,
    /// `AIGW_KEY_FILE`: the file that holds the machine secret of the local keys.
    pub key_file: Option<PathBuf>,
}

/// Reads the `AIGW_` variables. An empty one counts as not set.
pub(super) fn variables(
    environment: &[(String, String)],
    home: Option<&Path>,
    findings: &mut Vec<Finding>,
) -> Result<(Layer, Given), Fault> {
    let mut layer = Layer::default();
    let mut given = Given::default();
    for (name, text) in
        environment.iter().filter(|(name, text)| name.starts_with("AIGW_") && !text.is_empty())
    {
        let place = Place::Variable(name.clone());
        let path = || value::path(text, None, home).map_err(|why| super::bad(&place, None, &why));
        match name.as_str() {
            HOME => {}
            TOKEN => {
                given.token = Some(Secret::new(text.as_str()));
                findings.push(Finding::new(
                    "token-in-environment",
                    Severity::Warning,
                    format!(
                        "{TOKEN} holds the token itself, which every program started from there can read"
                    ),
                    format!("put the token into a file of mode 0600 and set {TOKEN_FILE} to its path"),
                ));
            }
            TOKEN_FILE => given.token_file = Some(path()?),
            KEY_FILE => given.key_file = Some(path()?),
            _ => match key_of(name) {
                Some(key) => take(&mut layer, &key, text, place)?,
                None => {
                    let known = known_variables();
                    let near = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
                    let near = near.map_or("", String::as_str);
                    let what = format!("{name}: no such variable; the nearest is {near}");
                    return Err(super::fault(what).cure_with(format!("unset {name}, or rename it")));
                }
            },
        }
    }
    Ok((layer, given))
}

/// Reads flags, already taken apart into key and text.
pub(super) fn flags(flags: &[(String, String)]) -> Result<Layer, Fault> {
    let mut layer = Layer::default();
    for (key, text) in flags {
        take(&mut layer, key, text, Place::Flag(key.clone()))?;
    }
    Ok(layer)
}

fn take(layer: &mut Layer, key: &str, text: &str, place: Place) -> Result<(), Fault> {
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    let row = schema::find(&path).ok_or_else(|| super::unknown(&place, &path))?;
    schema::names(&path).map_err(|why| super::bad(&place, Some(key), &why))?;
    let raw: Raw = row.read(text).map_err(|why| super::bad(&place, Some(key), &why))?;
    layer.insert(&path, Entry { raw, place });
    Ok(())
}

fn key_of(variable: &str) -> Option<String> {
    if variable == URL.0 {
        return Some(URL.1.to_owned());
    }
    schema::ROWS.iter().find(|row| row.variable().as_deref() == Some(variable)).map(|row| row.key.to_owned())
}

fn known_variables() -> Vec<String> {
    let special = [URL.0, TOKEN, TOKEN_FILE, KEY_FILE, HOME].map(str::to_owned);
    special.into_iter().chain(schema::ROWS.iter().filter_map(schema::Row::variable)).collect()
}
