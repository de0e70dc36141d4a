//! Answers of passthrough routes, shaped like the providers' own.

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::behaviour::{Provider, ProviderKind};
use crate::body::{self, Body};
use crate::front::Visit;
use crate::record::hex;
use crate::reply::Reply;

const ANTHROPIC_MODELS: &[&str] = &["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"];
const OPENAI_MODELS: &[&str] = &["gpt-5", "gpt-5-codex", "gpt-5-mini"];

/// Answers as the provider would have.
pub(crate) fn answer(visit: &Visit, provider: &Provider, sent: &Bytes) -> Response<Body> {
    if visit.behaviour.stream.echo {
        let echo = json!({ "sha256": hex(&Sha256::digest(sent)), "bytes": sent.len() });
        return Reply::json(200, &echo).into_response();
    }
    // The route table let it in, so the path begins with the name.
    let path = visit.path.get(provider.name.len() + 1..).unwrap_or_default();
    let path =
        if provider.kind == ProviderKind::Copilot { path } else { path.strip_prefix("/v1").unwrap_or(path) };
    if path == "/models/bulk" {
        return bulk(visit);
    }
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let reply = match (provider.kind, segments.as_slice()) {
        (ProviderKind::Anthropic, rest) => anthropic(rest, sent),
        (ProviderKind::OpenAi, rest) => openai(visit, rest, sent),
        (ProviderKind::Copilot, rest) => copilot(rest),
    };
    let id = match provider.kind {
        ProviderKind::Anthropic => "request-id",
        ProviderKind::OpenAi => "x-request-id",
        ProviderKind::Copilot => "x-github-request-id",
    };
    reply.header(id, "req_practice").into_response()
}

fn anthropic(path: &[&str], sent: &Bytes) -> Reply {
    let model = |id: &str| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z" });
    match path {
        ["messages", "count_tokens"] => match serde_json::from_slice::<Map<String, Value>>(sent) {
            Ok(_) => Reply::json(200, &json!({ "input_tokens": sent.len() / 4 })),
            Err(_) => {
                Reply::anthropic_error(400, "invalid_request_error", "The request body is not valid JSON.")
            }
        },
        ["models"] => Reply::json(
            200,
            &json!({
                "data": ANTHROPIC_MODELS.iter().map(|id| model(id)).collect::<Vec<_>>(),
                "has_more": false,
                "first_id": ANTHROPIC_MODELS.first(),
                "last_id": ANTHROPIC_MODELS.last(),
            }),
        ),
        ["models", id] if ANTHROPIC_MODELS.contains(id) => Reply::json(200, &model(id)),
        ["api", "event_logging", ..] => Reply::json(200, &json!({})),
        _ => Reply::anthropic_error(404, "not_found_error", "Not found"),
    }
}

