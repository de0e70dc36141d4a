//! JSON with comments and trailing commas: where a member or an element is, and the splices that set or remove it.

use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::path::{Step, at, step, words};
use super::{Refusal, Splice, line_end, line_start};

/// What the programs that own such files take. Nothing looser: a text that they would refuse is not ours to mend.
fn parse(text: &str) -> Result<Option<Node<'_>>, Refusal> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options);
    parsed
        .map(|parsed| parsed.value)
        .map_err(|error| Refusal::at(error.range().start, format!("this is no JSON: {}", error.kind())))
}

pub(super) fn read(text: &str) -> Result<Value, Refusal> {
    match parse(text)? {
        None => Ok(Value::Null),
        Some(node @ (Node::Object(_) | Node::Array(_))) => value(&node),
        Some(node) => Err(Refusal::at(node.start(), "an object is expected here")),
    }
}

/// Of members with one name the last one counts, as everywhere.
fn value(node: &Node<'_>) -> Result<Value, Refusal> {
    Ok(match node {
        Node::StringLit(text) => Value::String(text.value.to_string()),
        Node::NumberLit(number) => serde_json::from_str(number.value)
            .map_err(|_| Refusal::at(number.range.start, "this number cannot be read"))?,
        Node::BooleanLit(flag) => Value::Bool(flag.value),
        Node::NullKeyword(_) => Value::Null,
        Node::Array(array) => Value::Array(array.elements.iter().map(value).collect::<Result<_, _>>()?),
        Node::Object(object) => {
            let member = |prop: &ObjectProp<'_>| Ok((prop.name.as_str().to_owned(), value(&prop.value)?));
            Value::Object(object.properties.iter().map(member).collect::<Result<_, Refusal>>()?)
        }
    })
}

pub(super) fn find(text: &str, path: &[String]) -> Result<Option<(Range<usize>, Value)>, Refusal> {
    let root = parse(text)?;
    let mut node = root.as_ref();
    for segment in path {
        let found = node.map(|node| child(node, segment)).transpose()?.flatten();
        node = found.map(|(_, node)| node);
    }
    node.map(|node| Ok((node.start()..node.end(), value(node)?))).transpose()
}

/// What a container holds: members with their names, or elements.
fn children<'a, 'b>(node: &'b Node<'a>) -> Vec<(Range<usize>, &'b Node<'a>)> {
    match node {
        Node::Object(object) => {
            object.properties.iter().map(|prop| (prop.start()..prop.end(), &prop.value)).collect()
        }
        Node::Array(array) => array.elements.iter().map(|node| (node.start()..node.end(), node)).collect(),
        _ => Vec::new(),
    }
}

/// The place of what this segment means, and what is there.
fn child<'a, 'b>(node: &'b Node<'a>, segment: &str) -> Result<Option<(usize, &'b Node<'a>)>, Refusal> {
    let index = match (step(segment), node) {
        (Step::Member(name), Node::Object(object)) => {
            object.properties.iter().rposition(|prop| prop.name.as_str() == name)
        }
        (Step::Element { .. }, Node::Array(array)) => {
            let values = array.elements.iter().map(|node| Ok(Value::Array(vec![value(node)?])));
            let values: Vec<Value> = values.collect::<Result<_, Refusal>>()?;
            values.iter().position(|value| at(value, &[segment.to_owned()]).is_some())
        }
        _ => None,
    };
    Ok(index.map(|index| (index, children(node)[index].1)))
}

pub(super) fn set(text: &str, path: &[String], raw: &str) -> Result<Vec<Splice>, Refusal> {
    let Some(root) = parse(text)? else { return Ok(vec![new_text(text, path, raw)]) };
    let mut node = &root;
    for (depth, segment) in path.iter().enumerate() {
        let (fits, kind) = match step(segment) {
            Step::Member(_) => (matches!(node, Node::Object(_)), "object"),
            Step::Element { .. } => (matches!(node, Node::Array(_)), "array"),
        };
        if !fits {
            let here = if depth == 0 { "this".to_owned() } else { words(&path[..depth]) };
            return Err(Refusal::at(
                node.start(),
                format!("{here} is no {kind}, and {segment} is to be set in it"),
            ));
        }
        match child(node, segment)? {
            Some((_, next)) => node = next,
            None => return Ok(insert(text, node, &path[depth..], raw)),
        }
    }
    Ok(vec![Splice::new(node.start()..node.end(), raw)])
}

