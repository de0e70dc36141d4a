//! Answers of intercepted routes: read what was asked, plan what to say, say it in the dialect of the route.

mod anthropic;
mod chat;
pub(crate) mod passthrough;
pub(crate) mod player;
mod responses;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Response;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::behaviour::{Ending, Stream, Usage};
use crate::body::{self, Body, Cut};
use crate::front::Visit;
use crate::record::hex;
use crate::reply::Reply;
use crate::routes::Handling;
use crate::tokens::random_uuid;
use player::{Player, Script};

/// What matters in a request body.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    handling: Handling,
    model: String,
    stream: bool,
    pub(crate) background: bool,
    tools: Vec<Tool>,
    ends_with_tool_result: bool,
    sha256: String,
    length: usize,
}

#[derive(Clone, Debug)]
struct Tool {
    name: String,
    namespace: Option<String>,
    custom: bool,
}

impl Ask {
    /// `None` when it is not a JSON object. A body in a content encoding is not looked into.
    pub(crate) fn read(handling: Handling, sent: &Bytes, encoded: bool) -> Option<Self> {
        let request = match encoded {
            false => serde_json::from_slice::<Map<String, Value>>(sent).ok()?,
            true => Map::from_iter([("stream".to_owned(), Value::Bool(true))]),
        };
        Some(Ask::from_object(handling, &request, sent))
    }

    /// From an already parsed request; `sent` is what the echo speaks of.
    pub(crate) fn from_object(handling: Handling, request: &Map<String, Value>, sent: &[u8]) -> Self {
        let flag = |key| request.get(key).and_then(Value::as_bool).unwrap_or_default();
        let list = |key| request.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // Tools may also come in the midst of the input.
        let more = list("input").iter().filter_map(|item| item["tools"].as_array()).flatten();
        let last = list(if handling == Handling::Responses { "input" } else { "messages" }).last();
        Ask {
            handling,
            model: request.get("model").and_then(Value::as_str).unwrap_or("practice-model").to_owned(),
            stream: flag("stream"),
            background: flag("background"),
            tools: list("tools").iter().chain(more).flat_map(Tool::read).collect(),
            ends_with_tool_result: last.is_some_and(is_tool_result),
            sha256: hex(&Sha256::digest(sent)),
            length: sent.len(),
        }
    }
}

impl Tool {
    /// The dialects put the name in two places; a namespace holds further tools; hosted tools have no name and cannot be
    /// called.
    fn read(tool: &Value) -> Vec<Self> {
        let name = tool["name"].as_str().or_else(|| tool["function"]["name"].as_str());
        match (name, tool["tools"].as_array()) {
            (Some(namespace), Some(nested)) => {
                let mut tools: Vec<_> = nested.iter().flat_map(Tool::read).collect();
                tools.iter_mut().for_each(|tool| tool.namespace = Some(namespace.to_owned()));
                tools
            }
            (Some(name), None) => {
                let custom = tool["type"] == "custom" && tool.get("input_schema").is_none();
                vec![Tool { name: name.to_owned(), namespace: None, custom }]
            }
            (None, _) => Vec::new(),
        }
    }
}

fn is_tool_result(last: &Value) -> bool {
    let content = last["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    last["role"] == "tool"
        || last["type"].as_str().is_some_and(|kind| kind.ends_with("_output"))
        || content.iter().any(|part| part["type"] == "tool_result")
}

/// What to say, before it is put in a dialect.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    id: String,
    model: String,
    created: i64,
    usage: Usage,
    call: Option<Call>,
    /// The text or the call's arguments in pieces, taken in turn.
    pieces: Vec<String>,
    /// How many pieces are said.
    count: usize,
}

/// A tool call.
#[derive(Clone, Debug)]
struct Call {
    id: String,
    tool: Tool,
}

impl Plan {
    fn new(ask: &Ask, style: &Stream, created: i64) -> Self {
        let wanted = style.tool_use.as_ref().filter(|_| !ask.ends_with_tool_result).and_then(|wish| {
            let tool = match &wish.name {
                Some(name) => ask.tools.iter().find(|tool| tool.name == *name)?,
                None => ask.tools.first()?,
            };
            Some((tool, &wish.arguments))
        });
        let (call, mut pieces) = match wanted {
            Some((tool, arguments)) => {
                let characters: Vec<_> = arguments.chars().collect();
                let call = Call { id: short_id(), tool: tool.clone() };
                (
                    Some(call),
                    characters.chunks(8).map(|chunk| chunk.iter().collect()).collect::<Vec<String>>(),
                )
            }
            None if style.echo => {
                (None, vec![format!("sha256={} ", ask.sha256), format!("bytes={}", ask.length)])
            }
            None => (None, style.text.split_inclusive(' ').map(str::to_owned).collect()),
        };
        let count = if call.is_some() { pieces.len() } else { style.deltas.unwrap_or(pieces.len()) };
        if pieces.is_empty() {
            pieces.push(String::new());
        }
        Plan { id: random_uuid(), model: ask.model.clone(), created, usage: style.usage, call, pieces, count }
    }

    fn whole(&self) -> String {
        self.pieces.iter().cycle().take(self.count).map(String::as_str).collect()
    }

    fn is_call(&self) -> bool {
        self.call.is_some()
    }
}

fn short_id() -> String {
    random_uuid().replace('-', "")[..24].to_owned()
}

fn script(ask: &Ask, style: &Stream, created: i64) -> Script {
    let plan = Plan::new(ask, style, created);
    match ask.handling {
        Handling::Messages => anthropic::script(plan),
        Handling::Responses => responses::script(plan, style.ending == Ending::Failed),
        Handling::Chat | Handling::Passthrough => chat::script(plan),
    }
}

/// Plays the answer to an already understood request, for WebSocket.
pub(crate) fn play(visit: &Visit, ask: &Ask) -> Player {
    let created = visit.site.tokens.clock.now().unix_timestamp();
    Player::new(script(ask, &visit.behaviour.stream, created), visit.behaviour.stream.clone())
}

/// Answers a request on an intercepted route.
pub(crate) async fn intercepted(visit: &Visit, ask: Ask) -> Response<Body> {
    let style = &visit.behaviour.stream;
    tokio::time::sleep(style.before_headers).await;
    if ask.stream {
        let events = stream::unfold(play(visit, &ask), |mut player| async {
            let event = player.next().await?;
            Some((event.map(|event| event.to_sse()), player))
        });
        let mut response = Reply::new(200)
            .header("content-type", "text/event-stream")
            .header("cache-control", "no-cache")
            .header("connection", "keep-alive")
            .header("x-accel-buffering", "no")
            .into_response();
        *response.body_mut() = body::streamed(events);
        return response;
    }
    let plan = Plan::new(&ask, style, visit.site.tokens.clock.now().unix_timestamp());
    let value = match ask.handling {
        Handling::Messages => anthropic::whole(&plan),
        Handling::Responses => responses::whole(&plan),
        Handling::Chat | Handling::Passthrough => chat::whole(&plan),
    };
    match style.ending {
        Ending::Silence => std::future::pending().await,
        Ending::Cut => half(&value.to_string()),
        _ => Reply::json(200, &value).into_response(),
    }
}

/// A whole answer that breaks off in its middle.
fn half(text: &str) -> Response<Body> {
    let mut response = Reply::new(200)
        .header("content-type", "application/json")
        .header("content-length", &text.len().to_string())
        .into_response();
    let start = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    let start = stream::once(async { Ok(start) });
    let end = stream::once(async { Err(Cut::after_what_was_sent().await) });
    *response.body_mut() = body::streamed(start.chain(end));
    response
}
