//! The options files of JetBrains' programs: `<application>` with `<component name=...>`, in which an
//! `<option name=... value=.../>` is a key. Options that hold more than a value, and whatever else is in such a file, are
//! left as they are.

use std::ops::Range;

use roxmltree::{Document, Node};
use serde_json::{Map, Value};

use super::{Refusal, Splice, before_line_end, line_end, line_start, spaces, stop_of_line};

const ROOT: &str = "application";

fn parse(text: &str) -> Result<Option<Document<'_>>, Refusal> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let document = Document::parse(text).map_err(|error| {
        let place = error.pos();
        let line = text.split_inclusive('\n').take(place.row.saturating_sub(1) as usize).map(str::len).sum();
        let column: usize =
            text[line..].chars().take(place.col.saturating_sub(1) as usize).map(char::len_utf8).sum();
        // The parser adds the place by itself, in its words.
        let why = error.to_string();
        let why = why.rsplit_once(" at ").map_or(&*why, |(why, _)| why);
        Refusal::at(line + column, format!("this is no XML: {why}"))
    })?;
    let root = document.root_element();
    if root.has_tag_name(ROOT) {
        return Ok(Some(document));
    }
    Err(Refusal::at(root.range().start, format!("<{ROOT}> is expected here")))
}

/// The last element of this kind and name.
fn child<'a, 'b>(node: Node<'a, 'b>, tag: &str, name: &str) -> Option<Node<'a, 'b>> {
    node.children().rfind(|child| child.has_tag_name(tag) && child.attribute("name") == Some(name))
}

/// Components with their options. What is neither is compared as it is written.
pub(super) fn read(text: &str) -> Result<Value, Refusal> {
    let Some(document) = parse(text)? else { return Ok(Value::Null) };
    Ok(members(text, document.root_element(), "component", &|component| {
        members(text, component, "option", &option_value)
    }))
}

fn members(text: &str, node: Node<'_, '_>, tag: &str, value: &dyn Fn(Node<'_, '_>) -> Value) -> Value {
    let (mut members, mut others) = (Map::new(), Vec::new());
    for child in node.children().filter(Node::is_element) {
        match child.attribute("name").filter(|_| child.has_tag_name(tag)) {
            Some(name) => _ = members.insert(name.to_owned(), value(child)),
            None => others.push(Value::from(&text[child.range()])),
        }
    }
    if !others.is_empty() {
        members.insert(String::new(), Value::Array(others));
    }
    Value::Object(members)
}

fn option_value(option: Node<'_, '_>) -> Value {
    let is_more = option.children().any(|child| child.is_element());
    option.attribute("value").filter(|_| !is_more).map_or(Value::Null, Value::from)
}

/// The place of an option's value between its quotes, or of what is in a component.
pub(super) fn find(text: &str, path: &[String]) -> Result<Option<(Range<usize>, Value)>, Refusal> {
    let document = parse(text)?;
    let root = document.as_ref().map(Document::root_element);
    let (Some(root), Some((name, rest))) = (root, path.split_first()) else { return Ok(None) };
    let Some(component) = child(root, "component", name) else { return Ok(None) };
    let [name] = rest else {
        let value = members(text, component, "option", &option_value);
        return Ok(rest.is_empty().then(|| (inside(text, component), value)));
    };
    Ok(child(component, "option", name).map(|option| {
        let place = option.attribute_node("value").map_or(option.range(), |value| value.range_value());
        (place, option_value(option))
    }))
}

pub(super) fn raw(value: &Value) -> Result<String, Refusal> {
    let Value::String(word) = value else { return Err(Refusal::of("an option's value is text")) };
    Ok(escaped(word))
}

/// A file with nothing but this value.
pub(super) fn option(raw: &str) -> String {
    format!("<{ROOT}><component name=\"x\"><option name=\"x\" value=\"{raw}\"/></component></{ROOT}>")
}

