//! Gemini CLI and Google's libraries in sessions with a tool, translated for a model of each provider.

use std::path::Path;
use std::time::Duration;

use aigw_gateway::{Recorded, ToolUse};
use serde_json::{Value, json};

use crate::desk::{Desk, Told, client};

const LIMIT: Duration = Duration::from_secs(150);
/// Models to ask for, and where that arrives.
const TARGETS: [(&str, &str); 2] =
    [("gemini-2.5-flash", "/anthropic/v1/messages"), ("gpt-5", "/openai/v1/responses")];

/// What it takes for a key, without looking at it.
const SETTINGS: (&str, &str) =
    (".gemini/settings.json", r#"{ "security": { "auth": { "selectedType": "gemini-api-key" } } }"#);

/// A desk whose gateway calls this tool once.
async fn desk(tool: Option<&str>, arguments: Value) -> Desk {
    let desk = Desk::logged_in().await;
    let call = ToolUse { name: tool.map(str::to_owned), arguments: arguments.to_string() };
    desk.gateway.change(|behaviour| behaviour.stream.tool_use = Some(call));
    desk.write(SETTINGS.0, SETTINGS.1);
    desk
}

/// What a provider was asked: with the company's token, and nothing of ours or of Google's.
fn asked(desk: &Desk, path: &str) -> Vec<Recorded> {
    let seen = desk.gateway.provider_requests();
    for seen in &seen {
        let all = format!("{seen:?}\n{}", seen.body_text());
        assert!(!all.contains("aigw_") && !all.contains("AIza") && !all.contains("x-goog-api-key"), "{all}");
        assert_eq!(seen.headers("authorization"), [format!("Bearer {}", desk.token)]);
    }
    seen.into_iter().filter(|seen| seen.target.ends_with(path)).collect()
}

/// It has listed a folder for the model, and told what it saw there.
fn has_listed(desk: &Desk, told: Told, path: &str) {
    let told = told.well();
    assert!(told.out.contains(&desk.gateway.behaviour().stream.text), "{told:#?}");
    let seen = asked(desk, path);
    assert!(seen.len() >= 2, "{seen:#?}");
    let last = seen.last().expect("a request").body_text();
    assert!(last.contains("a-file-of-mine.txt"), "{last}");
    assert!(seen[0].header("user-agent").is_some_and(|agent| agent.starts_with("GeminiCLI")), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gemini_cli_uses_a_tool_for_each_provider() {
    for (model, path) in TARGETS {
        let desk = desk(Some("list_directory"), json!({ "dir_path": "." })).await;
        desk.write("work/a-file-of-mine.txt", "mine");
        let base = desk.url("/gemini");
        let variables = [
            ("GOOGLE_GEMINI_BASE_URL", base.as_str()),
            ("GEMINI_API_KEY", &desk.key),
            ("GEMINI_CLI_TRUST_WORKSPACE", "true"),
        ];
        let told = desk.run(&client("gemini"), &["-m", model, "-p", "list it"], &variables, LIMIT);
        has_listed(&desk, told, path);
    }
}

/// With a key of its own and no base URL: Google's host is opened.
#[tokio::test(flavor = "multi_thread")]
async fn gemini_cli_by_the_proxy() {
    let desk = desk(Some("list_directory"), json!({ "dir_path": "." })).await;
    desk.write("work/a-file-of-mine.txt", "mine");
    let variables = [("GEMINI_API_KEY", "AIzaSyOfSomebody"), ("GEMINI_CLI_TRUST_WORKSPACE", "true")];
    let program = client("gemini");
    let program = program.to_str().expect("a plain path");
    let words = ["run", "--mode", "proxy", "--", program, "-m", "gemini-2.5-flash", "-p", "list it"];
    let told = desk.aigwctl(&words, &variables, LIMIT);
    has_listed(&desk, told, TARGETS[0].1);
}

/// One request, whose message it shows: what does not pass by itself is not asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn gemini_cli_shows_what_to_do() {
    let desk = Desk::logged_out().await;
    desk.write(SETTINGS.0, SETTINGS.1);
    let base = desk.url("/gemini");
    let variables = [
        ("GOOGLE_GEMINI_BASE_URL", base.as_str()),
        ("GEMINI_API_KEY", &desk.key),
        ("GEMINI_CLI_TRUST_WORKSPACE", "true"),
    ];
    let told = desk.run(&client("gemini"), &["-m", "gemini-2.5-flash", "-p", "hi"], &variables, LIMIT);
    assert!(told.status.is_some_and(|status| !status.success()), "{told:#?}");
    assert!(told.all().contains("aigwctl login"), "{told:#?}");
    assert_eq!(desk.tap.sent().len(), 1);
}

fn library(desk: &Desk, program: &str, script: &str, model: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let base = desk.url("/gemini");
    let variables = [("GOOGLE_GEMINI_BASE_URL", base.as_str()), ("GEMINI_API_KEY", &desk.key)];
    let words = [script.to_str().expect("a plain path"), model];
    let told = desk.run(&client(program), &words, &variables, LIMIT).well();
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:#?}"))
}

fn joined(pieces: &Value) -> String {
    pieces.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn google_genai_for_python_uses_tools_for_each_provider() {
    for (model, path) in TARGETS {
        let desk = desk(None, json!({ "city": "Oslo" })).await;
        let said = desk.gateway.behaviour().stream.text;
        let told = library(&desk, "google-genai-python", "google_genai.py", model);
        assert_eq!(told["automatic"]["first"], said, "{told}");
        assert_eq!(told["asked"][0], "Oslo");
        assert_eq!(told["by_hand"]["call"], json!(["weather.of", { "city": "Oslo" }]));
        assert_eq!(joined(&told["by_hand"]["pieces"]), said);
        assert!(told["tokens"].as_u64() > Some(0), "{told}");
        assert!(told["models"].as_array().expect("a list").contains(&json!("models/gpt-5")));
        assert_eq!(told["refused"], json!([400, "FAILED_PRECONDITION"]));
        assert!(asked(&desk, path).iter().any(|seen| seen.body_text().contains("rain")));
    }
}

#[cfg(feature = "heavy-clients")]
#[tokio::test(flavor = "multi_thread")]
async fn google_genai_for_node_uses_tools_for_each_provider() {
    for (model, path) in TARGETS {
        let desk = desk(None, json!({ "city": "Oslo" })).await;
        let said = desk.gateway.behaviour().stream.text;
        let told = library(&desk, "google-genai-js", "google_genai.js", model);
        assert_eq!(told["call"], json!(["weather", { "city": "Oslo" }]));
        assert_eq!(joined(&told["pieces"]), said);
        assert!(asked(&desk, path).iter().any(|seen| seen.body_text().contains("rain")));
    }
}
