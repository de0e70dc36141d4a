//! What stands in brackets or braces.

use super::super::path::{Step, step};
use super::super::{Refusal, Splice, spaces};
use super::tree::{Node, skip};
use super::word;

/// What is missing around a value, and the value.
pub(super) fn value(path: &[String], raw: &str) -> Result<String, Refusal> {
    let Some(first) = path.first() else {
        let is_flow = !raw.contains('\n') && !raw.starts_with(['|', '>', ' ', '#']);
        return if is_flow {
            Ok(raw.to_owned())
        } else {
            Err(Refusal::of("what stood there does not fit into brackets"))
        };
    };
    let inner = child(path, raw)?;
    Ok(match step(first) {
        Step::Member(_) => format!("{{ {inner} }}"),
        Step::Element { .. } => format!("[{inner}]"),
    })
}

fn child(path: &[String], raw: &str) -> Result<String, Refusal> {
    let Some((segment, rest)) = path.split_first() else { return value(path, raw) };
    Ok(match step(segment) {
        Step::Member(name) => format!("{}: {}", word(name), value(rest, raw)?),
        Step::Element { .. } if rest.is_empty() => value(rest, raw)?,
        Step::Element { name, value } => {
            let inner = child(rest, raw)?;
            match rest {
                [leaf] if leaf == name => format!("{{ {inner} }}"),
                _ => format!("{{ {}: {}, {inner} }}", word(name), word(value)),
            }
        }
    })
}

pub(super) fn insert(text: &str, node: &Node, path: &[String], raw: &str) -> Result<Vec<Splice>, Refusal> {
    let child = child(path, raw)?;
    brackets(text, node)?;
    Ok(vec![match node.children().last() {
        None => Splice::insert(node.span.start + 1, format!(" {child} ")),
        Some(last) => match comma(text, last.node.span.end.max(last.after)) {
            Some(comma) => Splice::insert(comma + 1, format!(" {child},")),
            None => Splice::insert(last.node.span.end.max(last.after), format!(", {child}")),
        },
    }])
}

/// A member without braces around it, as it may stand in a list, is no container of its own.
fn brackets(text: &str, node: &Node) -> Result<(), Refusal> {
    let has =
        text[node.span.clone()].starts_with(['{', '[']) && text[node.span.clone()].ends_with(['}', ']']);
    if has { Ok(()) } else { Err(Refusal::at(node.span.start, "this has no brackets around it")) }
}

/// The comma behind this place.
fn comma(text: &str, from: usize) -> Option<usize> {
    let at = skip(text, from);
    text[at..].starts_with(',').then_some(at)
}

pub(super) fn remove(text: &str, node: &Node, index: usize) -> Result<Vec<Splice>, Refusal> {
    brackets(text, node)?;
    let ends = |index: usize| node.children().get(index).map(|child| child.node.span.end.max(child.after));
    let (from, end) = (node.children()[index].from, ends(index).unwrap_or_default());
    let comma_behind = comma(text, end);
    let after = comma_behind.map_or(end, |comma| comma + 1);
    let inside = node.span.start + 1..node.span.end - 1;
    if node.children().len() == 1
        && text[inside.start..from].trim().is_empty()
        && text[after..inside.end].trim().is_empty()
    {
        return Ok(vec![Splice::delete(inside)]);
    }
    let before = index.checked_sub(1).and_then(ends);
    Ok(match (comma_behind, before) {
        // A comment in front of the comma stays.
        (Some(comma), _) if !text[end..comma].trim().is_empty() => {
            vec![Splice::delete(from..end), Splice::delete(comma..comma + 1)]
        }
        (Some(_), Some(before)) if ends(index + 1).is_none() && text[before..from].trim() == "," => {
            let comma = comma(text, before).unwrap_or(before);
            vec![Splice::delete(comma + 1..after)]
        }
        (Some(_), _) => vec![Splice::delete(from..after + spaces(&text[after..]))],
        (None, Some(before)) => {
            let comma = comma(text, before).unwrap_or(before);
            match text[comma + 1..from].trim().is_empty() {
                true => vec![Splice::delete(comma..end)],
                false => vec![Splice::delete(comma..comma + 1), Splice::delete(from..end)],
            }
        }
        (None, None) => vec![Splice::delete(from..end)],
    })
}
