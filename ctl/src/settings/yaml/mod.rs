//! YAML: where a member or an element is, and the splices that set or remove it. What is written line by line gets lines;
//! what stands in brackets is written into them.

mod block;
mod flow;
mod tree;

use std::ops::Range;

use serde_json::Value;
use tree::{Child, Node, What, parse};

use super::path::{Step, step, words};
use super::{Refusal, Splice};

pub(super) fn read(text: &str) -> Result<Value, Refusal> {
    match parse(text)? {
        None => Ok(Value::Null),
        Some(Node { what: What::Scalar(_), span, .. }) => {
            Err(Refusal::at(span.start, "names with values, or a list, are expected here"))
        }
        Some(node) => Ok(node.value()),
    }
}

/// A value as it is written: a word without quotes where no reader takes it for anything else.
pub(super) fn raw(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(raw).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", word(name), raw(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

fn word(text: &str) -> String {
    const MEANT: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let fine = |c: char| c.is_ascii_alphanumeric() || "_./:@+-".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(fine)
        && !text.ends_with(':')
        && !MEANT.contains(&&*text.to_ascii_lowercase());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

/// A member whose value is written like this.
pub(super) fn member(name: &str, raw: &str) -> String {
    let gap = if raw.starts_with(char::is_whitespace) { "" } else { " " };
    format!("{name}:{gap}{raw}")
}

pub(super) fn find(text: &str, path: &[String]) -> Result<Option<(Range<usize>, Value)>, Refusal> {
    let root = parse(text)?;
    let (mut node, mut place) = (root.as_ref(), None);
    for segment in path {
        let child = node.and_then(|node| Some(&node.children()[node.child(segment)?]));
        place = child.map(|child| child.raw(text));
        node = child.map(|child| &child.node);
    }
    Ok(place.zip(node).map(|(place, node)| (place, node.value())))
}

/// The way to a place: containers with the child that was taken in each, outermost first.
type Way<'a> = Vec<(&'a Node, usize)>;

pub(super) fn set(text: &str, path: &[String], raw: &str) -> Result<Vec<Splice>, Refusal> {
    let Some(root) = parse(text)? else { return Ok(vec![block::new_text(text, path, raw)?]) };
    let (mut node, mut way) = (&root, Way::new());
    for (depth, segment) in path.iter().enumerate() {
        let (fits, kind) = match step(segment) {
            Step::Member(_) => (matches!(node.what, What::Map(_)), "mapping"),
            Step::Element { .. } => (matches!(node.what, What::List(_)), "list"),
        };
        if !fits {
            let here = if depth == 0 { "this".to_owned() } else { words(&path[..depth]) };
            let why = match node.what {
                What::Scalar(Value::Null) => {
                    format!("{here} is empty: take that line out, or say what it holds")
                }
                _ => format!("{here} is no {kind}, and {segment} is to be set in it"),
            };
            return Err(Refusal::at(node.span.start, why));
        }
        node.own()?;
        let Some(index) = node.child(segment) else {
            let rest = &path[depth..];
            let is_empty = node.flow && text[node.span.start + 1..node.span.end - 1].trim().is_empty();
            let in_flow = way.last().is_some_and(|(holder, _)| holder.flow);
            if node.flow && (in_flow || !is_empty) {
                return flow::insert(text, node, rest, raw);
            }
            return block::insert(text, &root, node, &way, rest, raw);
        };
        way.push((node, index));
        node = &node.children()[index].node;
    }
    let Some((holder, index)) = way.last() else { return Ok(Vec::new()) };
    replace(text, holder, &holder.children()[*index], raw)
}

fn replace(text: &str, holder: &Node, child: &Child, raw: &str) -> Result<Vec<Splice>, Refusal> {
    child.node.own_all()?;
    if matches!(holder.what, What::List(_)) && child.node.is_block() {
        let why = "an element that is written line by line is not replaced as a whole";
        return Err(Refusal::at(child.node.span.start, why));
    }
    let old = child.raw(text);
    let has_gap = old.start > child.after || holder.flow && matches!(holder.what, What::List(_));
    if has_gap && !raw.is_empty() && !raw.starts_with(char::is_whitespace) {
        return Ok(vec![Splice::new(old, raw)]);
    }
    Ok(vec![Splice::new(child.after..old.end, member("", raw)[1..].trim_end_matches(' '))])
}

pub(super) fn remove(text: &str, path: &[String]) -> Result<Vec<Splice>, Refusal> {
    let Some(root) = parse(text)? else { return Ok(Vec::new()) };
    let (mut node, mut way) = (&root, Way::new());
    for segment in path {
        node.own()?;
        let Some(index) = node.child(segment) else { return Ok(Vec::new()) };
        way.push((node, index));
        node = &node.children()[index].node;
    }
    node.own_all()?;
    let Some((holder, index)) = way.pop() else { return Ok(Vec::new()) };
    if holder.flow { flow::remove(text, holder, index) } else { Ok(block::remove(text, holder, index, &way)) }
}