/// There is no value yet, perhaps comments.
fn new_text(text: &str, path: &[String], raw: &str) -> Splice {
    let end = line_end(text);
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    Splice::insert(text.len(), format!("{gap}{}{end}", enclosed(path, raw, "", "  ", end)))
}

fn insert(text: &str, container: &Node<'_>, path: &[String], raw: &str) -> Vec<Splice> {
    let end = line_end(text);
    let (open, close) = (container.start(), container.end());
    let outer = indentation(text, open);
    let children = children(container);
    let Some((last, _)) = children.last() else {
        let inside = &text[open + 1..close - 1];
        let unit = unit(text);
        let indent = format!("{outer}{unit}");
        let child = written(path, raw, &indent, &unit, end);
        // Behind comments, which may be in it; before its bracket.
        let has_line = inside.trim_end_matches([' ', '\t']).ends_with('\n');
        let at = open + 1 + inside.trim_end().len();
        let tail = if has_line { String::new() } else { format!("{end}{outer}") };
        return vec![Splice::insert(at, format!("{end}{indent}{child}{tail}"))];
    };
    let comma = comma_after(text, last.end, close);
    // A comment at the end of the last child's line stays there.
    let stop = line_stop(text, comma.map_or(last.end, |at| at + 1));
    if stop >= close {
        let child = written(path, raw, &outer, &unit(text), end);
        let at = comma.map_or(last.end, |at| at + 1);
        let (before, after) = if comma.is_some() { (" ", ",") } else { (", ", "") };
        return vec![Splice::insert(at, format!("{before}{child}{after}"))];
    }
    let indent = indentation(text, last.start);
    let unit = if indent.len() > outer.len() { indent[outer.len()..].to_owned() } else { unit(text) };
    let child = written(path, raw, &indent, &unit, end);
    let after = if comma.is_some() { "," } else { "" };
    let mut splices = vec![Splice::insert(stop, format!("{end}{indent}{child}{after}"))];
    if comma.is_none() {
        splices.push(Splice::insert(last.end, ","));
    }
    splices
}

/// `"name": value`, or an element, with the containers that are missing around the value, a line for each.
fn written(path: &[String], raw: &str, indent: &str, unit: &str, end: &str) -> String {
    let Some((segment, rest)) = path.split_first() else { return raw.to_owned() };
    match step(segment) {
        Step::Member(name) => format!("{}: {}", quoted(name), enclosed(rest, raw, indent, unit, end)),
        Step::Element { .. } if rest.is_empty() => raw.to_owned(),
        Step::Element { name, value } => {
            let deeper = format!("{indent}{unit}");
            let named = match rest {
                [leaf] if leaf == name => String::new(),
                _ => format!("{}: {},{end}{deeper}", quoted(name), quoted(value)),
            };
            let inner = written(rest, raw, &deeper, unit, end);
            format!("{{{end}{deeper}{named}{inner}{end}{indent}}}")
        }
    }
}

/// The container that this path begins in, if it does not end here.
fn enclosed(path: &[String], raw: &str, indent: &str, unit: &str, end: &str) -> String {
    let (open, close) = match path.first().map(|first| step(first)) {
        None => return raw.to_owned(),
        Some(Step::Member(_)) => ('{', '}'),
        Some(Step::Element { .. }) => ('[', ']'),
    };
    let deeper = format!("{indent}{unit}");
    let inner = written(path, raw, &deeper, unit, end);
    format!("{open}{end}{deeper}{inner}{end}{indent}{close}")
}

fn quoted(word: &str) -> Value {
    Value::from(word)
}

