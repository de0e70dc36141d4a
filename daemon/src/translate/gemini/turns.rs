//! The contents of a request: parts of each kind. Those of one role in a row are one turn (chats of Google's libraries
//! give the model's turn back as one content for each event of its stream).

use serde_json::{Map, Value};

use super::calls::Names;
use super::fields::{self, Fields};
use crate::translate::conversation::{Media, Role, Source, Thought};
use crate::translate::{Origin, Refused, base64, carrier};

/// Images that both providers take.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A turn before its calls and results have found each other.
#[derive(Debug)]
pub struct Raw {
    /// Who.
    pub role: Role,
    /// What.
    pub pieces: Vec<Piece>,
}

/// A part.
#[derive(Debug)]
pub enum Piece {
    /// Text, never empty.
    Text(String),
    /// An image or a document.
    Media(Media),
    /// A call.
    Call {
        /// The client's id.
        id: Option<String>,
        /// In safe letters.
        name: String,
        /// The arguments.
        arguments: Map<String, Value>,
        /// What was thought before it, if that came back.
        thoughts: Vec<Thought>,
    },
    /// The result of a call.
    Result {
        /// The client's id.
        id: Option<String>,
        /// In safe letters.
        name: String,
        /// What it says.
        text: String,
        /// What it shows.
        media: Vec<Media>,
        /// It failed.
        is_error: bool,
    },
}

/// What reading needs besides.
pub struct Context<'a> {
    /// Whose thoughts are given back.
    pub origin: &'a Origin,
    /// Hints that are left out.
    pub hints: &'a mut Vec<&'static str>,
    /// The names of tools.
    pub names: &'a mut Names,
}

/// The turns of `contents`.
///
/// # Errors
/// A part that cannot be carried.
pub fn read(contents: &[Value], context: &mut Context<'_>) -> Result<Vec<Raw>, Refused> {
    let mut turns: Vec<Raw> = Vec::new();
    for (index, content) in contents.iter().enumerate() {
        let place = format!("contents[{index}]");
        let content = Fields::read(content, &place, fields::CONTENT, context.hints)?;
        let role = match content.text("role").unwrap_or("user") {
            "user" | "function" | "tool" | "" => Role::User,
            "model" => Role::Model,
            other => return Err(Refused(format!("{place}: no role is named {other:?}"))),
        };
        let mut pieces = Vec::new();
        for part in content.list("parts") {
            pieces.extend(piece(part, &format!("{place}.parts"), context)?);
        }
        match turns.last_mut() {
            Some(last) if last.role == role => last.pieces.extend(pieces),
            _ if pieces.is_empty() => {}
            _ => turns.push(Raw { role, pieces }),
        }
    }
    Ok(turns)
}

/// The texts of `systemInstruction`.
///
/// # Errors
/// Anything but text.
pub fn instructions(value: &Value, hints: &mut Vec<&'static str>) -> Result<Vec<String>, Refused> {
    const PLACE: &str = "systemInstruction";
    if let Some(text) = value.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    let content = Fields::read(value, PLACE, fields::CONTENT, hints)?;
    let mut texts = Vec::new();
    for part in content.list("parts") {
        let part = Fields::read(part, PLACE, fields::PART, hints)?;
        let text = part.text("text");
        let text = text.ok_or_else(|| Refused(format!("{PLACE}: only text can be carried")))?;
        if !text.is_empty() {
            texts.push(text.to_owned());
        }
    }
    Ok(texts)
}

/// One part; nothing if it says nothing: an empty text, a thought (what matters of it is in a signature), a signature
/// alone.
fn piece(part: &Value, place: &str, context: &mut Context<'_>) -> Result<Option<Piece>, Refused> {
    let part = Fields::read(part, place, fields::PART, context.hints)?;
    if let Some(call) = part.get("functionCall") {
        return call_piece(part, call, place, context).map(Some);
    }
    if part.get("thought").is_some_and(|thought| thought == &Value::Bool(true)) {
        return Ok(None);
    }
    if let Some(response) = part.get("functionResponse") {
        return result_piece(response, place, context).map(Some);
    }
    if let Some(data) = part.get("inlineData").or_else(|| part.get("fileData")) {
        return data_piece(data, place, context.hints).map(Some);
    }
    Ok(part.text("text").filter(|text| !text.is_empty()).map(|text| Piece::Text(text.to_owned())))
}

