//! `generationConfig`, `tools` and `toolConfig`.

use serde_json::Value;

use super::calls::Names;
use super::fields::{self, Fields};
use super::schema;
use crate::translate::Refused;
use crate::translate::conversation::{Ask, Choice, Depth, Format, Level, Thinking, Tool};

const LEVELS: &[(&str, Level)] =
    &[("MINIMAL", Level::Minimal), ("LOW", Level::Low), ("MEDIUM", Level::Medium), ("HIGH", Level::High)];

/// What of the configuration is about the answer's shape only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Thoughts are shown.
    pub thoughts: bool,
    /// The answer is in the field `value` of an object.
    pub wrapped: bool,
    /// And there it is a plain text.
    pub plain: bool,
}

/// Reads `generationConfig`.
///
/// # Errors
/// What cannot be carried.
pub fn generation(config: &Value, ask: &mut Ask, hints: &mut Vec<&'static str>) -> Result<Shape, Refused> {
    const PLACE: &str = "generationConfig";
    let config = Fields::read(config, PLACE, fields::CONFIG, hints)?;
    let number = |name| match config.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_f64().map(Some).ok_or_else(|| Refused(format!("{PLACE}.{name} is not a number")))
        }
    };
    ask.sampling.temperature = number("temperature")?;
    ask.sampling.top_p = number("topP")?;
    ask.sampling.top_k = number("topK")?.map(|count| count as u64);
    ask.max_output = number("maxOutputTokens")?.map(|count| count as u64).filter(|count| *count > 0);
    ask.stop = config.list("stopSequences").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if number("candidateCount")?.is_some_and(|count| count > 1.0) {
        return Err(Refused(format!("{PLACE}.candidateCount: one candidate only can be carried")));
    }
    let other = config.list("responseModalities").iter().find(|modality| *modality != "TEXT");
    if let Some(other) = other {
        return Err(Refused(format!("{PLACE}.responseModalities: {other} cannot be carried")));
    }
    let mut shape = Shape::default();
    if let Some(thinking) = config.get("thinkingConfig") {
        (ask.thinking, shape.thoughts) = thoughts(thinking, hints)?;
    }
    format(config, ask, &mut shape)?;
    // What is parsed as JSON has no thoughts before it.
    shape.thoughts &= ask.format == Format::Text;
    Ok(shape)
}

fn thoughts(config: &Value, hints: &mut Vec<&'static str>) -> Result<(Thinking, bool), Refused> {
    const PLACE: &str = "generationConfig.thinkingConfig";
    let config = Fields::read(config, PLACE, fields::THINKING, hints)?;
    let shown = config.get("includeThoughts") == Some(&Value::Bool(true));
    let level = match config.text("thinkingLevel") {
        None | Some("THINKING_LEVEL_UNSPECIFIED") => None,
        Some(word) => {
            let known = LEVELS.iter().find(|(level, _)| word.eq_ignore_ascii_case(level));
            let known =
                known.ok_or_else(|| Refused(format!("{PLACE}.thinkingLevel: {word:?} is not known")))?;
            Some(known.1)
        }
    };
    let thinking = match (config.get("thinkingBudget").and_then(Value::as_f64), level) {
        (Some(0.0), _) => Thinking::Off,
        (Some(budget), _) if budget > 0.0 => Thinking::On(Depth::Tokens(budget as u64)),
        (_, Some(level)) => Thinking::On(Depth::Level(level)),
        (Some(_), None) => Thinking::On(Depth::Auto),
        (None, None) if shown => Thinking::On(Depth::Auto),
        (None, None) => Thinking::Unsaid,
    };
    Ok((thinking, shown))
}

fn format(config: Fields<'_>, ask: &mut Ask, shape: &mut Shape) -> Result<(), Refused> {
    let names = ["responseSchema", "responseJsonSchema", "_responseJsonSchema"];
    let schema = names.iter().find_map(|name| config.get(name));
    let mime = config.text("responseMimeType").unwrap_or("text/plain");
    ask.format = match (mime, schema) {
        ("text/plain" | "", None) => Format::Text,
        ("application/json", None) => Format::Json,
        ("application/json" | "text/plain" | "" | "text/x.enum", Some(schema)) => {
            let (schema, wrapped) = schema::of_answer(schema);
            shape.wrapped = wrapped;
            shape.plain = mime == "text/x.enum";
            Format::Schema(schema)
        }
        (other, _) => {
            return Err(Refused(format!("generationConfig.responseMimeType: {other:?} cannot be carried")));
        }
    };
    Ok(())
}

/// Reads `tools`.
///
/// # Errors
/// A tool that only Google has.
pub fn tools(
    tools: &[Value],
    names: &mut Names,
    hints: &mut Vec<&'static str>,
) -> Result<Vec<Tool>, Refused> {
    let mut read = Vec::new();
    for tool in tools {
        let tool = Fields::read(tool, "tools", fields::TOOL, hints)?;
        for declaration in tool.list("functionDeclarations") {
            let place = "tools.functionDeclarations";
            let declaration = Fields::read(declaration, place, fields::DECLARATION, hints)?;
            let name =
                declaration.text("name").ok_or_else(|| Refused(format!("{place}: one has no name")))?;
            let schema = declaration.get("parametersJsonSchema").or_else(|| declaration.get("parameters"));
            read.push(Tool {
                name: names.safe(name),
                description: declaration.text("description").unwrap_or_default().to_owned(),
                schema: schema::of_arguments(schema),
            });
        }
    }
    Ok(read)
}

/// Reads `toolConfig`, which may leave some of the tools out.
///
/// # Errors
/// A mode that is not known.
pub fn calling(
    config: &Value,
    ask: &mut Ask,
    names: &mut Names,
    hints: &mut Vec<&'static str>,
) -> Result<(), Refused> {
    let config = Fields::read(config, "toolConfig", fields::TOOL_CONFIG, hints)?;
    let Some(calling) = config.get("functionCallingConfig") else { return Ok(()) };
    let calling = Fields::read(calling, "toolConfig.functionCallingConfig", fields::CALLING, hints)?;
    let allowed: Vec<String> = calling
        .list("allowedFunctionNames")
        .iter()
        .filter_map(Value::as_str)
        .map(|name| names.safe(name))
        .collect();
    ask.choice = match calling.text("mode").unwrap_or("AUTO").to_ascii_uppercase().as_str() {
        "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" => Choice::Auto,
        "NONE" => Choice::None,
        "ANY" => match allowed.as_slice() {
            [one] => Choice::Only(one.clone()),
            _ => Choice::Any,
        },
        other => {
            return Err(Refused(format!("toolConfig.functionCallingConfig.mode: {other:?} is not known")));
        }
    };
    if let Some(missing) = allowed.iter().find(|name| !ask.tools.iter().any(|tool| tool.name == **name)) {
        let missing = names.client(missing);
        return Err(Refused(format!("allowedFunctionNames: no function is declared as {missing:?}")));
    }
    if !allowed.is_empty() && ask.choice != Choice::None {
        ask.tools.retain(|tool| allowed.contains(&tool.name));
    }
    Ok(())
}
