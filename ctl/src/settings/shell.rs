//! A marked block in what a shell reads at its start. Everything else in such a file is a program, and none of ours.
//!
//! ```text
//! # >>> aigw NAME >>>
//! ...
//! # <<< aigw NAME <<<
//! ```

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Refusal, Splice, after_line_end, before_line_end, line_end, stop_of_line};

struct Block<'a> {
    name: &'a str,
    /// With its marks.
    whole: Range<usize>,
    /// The lines between them.
    lines: Range<usize>,
}

impl Block<'_> {
    fn value(&self, text: &str) -> Value {
        let lines = text[self.lines.clone()].replace("\r\n", "\n");
        Value::from(lines.strip_suffix('\n').unwrap_or(&lines))
    }
}

fn mark<'a>(line: &'a str, sign: &str) -> Option<&'a str> {
    line.trim()
        .strip_prefix("# ")?
        .strip_prefix(sign)?
        .strip_prefix(" aigw ")?
        .strip_suffix(sign)?
        .strip_suffix(' ')
}

fn parse(text: &str) -> Result<Vec<Block<'_>>, Refusal> {
    let mut blocks = Vec::<Block<'_>>::new();
    let mut open: Option<Block<'_>> = None;
    let mut at = 0;
    while at < text.len() {
        let stop = stop_of_line(text, at);
        let next = after_line_end(text, stop);
        let line = &text[at..stop];
        if let Some(name) = mark(line, ">>>") {
            if open.is_some() || blocks.iter().any(|block| block.name == name) {
                return Err(Refusal::at(at, format!("the block {name} begins here where it cannot")));
            }
            open = Some(Block { name, whole: at..at, lines: next..next });
        } else if let Some(name) = mark(line, "<<<") {
            let block = open.take().filter(|block| block.name == name);
            let Some(mut block) = block else {
                return Err(Refusal::at(at, format!("the block {name} ends here without a beginning")));
            };
            block.lines.end = at;
            block.whole.end = stop;
            blocks.push(block);
        }
        at = next;
    }
    match open {
        Some(block) => Err(Refusal::at(block.whole.start, format!("the block {} does not end", block.name))),
        None => Ok(blocks),
    }
}

/// The blocks by their names; what is around them stands under no name.
pub(super) fn read(text: &str) -> Result<Value, Refusal> {
    let (mut blocks, mut around, mut at) = (Map::new(), String::new(), 0);
    for block in parse(text)? {
        around.push_str(&text[at..block.whole.start]);
        at = after_line_end(text, block.whole.end);
        blocks.insert(block.name.to_owned(), block.value(text));
    }
    around.push_str(&text[at..]);
    // A last line that was open is ended in front of a block.
    around.truncate(around.trim_end_matches(['\r', '\n']).len());
    blocks.insert(String::new(), Value::from(around));
    Ok(Value::Object(blocks))
}

pub(super) fn find(text: &str, path: &[String]) -> Result<Option<(Range<usize>, Value)>, Refusal> {
    let [name] = path else { return Ok(None) };
    let found = parse(text)?.into_iter().find(|block| block.name == name);
    Ok(found.map(|block| (block.lines.clone(), block.value(text))))
}

/// A text of lines.
pub(super) fn raw(value: &Value) -> Result<String, Refusal> {
    let Value::String(lines) = value else { return Err(Refusal::of("a block holds lines of text")) };
    Ok(if lines.is_empty() { String::new() } else { format!("{lines}\n") })
}

pub(super) fn set(text: &str, path: &[String], raw: &str) -> Result<Vec<Splice>, Refusal> {
    let [name] = path else { return Err(Refusal::of("a block has one name")) };
    let end = line_end(text);
    let lines = raw.replace("\r\n", "\n").replace('\n', end);
    if let Some((place, _)) = find(text, path)? {
        return Ok(vec![Splice::new(place, lines)]);
    }
    let is_open = !(text.is_empty() || text.ends_with('\n'));
    let (before, after) = if is_open { (end, "") } else { ("", end) };
    Ok(vec![Splice::insert(text.len(), format!("{before}{}{after}", block(name, &lines, end)))])
}

pub(super) fn block(name: &str, lines: &str, end: &str) -> String {
    format!("# >>> aigw {name} >>>{end}{lines}# <<< aigw {name} <<<")
}

pub(super) fn remove(text: &str, path: &[String]) -> Result<Vec<Splice>, Refusal> {
    let block = parse(text)?.into_iter().find(|block| [block.name] == *path);
    Ok(block.map_or_else(Vec::new, |block| {
        let (start, stop) = (block.whole.start, block.whole.end);
        let next = after_line_end(text, stop);
        vec![Splice::delete(if next == stop { before_line_end(text, start)..stop } else { start..next })]
    }))
}
