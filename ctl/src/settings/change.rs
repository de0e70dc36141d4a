//! Setting our keys in a text, and taking them out again. Both are functions of what is written down and of the text as it
//! is now, so that what a crash or somebody else has left is judged like anything else.

use std::path::PathBuf;

use serde_json::Value;

use super::ledger::{Held, Touched};
use super::path::{self, Step};
use super::{Format, Found, KeyPath, Refusal};

/// Our keys in a file.
pub(crate) struct Wanted<'a> {
    pub(crate) tool: &'a str,
    pub(crate) format: Format,
    pub(crate) keys: Vec<(KeyPath, Value)>,
}

/// A text after undo.
#[derive(Debug, PartialEq)]
pub(crate) struct Undone {
    /// `None`: the file goes.
    pub(crate) text: Option<String>,
    /// Keys that hold neither our value nor the old one. They are the user's.
    pub(crate) theirs: Vec<KeyPath>,
}

/// What a file becomes, and what is to be written down first.
///
/// # Errors
/// When the text cannot be read, or not be changed without changing something else.
pub(crate) fn done(
    wanted: &Wanted<'_>,
    known: Option<&Touched>,
    now: Option<&str>,
    missing: Vec<PathBuf>,
) -> Result<(String, Touched), Refusal> {
    let format = wanted.format;
    let mut text = now.unwrap_or_default().to_owned();
    // What another mode or an earlier version has set, and nobody wants any more.
    let is_wanted = |held: &&Held| wanted.keys.iter().any(|(path, _)| *path == held.path);
    let ours = known.into_iter().flat_map(|known| known.keys.iter().chain(&known.leaving));
    let leaving: Vec<Held> = ours.filter(|held| !is_wanted(held)).cloned().collect();
    if let Some(known) = known
        && !leaving.is_empty()
    {
        // All of it, so that the rest comes to where it would be without them.
        text = undone(known, now)?.text.unwrap_or_default();
    }
    let mut touched = Touched {
        tool: wanted.tool.to_owned(),
        format,
        new_file: now.is_none() || known.is_some_and(|known| known.new_file),
        new_folders: known.map_or_else(Vec::new, |known| known.new_folders.clone()),
        before: None,
        left: Vec::new(),
        keys: Vec::new(),
        leaving,
        containers: known.map_or_else(Vec::new, |known| known.containers.clone()),
    };
    let unknown = missing.into_iter().filter(|folder| !touched.new_folders.contains(folder));
    touched.new_folders.extend(unknown.collect::<Vec<_>>());
    // Written by us once, and nobody knows what was there before.
    let orphaned = known.is_none() && wanted.keys.iter().any(|(path, _)| is_local_key(format, &text, path));
    if orphaned {
        touched.containers = elements_on_the_way(format, &text, wanted)?;
    }
    for (path, value) in &wanted.keys {
        let held = known.and_then(|known| known.keys.iter().find(|held| held.path == *path));
        let found = format.find(&text, path)?;
        let ours = held.filter(|held| found.as_ref().is_some_and(|found| held.ours.contains(&found.value)));
        let old = match ours {
            Some(held) => held.old.clone(),
            None if orphaned => None,
            None => found.as_ref().map(|found| found.raw.clone()),
        };
        let mut values = vec![value.clone()];
        values.extend(held.iter().flat_map(|held| held.ours.clone()).filter(|ours| ours != value));
        touched.keys.push(Held { path: path.clone(), old, ours: values });
        if found.is_none_or(|found| found.value != *value) {
            let (edited, made) = format.set(&text, path, value)?;
            text = edited;
            let new = made.into_iter().filter(|made| !touched.containers.contains(made));
            touched.containers.extend(new.collect::<Vec<_>>());
        }
    }
    let as_left = now.filter(|now| known.is_some_and(|known| known.left.iter().any(|left| left == now)));
    touched.before = match known {
        None if !orphaned => now.map(str::to_owned),
        // As we left it, or as an undo that was cut short has left it.
        Some(known) if as_left.is_some() || now == known.before.as_deref() => known.before.clone(),
        _ => by_keys(&touched, &text)?.text,
    };
    touched.left.push(text.clone());
    touched.left.extend(as_left.filter(|now| *now != text).map(str::to_owned));
    Ok((text, touched))
}

