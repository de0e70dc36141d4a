//! Google's schemas as JSON Schema. Only places of schemas are walked: a property may be named `type` or `nullable`.
//! What is JSON Schema already passes, but for types in capitals, which clients write in both fields.

use serde_json::{Map, Value, json};

use super::fields::camel;

/// The limits that Google writes as texts, being of 64 bits.
const NUMBERS: [&str; 6] =
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];
/// What has no counterpart and says nothing about what is valid.
const IDLE: [&str; 1] = ["propertyOrdering"];
/// Keywords that Google's libraries write in snake case, too.
const RESPELLED: [&str; 11] = [
    "anyOf",
    "propertyOrdering",
    "additionalProperties",
    "oneOf",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "allOf",
];

/// The schema of a tool's arguments, which are an object.
pub fn of_arguments(schema: Option<&Value>) -> Value {
    let mut schema = schema.map_or_else(|| json!({}), convert);
    if let Some(object) = schema.as_object_mut() {
        inline_root(object);
        object.insert("type".into(), "object".into());
        object.entry("properties").or_insert_with(|| json!({}));
        return schema;
    }
    json!({ "type": "object", "properties": {} })
}

/// The schema of an answer, and whether it had to be wrapped: no provider takes one that is not an object's.
pub fn of_answer(schema: &Value) -> (Value, bool) {
    let mut schema = convert(schema);
    let Some(object) = schema.as_object_mut() else { return (json!({ "type": "object" }), false) };
    inline_root(object);
    if object.get("type").is_some_and(|kind| kind == "object") {
        return (schema, false);
    }
    let definitions = object.remove("$defs");
    let mut whole = json!({
        "type": "object", "properties": { "value": schema }, "required": ["value"],
    });
    if let Some(definitions) = definitions {
        whole["$defs"] = definitions;
    }
    (whole, true)
}

/// A `$ref` at the root into the schema's own definitions is resolved: not all providers do.
fn inline_root(object: &mut Map<String, Value>) {
    let Some(name) = object.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix("#/$defs/"))
    else {
        return;
    };
    let Some(meant) = object.get("$defs").and_then(|all| all.get(name)).and_then(Value::as_object).cloned()
    else {
        return;
    };
    object.remove("$ref");
    for (key, value) in meant {
        object.entry(key).or_insert(value);
    }
}

fn convert(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else { return schema.clone() };
    let mut out = Map::new();
    let mut nullable = false;
    for (key, value) in object {
        let spelled = camel(key);
        let key = if RESPELLED.contains(&spelled.as_str()) { spelled } else { key.clone() };
        match (key.as_str(), value) {
            ("nullable", Value::Bool(yes)) => nullable = *yes,
            ("type", value) => {
                out.insert(key, lower(value));
            }
            ("properties" | "$defs" | "definitions", Value::Object(schemas)) => {
                let schemas: Map<_, _> =
                    schemas.iter().map(|(name, schema)| (name.clone(), convert(schema))).collect();
                out.insert(key, schemas.into());
            }
            ("items" | "additionalProperties" | "not", value) => {
                out.insert(key, convert(value));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                out.insert(key, list.iter().map(convert).collect::<Vec<_>>().into());
            }
            ("example", value) => {
                out.insert("examples".into(), json!([value]));
            }
            ("format", Value::String(text)) if text == "enum" => {}
            (name, Value::String(text)) if NUMBERS.contains(&name) => {
                if let Ok(number) = text.parse::<u64>() {
                    out.insert(key, number.into());
                }
            }
            (name, _) if IDLE.contains(&name) => {}
            _ => {
                out.insert(key, value.clone());
            }
        }
    }
    if out.contains_key("properties") && !out.contains_key("type") {
        out.insert("type".into(), "object".into());
    }
    if nullable { or_null(out) } else { out.into() }
}

/// `STRING` is `string`; `TYPE_UNSPECIFIED` cannot be said otherwise and stays.
fn lower(kind: &Value) -> Value {
    match kind {
        Value::String(kind) => kind.to_ascii_lowercase().into(),
        Value::Array(kinds) => kinds.iter().map(lower).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

fn or_null(mut schema: Map<String, Value>) -> Value {
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if schema.contains_key("$ref") {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) => {
            if !kinds.iter().any(|kind| kind == "null") {
                kinds.push("null".into());
            }
            schema.into()
        }
        Some(kind) => {
            *kind = json!([kind.take(), "null"]);
            schema.into()
        }
        None => {
            // Without a type anything goes, null among it.
            if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
                any.push(json!({ "type": "null" }));
            }
            schema.into()
        }
    }
}
