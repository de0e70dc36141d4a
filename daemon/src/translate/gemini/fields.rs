//! The names of a Gemini request, and what becomes of each. A name counts in camel case and in snake case, at every depth:
//! clients mix them in one body. One that is not here is refused, as Google does.

use serde_json::{Map, Value};

use crate::translate::Refused;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried, or says nothing about the answer.
    Carried,
    /// A hint that no other API has: left out, and named in the answer.
    Hint,
    /// It would change the answer and cannot be carried. Empty or `false` it may stand there.
    Refused,
}

use Fate::{Carried, Hint, Refused as No};

/// The fields of one element.
pub type Table = &'static [(&'static str, Fate)];

pub const BODY: Table = &[
    ("contents", Carried),
    ("systemInstruction", Carried),
    ("tools", Carried),
    ("toolConfig", Carried),
    ("generationConfig", Carried),
    ("model", Carried),
    ("safetySettings", Hint),
    ("labels", Hint),
    ("serviceTier", Hint),
    ("store", Hint),
    ("cachedContent", No),
];

pub const CONTENT: Table = &[("role", Carried), ("parts", Carried)];

pub const PART: Table = &[
    ("text", Carried),
    ("inlineData", Carried),
    ("fileData", Carried),
    ("functionCall", Carried),
    ("functionResponse", Carried),
    ("thought", Carried),
    ("thoughtSignature", Carried),
    ("mediaResolution", Hint),
    ("partMetadata", Hint),
    ("videoMetadata", No),
    ("executableCode", No),
    ("codeExecutionResult", No),
    ("toolCall", No),
    ("toolResponse", No),
    ("audioTranscription", No),
];

pub const DATA: Table =
    &[("mimeType", Carried), ("data", Carried), ("fileUri", Carried), ("displayName", Carried)];

pub const CALL: Table =
    &[("name", Carried), ("args", Carried), ("id", Carried), ("partialArgs", No), ("willContinue", No)];

pub const RESPONSE: Table = &[
    ("name", Carried),
    ("response", Carried),
    ("id", Carried),
    ("parts", Carried),
    ("scheduling", Hint),
    ("willContinue", No),
];

pub const TOOL: Table = &[
    ("functionDeclarations", Carried),
    ("googleSearch", No),
    ("googleSearchRetrieval", No),
    ("urlContext", No),
    ("codeExecution", No),
    ("fileSearch", No),
    ("googleMaps", No),
    ("computerUse", No),
    ("mcpServers", No),
    ("retrieval", No),
    ("enterpriseWebSearch", No),
];

pub const DECLARATION: Table = &[
    ("name", Carried),
    ("description", Carried),
    ("parameters", Carried),
    ("parametersJsonSchema", Carried),
    ("response", Hint),
    ("responseJsonSchema", Hint),
    ("behavior", Hint),
];

pub const TOOL_CONFIG: Table = &[
    ("functionCallingConfig", Carried),
    ("retrievalConfig", Hint),
    ("includeServerSideToolInvocations", No),
];

pub const CALLING: Table =
    &[("mode", Carried), ("allowedFunctionNames", Carried), ("streamFunctionCallArguments", No)];

pub const CONFIG: Table = &[
    ("temperature", Carried),
    ("topP", Carried),
    ("topK", Carried),
    ("maxOutputTokens", Carried),
    ("stopSequences", Carried),
    ("thinkingConfig", Carried),
    ("responseMimeType", Carried),
    ("responseSchema", Carried),
    ("responseJsonSchema", Carried),
    ("_responseJsonSchema", Carried),
    ("candidateCount", Carried),
    ("responseModalities", Carried),
    ("seed", Hint),
    ("presencePenalty", Hint),
    ("frequencyPenalty", Hint),
    ("mediaResolution", Hint),
    ("enableEnhancedCivicAnswers", Hint),
    ("responseLogprobs", No),
    ("logprobs", No),
    ("responseFormat", No),
    ("speechConfig", No),
    ("imageConfig", No),
    ("audioTranscriptionConfig", No),
    ("routingConfig", No),
    ("modelSelectionConfig", No),
    ("audioTimestamp", No),
];

pub const THINKING: Table =
    &[("includeThoughts", Carried), ("thinkingBudget", Carried), ("thinkingLevel", Carried)];

/// Everything there is a table for, with the name of its place.
#[cfg(test)]
pub const ALL: &[(&str, Table)] = &[
    ("the request", BODY),
    ("contents", CONTENT),
    ("parts", PART),
    ("inlineData", DATA),
    ("functionCall", CALL),
    ("functionResponse", RESPONSE),
    ("tools", TOOL),
    ("functionDeclarations", DECLARATION),
    ("toolConfig", TOOL_CONFIG),
    ("functionCallingConfig", CALLING),
    ("generationConfig", CONFIG),
    ("thinkingConfig", THINKING),
];

/// An element whose fields were all looked at.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Looks at every field of an element; `place` is where it stands.
    ///
    /// # Errors
    /// A field that cannot be carried, or is not known, or no object.
    pub fn read(
        value: &'a Value,
        place: &str,
        table: Table,
        hints: &mut Vec<&'static str>,
    ) -> Result<Self, Refused> {
        let object =
            value.as_object().ok_or_else(|| Refused(format!("{place}: an object is wanted here")))?;
        for (key, value) in object {
            let name = camel(key);
            match table.iter().find(|(known, _)| *known == name) {
                Some((_, Fate::Carried)) => {}
                Some((name, Fate::Hint)) if !hints.contains(name) && !value.is_null() => hints.push(name),
                Some((_, Fate::Hint)) => {}
                Some((name, Fate::Refused)) if !is_empty(name, value) => {
                    return Err(Refused(format!(
                        "{place}.{name} cannot be carried to this gateway's models"
                    )));
                }
                Some((_, Fate::Refused)) => {}
                None => return Err(Refused(format!("{place} has an unknown field {key:?}"))),
            }
        }
        Ok(Self(object))
    }

    /// A field by its name in camel case; `null` is none.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        get(self.0, name)
    }

    /// The text at a field.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// The elements of a field; one that stands alone is a list of one.
    pub fn list(self, name: &str) -> &'a [Value] {
        self.get(name).map(list).unwrap_or_default()
    }
}

/// The elements of a list; one that stands alone is a list of one.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A field by its name in camel case, in either spelling.
pub fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.contains('_') && camel(key) == name).map(|(_, v)| v));
    found.filter(|value| !value.is_null())
}

/// A name in camel case: `mime_type` is `mimeType`. One that begins with an underscore keeps it.
pub fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' && !camel.is_empty() {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.extend(letter.to_uppercase());
        } else {
            camel.push(letter);
        }
    }
    camel
}

/// Whether it says nothing. Google's own tools are switched on by an empty object.
fn is_empty(name: &str, value: &Value) -> bool {
    let is_switch = TOOL.iter().any(|(tool, _)| *tool == name);
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty() && !is_switch,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}