/// The elements that are there and hold our keys, outermost first.
fn elements_on_the_way(format: Format, text: &str, wanted: &Wanted<'_>) -> Result<Vec<KeyPath>, Refusal> {
    let mut elements = Vec::new();
    for (path, _) in &wanted.keys {
        for depth in 1..path.len() {
            let way = path[..depth].to_vec();
            let is_element = matches!(path::step(&way[depth - 1]), Step::Element { .. });
            if is_element && !elements.contains(&way) && format.find(text, &way)?.is_some() {
                elements.push(way);
            }
        }
    }
    Ok(elements)
}

/// Once the file is written, what it was before that does not matter.
pub(crate) fn settle(touched: &mut Touched) {
    touched.left.truncate(1);
    touched.leaving.clear();
    touched.keys.iter_mut().for_each(|held| held.ours.truncate(1));
}

/// What undo makes of a file.
///
/// # Errors
/// When the text cannot be read, or not be changed without changing something else.
pub(crate) fn undone(touched: &Touched, now: Option<&str>) -> Result<Undone, Refusal> {
    match now {
        None => Ok(Undone { text: None, theirs: Vec::new() }),
        Some(now)
            if touched.left.iter().any(|left| left == now) && touched.before.as_deref() != Some(now) =>
        {
            Ok(Undone { text: touched.before.clone(), theirs: Vec::new() })
        }
        Some(now) => by_keys(touched, now),
    }
}

fn by_keys(touched: &Touched, now: &str) -> Result<Undone, Refusal> {
    let format = touched.format;
    let mut text = now.to_owned();
    let mut theirs = Vec::new();
    // The last first, so that each finds its surroundings as they were when it came.
    for held in touched.keys.iter().chain(&touched.leaving).rev() {
        take_out(format, held, &mut text, &mut theirs)?;
    }
    if text == now {
        return Ok(Undone { text: Some(text), theirs });
    }
    for container in touched.containers.iter().rev() {
        let found = format.find(&text, container)?;
        let is_bare = |found: &Found| is_bare(found, container);
        if found.as_ref().is_some_and(is_bare) {
            // Where it cannot go without anything else, it stays: nothing of ours is in it.
            text = format.remove(&text, container).unwrap_or(text);
        }
    }
    let gone = touched.new_file && format.is_bare(&text);
    Ok(Undone { text: (!gone).then_some(text), theirs })
}

/// Whether a container of ours holds nothing any more, not even words for people.
fn is_bare(found: &Found, path: &[String]) -> bool {
    let mut ink: String = found.raw.split_whitespace().collect();
    if let Some(Step::Element { name, value }) = path.last().map(|last| path::step(last)) {
        let named = [name, value].map(|word| word.split_whitespace().collect::<String>());
        ink = named.iter().fold(ink, |ink, word| ink.replacen(word, "", 1));
    }
    path::is_hollow(&found.value, path) && !ink.contains(|c: char| !"{}[]:,-'\"".contains(c))
}

/// Puts one key back as it was, if it still holds our value.
fn take_out(
    format: Format,
    held: &Held,
    text: &mut String,
    theirs: &mut Vec<KeyPath>,
) -> Result<(), Refusal> {
    let Some(found) = format.find(text, &held.path)? else {
        // Somebody took it out, or nothing was done yet.
        if held.old.is_some() {
            theirs.push(held.path.clone());
        }
        return Ok(());
    };
    if held.old.as_ref().is_some_and(|old| *old == found.raw) {
        return Ok(());
    }
    if !held.ours.contains(&found.value) {
        theirs.push(held.path.clone());
        return Ok(());
    }
    *text = match &held.old {
        Some(old) => {
            let value = format.read_raw(old)?;
            format.set_raw(text, &held.path, old, &value)?.0
        }
        None => format.remove(text, &held.path)?,
    };
    Ok(())
}

fn is_local_key(format: Format, text: &str, path: &[String]) -> bool {
    let found = format.find(text, path).ok().flatten();
    found.is_some_and(|found| {
        found.value.as_str().is_some_and(|text| {
            let prefix = aigw_shared::key::PREFIX;
            text.starts_with(prefix) || ["/_k/", ":"].iter().any(|at| text.contains(&format!("{at}{prefix}")))
        })
    })
}
