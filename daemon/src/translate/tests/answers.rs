//! Answers: a stream of each provider as each form that a Gemini client reads, cut at every byte.

use serde_json::{Value, json};

use super::{claude, gpt, read};
use crate::translate::conversation::Thought;
use crate::translate::gemini::error;
use crate::translate::gemini::stream::{End, Form, Translation};
use crate::translate::{Origin, Reading, carrier};

fn sse(events: &[Value]) -> Vec<u8> {
    let event = |data: &Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    events.iter().map(event).collect::<String>().into_bytes()
}

fn start() -> Value {
    json!({ "type": "message_start", "message": { "id": "msg_1", "model": "claude-x", "usage": {
        "input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 1 } } })
}

fn block(at: u64, block: Value) -> Value {
    json!({ "type": "content_block_start", "index": at, "content_block": block })
}

fn delta(at: u64, delta: Value) -> Value {
    json!({ "type": "content_block_delta", "index": at, "delta": delta })
}

fn stop(at: u64) -> Value {
    json!({ "type": "content_block_stop", "index": at })
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 9 } }),
        json!({ "type": "message_stop" }),
    ]
}

/// Thoughts, text, two calls at once; and a ping, which says nothing.
fn anthropic() -> Vec<Value> {
    let mut events = vec![
        start(),
        json!({ "type": "ping" }),
        block(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        delta(0, json!({ "type": "thinking_delta", "thinking": "h\u{e9}" })),
        delta(0, json!({ "type": "signature_delta", "signature": "sig" })),
        stop(0),
        block(1, json!({ "type": "text", "text": "" })),
        delta(1, json!({ "type": "text_delta", "text": "I lo" })),
        delta(1, json!({ "type": "text_delta", "text": "ok \u{1f440}" })),
        stop(1),
        block(2, json!({ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "{\"city\":" })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "\"Ulm\"}" })),
        stop(2),
        block(3, json!({ "type": "tool_use", "id": "toolu_2", "name": "time", "input": {} })),
        stop(3),
    ];
    events.extend(end("tool_use"));
    events
}

/// The same in the other language, with the calls under way at once.
fn responses() -> Vec<Value> {
    let call = |at: u64, arguments: &str, id: &str, name: &str| {
        json!({ "output_index": at, "item": { "type": "function_call", "id": "fc", "call_id": id,
                "name": name, "arguments": arguments } })
    };
    let typed = |kind: &str, mut value: Value| {
        value["type"] = kind.into();
        value
    };
    vec![
        json!({ "type": "response.created", "response": { "id": "resp_1", "model": "gpt-5-x" } }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "h\u{e9}" }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": { "type": "reasoning",
                "id": "rs", "summary": [{ "type": "summary_text", "text": "h\u{e9}" }],
                "encrypted_content": "enc" } }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "delta": "I lo" }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "delta": "ok \u{1f440}" }),
        typed("response.output_item.added", call(2, "", "toolu_1", "weather")),
        typed("response.output_item.added", call(3, "", "toolu_2", "time")),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"city\":" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "\"Ulm\"}" }),
        typed("response.output_item.done", call(2, "{\"city\":\"Ulm\"}", "toolu_1", "weather")),
        typed("response.output_item.done", call(3, "{}", "toolu_2", "time")),
        json!({ "type": "response.completed", "response": { "usage": { "input_tokens": 10,
                "input_tokens_details": { "cached_tokens": 3 }, "output_tokens": 9,
                "output_tokens_details": { "reasoning_tokens": 4 } } } }),
    ]
}

fn asked(config: Value) -> Value {
    json!({ "contents": [{ "parts": [{ "text": "hi" }] }], "generationConfig": config })
}

fn translation(origin: &Origin, config: Value, form: Form) -> Translation {
    let request = read(origin, &asked(config)).unwrap();
    let reading = origin.write(&request.ask).unwrap().reading;
    Translation::new(request, origin.clone(), reading, form)
}

fn thinking() -> Value {
    json!({ "thinkingConfig": { "includeThoughts": true } })
}

/// All that comes of some pieces of a stream.
fn run(mut translation: Translation, pieces: &[&[u8]]) -> (String, Option<End>) {
    let mut bytes = Vec::new();
    let mut end = None;
    for piece in pieces {
        let step = translation.feed(piece);
        bytes.extend(step.bytes);
        end = end.or(step.end);
    }
    let step = translation.cut();
    (String::from_utf8(bytes).unwrap(), end.or(step.end))
}

