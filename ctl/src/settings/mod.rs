//! Settings files of other programs, changed one key at a time.
//!
//! An edit is a splice into the text as it is: what it does not name keeps its bytes. Every edit is read again and compared
//! with what was meant; one that would move anything else is refused.
//!
//! | module | holds |
//! | --- | --- |
//! | [`json`], [`toml`], [`yaml`], [`env`], [`xml`], [`shell`] | where a key is in a text, and splices |
//! | [`path`] | what leads to a key, and values at it |
//! | [`change`] | setting our keys, and the three-way undo; pure functions of texts |
//! | [`ledger`] | what was changed where, written down before it is done |
//! | [`transaction`] | both, on the disk, in an order that a crash cannot break |
//! | [`place`] | a file on the disk: links, modes, drafts, folders |

pub(crate) mod change;
mod env;
mod json;
pub(crate) mod ledger;
pub(crate) mod path;
pub(crate) mod place;
mod shell;
mod toml;
pub(crate) mod transaction;
mod xml;
mod yaml;

use std::ops::Range;

use aigw_shared::fault::{Fault, Kind};
pub(crate) use path::KeyPath;
use path::at;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// JSON, with comments and trailing commas where the program that owns it takes them.
    Json,
    Toml,
    /// YAML of one document.
    Yaml,
    /// Variables: a path is one name.
    Env,
    /// JetBrains' options: a path is a component's name and an option's.
    Jetbrains,
    /// A block in a shell's file: a path is its name, and the value its lines.
    Shell,
}

/// A value in a text, as it is written there.
pub(crate) struct Found {
    pub(crate) raw: String,
    pub(crate) value: Value,
}

/// Why a text cannot be edited.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Byte offset, if it is about a place.
    at: Option<usize>,
    why: String,
}

impl Refusal {
    fn at(at: usize, why: impl Into<String>) -> Self {
        Self { at: Some(at), why: why.into() }
    }

    fn of(why: impl Into<String>) -> Self {
        Self { at: None, why: why.into() }
    }

    /// In words for whoever owns the file.
    pub(crate) fn fault(&self, file: &std::path::Path, text: &str) -> Fault {
        let place = self.at.map_or_else(String::new, |at| {
            let before = text.get(..at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!(", line {line}, column {column}")
        });
        Fault::new(Kind::BadConfiguration, format!("{}{place}: {}", file.display(), self.why))
            .cure_with("mend that file; nothing was changed in it")
    }
}

/// A byte order mark, which is no part of what a parser reads.
const MARK: char = '\u{feff}';

impl Format {
    /// The whole text as a value.
    pub(crate) fn read(self, text: &str) -> Result<Value, Refusal> {
        let (mark, body) = split_mark(text);
        match self {
            Self::Json => json::read(body),
            Self::Toml => toml::read(body),
            Self::Yaml => yaml::read(body),
            Self::Env => env::read(body),
            Self::Jetbrains => xml::read(body),
            Self::Shell => shell::read(body),
        }
        .map_err(|refusal| refusal.moved(mark.len()))
    }

    /// What stands at this path.
    pub(crate) fn find(self, text: &str, path: &[String]) -> Result<Option<Found>, Refusal> {
        let (mark, body) = split_mark(text);
        let found = match self {
            Self::Json => json::find(body, path),
            Self::Toml => toml::find(body, path),
            Self::Yaml => yaml::find(body, path),
            Self::Env => env::find(body, path),
            Self::Jetbrains => xml::find(body, path),
            Self::Shell => shell::find(body, path),
        };
        let found = found.map_err(|refusal| refusal.moved(mark.len()))?;
        Ok(found.map(|(place, value)| Found { raw: body.get(place).unwrap_or_default().to_owned(), value }))
    }

    /// The text with this value at this path, in the place of what is there, and the containers that had to be made.
    pub(crate) fn set(
        self,
        text: &str,
        path: &[String],
        value: &Value,
    ) -> Result<(String, Vec<KeyPath>), Refusal> {
        let raw = match self {
            Self::Json => value.to_string(),
            Self::Toml => toml::raw(value)?,
            Self::Yaml => yaml::raw(value),
            Self::Env => env::raw(value)?,
            Self::Jetbrains => xml::raw(value)?,
            Self::Shell => shell::raw(value)?,
        };
        self.set_raw(text, path, &raw, value)
    }

    /// The same with the value as it is to be written.
    pub(crate) fn set_raw(
        self,
        text: &str,
        path: &[String],
        raw: &str,
        value: &Value,
    ) -> Result<(String, Vec<KeyPath>), Refusal> {
        path::check(path, value)?;
        let before = self.read(text)?;
        let made =
            (1..path.len()).map(|depth| path[..depth].to_vec()).filter(|path| at(&before, path).is_none());
        let made: Vec<KeyPath> = made.collect();
        let edited = self.edited(text, |body| match self {
            Self::Json => json::set(body, path, raw),
            Self::Toml => toml::set(body, path, raw),
            Self::Yaml => yaml::set(body, path, raw),
            Self::Env => env::set(body, path, raw),
            Self::Jetbrains => xml::set(body, path, raw),
            Self::Shell => shell::set(body, path, raw),
        })?;
        let mut meant = before;
        path::put(&mut meant, path, value.clone());
        self.checked(edited, &meant, path).map(|text| (text, made))
    }

