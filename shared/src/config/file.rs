//! Reads a file of settings into a layer, remembering the line of each.

use std::path::Path;

use toml_edit::{Document, Item, TableLike, Value};

use super::layer::{Entry, Layer, Place, Rank, Raw};
use super::schema;
use crate::fault::Fault;
use crate::files;

/// Longest file of settings, in bytes.
pub(super) const LIMIT: u64 = 1 << 20;

/// A key that no row has.
pub(super) struct Unknown {
    pub(super) place: Place,
    pub(super) path: Vec<String>,
}

/// Reads a file; one that does not exist says nothing.
pub(super) fn read(path: &Path, rank: Rank) -> Result<Layer, Fault> {
    let content = files::read_limited(path, LIMIT).map_err(|fault| super::fault(fault.what))?;
    let Some(content) = content else { return Ok(Layer::default()) };
    let (layer, unknown) = parse(&content, path, rank)?;
    match unknown.first() {
        Some(unknown) => Err(super::unknown(&unknown.place, &unknown.path)),
        None => Ok(layer),
    }
}

/// Takes the content of a file apart. Unknown keys are the caller's to judge.
pub(super) fn parse(content: &[u8], path: &Path, rank: Rank) -> Result<(Layer, Vec<Unknown>), Fault> {
    let place = |line| Place::File { rank, path: path.to_owned(), line };
    let text = std::str::from_utf8(content).map_err(|error| {
        let line = line_at(path, content, error.valid_up_to());
        super::bad(&place(line), None, "expected UTF-8 text")
    })?;
    // Only the message: the error's own Display shows the line itself, and with it perhaps a secret.
    let document = Document::parse(text).map_err(|error| {
        let line = line_at(path, content, error.span().map_or(0, |span| span.start));
        super::bad(&place(line), None, error.message())
    })?;
    let mut walk = Walk { text, path, rank, layer: Layer::default(), unknown: Vec::new() };
    walk.table(document.as_table(), &mut Vec::new())?;
    Ok((walk.layer, walk.unknown))
}

struct Walk<'a> {
    text: &'a str,
    path: &'a Path,
    rank: Rank,
    layer: Layer,
    unknown: Vec<Unknown>,
}

impl Walk<'_> {
    fn table(&mut self, table: &dyn TableLike, parents: &mut Vec<String>) -> Result<(), Fault> {
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(|key| key.span()).or_else(|| item.span());
            let line = line_at(self.path, self.text.as_bytes(), span.map_or(0, |span| span.start));
            let place = Place::File { rank: self.rank, path: self.path.to_owned(), line };
            parents.push(name.to_owned());
            self.item(item, place, parents)?;
            parents.pop();
        }
        Ok(())
    }

    fn item(&mut self, item: &Item, place: Place, key: &mut Vec<String>) -> Result<(), Fault> {
        let bad =
            |place: &Place, key: &[String], why: &str| Err(super::bad(place, Some(&key.join(".")), why));
        if let Err(why) = schema::names(key) {
            return bad(&place, key, &why);
        }
        if schema::find(key).is_some() {
            self.layer.insert(key, Entry { raw: raw(item), place });
        } else if !schema::is_table(key) {
            self.unknown.push(Unknown { place, path: key.clone() });
        } else if let Some(table) = item.as_table_like() {
            self.layer.name(key, &place);
            self.table(table, key)?;
        } else {
            return bad(&place, key, "expected a table");
        }
        Ok(())
    }
}

fn raw(item: &Item) -> Raw {
    match item {
        Item::Value(value) => raw_value(value),
        _ => item.as_table_like().map_or(Raw::Other, pairs),
    }
}

fn raw_value(value: &Value) -> Raw {
    match value {
        Value::String(text) => Raw::Text(text.value().clone()),
        Value::Integer(number) => Raw::Number(*number.value()),
        Value::Boolean(flag) => Raw::Flag(*flag.value()),
        Value::Array(items) => Raw::List(items.iter().map(raw_value).collect()),
        Value::InlineTable(table) => pairs(table),
        Value::Float(_) | Value::Datetime(_) => Raw::Other,
    }
}

fn pairs(table: &dyn TableLike) -> Raw {
    let pair = |(name, item): (&str, &Item)| item.as_str().map(|text| (name.to_owned(), text.to_owned()));
    table.iter().map(pair).collect::<Option<_>>().map_or(Raw::Other, Raw::Pairs)
}

/// The line of a byte in what came from this place, for people: 0 where people see no lines, since we wrote the text.
fn line_at(path: &Path, content: &[u8], offset: usize) -> usize {
    if path.extension().is_some_and(|ending| ending == "toml") { line_of(content, offset) } else { 0 }
}

/// The line, counted from 1, on which a byte stands.
pub(super) fn line_of(content: &[u8], offset: usize) -> usize {
    content.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// A default, written in the schema as TOML.
pub(super) fn default(text: &str) -> Option<Raw> {
    text.parse().ok().map(|value: Value| raw_value(&value))
}
