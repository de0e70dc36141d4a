//! Requests: every kind of part, every option, and what is refused.

use serde_json::{Value, json};

use super::{body, claude, gpt, read, written};
use crate::translate::conversation::Thought;
use crate::translate::gemini::fields::{self, Fate};
use crate::translate::gemini::request::{self, Purpose};
use crate::translate::{ANSWER_TOOL, carrier};

const PNG: &str = "iVBORw0KGgo=";

fn asks(parts: Value) -> Value {
    json!({ "contents": [{ "role": "user", "parts": parts }] })
}

/// A conversation with a call, and its result.
fn called(call: Value, result: Value) -> Value {
    json!({
        "contents": [
            { "role": "user", "parts": [{ "text": "weather?" }] },
            { "role": "model", "parts": [{ "text": "I look." }, call] },
            { "role": "user", "parts": [result] },
        ],
        "tools": [{ "functionDeclarations": [{ "name": "weather" }] }],
    })
}

#[test]
fn texts_and_media_become_blocks() {
    let asked = asks(json!([
        { "text": "" },
        { "text": "look" },
        { "inlineData": { "mimeType": "image/png", "data": PNG } },
        { "inline_data": { "mime_type": "application/pdf", "data": "_-8" } },
        { "inlineData": { "mimeType": "text/plain", "data": "aGk=" } },
        { "fileData": { "fileUri": "https://example.com/a.pdf" } },
    ]));
    assert_eq!(
        body(&claude("claude-sonnet-4-5"), &asked)["messages"],
        json!([{ "role": "user", "content": [
            { "type": "text", "text": "look" },
            { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PNG } },
            { "type": "document",
              "source": { "type": "base64", "media_type": "application/pdf", "data": "/+8=" } },
            { "type": "text", "text": "hi" },
            { "type": "document", "source": { "type": "url", "url": "https://example.com/a.pdf" },
              "cache_control": { "type": "ephemeral" } },
        ] }])
    );
    assert_eq!(
        body(&gpt("gpt-5"), &asked)["input"],
        json!([{ "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "look" },
            { "type": "input_image", "image_url": format!("data:image/png;base64,{PNG}") },
            { "type": "input_file", "filename": "document.pdf",
              "file_data": "data:application/pdf;base64,/+8=" },
            { "type": "input_text", "text": "hi" },
            { "type": "input_file", "file_url": "https://example.com/a.pdf" },
        ] }])
    );
}