    /// The text without what stands at this path, which may be an empty container.
    pub(crate) fn remove(self, text: &str, path: &[String]) -> Result<String, Refusal> {
        let mut meant = self.read(text)?;
        if at(&meant, path).is_none() {
            return Ok(text.to_owned());
        }
        let edited = self.edited(text, |body| match self {
            Self::Json => json::remove(body, path),
            Self::Toml => toml::remove(body, path),
            Self::Yaml => yaml::remove(body, path),
            Self::Env => env::remove(body, path),
            Self::Jetbrains => xml::remove(body, path),
            Self::Shell => shell::remove(body, path),
        })?;
        path::take(&mut meant, path);
        self.checked(edited, &meant, path)
    }

    /// Whether nothing is said in it, not even to people.
    pub(crate) fn is_bare(self, text: &str) -> bool {
        let (_, body) = split_mark(text);
        let rest: String = body.split_whitespace().collect();
        match self {
            Self::Json | Self::Yaml => matches!(&*rest, "" | "{}" | "[]"),
            Self::Jetbrains => matches!(&*rest, "" | "<application></application>" | "<application/>"),
            Self::Toml | Self::Env | Self::Shell => rest.is_empty(),
        }
    }

    fn edited(
        self,
        text: &str,
        edit: impl FnOnce(&str) -> Result<Vec<Splice>, Refusal>,
    ) -> Result<String, Refusal> {
        let (mark, body) = split_mark(text);
        let mut splices = edit(body).map_err(|refusal| refusal.moved(mark.len()))?;
        // From the end; what is taken out first, where something is put in at its start.
        splices.sort_by_key(|splice| std::cmp::Reverse((splice.range.start, splice.range.end)));
        let mut edited = body.to_owned();
        for splice in splices {
            edited.replace_range(splice.range, &splice.text);
        }
        Ok(format!("{mark}{edited}"))
    }

    /// Nothing is handed out that does not say what was meant.
    fn checked(self, edited: String, meant: &Value, path: &[String]) -> Result<String, Refusal> {
        let is_meant = |read: &Value| match self {
            // What had one member or element says nothing without it.
            _ if read.is_null() => path::is_hollow(meant, &[]),
            Self::Toml => same(read, meant),
            _ => read == meant,
        };
        if self.read(&edited).is_ok_and(|read| is_meant(&read)) {
            return Ok(edited);
        }
        let name = path::words(path);
        Err(Refusal::of(format!("{name} cannot be changed here without changing something else")))
    }

    /// A value as it was written, read.
    pub(crate) fn read_raw(self, raw: &str) -> Result<Value, Refusal> {
        let name = "x".to_owned();
        let (text, path) = match self {
            Self::Json => (format!("{{\"x\":{raw}}}"), vec![name]),
            Self::Toml => (format!("x = {raw}\n"), vec![name]),
            Self::Yaml => (yaml::member("x", raw), vec![name]),
            Self::Env => (format!("x={raw}\n"), vec![name]),
            Self::Jetbrains => (xml::option(raw), vec![name.clone(), name]),
            Self::Shell => (shell::block("x", raw, "\n"), vec![name]),
        };
        Ok(self.find(&text, &path)?.map_or(Value::Null, |found| found.value))
    }
}

impl Refusal {
    fn moved(mut self, by: usize) -> Self {
        self.at = self.at.map(|at| at + by);
        self
    }
}

/// A piece of a text, and what stands there afterwards.
struct Splice {
    range: Range<usize>,
    text: String,
}

impl Splice {
    fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::new(at..at, text)
    }

    fn delete(range: Range<usize>) -> Self {
        Self::new(range, "")
    }
}

fn split_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with(MARK) { MARK.len_utf8() } else { 0 })
}

// -- lines ------------------------------------------------------------------------------------------------------------

/// How lines end in a text: as the first one does.
fn line_end(text: &str) -> &'static str {
    let first = text.find('\n');
    if first.is_some_and(|at| text[..at].ends_with('\r')) { "\r\n" } else { "\n" }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// Where the line of this place ends, before its end mark.
fn stop_of_line(text: &str, from: usize) -> usize {
    let stop = text[from..].find('\n').map_or(text.len(), |at| from + at);
    if stop < text.len() { text[..stop].strip_suffix('\r').map_or(stop, str::len).max(from) } else { stop }
}

/// The place before the end mark in front of this line.
fn before_line_end(text: &str, start: usize) -> usize {
    let at = text[..start].strip_suffix('\n').map_or(start, str::len);
    text[..at].strip_suffix('\r').map_or(at, str::len)
}

/// The place after the end mark that stands here, if one does.
fn after_line_end(text: &str, stop: usize) -> usize {
    let rest = &text[stop..];
    let mark = ["\r\n", "\n"].into_iter().find(|mark| rest.starts_with(mark)).map_or(0, str::len);
    stop + mark
}

/// How many blanks a text begins with.
fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Equal, but for containers without content: TOML has none where their last key is taken out.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys());
            let empty = Value::Object(serde_json::Map::new());
            names.into_iter().all(|name| {
                let (one, other) = (one.get(name), other.get(name));
                same(one.unwrap_or(&empty), other.unwrap_or(&empty))
            })
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