pub(super) fn remove(text: &str, path: &[String]) -> Result<Vec<Splice>, Refusal> {
    let Some(root) = parse(text)? else { return Ok(Vec::new()) };
    let Some((leaf, parents)) = path.split_last() else { return Ok(Vec::new()) };
    let mut container = &root;
    for parent in parents {
        let Some((_, next)) = child(container, parent)? else { return Ok(Vec::new()) };
        container = next;
    }
    let Some((index, _)) = child(container, leaf)? else { return Ok(Vec::new()) };
    let children: Vec<Range<usize>> = children(container).into_iter().map(|(range, _)| range).collect();
    let (start, end) = (children[index].start, children[index].end);
    let (open, close) = (container.start(), container.end() - 1);
    let comma = comma_after(text, end, container.end());
    let after = comma.map_or(end, |at| at + 1);
    if children.len() == 1 && text[open + 1..start].trim().is_empty() && text[after..close].trim().is_empty()
    {
        return Ok(vec![Splice::delete(open + 1..close)]);
    }
    let mut splices = Vec::new();
    // A comment in front of the comma stays.
    let (comma, after) = match comma.filter(|at| !text[end..*at].trim().is_empty()) {
        Some(at) => {
            splices.push(Splice::delete(at..at + 1));
            (None, end)
        }
        None => (comma, after),
    };
    let has_comma = comma.is_some() || !splices.is_empty();
    let line = line_start(text, start);
    let stop = line_stop(text, after);
    let alone = text[line..start].trim().is_empty() && text[after..stop].trim().is_empty() && line > 0;
    let before = index.checked_sub(1).map(|index| children[index].end);
    // The comma in front goes with the last member, unless that has its own.
    let joined = before.filter(|_| !has_comma).and_then(|before| comma_after(text, before, start));
    if let Some(joined) = joined {
        let plain = text[joined + 1..start].trim().is_empty();
        if plain {
            return Ok(vec![Splice::delete(joined..end)]);
        }
        splices.push(Splice::delete(joined..joined + 1));
    }
    if alone {
        // With the line end in front of it.
        let from = text[..line].strip_suffix('\n').map_or(line, str::len);
        let from = text[..from].strip_suffix('\r').map_or(from, str::len);
        splices.push(Splice::delete(from..stop));
    } else if comma.is_some() && index + 1 == children.len() {
        let from = start - spaces_before(text, start);
        splices.push(Splice::delete(from..after));
    } else {
        let spaces = text[after..].len() - text[after..].trim_start_matches([' ', '\t']).len();
        splices.push(Splice::delete(start..after + spaces));
    }
    Ok(splices)
}

// -- the text around a child ------------------------------------------------------------------------------------------

fn spaces_before(text: &str, at: usize) -> usize {
    at - text[..at].trim_end_matches([' ', '\t']).len()
}

/// Where the line ends, before its end mark. In a comment of several lines: after that.
fn line_stop(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("//") {
            let stop = rest.find('\n').map_or(text.len(), |end| at + end);
            return text[..stop].strip_suffix('\r').map_or(stop, str::len);
        }
        if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if rest.starts_with('\n') || rest.starts_with("\r\n") {
            return at;
        } else if rest.starts_with([' ', '\t', '\r']) {
            at += 1;
        } else {
            // Something else stands in this line.
            return text.len();
        }
    }
    at
}

/// The comma that follows, over spaces and comments.
fn comma_after(text: &str, from: usize, limit: usize) -> Option<usize> {
    let mut at = from;
    while at < limit {
        let rest = &text[at..];
        if rest.starts_with(',') {
            return Some(at);
        } else if rest.starts_with("//") {
            at += rest.find('\n')? + 1;
        } else if rest.starts_with("/*") {
            at += rest.find("*/")? + 2;
        } else if rest.starts_with(char::is_whitespace) {
            at += rest.chars().next()?.len_utf8();
        } else {
            return None;
        }
    }
    None
}

/// The white space at the start of the line of this place.
fn indentation(text: &str, at: usize) -> String {
    let line = &text[line_start(text, at)..at];
    line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned()
}

/// One step of indentation: that of the first line which has any.
fn unit(text: &str) -> String {
    let mut indents =
        text.lines().map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    indents.find(|indent| !indent.is_empty()).unwrap_or("  ").to_owned()
}