fn call_piece(
    part: Fields<'_>,
    call: &Value,
    place: &str,
    context: &mut Context<'_>,
) -> Result<Piece, Refused> {
    let place = format!("{place}.functionCall");
    let call = Fields::read(call, &place, fields::CALL, context.hints)?;
    let name = call.text("name").ok_or_else(|| Refused(format!("{place} has no name")))?;
    let arguments = match call.get("args") {
        None => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(Refused(format!("{place}.args: an object is wanted here"))),
    };
    let signature = part.text("thoughtSignature");
    let thoughts = signature.and_then(|signature| carrier::unpack(context.origin, signature));
    let id = call.text("id").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(Piece::Call { id, name: context.names.safe(name), arguments, thoughts: thoughts.unwrap_or_default() })
}

fn result_piece(response: &Value, place: &str, context: &mut Context<'_>) -> Result<Piece, Refused> {
    let place = format!("{place}.functionResponse");
    let response = Fields::read(response, &place, fields::RESPONSE, context.hints)?;
    let name = response.text("name").unwrap_or_default();
    let mut media = Vec::new();
    let mut texts = Vec::new();
    let (said, is_error) = response.get("response").map(said).unwrap_or_default();
    texts.extend(Some(said).filter(|said| !said.is_empty()));
    for part in response.list("parts") {
        let part = Fields::read(part, &place, fields::PART, context.hints)?;
        let data = part.get("inlineData").or_else(|| part.get("fileData"));
        let data = data.ok_or_else(|| Refused(format!("{place}.parts: only data can be carried")))?;
        match data_piece(data, &place, context.hints)? {
            Piece::Media(shown) => media.push(shown),
            Piece::Text(text) => texts.push(text),
            Piece::Call { .. } | Piece::Result { .. } => {}
        }
    }
    let id = response.text("id").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(Piece::Result { id, name: context.names.safe(name), text: texts.join("\n"), media, is_error })
}

/// What a result says, and whether it is a failure: Google's clients wrap a text in an object.
fn said(response: &Value) -> (String, bool) {
    let compact = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let Some(object) = response.as_object() else { return (compact(response), false) };
    let mut fields = object.iter();
    match (fields.next(), fields.next()) {
        (Some((key, value)), None) if key == "error" => (compact(value), true),
        (Some((key, Value::String(text))), None) if key == "output" || key == "result" => {
            (text.clone(), false)
        }
        _ => (response.to_string(), false),
    }
}

fn data_piece(data: &Value, place: &str, hints: &mut Vec<&'static str>) -> Result<Piece, Refused> {
    let data = Fields::read(data, place, fields::DATA, hints)?;
    let mime = data.text("mimeType").unwrap_or_default().to_ascii_lowercase();
    let mime = mime.split(';').next().unwrap_or_default().trim().to_owned();
    if let Some(url) = data.text("fileUri") {
        return file(url, mime, place).map(Piece::Media);
    }
    let bytes = data.text("data").and_then(base64::decode);
    let bytes = bytes.ok_or_else(|| Refused(format!("{place}.inlineData.data is not base64")))?;
    if mime.starts_with("text/") {
        let text = String::from_utf8(bytes)
            .map_err(|_| Refused(format!("{place}.inlineData: {mime} that is not UTF-8")))?;
        // An empty text is refused everywhere.
        return Ok(Piece::Text(if text.is_empty() { "(empty)".to_owned() } else { text }));
    }
    if !is_carried(&mime) {
        return Err(Refused(format!(
            "{place}.inlineData: {mime:?} cannot be carried to this gateway's models"
        )));
    }
    Ok(Piece::Media(Media { mime, source: Source::Inline(base64::encode(&bytes)) }))
}

fn file(url: &str, mime: String, place: &str) -> Result<Media, Refused> {
    const GOOGLES: [&str; 3] =
        ["https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtu.be/"];
    if !url.starts_with("https://") || GOOGLES.iter().any(|googles| url.starts_with(googles)) {
        return Err(Refused(format!(
            "{place}.fileData: only https addresses that anybody can read are carried, not {url:?}"
        )));
    }
    let guessed =
        url.split(['?', '#']).next().is_some_and(|path| path.to_ascii_lowercase().ends_with(".pdf"));
    let mime = match mime.as_str() {
        "" if guessed => "application/pdf".to_owned(),
        "" => "*".to_owned(),
        _ if is_carried(&mime) => mime,
        _ => return Err(Refused(format!("{place}.fileData: {mime:?} cannot be carried"))),
    };
    Ok(Media { mime, source: Source::Url(url.to_owned()) })
}

fn is_carried(mime: &str) -> bool {
    IMAGES.contains(&mime) || mime == "application/pdf"
}