fn frames(text: &str) -> Vec<Value> {
    let frames = text.strip_suffix("\n\n").unwrap().split("\n\n");
    frames.map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn part(frame: &Value) -> &Value {
    &frame["candidates"][0]["content"]["parts"][0]
}

#[test]
fn both_languages_become_the_same_events() {
    for (origin, stream, model, thought, thoughts) in [
        (
            claude("claude-sonnet-4-5"),
            anthropic(),
            "claude-x",
            Thought::Signed { text: "h\u{e9}".into(), signature: "sig".into() },
            0,
        ),
        (
            gpt("gpt-5"),
            responses(),
            "gpt-5-x",
            Thought::Sealed { summary: vec!["h\u{e9}".into()], content: "enc".into() },
            4,
        ),
    ] {
        let (text, end) = run(translation(&origin, thinking(), Form::Events), &[&sse(&stream)]);
        assert_eq!(end, Some(End::Whole));
        let frames = frames(&text);
        let parts: Vec<_> = frames.iter().map(part).collect();
        let signature = parts[3]["thoughtSignature"].as_str().unwrap();
        assert_eq!(carrier::unpack(&origin, signature), Some(vec![thought]));
        assert_eq!(
            parts,
            [
                &json!({ "text": "h\u{e9}", "thought": true }),
                &json!({ "text": "I lo" }),
                &json!({ "text": "ok \u{1f440}" }),
                &json!({ "functionCall": { "id": "toolu_1", "name": "weather", "args": { "city": "Ulm" } },
                         "thoughtSignature": signature }),
                &json!({ "functionCall": { "id": "toolu_2", "name": "time", "args": {} } }),
                &json!({ "text": "" }),
            ]
        );
        for frame in &frames {
            assert_eq!(frame["modelVersion"], model);
            assert_eq!(frame["candidates"][0]["index"], 0);
            assert_eq!(frame["candidates"][0]["content"]["role"], "model");
        }
        let last = frames.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        let usage = &last["usageMetadata"];
        assert_eq!((&usage["promptTokenCount"], &usage["totalTokenCount"]), (&json!(10), &json!(19)));
        assert_eq!(usage["cachedContentTokenCount"], 3);
        assert_eq!(usage["candidatesTokenCount"], 9 - thoughts);
        assert_eq!(usage["thoughtsTokenCount"].as_u64().unwrap_or(0), thoughts);
    }
}

#[test]
fn a_stream_may_be_cut_at_every_byte() {
    for (origin, stream) in [(claude("claude-sonnet-4-5"), anthropic()), (gpt("gpt-5"), responses())] {
        let bytes = sse(&stream);
        for form in [Form::Events, Form::Array, Form::Whole] {
            let whole = run(translation(&origin, thinking(), form), &[&bytes]);
            // The forms differ behind the parser only.
            let step = if form == Form::Events { 1 } else { 17 };
            for at in (0..bytes.len()).step_by(step) {
                let (first, rest) = bytes.split_at(at);
                assert_eq!(run(translation(&origin, thinking(), form), &[first, rest]), whole, "at {at}");
            }
            let single: Vec<_> = bytes.chunks(1).collect();
            assert_eq!(run(translation(&origin, thinking(), form), &single), whole);
        }
        let crlf = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n");
        let as_events = |bytes: &[u8]| run(translation(&origin, thinking(), Form::Events), &[bytes]);
        assert_eq!(as_events(crlf.as_bytes()), as_events(&bytes));
    }
}

#[test]
fn an_array_is_one_and_a_whole_answer_joins_its_texts() {
    let stream = sse(&anthropic());
    let (text, _) = run(translation(&claude("claude-sonnet-4-5"), thinking(), Form::Array), &[&stream]);
    let array: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(array.len(), 6);
    let (text, _) = run(translation(&claude("claude-sonnet-4-5"), thinking(), Form::Whole), &[&stream]);
    let whole: Value = serde_json::from_str(&text).unwrap();
    let parts = whole["candidates"][0]["content"]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 4);
    assert_eq!(parts[0]["thought"], true);
    assert_eq!(parts[1]["text"], "I look \u{1f440}");
    assert_eq!(whole["candidates"][0]["finishReason"], "STOP");
    assert_eq!(whole["responseId"], "msg_1");
}

#[test]
fn thoughts_are_shown_to_those_who_ask() {
    let stream = sse(&anthropic());
    let (text, _) = run(translation(&claude("claude-sonnet-4-5"), json!({}), Form::Events), &[&stream]);
    assert!(!text.contains("\"thought\":true") && text.contains("thoughtSignature"));
}

