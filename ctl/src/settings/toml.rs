//! TOML: where a key is, and the splices that set or remove it. A key of a table with a header gets a line; one inside
//! braces, or of a dotted table, is written like its neighbours.

use std::ops::Range;

use serde_json::{Map, Value};
use toml_edit::{Document, Item, Key, Table, TableLike, Value as Node};

use super::path::{Step, step, words};
use super::{Refusal, Splice, after_line_end, before_line_end, line_end, spaces, stop_of_line};

fn parse(text: &str) -> Result<Document<&str>, Refusal> {
    Document::parse(text).map_err(|error| {
        let why = format!("this is no TOML: {}", error.message().trim().replace('\n', ", "));
        error.span().map_or_else(|| Refusal::of(why.clone()), |span| Refusal::at(span.start, why.clone()))
    })
}

pub(super) fn read(text: &str) -> Result<Value, Refusal> {
    Ok(table_value(parse(text)?.as_table()))
}

fn table_value(table: &dyn TableLike) -> Value {
    Value::Object(
        table.iter().filter_map(|(name, item)| Some((name.to_owned(), item_value(item)?))).collect(),
    )
}

fn item_value(item: &Item) -> Option<Value> {
    Some(match item {
        Item::None => return None,
        Item::Value(node) => node_value(node),
        Item::Table(table) => table_value(table),
        Item::ArrayOfTables(tables) => Value::Array(tables.iter().map(|table| table_value(table)).collect()),
    })
}

/// What JSON has no words for is compared as it is written.
fn node_value(node: &Node) -> Value {
    match node {
        Node::String(text) => Value::String(text.value().clone()),
        Node::Integer(number) => Value::from(*number.value()),
        Node::Float(number) => Value::from(*number.value()),
        Node::Boolean(flag) => Value::Bool(*flag.value()),
        Node::Datetime(date) => Value::String(date.value().to_string()),
        Node::Array(array) => Value::Array(array.iter().map(node_value).collect()),
        Node::InlineTable(table) => table_value(table),
    }
}

/// A value as it is written.
pub(super) fn raw(value: &Value) -> Result<String, Refusal> {
    Ok(match value {
        Value::String(text) => Node::from(text.as_str()).to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(raw).collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Value::Object(members) => inline(members)?,
        Value::Null => return Err(Refusal::of("TOML has no null")),
    })
}

fn inline(members: &Map<String, Value>) -> Result<String, Refusal> {
    if members.is_empty() {
        return Ok("{}".to_owned());
    }
    let member = |(name, value): (&String, &Value)| Ok(format!("{} = {}", key(name), raw(value)?));
    Ok(format!("{{ {} }}", members.iter().map(member).collect::<Result<Vec<_>, Refusal>>()?.join(", ")))
}

fn key(name: &str) -> String {
    Key::new(name).to_string()
}

fn dotted(path: &[String]) -> String {
    path.iter().map(|name| key(name)).collect::<Vec<_>>().join(".")
}

/// A table has no one place.
pub(super) fn find(text: &str, path: &[String]) -> Result<Option<(Range<usize>, Value)>, Refusal> {
    let document = parse(text)?;
    let mut item = Some(document.as_item());
    for name in path {
        item = item.and_then(Item::as_table_like).and_then(|table| table.get(name));
    }
    let span = |item: &Item| item.as_value().and_then(Node::span).unwrap_or_default();
    Ok(item.and_then(|item| Some((span(item), item_value(item)?))))
}

pub(super) fn set(text: &str, path: &[String], new: &str) -> Result<Vec<Splice>, Refusal> {
    let document = parse(text)?;
    if path.iter().any(|segment| matches!(step(segment), Step::Element { .. })) {
        return Err(Refusal::of(format!(
            "{} cannot be set: elements of TOML's arrays are left alone",
            words(path)
        )));
    }
    let mut item = document.as_item();
    let mut header = 0;
    for (depth, name) in path.iter().enumerate() {
        let (parent, rest) = (&path[..depth], &path[depth..]);
        let table = item.as_table_like().ok_or_else(|| {
            let why = format!("{} is no table, and {name} is to be set in it", parent.join("."));
            Refusal { at: item.span().map(|span| span.start), why }
        })?;
        if item.as_table().is_some_and(|table| !table.is_dotted()) {
            header = depth;
        }
        match (table.get(name), item) {
            (Some(next), _) => item = next,
            (None, Item::Value(_)) => return insert_inside(text, item, rest, new),
            (None, Item::Table(table)) if table.is_dotted() => {
                let line = format!("{} = {new}", dotted(&path[header..]));
                return Ok(vec![insert_line(text, table, line)?]);
            }
            (None, Item::Table(table)) if rest.len() == 1 && !table.is_implicit() => {
                return Ok(vec![insert_line(text, table, format!("{} = {new}", key(name)))?]);
            }
            (None, _) => {
                let (leaf, parents) = path.split_last().unwrap_or((name, &[]));
                return Ok(vec![new_table(text, parents, &format!("{} = {new}", key(leaf)))]);
            }
        }
    }
    let span = item.as_value().and_then(Node::span);
    let span = span.ok_or_else(|| Refusal::of(format!("{} is a table", path.join("."))))?;
    Ok(vec![Splice::new(span, new)])
}