fn openai(visit: &Visit, path: &[&str], sent: &Bytes) -> Reply {
    let method = visit.head.method.as_str();
    let created = visit.site.tokens.clock.now().unix_timestamp();
    let response = |id: &str, status: &str| json!({ "id": id, "object": "response", "created_at": created, "status": status, "model": "gpt-5", "output": [] });
    let conversation =
        |id: &str| json!({ "id": id, "object": "conversation", "created_at": created, "metadata": {} });
    let nothing_more =
        json!({ "object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false });
    match (method, path) {
        (_, ["models"]) => models(OPENAI_MODELS, "openai"),
        (_, ["models", id]) if OPENAI_MODELS.contains(id) => Reply::json(200, &openai_model(id, "openai")),
        ("GET", ["responses" | "conversations", _, "input_items" | "items"]) => {
            Reply::json(200, &nothing_more)
        }
        ("POST", ["responses", "compact"]) => {
            let output = json!([{ "id": "cmp_practice", "type": "compaction", "encrypted_content": "" }]);
            let text = json!({ "id": "resp_practice", "object": "response.compaction", "output": output });
            Reply::json(200, &text)
        }
        ("POST", ["responses", id, "cancel"]) => Reply::json(200, &response(id, "cancelled")),
        ("GET", ["responses", id]) => Reply::json(200, &response(id, "completed")),
        ("DELETE", ["responses", id]) => {
            Reply::json(200, &json!({ "id": id, "object": "response", "deleted": true }))
        }
        ("POST", ["conversations"]) if sent.is_empty() || serde_json::from_slice::<Value>(sent).is_ok() => {
            Reply::json(200, &conversation("conv_practice"))
        }
        ("GET" | "POST", ["conversations", id]) => Reply::json(200, &conversation(id)),
        ("DELETE", ["conversations", id]) => {
            Reply::json(200, &json!({ "id": id, "object": "conversation.deleted", "deleted": true }))
        }
        _ => Reply::openai_error(404, "invalid_request_error", None, "Not found"),
    }
}

fn copilot(path: &[&str]) -> Reply {
    match path {
        ["models"] => {
            let model = |id: &&str| {
                let mut model = openai_model(id, "copilot");
                model["name"] = (*id).into();
                model["vendor"] = "practice".into();
                model["version"] = (*id).into();
                model["model_picker_enabled"] = true.into();
                model["preview"] = false.into();
                model["supported_endpoints"] = json!(["/chat/completions", "/responses", "ws:/responses"]);
                model["capabilities"] = json!({
                    "type": "chat",
                    "family": id,
                    "object": "model_capabilities",
                    "tokenizer": "o200k_base",
                    "limits": { "max_context_window_tokens": 128_000, "max_output_tokens": 16_384 },
                    "supports": { "streaming": true, "tool_calls": true },
                });
                model
            };
            let data: Vec<_> = OPENAI_MODELS.iter().map(model).collect();
            Reply::json(200, &json!({ "object": "list", "data": data }))
        }
        ["agents", ..] => Reply::json(200, &json!({ "agents": [] })),
        ["mcp", ..] => Reply::json(200, &json!({ "jsonrpc": "2.0", "id": null, "result": {} })),
        ["_ping"] => Reply::new(200).header("content-type", "text/plain; charset=utf-8").body("OK"),
        ["auto", ..] => Reply::json(200, &json!({ "model": OPENAI_MODELS[0] })),
        [".well-known", ..] => Reply::json(200, &json!({})),
        _ => Reply::openai_error(404, "invalid_request_error", None, "Not found"),
    }
}

fn openai_model(id: &str, owner: &str) -> Value {
    json!({ "id": id, "object": "model", "created": 1_767_225_600, "owned_by": owner })
}

fn models(ids: &[&str], owner: &str) -> Reply {
    let data: Vec<_> = ids.iter().map(|id| openai_model(id, owner)).collect();
    Reply::json(200, &json!({ "object": "list", "data": data }))
}

/// `?bytes=N` bytes, made as fast as they are taken; with `&length` it says so beforehand.
fn bulk(visit: &Visit) -> Response<Body> {
    static BLOCK: [u8; 64 * 1024] = [b'x'; 64 * 1024];
    let parameters: Vec<_> = visit.head.uri.query().unwrap_or_default().split('&').collect();
    let bytes = parameters.iter().find_map(|parameter| parameter.strip_prefix("bytes=")?.parse().ok());
    let bytes: u64 = bytes.unwrap_or_default();
    let mut reply = Reply::new(200).header("content-type", "application/octet-stream");
    if parameters.contains(&"length") {
        reply = reply.header("content-length", &bytes.to_string());
    }
    let mut response = reply.into_response();
    *response.body_mut() = body::streamed(stream::unfold(bytes, |left| async move {
        let piece = &BLOCK[..usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK.len())];
        (!piece.is_empty()).then(|| (Ok(Bytes::from_static(piece)), left - piece.len() as u64))
    }));
    response
}