fn escaped(word: &str) -> String {
    let signs =
        [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&apos;"), ('\n', "&#10;")];
    signs.iter().fold(word.to_owned(), |word, (sign, name)| word.replace(*sign, name))
}

pub(super) fn set(text: &str, path: &[String], raw: &str) -> Result<Vec<Splice>, Refusal> {
    let [component, option] = path else {
        return Err(Refusal::of("an option is named by its component and its own name"));
    };
    let end = line_end(text);
    let unit = unit(text);
    let line = format!("<option name=\"{}\" value=\"{raw}\" />", escaped(option));
    let block = |outer: &str| {
        format!("<component name=\"{}\">{end}{outer}{unit}{line}{end}{outer}</component>", escaped(component))
    };
    let Some(document) = parse(text)? else {
        let inner = block(&unit);
        return Ok(vec![Splice::insert(
            text.len(),
            format!("<{ROOT}>{end}{unit}{inner}{end}</{ROOT}>{end}"),
        )]);
    };
    let root = document.root_element();
    let Some(found) = child(root, "component", component) else {
        return Ok(vec![insert(text, root, &unit, block)]);
    };
    let Some(option) = child(found, "option", option) else {
        return Ok(vec![insert(text, found, &unit, |_| line)]);
    };
    match option.attribute_node("value").filter(|_| !option_value(option).is_null()) {
        Some(value) => Ok(vec![Splice::new(value.range_value(), raw)]),
        None => Err(Refusal::at(option.range().start, "this option holds more than a value")),
    }
}

/// Behind the last element in it. What is written gets the indentation that it stands at.
fn insert(text: &str, node: Node<'_, '_>, unit: &str, written: impl FnOnce(&str) -> String) -> Splice {
    let end = line_end(text);
    let outer = indentation(text, node.range().start).unwrap_or_default();
    if let Some(last) = node.children().rfind(Node::is_element) {
        let from = last.range().end;
        let stop = stop_of_line(text, from);
        let rest = text[from..stop].trim();
        let is_note = rest.starts_with("<!--") && rest.find("-->") == Some(rest.len() - 3);
        let at = if rest.is_empty() || is_note { stop } else { from };
        let indent = indentation(text, last.range().start).unwrap_or_else(|| format!("{outer}{unit}"));
        let written = written(&indent);
        return Splice::insert(at, format!("{end}{indent}{written}"));
    }
    let indent = format!("{outer}{unit}");
    let written = written(&indent);
    let inside = inside(text, node);
    if text[..node.range().end].ends_with("/>") {
        let open = text[..inside.start - 2].trim_end().len();
        let name = node.tag_name().name();
        let lines = format!(">{end}{indent}{written}{end}{outer}</{name}>");
        return Splice::new(open..inside.end, lines);
    }
    let notes = &text[inside.clone()];
    let has_line = notes.trim_end_matches([' ', '\t']).ends_with('\n');
    let tail = if has_line { String::new() } else { format!("{end}{outer}") };
    Splice::insert(inside.start + notes.trim_end().len(), format!("{end}{indent}{written}{tail}"))
}

/// What is between an element's tags.
fn inside(text: &str, node: Node<'_, '_>) -> Range<usize> {
    let whole = node.range();
    let behind = node.attributes().map(|attribute| attribute.range().end).max().unwrap_or(whole.start);
    let open = text[behind..].find('>').map_or(whole.end, |at| behind + at + 1);
    open..text[open..whole.end].rfind("</").map_or(open, |at| open + at)
}

/// The white space in front of what begins its line.
fn indentation(text: &str, at: usize) -> Option<String> {
    let before = &text[line_start(text, at)..at];
    before.trim().is_empty().then(|| before.to_owned())
}

fn unit(text: &str) -> String {
    let mut indents = text.lines().map(|line| &line[..spaces(line)]);
    indents.find(|indent| !indent.is_empty()).unwrap_or("  ").to_owned()
}

pub(super) fn remove(text: &str, path: &[String]) -> Result<Vec<Splice>, Refusal> {
    let document = parse(text)?;
    let root = document.as_ref().map(Document::root_element);
    let component = root.zip(path.first()).and_then(|(root, name)| child(root, "component", name));
    let found = match path {
        [_] => component,
        [_, option] => component.and_then(|component| child(component, "option", option)),
        _ => None,
    };
    let Some((node, parent)) = found.and_then(|node| Some((node, node.parent_element()?))) else {
        return Ok(Vec::new());
    };
    let (whole, inside) = (node.range(), inside(text, parent));
    let around = [&text[inside.start..whole.start], &text[whole.end..inside.end]];
    if around.iter().all(|around| around.trim().is_empty()) {
        return Ok(vec![Splice::delete(inside)]);
    }
    let (start, stop) = (line_start(text, whole.start), stop_of_line(text, whole.end));
    let alone =
        text[start..whole.start].trim().is_empty() && text[whole.end..stop].trim().is_empty() && start > 0;
    Ok(vec![Splice::delete(if alone { before_line_end(text, start)..stop } else { whole })])
}
