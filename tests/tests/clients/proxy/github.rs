//! What GitHub's Copilot clients ask of GitHub itself, with somebody's individual plan, on the town's stub.

use std::collections::BTreeSet;

use aigw_gateway::{Manner, Reply};
use serde_json::{Value, json};

use super::town::Town;

/// What the language server gets for its GitHub token.
pub const EXCHANGED: &str = "tid=somebodys-own;exp=4102444800;sku=plus_monthly_subscriber_quota";
/// What the plan's completions host completes with.
pub const COMPLETION: &str = "print(\"from GitHub itself\")";

/// Puts it there. Everything else gets an empty object that looks like GitHub's.
pub fn open(town: &Town) {
    let host = |name| format!("https://{name}.individual.githubcopilot.com");
    let endpoints = json!({ "api": host("api"), "proxy": host("proxy"), "telemetry": host("telemetry") });
    let user = json!({
        "login": "ada",
        "access_type_sku": "plus_monthly_subscriber_quota",
        "copilot_plan": "individual_pro",
        "chat_enabled": true,
        "cli_enabled": true,
        "is_mcp_enabled": true,
        "organization_list": [],
        "endpoints": endpoints,
    });
    let exchanged = json!({
        "token": EXCHANGED,
        "expires_at": 4_102_444_800_u64,
        "refresh_in": 1500,
        "chat_enabled": true,
        "individual": true,
        "sku": "plus_monthly_subscriber_quota",
        "endpoints": endpoints,
    });
    let engine = json!({
        "id": "gpt-41-copilot",
        "name": "gpt-41-copilot",
        "object": "model",
        "vendor": "practice",
        "version": "1",
        "model_picker_enabled": true,
        "preview": false,
        "capabilities": { "type": "completion", "family": "gpt-41-copilot", "tokenizer": "o200k_base" },
    });
    let no_experiments = json!({ "Features": [], "Flights": {}, "Configs": [], "AssignmentContext": "" });
    let piece = |text: &str, end: Value| {
        let choice = json!({ "index": 0, "text": text, "logprobs": null, "finish_reason": end });
        let event = json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-41-copilot", "choices": [choice] });
        format!("data: {event}\n\n")
    };
    let completion =
        format!("{}{}data: [DONE]\n\n", piece(COMPLETION, Value::Null), piece("", "stop".into()));
    let completion = Reply::new(200).header("content-type", "text/event-stream").body(completion);
    for (path, reply) in [
        ("/copilot_internal/user", Reply::json(200, &user)),
        ("/copilot_internal/v2/token", Reply::json(200, &exchanged)),
        ("/embeddings/models", Reply::json(200, &json!({ "models": [] }))),
        // Of the completions host; the plan's other list is the gateway's.
        ("/models", Reply::json(200, &json!({ "object": "list", "data": [engine] }))),
        ("/v1/engines/gpt-41-copilot/completions", completion),
        ("/agents", Reply::json(200, &json!({ "agents": [] }))),
        ("/telemetry", Reply::json(200, &no_experiments)),
        ("/mcp/readonly", Reply::json(404, &json!({}))),
    ] {
        town.origin.at(path, Manner::Reply(as_githubs(reply)));
    }
    town.origin.otherwise(Manner::Reply(as_githubs(Reply::json(200, &json!({})))));
}

fn as_githubs(reply: Reply) -> Reply {
    reply.header("x-github-request-id", "ABCD:1:2:3:4")
}

/// By aigwd's log, it looked into what was sent to these, and into nothing else.
#[track_caller]
pub fn looked_only_into(town: &Town, expected: &[&str]) {
    let log = town.machine.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let exchanges = lines.filter(|line| line["fields"]["message"] == "exchange");
    let providers = exchanges.filter_map(|line| Some(line["fields"]["provider"].as_str()?.to_owned()));
    let expected = expected.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(providers.collect::<BTreeSet<_>>(), expected, "{log}");
}