/// At the end, behind an empty line.
fn new_table(text: &str, parents: &[String], line: &str) -> Splice {
    let end = line_end(text);
    let (before, after) = match text {
        "" => (String::new(), end),
        _ if text.ends_with('\n') => (end.to_owned(), end),
        _ => (end.repeat(2), ""),
    };
    Splice::insert(text.len(), format!("{before}[{}]{end}{line}{after}", dotted(parents)))
}

/// Behind the last line of this table, not counting those below it.
fn insert_line(text: &str, table: &Table, line: String) -> Result<Splice, Refusal> {
    let end = line_end(text);
    let header = || table.span().filter(|span| text[span.clone()].starts_with('[')).map(|span| span.start);
    match last_value(table).or_else(header) {
        Some(at) => Ok(Splice::insert(stop_of_line(text, at), format!("{end}{line}"))),
        // The first line of all.
        None if table.span().is_none_or(|span| span.start == 0) => {
            let gap = if text.is_empty() { "" } else { end };
            Ok(Splice::insert(0, format!("{line}{end}{gap}")))
        }
        None => Err(Refusal::of("the table cannot be found")),
    }
}

fn last_value(table: &Table) -> Option<usize> {
    table
        .iter()
        .filter_map(|(_, item)| match item {
            Item::Value(node) => node.span().map(|span| span.end),
            Item::Table(table) if table.is_dotted() => last_value(table),
            _ => None,
        })
        .max()
}

fn insert_inside(text: &str, item: &Item, path: &[String], new: &str) -> Result<Vec<Splice>, Refusal> {
    let lost = || Refusal::of(format!("{} cannot be set here", path.join(".")));
    let table = item.as_inline_table().ok_or_else(lost)?;
    let nested = path
        .iter()
        .skip(1)
        .rev()
        .fold(new.to_owned(), |inner, name| format!("{{ {} = {inner} }}", key(name)));
    let member = format!("{} = {nested}", key(path.first().ok_or_else(lost)?));
    let last = table.iter().filter_map(|(_, node)| node.span()).map(|span| span.end).max();
    let span = table.span().ok_or_else(lost)?;
    Ok(vec![match last {
        Some(last) => Splice::insert(last, format!(", {member}")),
        None if text[span.clone()].starts_with('{') => {
            Splice::new(span.start + 1..span.end - 1, format!(" {member} "))
        }
        None => return Err(lost()),
    }])
}

pub(super) fn remove(text: &str, path: &[String]) -> Result<Vec<Splice>, Refusal> {
    let document = parse(text)?;
    let Some((leaf, parents)) = path.split_last() else { return Ok(Vec::new()) };
    let mut item = Some(document.as_item());
    for name in parents {
        item = item.and_then(Item::as_table_like).and_then(|table| table.get(name));
    }
    let Some(item) = item else { return Ok(Vec::new()) };
    let table = item.as_table_like().ok_or_else(|| Refusal::of("this is no table"))?;
    let Some((name, found)) = table.get_key_value(leaf) else { return Ok(Vec::new()) };
    let lost = || Refusal::of(format!("{} cannot be found", path.join(".")));
    if let Item::Table(table) = found {
        let span = table.span().filter(|span| text[span.clone()].starts_with('[')).ok_or_else(lost)?;
        let rest = span.end..stop_of_line(text, span.end);
        // A comment of somebody's stays.
        let commented = text[rest.clone()].contains('#');
        let alone = || header_line(text, span.start);
        return Ok(vec![Splice::delete(if commented {
            span.start..rest.start + spaces(&text[rest])
        } else {
            alone()
        })]);
    }
    let (name, value) = (name.span().ok_or_else(lost)?, found.span().ok_or_else(lost)?);
    if let Some(inline) = item.as_inline_table() {
        let whole = inline.span().ok_or_else(lost)?;
        let others: Vec<_> = inline.iter().filter_map(|(_, node)| node.span()).collect();
        let before = others.iter().map(|span| span.end).filter(|end| *end < name.start).max();
        let comma = text[value.end..].find(',').map(|at| value.end + at + 1).filter(|at| *at < whole.end);
        return Ok(vec![Splice::delete(match (before, comma) {
            (Some(before), _) => before..value.end,
            (None, Some(comma)) if others.len() > 1 => name.start..comma + spaces(&text[comma..]),
            _ => whole.start + 1..whole.end - 1,
        })]);
    }
    let start = text[..name.start].rfind('\n').map_or(0, |at| at + 1);
    let stop = stop_of_line(text, value.end);
    let rest = &text[value.end..stop];
    if rest.contains('#') {
        return Ok(vec![Splice::delete(start + spaces(&text[start..])..value.end + spaces(rest))]);
    }
    if start > 0 {
        return Ok(vec![Splice::delete(before_line_end(text, start)..stop)]);
    }
    // The first line of all, with the empty line that was put behind it.
    let next = after_line_end(text, stop);
    let empty = after_line_end(text, next);
    Ok(vec![Splice::delete(0..if text[next..empty].trim().is_empty() { empty } else { next })])
}

/// The line of a header, and an empty one in front of it.
fn header_line(text: &str, start: usize) -> Range<usize> {
    let stop = stop_of_line(text, start);
    let next = after_line_end(text, stop);
    let mut from = start;
    let lines = if next == stop { 2 } else { 1 };
    for _ in 0..lines {
        let before = before_line_end(text, from);
        // The end of a line that holds something stays, unless nothing follows it.
        if lines == 1 && !(before == 0 || text[..before].ends_with('\n')) {
            break;
        }
        from = before;
    }
    from..next
}
