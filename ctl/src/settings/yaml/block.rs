//! What is written line by line.

use super::super::path::{Step, step};
use super::super::{
    Refusal, Splice, after_line_end, before_line_end, line_end, line_start, spaces, stop_of_line,
};
use super::tree::{Node, What};
use super::{Way, flow, member, word};

/// How far below a name its value is set in.
struct Style {
    end: &'static str,
    members: usize,
    elements: usize,
}

impl Style {
    /// As the text has it where it first has any.
    fn of(text: &str, root: Option<&Node>) -> Self {
        let members = root.and_then(|root| step_in(text, root, |what| matches!(what, What::Map(_))));
        let elements = root.and_then(|root| step_in(text, root, |what| matches!(what, What::List(_))));
        Self {
            end: line_end(text),
            members: members.filter(|step| *step > 0).unwrap_or(2),
            elements: elements.unwrap_or(2),
        }
    }
}

fn step_in(text: &str, node: &Node, kind: fn(&What) -> bool) -> Option<usize> {
    let is_map = matches!(node.what, What::Map(_)) && !node.flow;
    node.children().iter().find_map(|child| {
        let inner = child.node.children().first().filter(|_| is_map && child.node.is_block());
        let step = inner
            .filter(|_| kind(&child.node.what))
            .map(|inner| column(text, inner.from).saturating_sub(column(text, child.from)));
        step.or_else(|| step_in(text, &child.node, kind))
    })
}

fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

/// There is nothing yet, perhaps comments.
pub(super) fn new_text(text: &str, path: &[String], raw: &str) -> Result<Splice, Refusal> {
    let style = Style::of(text, None);
    let lines = lines(path, raw, 0, &style)?;
    let is_open = !(text.is_empty() || text.ends_with('\n'));
    let (before, after) = if is_open { (style.end, "") } else { ("", style.end) };
    Ok(Splice::insert(text.len(), format!("{before}{lines}{after}")))
}

/// A child, and what is missing around its value. Its first line comes without its indentation.
fn lines(path: &[String], raw: &str, column: usize, style: &Style) -> Result<String, Refusal> {
    let Some((segment, rest)) = path.split_first() else { return Ok(raw.to_owned()) };
    let line = |column: usize| format!("{}{}", style.end, " ".repeat(column));
    Ok(match step(segment) {
        Step::Member(name) if rest.is_empty() => member(&word(name), raw),
        Step::Member(name) => {
            let deeper = column
                + match step(&rest[0]) {
                    Step::Member(_) => style.members,
                    Step::Element { .. } => style.elements,
                };
            format!("{}:{}{}", word(name), line(deeper), lines(rest, raw, deeper, style)?)
        }
        Step::Element { .. } if rest.is_empty() => format!("- {}", flow::value(&[], raw)?),
        Step::Element { name, value } => {
            let inner = lines(rest, raw, column + 2, style)?;
            match rest {
                [leaf] if leaf == name => format!("- {inner}"),
                _ => format!("- {}: {}{}{inner}", word(name), word(value), line(column + 2)),
            }
        }
    })
}

/// Behind the last child. A container that is empty, in brackets, is opened.
pub(super) fn insert(
    text: &str,
    root: &Node,
    node: &Node,
    way: &Way<'_>,
    path: &[String],
    raw: &str,
) -> Result<Vec<Splice>, Refusal> {
    let style = Style::of(text, Some(root));
    let line = |column: usize| {
        Ok(format!("{}{}{}", style.end, " ".repeat(column), lines(path, raw, column, &style)?))
    };
    if let Some(last) = node.children().last() {
        let column = column(text, last.from);
        let inside = if matches!(node.what, What::List(_)) { column + 1 } else { column.max(1) };
        let at = behind(text, last.node.span.end, inside);
        return Ok(vec![Splice::insert(at, line(column)?)]);
    }
    let Some((holder, index)) = way.last() else {
        return Ok(vec![Splice::new(node.span.clone(), lines(path, raw, 0, &style)?)]);
    };
    let child = &holder.children()[*index];
    if matches!(holder.what, What::List(_)) {
        let column = column(text, node.span.start);
        return Ok(vec![Splice::new(node.span.clone(), lines(path, raw, column, &style)?)]);
    }
    let deeper = if matches!(node.what, What::List(_)) { style.elements } else { style.members };
    let stop = stop_of_line(text, node.span.end);
    let line = line(column(text, child.from) + deeper)?;
    Ok(vec![Splice::delete(child.after..node.span.end), Splice::insert(stop, line)])
}

/// The end of this place's line, or of those below that hold comments so far to the right that they belong to it.
fn behind(text: &str, from: usize, inside: usize) -> usize {
    let mut at = stop_of_line(text, from);
    loop {
        let next = after_line_end(text, at);
        let blank = spaces(&text[next..]);
        if next == at || blank < inside || !text[next + blank..].starts_with('#') {
            return at;
        }
        at = stop_of_line(text, next);
    }
}

pub(super) fn remove(text: &str, holder: &Node, index: usize, way: &Way<'_>) -> Vec<Splice> {
    let children = holder.children();
    let child = &children[index];
    let end = child.node.span.end.max(child.after);
    let rest = &text[end..stop_of_line(text, end)];
    let start = line_start(text, child.from);
    let has_line = text[start..child.from].trim().is_empty();
    if children.len() == 1
        && let Some((outer, index)) = way.last()
    {
        let empty = if matches!(holder.what, What::List(_)) { "[]" } else { "{}" };
        let parent = &outer.children()[*index];
        if matches!(outer.what, What::List(_)) || !has_line {
            return vec![Splice::new(holder.span.clone(), empty)];
        }
        return vec![Splice::insert(parent.after, format!(" {empty}")), line_of(text, child.from, end)];
    }
    if has_line {
        return vec![line_of(text, child.from, end)];
    }
    // In the line of a dash: the next one moves up.
    let next =
        children.get(index + 1).map(|next| next.from).filter(|next| text[end..*next].trim().is_empty());
    vec![Splice::delete(child.from..next.unwrap_or(end + spaces(rest)))]
}

/// Takes out what has lines of its own, but for a comment behind it.
fn line_of(text: &str, from: usize, end: usize) -> Splice {
    let stop = stop_of_line(text, end);
    let rest = &text[end..stop];
    let start = line_start(text, from);
    if rest.contains('#') {
        return Splice::delete(from..end + spaces(rest));
    }
    if start > 0 {
        return Splice::delete(before_line_end(text, start)..stop);
    }
    Splice::delete(0..after_line_end(text, stop))
}