#[test]
fn an_answer_ends_for_a_reason() {
    for (reason, there) in [
        ("end_turn", "STOP"),
        ("stop_sequence", "STOP"),
        ("max_tokens", "MAX_TOKENS"),
        ("refusal", "SAFETY"),
        ("pause_turn", "OTHER"),
        ("something_new", "OTHER"),
    ] {
        let mut events = vec![start()];
        events.extend(end(reason));
        let (text, _) = run(translation(&claude("m"), json!({}), Form::Events), &[&sse(&events)]);
        let last = frames(&text).pop().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], there);
        assert_eq!(part(&last), &json!({ "text": "" }));
    }
    for (reason, there) in [("max_output_tokens", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("x", "OTHER")]
    {
        let events = [
            json!({ "type": "response.created", "response": {} }),
            json!({ "type": "response.incomplete", "response": { "incomplete_details": { "reason": reason } } }),
        ];
        let (text, _) = run(translation(&gpt("gpt-5"), json!({}), Form::Events), &[&sse(&events)]);
        assert_eq!(frames(&text)[0]["candidates"][0]["finishReason"], there);
    }
}

#[test]
fn arguments_that_do_not_parse_are_no_call() {
    for (reason, there) in [("tool_use", "MALFORMED_FUNCTION_CALL"), ("max_tokens", "MAX_TOKENS")] {
        let mut events = vec![
            start(),
            block(0, json!({ "type": "tool_use", "id": "t", "name": "f" })),
            delta(0, json!({ "type": "input_json_delta", "partial_json": "{\"a\":" })),
            stop(0),
        ];
        events.extend(end(reason));
        let (text, _) = run(translation(&claude("m"), json!({}), Form::Events), &[&sse(&events)]);
        let frames = frames(&text);
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["candidates"][0]["finishReason"], there);
    }
}

#[test]
fn a_stream_that_fails_ends_with_words_and_never_with_a_stop() {
    let failed = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let begun = vec![
        start(),
        block(0, json!({ "type": "text", "text": "" })),
        delta(0, json!({ "type": "text_delta", "text": "hi" })),
    ];
    let mut failing = begun.clone();
    failing.push(failed.clone());
    let mut translation_ = translation(&claude("m"), json!({}), Form::Events);
    let step = translation_.feed(&sse(&failing));
    let Some(End::Failed(failure)) = step.end else { panic!("{step:?}") };
    assert!(translation_.has_begun() && failure.status == 529);
    let words: Value = serde_json::from_slice(&translation_.last_words(&failure)).unwrap();
    assert_eq!(words["error"]["status"], "UNAVAILABLE");
    assert_eq!(words["error"]["message"], "Overloaded");

    // In an array it is the last element.
    let mut translation_ = translation(&claude("m"), json!({}), Form::Array);
    let step = translation_.feed(&sse(&failing));
    let mut all = step.bytes;
    all.extend(translation_.last_words(&failure));
    let array: Vec<Value> = serde_json::from_slice(&all).unwrap();
    assert_eq!((array.len(), array[1]["error"]["code"].as_u64()), (2, Some(503)));

    // At the very beginning it is one of the request.
    let mut translation_ = translation(&claude("m"), json!({}), Form::Events);
    let step = translation_.feed(&sse(&[failed]));
    assert!(step.end.is_some() && !translation_.has_begun() && step.bytes.is_empty());

    for garbage in [&b"data: {\n\n"[..], b"<html></html>\n\n", b""] {
        let (text, end) = run(translation(&claude("m"), json!({}), Form::Events), &[&sse(&begun), garbage]);
        let Some(End::Failed(failure)) = end else { panic!("{text}") };
        assert_eq!(failure.status, 503);
    }
    let failed = json!({ "type": "response.failed", "response": { "error": {
        "code": "rate_limit_exceeded", "message": "slow" } } });
    let mut translation_ = translation(&gpt("gpt-5"), json!({}), Form::Whole);
    let step = translation_.feed(&sse(&[failed]));
    assert!(matches!(step.end, Some(End::Failed(failure)) if failure.status == 429));
}

#[test]
fn answers_of_a_schema_are_json_alone() {
    let schema = json!({ "responseMimeType": "application/json", "responseSchema": {
        "type": "OBJECT", "properties": { "n": { "type": "INTEGER" } } } });
    let mut events = vec![
        start(),
        block(0, json!({ "type": "tool_use", "id": "t", "name": "give_answer" })),
        delta(0, json!({ "type": "input_json_delta", "partial_json": "{\"n\":" })),
        delta(0, json!({ "type": "input_json_delta", "partial_json": "1}" })),
        stop(0),
    ];
    events.extend(end("tool_use"));
    let older = claude("claude-3-5-haiku-latest");
    let (text, _) = run(translation(&older, schema, Form::Whole), &[&sse(&events)]);
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(whole["candidates"][0]["content"]["parts"], json!([{ "text": "{\"n\":1}" }]));

    for (config, said, there) in [
        (
            json!({ "responseMimeType": "text/x.enum",
                    "responseSchema": { "type": "STRING", "enum": ["a", "b"] } }),
            vec!["{\"value\":", "\"a\"}"],
            "a",
        ),
        (
            json!({ "responseMimeType": "application/json",
                    "responseSchema": { "type": "ARRAY", "items": { "type": "INTEGER" } } }),
            vec!["{\"value\":[1,", "2]}"],
            "[1,2]",
        ),
    ] {
        assert_eq!(text_of(&gpt("gpt-5"), config, &said), there);
    }
}