#[test]
fn calls_and_results_find_each_other() {
    let call = json!({ "functionCall": { "name": "weather", "args": { "city": "Ulm" }, "id": "toolu_1" } });
    for (id, result, text, failed) in [
        (json!("toolu_1"), json!({ "output": "sun" }), "sun", false),
        // Python's automatic calling leaves the id out.
        (Value::Null, json!({ "result": "sun" }), "sun", false),
        (json!("toolu_1"), json!({ "error": "no such city" }), "no such city", true),
        (json!("other"), json!({ "sky": "sun" }), r#"{"sky":"sun"}"#, false),
    ] {
        let result = json!({ "functionResponse": { "name": "weather", "response": result, "id": id } });
        let asked = called(call.clone(), result);
        let messages = body(&claude("claude-sonnet-4-5"), &asked)["messages"].clone();
        assert_eq!(messages[1]["content"][1]["id"], "toolu_1");
        let block = &messages[2]["content"][0];
        assert_eq!(block["tool_use_id"], "toolu_1");
        assert_eq!(block["content"][0]["text"], text);
        assert_eq!(block["is_error"] == true, failed);
        let input = body(&gpt("gpt-5"), &asked)["input"].clone();
        assert_eq!(
            input[2],
            json!({ "type": "function_call", "call_id": "toolu_1", "name": "weather",
                    "arguments": r#"{"city":"Ulm"}"# })
        );
        assert_eq!(input[3], json!({ "type": "function_call_output", "call_id": "toolu_1", "output": text }));
    }
}

#[test]
fn two_calls_of_one_name_without_ids_are_answered_in_order() {
    let asked = json!({
        "contents": [
            { "parts": [{ "text": "go" }] },
            { "role": "model", "parts": [{ "functionCall": { "name": "f", "args": { "n": 1 } } }] },
            // As chats of Google's libraries give it back: a content for each event.
            { "role": "model", "parts": [{ "functionCall": { "name": "f", "args": { "n": 2 } } }] },
            { "role": "model", "parts": [{ "text": "" }] },
            { "role": "user", "parts": [
                { "text": "seen" },
                { "functionResponse": { "name": "f", "response": { "output": "one" } } },
                { "functionResponse": { "name": "f", "response": { "output": "two" } } },
            ] },
        ],
    });
    let messages = body(&claude("claude-sonnet-4-5"), &asked)["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 3);
    let (calls, results) = (&messages[1]["content"], &messages[2]["content"]);
    for (at, said) in ["one", "two"].into_iter().enumerate() {
        assert_eq!(calls[at]["id"], results[at]["tool_use_id"]);
        assert_eq!(results[at]["content"][0]["text"], said);
    }
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    assert_eq!(results[2]["text"], "seen");
    assert_eq!(messages, body(&claude("claude-sonnet-4-5"), &asked)["messages"], "the same ids each time");
}

#[test]
fn a_call_that_nobody_answered_is_cancelled_and_an_answer_to_no_call_is_refused() {
    let call = json!({ "functionCall": { "name": "weather", "id": "a b" } });
    let messages =
        body(&claude("claude-sonnet-4-5"), &called(call, json!({ "text": "never mind" })))["messages"]
            .clone();
    let id = messages[1]["content"][1]["id"].as_str().unwrap();
    assert!(id.starts_with("a_b_"), "{id}");
    assert_eq!(messages[2]["content"][0]["tool_use_id"], id);
    assert_eq!(messages[2]["content"][0]["is_error"], true);
    assert_eq!(messages[2]["content"][1]["text"], "never mind");

    let orphan = asks(json!([{ "functionResponse": { "name": "f", "response": { "output": "x" } } }]));
    assert!(written(&gpt("gpt-5"), &orphan).unwrap_err().0.contains("answers no functionCall"));
    let counted = request::read(&orphan, Purpose::Count, &gpt("gpt-5")).unwrap();
    assert_eq!(counted.ask.turns.len(), 1);
}

#[test]
fn an_image_of_a_tool_stands_in_its_result() {
    let call = json!({ "functionCall": { "name": "weather", "id": "c1" } });
    let result = json!({ "functionResponse": {
        "name": "weather", "id": "c1", "response": { "output": "see" },
        "parts": [{ "inlineData": { "mimeType": "image/png", "data": PNG } }],
    } });
    let asked = called(call, result);
    let block = &body(&claude("claude-sonnet-4-5"), &asked)["messages"][2]["content"][0];
    assert_eq!(block["content"][1]["type"], "image");
    let output = &body(&gpt("gpt-5"), &asked)["input"][3]["output"];
    assert_eq!(output[0], json!({ "type": "input_text", "text": "see" }));
    assert_eq!(output[1]["type"], "input_image");
}

#[test]
fn tools_are_declared_and_chosen() {
    let declared = |config: Value| {
        json!({
            "contents": [{ "parts": [{ "text": "hi" }] }],
            "tools": [{ "function_declarations": [
                { "name": "a.b", "description": "d", "parameters": {
                    "type": "OBJECT", "properties": { "type": { "type": "STRING", "nullable": true } } } },
                { "name": "c", "parameters_json_schema": { "type": "object", "minProperties": 1 } },
                { "name": "d" },
            ] }],
            "toolConfig": { "functionCallingConfig": config },
        })
    };
    let claude = claude("claude-sonnet-4-5");
    let tools = body(&claude, &declared(json!({})))["tools"].clone();
    let dotted = tools[0]["name"].as_str().unwrap();
    assert!(dotted.starts_with("a_b_"), "{dotted}");
    assert_eq!(
        tools[0]["input_schema"],
        json!({ "type": "object", "properties": { "type": { "type": ["string", "null"] } } })
    );
    assert_eq!(tools[1]["input_schema"]["minProperties"], 1);
    assert_eq!(tools[2]["input_schema"], json!({ "type": "object", "properties": {} }));
    for (config, count, anthropic, openai) in [
        (json!({ "mode": "AUTO" }), 3, json!({ "type": "auto" }), json!("auto")),
        (json!({ "mode": "NONE" }), 3, json!({ "type": "none" }), json!("none")),
        (json!({ "mode": "ANY" }), 3, json!({ "type": "any" }), json!("required")),
        (
            json!({ "mode": "ANY", "allowedFunctionNames": ["c"] }),
            1,
            json!({ "type": "tool", "name": "c" }),
            json!({ "type": "function", "name": "c" }),
        ),
        (
            json!({ "mode": "ANY", "allowed_function_names": ["c", "a.b"] }),
            2,
            json!({ "type": "any" }),
            json!("required"),
        ),
        (
            json!({ "mode": "VALIDATED", "allowedFunctionNames": ["d"] }),
            1,
            json!({ "type": "auto" }),
            json!("auto"),
        ),
    ] {
        let asked = declared(config);
        let there = body(&claude, &asked);
        assert_eq!(there["tools"].as_array().unwrap().len(), count, "{asked}");
        assert_eq!(there["tool_choice"], anthropic);
        let there = body(&gpt("gpt-5"), &asked);
        assert_eq!(there["tool_choice"], openai);
        assert_eq!(there["tools"][0]["strict"], false);
    }
    let unknown = declared(json!({ "mode": "ANY", "allowedFunctionNames": ["x"] }));
    assert!(written(&claude, &unknown).is_err());
}

/// What Gemini CLI sends in a chat turn.
fn cli(thinking: Value) -> Value {
    json!({
        "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }],
        "systemInstruction": { "role": "user", "parts": [{ "text": "be kind" }] },
        "generationConfig": { "temperature": 1, "topP": 0.95, "topK": 64, "thinkingConfig": thinking },
    })
}

#[test]
fn a_turn_of_gemini_cli_is_taken_by_every_generation_of_models() {
    let asked = cli(json!({ "includeThoughts": true, "thinkingBudget": 8192 }));
    for (model, thinking, sampling, dropped) in [
        (
            "claude-sonnet-4-5",
            json!({ "type": "enabled", "budget_tokens": 8192 }),
            [false, false, false],
            vec!["temperature", "topP", "topK"],
        ),
        ("claude-sonnet-4-6", json!({ "type": "adaptive" }), [false; 3], vec!["temperature", "topP", "topK"]),
        (
            "claude-opus-4-7",
            json!({ "type": "adaptive", "display": "summarized" }),
            [false; 3],
            vec!["temperature", "topP", "topK"],
        ),
        ("claude-3-5-haiku-latest", Value::Null, [true, false, true], vec!["thinkingConfig", "topP"]),
    ] {
        let there = written(&claude(model), &asked).unwrap();
        assert_eq!(there.body["thinking"], thinking, "{model}");
        let has = ["temperature", "top_p", "top_k"].map(|name| there.body.get(name).is_some());
        assert_eq!(has, sampling, "{model}");
        assert_eq!(there.dropped, dropped, "{model}");
        let budget = there.body["thinking"]["budget_tokens"].as_u64().unwrap_or(0);
        assert!(there.body["max_tokens"].as_u64().unwrap() > budget);
        assert_eq!(there.body["system"][0]["text"], "be kind");
        assert_eq!(there.body["stream"], true);
    }
    let there = body(&gpt("gpt-5"), &asked);
    assert_eq!(there["reasoning"], json!({ "summary": "auto", "effort": "medium" }));
    assert_eq!(there["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!((&there["store"], &there["instructions"]), (&json!(false), &json!("be kind")));
    assert!(there.get("temperature").is_none());
    let there = written(&gpt("gpt-4.1"), &asked).unwrap();
    assert_eq!((&there.body["temperature"], &there.body["top_p"]), (&json!(1.0), &json!(0.95)));
    assert_eq!(there.dropped, ["thinkingConfig", "topK"]);
}

#[test]
fn thinking_has_depths() {
    for (config, budget, effort) in [
        (json!({ "thinkingBudget": 0 }), Value::Null, json!("minimal")),
        (json!({ "thinking_budget": 10 }), json!(1024), json!("low")),
        (json!({ "thinkingBudget": -1 }), json!(8192), Value::Null),
        (json!({ "thinkingBudget": 20000 }), json!(20000), json!("high")),
        (json!({ "thinkingLevel": "MINIMAL" }), json!(1024), json!("minimal")),
        (json!({ "thinking_level": "low" }), json!(2048), json!("low")),
        (json!({ "thinkingLevel": "HIGH" }), json!(16384), json!("high")),
        (json!({ "includeThoughts": true }), json!(8192), Value::Null),
        (json!({ "includeThoughts": false }), Value::Null, Value::Null),
    ] {
        let there = body(&claude("claude-sonnet-4-5"), &cli(config.clone()));
        assert_eq!(there["thinking"]["budget_tokens"], budget, "{config}");
        let there = body(&gpt("gpt-5"), &cli(config.clone()));
        assert_eq!(there["reasoning"]["effort"], effort, "{config}");
    }
}

/// A running turn of a tool, with this signature on its call.
fn running(signature: &str) -> Value {
    let mut asked = called(
        json!({ "functionCall": { "name": "weather", "id": "c1" }, "thoughtSignature": signature }),
        json!({ "functionResponse": { "name": "weather", "id": "c1", "response": { "output": "sun" } } }),
    );
    asked["generationConfig"] = json!({ "thinkingConfig": { "includeThoughts": true } });
    asked
}

#[test]
fn what_was_thought_comes_back_first() {
    let claude = claude("claude-sonnet-4-5");
    let thoughts = [
        Thought::Signed { text: "hm".into(), signature: "sig".into() },
        Thought::Redacted { data: "xx".into() },
    ];
    let asked = running(&carrier::pack(&claude, &thoughts));
    let there = body(&claude, &asked);
    assert_eq!(there["thinking"]["type"], "enabled");
    let content = &there["messages"][1]["content"];
    assert_eq!(content[0], json!({ "type": "thinking", "thinking": "hm", "signature": "sig" }));
    assert_eq!(content[1], json!({ "type": "redacted_thinking", "data": "xx" }));
    assert_eq!((&content[2]["type"], &content[3]["type"]), (&json!("text"), &json!("tool_use")));

    let gpt = gpt("gpt-5");
    let sealed = [Thought::Sealed { summary: vec!["s".into()], content: "enc".into() }];
    let input = body(&gpt, &running(&carrier::pack(&gpt, &sealed)))["input"].clone();
    assert_eq!(
        input[2],
        json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }],
                "encrypted_content": "enc" })
    );
    assert_eq!(input[3]["type"], "function_call");
}

#[test]
fn a_turn_whose_thoughts_are_lost_goes_on_without_thinking() {
    let claude = claude("claude-sonnet-4-5");
    let others = Thought::Signed { text: "t".into(), signature: "s".into() };
    let foreign = carrier::pack(&super::claude("claude-opus-4-1"), &[others]);
    for signature in ["skip_thought_signature_validator", "CiQBjz1rX3k=", "", &foreign] {
        let there = written(&claude, &running(signature)).unwrap();
        assert!(there.body.get("thinking").is_none(), "{signature}");
        assert_eq!(there.body["messages"][1]["content"][0]["type"], "text");
        assert!(there.dropped.contains(&"thinkingConfig"));
    }
}

#[test]
fn answers_have_schemas() {
    let asked =
        |config: Value| json!({ "contents": [{ "parts": [{ "text": "hi" }] }], "generationConfig": config });
    let schema = json!({ "type": "OBJECT", "properties": { "n": { "type": "INTEGER", "minimum": 1 } } });
    let with_schema = asked(json!({ "responseMimeType": "application/json", "responseJsonSchema": schema }));
    let there = body(&claude("claude-sonnet-4-5"), &with_schema);
    assert_eq!(
        there["output_config"]["format"],
        json!({ "type": "json_schema", "schema": {
            "type": "object", "additionalProperties": false,
            "properties": { "n": { "type": "integer", "description": "(minimum: 1)" } },
        } })
    );
    let there = written(&claude("claude-3-5-haiku-latest"), &with_schema).unwrap();
    assert!(there.reading.tool_is_answer);
    assert_eq!(there.body["tool_choice"], json!({ "type": "tool", "name": ANSWER_TOOL }));
    assert_eq!(there.body["tools"][0]["input_schema"]["properties"]["n"]["minimum"], 1);
    let there = body(&gpt("gpt-5"), &with_schema);
    assert_eq!(there["text"]["format"]["schema"]["properties"]["n"]["type"], "integer");

    let plain = asked(json!({ "responseMimeType": "application/json" }));
    let there = written(&claude("claude-sonnet-4-5"), &plain).unwrap();
    assert!(there.reading.fenced && there.body["system"][0]["text"].as_str().unwrap().contains("JSON"));
    let there = body(&gpt("gpt-5"), &plain);
    assert_eq!(there["text"]["format"]["type"], "json_object");

    let choice = asked(json!({ "responseMimeType": "text/x.enum",
                               "responseSchema": { "type": "STRING", "enum": ["a", "b"] } }));
    let request = read(&gpt("gpt-5"), &choice).unwrap();
    assert!(request.shape.wrapped && request.shape.plain);

    let root = asked(json!({ "response_mime_type": "application/json", "response_json_schema": {
        "$ref": "#/$defs/A",
        "$defs": { "A": { "type": "object", "properties": { "b": { "$ref": "#/$defs/B" } } },
                   "B": { "type": "string" } },
    } }));
    let schema = &body(&gpt("gpt-5"), &root)["text"]["format"]["schema"];
    assert_eq!((&schema["type"], &schema["$defs"]["B"]["type"]), (&json!("object"), &json!("string")));
}

#[test]
fn what_changes_the_answer_is_refused_by_name_and_hints_are_named() {
    let claude = claude("claude-sonnet-4-5");
    for (asked, named) in [
        (json!({ "contents": [], "x": 1 }), "\"x\""),
        (json!({ "contents": [] }), "contents"),
        (json!({ "contents": [{ "parts": [{ "text": "x" }] }], "cachedContent": "c/1" }), "cachedContent"),
        (
            json!({ "contents": [{ "parts": [{ "text": "x" }] }], "tools": [{ "googleSearch": {} }] }),
            "googleSearch",
        ),
        (
            json!({ "contents": [{ "parts": [{ "text": "x" }] }], "tools": [{ "url_context": {} }] }),
            "urlContext",
        ),
        (asks(json!([{ "inlineData": { "mimeType": "audio/wav", "data": "AA==" } }])), "audio/wav"),
        (asks(json!([{ "inlineData": { "mimeType": "image/png", "data": "?" } }])), "base64"),
        (asks(json!([{ "fileData": { "fileUri": "gs://b/x" } }])), "gs://b/x"),
        (asks(json!([{ "executableCode": { "code": "1" } }])), "executableCode"),
        (asks(json!([{ "text": "x", "videoMetadata": { "fps": 1 } }])), "videoMetadata"),
        (json!({ "contents": [{ "role": "judge", "parts": [{ "text": "x" }] }] }), "judge"),
        (
            json!({ "contents": [{ "parts": [{ "text": "x" }] }], "systemInstruction": { "parts": [
                { "inlineData": { "mimeType": "image/png", "data": PNG } }] } }),
            "systemInstruction",
        ),
        (config(json!({ "candidateCount": 2 })), "candidateCount"),
        (config(json!({ "responseModalities": ["IMAGE"] })), "IMAGE"),
        (config(json!({ "responseLogprobs": true })), "responseLogprobs"),
        (config(json!({ "speechConfig": { "voiceConfig": {} } })), "speechConfig"),
        (config(json!({ "responseMimeType": "image/png" })), "image/png"),
    ] {
        let refused = written(&claude, &asked).unwrap_err().0;
        assert!(refused.contains(named), "{refused}: {named}");
    }
    assert!(written(&gpt("gpt-5"), &config(json!({ "stopSequences": ["x"] }))).unwrap().reading.endless);
    let stop = body(&claude, &config(json!({ "stopSequences": ["x", " "] })));
    assert_eq!(stop["stop_sequences"], json!(["x"]));

    let mut hinted = config(json!({ "seed": 1, "candidateCount": 1, "responseModalities": ["TEXT"] }));
    hinted["safetySettings"] = json!([{ "category": "X", "threshold": "OFF" }]);
    assert_eq!(read(&claude, &hinted).unwrap().hints, ["safetySettings", "seed"]);
}

fn config(config: Value) -> Value {
    json!({ "contents": [{ "parts": [{ "text": "x" }] }], "generationConfig": config })
}

/// Every name counts in both spellings, and each table says what becomes of each once.
#[test]
fn names_are_unique_and_have_two_spellings() {
    for (place, table) in fields::ALL {
        for (index, (name, _)) in table.iter().enumerate() {
            assert!(!table[..index].iter().any(|(other, _)| other == name), "{place}: {name} twice");
            let snake: String = name
                .chars()
                .flat_map(|letter| {
                    let upper = letter.is_ascii_uppercase();
                    upper.then_some('_').into_iter().chain([letter.to_ascii_lowercase()])
                })
                .collect();
            assert_eq!(fields::camel(&snake), *name);
        }
    }
    assert!(fields::BODY.contains(&("cachedContent", Fate::Refused)));
}
