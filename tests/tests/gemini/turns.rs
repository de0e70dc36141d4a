//! Answers in each form, and a conversation with a tool.

use aigw_gateway::Ending;
use aigw_tests::live::Live;
use serde_json::{Value, json};

use crate::{ASK, TARGETS, calls_a_tool, frames, posted, scene, stream, texts, whole};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_as_events_as_an_array_and_whole() {
    let scene = scene().await;
    let said = scene.gateway.behaviour().stream.text;
    for (asked, there, model) in TARGETS {
        scene.gateway.forget_requests();
        let answer = scene.post(&stream(asked), &[], ASK);
        assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.text());
        assert_eq!(answer.field("content-type"), Some("text/event-stream"));
        let events = frames(&answer.text());
        assert_eq!(texts(&events), said);
        assert!(events.len() > 3);
        let last = events.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        assert_eq!(last["modelVersion"], model);
        let usage = &last["usageMetadata"];
        assert_eq!((&usage["promptTokenCount"], &usage["totalTokenCount"]), (&json!(25), &json!(37)));

        let answer = scene.post(&stream(asked).replace("?alt=sse", ""), &[], ASK);
        let array: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((texts(&array), array.len()), (said.clone(), events.len()));

        let answer = scene.post(&whole(asked), &[], ASK).json();
        assert_eq!(answer["candidates"][0]["content"]["parts"], json!([{ "text": said }]));

        let seen = posted(&scene);
        assert_eq!(seen.len(), 3);
        for seen in &seen {
            assert!(seen.target.ends_with(there), "{}", seen.target);
            assert_eq!(seen.headers("authorization"), [format!("Bearer {}", scene.token)]);
            let body: Value = serde_json::from_str(&seen.body_text()).unwrap();
            assert_eq!((&body["model"], &body["stream"]), (&json!(model), &json!(true)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_with_a_tool_goes_round() {
    let scene = scene().await;
    calls_a_tool(&scene);
    let said = scene.gateway.behaviour().stream.text;
    for (asked, _, _) in TARGETS {
        let mut conversation = json!({
            "contents": [{ "role": "user", "parts": [{ "text": "weather?" }] }],
            "tools": [{ "functionDeclarations": [{ "name": "weather.of", "parameters": {
                "type": "OBJECT", "properties": { "city": { "type": "STRING" } } } }] }],
        });
        let answer = scene.post(&stream(asked), &[], &conversation.to_string());
        let events = frames(&answer.text());
        let call = &events[0]["candidates"][0]["content"]["parts"][0]["functionCall"];
        assert_eq!((&call["name"], &call["args"]), (&json!("weather.of"), &json!({ "city": "Oslo" })));

        // As chats of Google's libraries give it back: one content for each event, and no id.
        let contents = conversation["contents"].as_array_mut().unwrap();
        contents.extend(events.iter().map(|event| event["candidates"][0]["content"].clone()));
        contents.push(json!({ "role": "user", "parts": [
            { "functionResponse": { "name": "weather.of", "response": { "result": "rain" } } }] }));
        scene.gateway.forget_requests();
        let answer = scene.post(&stream(asked), &[], &conversation.to_string());
        assert_eq!(texts(&frames(&answer.text())), said);
        let body = posted(&scene)[0].body_text();
        assert_eq!(body.matches(call["id"].as_str().unwrap()).count(), 2, "{body}");
        assert!(body.contains("rain") && !body.contains("weather.of"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_are_said_and_who_leaves_is_noticed() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| {
        behaviour.stream.ending = Ending::Silence;
        behaviour.stream.ending_after = 2;
        behaviour.stream.text = "one two three".to_owned();
    });
    for (asked, there, _) in TARGETS {
        scene.gateway.forget_requests();
        let mut live = Live::of(scene.begin(&stream(asked), &[], ASK));
        assert_eq!(live.head.status, 200);
        assert!(live.until("two"), "{there}");
        drop(live);
        scene
            .gateway_sees("the cancellation", |seen| {
                seen.iter().any(|seen| seen.target.ends_with(there) && seen.cancelled())
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_that_are_left_out_are_named() {
    let scene = scene().await;
    let body = json!({
        "contents": [{ "parts": [{ "text": "hi" }] }],
        "generationConfig": { "temperature": 1, "topP": 0.9, "topK": 64, "seed": 1 },
        "safetySettings": [],
    });
    let answer = scene.post(&stream("gpt-5"), &[], &body.to_string());
    let hints = answer.field("x-aigw-not-carried").unwrap();
    for hint in ["seed", "safetySettings", "temperature", "topP", "topK"] {
        assert!(hints.split(',').any(|named| named == hint), "{hints}");
    }
}