fn text_of(origin: &Origin, config: Value, said: &[&str]) -> String {
    let mut events = vec![json!({ "type": "response.created", "response": {} }), start()];
    events.push(block(0, json!({ "type": "text", "text": "" })));
    for piece in said {
        events.push(json!({ "type": "response.output_text.delta", "delta": piece }));
        events.push(delta(0, json!({ "type": "text_delta", "text": piece })));
    }
    events.push(json!({ "type": "response.completed", "response": {} }));
    events.extend(end("end_turn"));
    let (text, _) = run(translation(origin, config, Form::Whole), &[&sse(&events)]);
    let whole: Value = serde_json::from_str(&text).unwrap();
    whole["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap().to_owned()
}

/// OpenAI's provider goes on; the client sees nothing of that.
#[test]
fn an_answer_ends_where_it_was_to_end() {
    for (stops, said, there) in [
        (json!(["END"]), vec!["one EN", "D two"], "one "),
        (json!(["END"]), vec!["one E", "N", "d two EN"], "one ENd two EN"),
        (json!(["\n\n", "x"]), vec!["a\n", "b\n", "\nc"], "a\nb"),
        (json!(["\u{1f440}"]), vec!["a\u{e9}", "\u{1f440}b", "c"], "a\u{e9}"),
    ] {
        let config = json!({ "stopSequences": stops });
        assert_eq!(text_of(&gpt("gpt-5"), config, &said), there, "{said:?}");
    }
}

#[test]
fn a_code_fence_around_json_is_taken_off() {
    let json = json!({ "responseMimeType": "application/json" });
    for said in [
        vec!["```json\n{\"a\":1}\n```"],
        vec!["``", "`js", "on\n", "{\"a\":1}", "\n`", "``", "\n"],
        vec!["\n\n```\n{\"a\":", "1}\n\n```"],
        vec!["{\"a\":1}"],
        vec!["{", "\"a\":1}"],
    ] {
        assert_eq!(text_of(&claude("claude-sonnet-4-5"), json.clone(), &said), "{\"a\":1}", "{said:?}");
    }
}

#[test]
fn the_clients_name_of_a_tool_comes_back() {
    let origin = claude("m");
    let mut body = asked(json!({}));
    body["tools"] = json!([{ "functionDeclarations": [{ "name": "mcp.server:tool" }] }]);
    let request = read(&origin, &body).unwrap();
    let sent = request.ask.tools[0].name.clone();
    let mut events = vec![start(), block(0, json!({ "type": "tool_use", "id": "t", "name": sent })), stop(0)];
    events.extend(end("tool_use"));
    let translation = Translation::new(request, origin, Reading::default(), Form::Events);
    let (text, _) = run(translation, &[&sse(&events)]);
    assert_eq!(part(&frames(&text)[0])["functionCall"]["name"], "mcp.server:tool");
}

#[test]
fn failures_have_googles_shape() {
    for (status, there, name) in [
        (400, 400, "INVALID_ARGUMENT"),
        (401, 403, "PERMISSION_DENIED"),
        (403, 403, "PERMISSION_DENIED"),
        (404, 404, "NOT_FOUND"),
        (413, 400, "INVALID_ARGUMENT"),
        (422, 400, "INVALID_ARGUMENT"),
        (429, 429, "RESOURCE_EXHAUSTED"),
        (500, 500, "INTERNAL"),
        (502, 503, "UNAVAILABLE"),
        (529, 503, "UNAVAILABLE"),
        (504, 504, "DEADLINE_EXCEEDED"),
    ] {
        let shown = error::of_provider(status, "why", Some(7));
        assert_eq!(shown.status, there);
        let error = &shown.body["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!(there), &json!(name)), "{status}");
        assert_eq!(error["details"][0]["retryDelay"], "7s");
    }
    let long = error::of_provider(400, "prompt is too long: 2 > 1", None);
    assert!(long.body["error"]["message"].as_str().unwrap().contains("compress"));
    assert_eq!(error::precondition("x").body["error"]["status"], "FAILED_PRECONDITION");
}
