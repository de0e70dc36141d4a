//! Files of variables, as programs read them at their start: `NAME=VALUE` lines, perhaps with `export`, quotes, comments. Of
//! lines with one name the last one counts. Readers differ in what a backslash or a dollar means, so ours are never written
//! where one would look at them.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Refusal, Splice, before_line_end, line_end, line_start, spaces, stop_of_line};

/// A variable.
struct Line<'a> {
    name: &'a str,
    /// Of its value as it is written, with quotes.
    place: Range<usize>,
    value: String,
}

fn parse(text: &str) -> Result<Vec<Line<'_>>, Refusal> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let stop = stop_of_line(text, at);
        let from = at + spaces(&text[at..stop]);
        at = super::after_line_end(text, stop);
        if from == stop || text[from..stop].starts_with('#') {
            continue;
        }
        let exported = text[from..stop].strip_prefix("export").filter(|rest| spaces(rest) > 0);
        let from = exported.map_or(from, |rest| stop - rest.len() + spaces(rest));
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let name = &text[from..stop];
        let name = &name[..name.len() - name.trim_start_matches(is_part).len()];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Refusal::at(from, "NAME=VALUE is expected here"));
        }
        let rest = text[from + name.len()..stop].trim_start();
        if rest.is_empty() && exported.is_some() {
            continue;
        }
        let Some(rest) = rest.strip_prefix('=') else {
            return Err(Refusal::at(stop - rest.len(), "= is expected here"));
        };
        let begin = stop - rest.len() + spaces(rest);
        let (place, value) = value(text, begin, stop)?;
        let end = stop_of_line(text, place.end);
        let behind = text[place.end..end].trim_start();
        if !behind.is_empty() && !behind.starts_with('#') {
            return Err(Refusal::at(end - behind.len(), "a line end is expected here"));
        }
        at = at.max(super::after_line_end(text, end));
        lines.push(Line { name, place, value });
    }
    Ok(lines)
}

/// Where a value stands, and what it says.
fn value(text: &str, begin: usize, stop: usize) -> Result<(Range<usize>, String), Refusal> {
    let quote = text[begin..stop].chars().next().filter(|c| ['"', '\'', '`'].contains(c));
    let Some(quote) = quote else {
        let written = &text[begin..stop];
        let comment = written.match_indices('#').map(|(at, _)| at);
        let mut comment = comment.filter(|at| *at == 0 || written[..*at].ends_with([' ', '\t']));
        let written = written[..comment.next().unwrap_or(written.len())].trim_end();
        return Ok((begin..begin + written.len(), written.to_owned()));
    };
    let mut value = String::new();
    let mut rest = text[begin + 1..].char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            c if c == quote => return Ok((begin..begin + 1 + at + 1, value)),
            '\\' if quote == '"' => match rest.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 't')) => value.push('\t'),
                Some((_, c @ ('"' | '\\' | '$' | '`'))) => value.push(c),
                Some((_, c)) => value.extend(['\\', c]),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err(Refusal::at(begin, "this quote is never closed"))
}

pub(super) fn read(text: &str) -> Result<Value, Refusal> {
    let lines = parse(text)?.into_iter().map(|line| (line.name.to_owned(), Value::String(line.value)));
    Ok(Value::Object(lines.collect::<Map<_, _>>()))
}

pub(super) fn find(text: &str, path: &[String]) -> Result<Option<(Range<usize>, Value)>, Refusal> {
    let [name] = path else { return Ok(None) };
    let line = parse(text)?.into_iter().rev().find(|line| line.name == name);
    Ok(line.map(|line| (line.place, Value::String(line.value))))
}

/// A word as every reader takes it.
pub(super) fn raw(value: &Value) -> Result<String, Refusal> {
    let Value::String(word) = value else { return Err(Refusal::of("a file of variables holds words only")) };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c);
    if word.is_empty() || word.chars().all(is_plain) {
        return Ok(if word.is_empty() { "\"\"".to_owned() } else { word.clone() });
    }
    let quote = if word.contains('\'') { '"' } else { '\'' };
    let is_meant = |c: char| c.is_control() || quote == '"' && "\"\\$`".contains(c);
    if word.contains(is_meant) {
        return Err(Refusal::of(format!(
            "{word:?} cannot be written so that every reader takes it as it is"
        )));
    }
    Ok(format!("{quote}{word}{quote}"))
}

pub(super) fn set(text: &str, path: &[String], raw: &str) -> Result<Vec<Splice>, Refusal> {
    let [name] = path else { return Err(Refusal::of("a variable has one name")) };
    if let Some((place, _)) = find(text, path)? {
        // A comment may stand right behind a quote.
        let gap = if text[place.end..].starts_with('#') { " " } else { "" };
        return Ok(vec![Splice::new(place, format!("{raw}{gap}"))]);
    }
    let end = line_end(text);
    let is_open = !(text.is_empty() || text.ends_with('\n'));
    let (before, after) = if is_open { (end, "") } else { ("", end) };
    Ok(vec![Splice::insert(text.len(), format!("{before}{name}={raw}{after}"))])
}

pub(super) fn remove(text: &str, path: &[String]) -> Result<Vec<Splice>, Refusal> {
    let Some((place, _)) = find(text, path)? else { return Ok(Vec::new()) };
    let name = path.first().map_or("", |name| name);
    // A value may have several lines; its name stands in front of it.
    let from = text[..place.start].rfind(name).unwrap_or(place.start);
    let start = line_start(text, from);
    let stop = stop_of_line(text, place.end);
    let rest = &text[place.end..stop];
    Ok(vec![Splice::delete(if rest.contains('#') {
        start..place.end + spaces(rest)
    } else if stop == text.len() {
        before_line_end(text, start)..stop
    } else {
        start..super::after_line_end(text, stop)
    })])
}
