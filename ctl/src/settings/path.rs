//! Paths into a file, and values at them. A segment is the name of a member, or `[name=value]`: the element of an array
//! whose member `name` is `value`. Elements have no numbers here, so that their owner may sort them.

use serde_json::{Map, Value};

use super::Refusal;

/// The segments that lead to a value, outermost first.
pub(crate) type KeyPath = Vec<String>;

/// What a segment means.
pub(super) enum Step<'a> {
    Member(&'a str),
    Element { name: &'a str, value: &'a str },
}

pub(super) fn step(segment: &str) -> Step<'_> {
    let inner = segment.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner.and_then(|inner| inner.split_once('=')) {
        Some((name, value)) => Step::Element { name, value },
        None => Step::Member(segment),
    }
}

/// In words for people.
pub(crate) fn words(path: &[String]) -> String {
    path.join(".")
}

/// An element is an object that holds its own name, so that it is found again.
pub(super) fn check(path: &[String], value: &Value) -> Result<(), Refusal> {
    let is_element = |segment: &String| matches!(step(segment), Step::Element { .. });
    let lost = |why: &str| Err(Refusal::of(format!("{} {why}", words(path))));
    if path.windows(2).any(|two| two.iter().all(is_element)) {
        return lost("asks for an element in what is no array");
    }
    match path.last().map(|last| step(last)) {
        Some(Step::Element { name, value: named }) if !is(value, name, named) => {
            lost(&format!("is to be an object with {name} = {named}"))
        }
        None => lost("is no key"),
        _ => Ok(()),
    }
}

/// Whether this is the element that is meant.
fn is(element: &Value, name: &str, value: &str) -> bool {
    element.as_object().and_then(|members| members.get(name)).and_then(Value::as_str) == Some(value)
}

/// What is at a path in a value.
pub(crate) fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match step(segment) {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Element { name, value: named } => {
            value.as_array()?.iter().find(|element| is(element, name, named))
        }
    })
}

/// Puts it there, with what is missing on the way.
pub(super) fn put(value: &mut Value, path: &[String], new: Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = new;
        return;
    };
    match step(first) {
        Step::Member(name) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(members) = value {
                put(members.entry(name).or_insert(Value::Null), rest, new);
            }
        }
        Step::Element { name, value: named } => {
            if value.is_null() {
                *value = Value::Array(Vec::new());
            }
            let Value::Array(elements) = value else { return };
            let known = elements.iter().position(|element| is(element, name, named));
            let index = known.unwrap_or_else(|| {
                elements.push(serde_json::json!({ name: named }));
                elements.len() - 1
            });
            put(&mut elements[index], rest, new);
        }
    }
}

/// Takes out what is there.
pub(super) fn take(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match (step(first), value) {
        (Step::Member(name), Value::Object(members)) if rest.is_empty() => {
            members.remove(name);
        }
        (Step::Member(name), Value::Object(members)) => {
            members.get_mut(name).into_iter().for_each(|member| take(member, rest));
        }
        (Step::Element { name, value: named }, Value::Array(elements)) => {
            let Some(index) = elements.iter().position(|element| is(element, name, named)) else { return };
            if rest.is_empty() {
                elements.remove(index);
            } else {
                take(&mut elements[index], rest);
            }
        }
        _ => {}
    }
}

/// Whether nothing is left in a container at this path but what it is found by.
pub(super) fn is_hollow(value: &Value, path: &[String]) -> bool {
    match (value, path.last().map(|last| step(last))) {
        (Value::Array(elements), _) => elements.is_empty(),
        (Value::Object(members), Some(Step::Element { .. })) => members.len() <= 1,
        (Value::Object(members), _) => members.is_empty(),
        _ => false,
    }
}
