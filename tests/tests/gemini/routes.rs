//! Where keys stand, what else is asked for, and which model answers.

use aigw_gateway::Setup;
use aigw_tests::machine;
use aigw_tests::raw;
use aigw_tests::scene::Scene;
use serde_json::{Value, json};

use crate::{ASK, TARGETS, frames, posted, scene, stream, texts, whole};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_where_google_has_it_and_goes_no_further() {
    let scene = scene().await;
    let key = &scene.key;
    let path = whole("gemini-2.5-flash");
    let address = scene.address();
    let length = ASK.len();
    for (query, field) in [
        (String::new(), format!("x-goog-api-key: {key}")),
        (format!("?key={key}"), "x-goog-api-client: x".to_owned()),
        (format!("?$alt=json&key={key}"), "authorization: Bearer ya29.google".to_owned()),
        (String::new(), format!("authorization: Bearer {key}\r\nx-goog-api-key: {key}")),
    ] {
        scene.gateway.forget_requests();
        let answer = raw::exchange(
            address,
            format!(
                "POST {path}{query} HTTP/1.1\r\nhost: {address}\r\n{field}\r\ncontent-length: {length}\r\n\r\n{ASK}"
            ),
        );
        assert_eq!(answer.status, 200, "{field}: {}", answer.text());
        for seen in scene.gateway.provider_requests() {
            let all = format!("{seen:?}");
            assert!(
                !all.contains(key) && !all.contains("ya29.google") && !all.contains("x-goog-api-key"),
                "{all}"
            );
        }
    }
    let answer = raw::exchange(
        address,
        format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nx-goog-api-key: AIza\r\ncontent-length: {length}\r\n\r\n{ASK}"
        ),
    );
    assert_eq!((answer.status, answer.error()), (403, Some("key-missing")));
    assert_eq!(answer.json()["error"]["status"], "PERMISSION_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_or_estimated() {
    let scene = scene().await;
    for (asked, _, _) in TARGETS {
        let path = format!("/gemini/v1beta/models/{asked}:countTokens");
        // A result without its call is counted, too.
        let body = json!({ "contents": [
            { "parts": [{ "text": "a long text with words" }] },
            { "role": "user", "parts": [{ "functionResponse": { "name": "f", "response": { "output": "x" } } }] },
        ] });
        for body in [body.clone(), json!({ "generateContentRequest": body })] {
            let answer = scene.post(&path, &[], &body.to_string());
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.json()["totalTokens"].as_u64().unwrap() > 3);
            let estimated = answer.field("x-aigw-answered-by");
            assert_eq!(estimated, (asked == "gpt-5").then_some("aigwd; estimate"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_with_those_that_stand_for_googles() {
    let scene = scene().await;
    let answer = scene.get("/gemini/v1beta/models?pageSize=50", &[]);
    assert_eq!(answer.field("x-aigw-answered-by"), Some("aigwd"));
    let list = answer.json()["models"].as_array().unwrap().clone();
    let named = |name: &str| list.iter().find(|model| model["name"] == format!("models/{name}")).cloned();
    assert!(named("gpt-5").is_some() && named("claude-opus-4-5").is_some());
    let stands = named("gemini-2.5-pro").unwrap();
    assert_eq!(stands["description"], "claude-opus-4-5 of anthropic");
    assert!(stands["inputTokenLimit"].as_u64().unwrap() > 0);
    let one = scene.get("/gemini/v1/models/gemini-2.5-pro", &[]).json();
    assert_eq!(one, stands);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_for_a_model_is_a_setting() {
    let machine = machine!();
    machine.configure(
        "[gateway.default]\ngemini_models = [\"gemini-*-pro=openai/gpt-5-mini\", \"gemini-*=claude-haiku-4-5\"]\n",
    );
    let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
    for (asked, model) in [("gemini-9-pro", "gpt-5-mini"), ("gemini-9-x", "claude-haiku-4-5")] {
        let answer = scene.post(&whole(asked), &[], ASK);
        assert_eq!(answer.json()["modelVersion"], model, "{}", answer.text());
    }
    let answer = scene.post(&whole("llama-4"), &[], ASK);
    assert_eq!((answer.status, answer.json()["error"]["status"].as_str()), (404, Some("NOT_FOUND")));
    assert!(answer.text().contains("gemini_models"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_refused_in_words() {
    let scene = scene().await;
    for path in [
        "models/m:embedContent",
        "models/m:batchEmbedContents",
        "cachedContents",
        "files",
        "models/m:predict",
    ] {
        let answer = scene.post(&format!("/gemini/v1beta/{path}"), &[], "{}");
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["error"]["status"], "FAILED_PRECONDITION", "{path}");
    }
    for (body, words) in [
        (
            json!({ "contents": [{ "parts": [{ "text": "x" }] }], "tools": [{ "googleSearch": {} }] }),
            "googleSearch",
        ),
        (json!({ "contents": [{ "parts": [{ "fileData": { "fileUri": "gs://x/y" } }] }] }), "gs://x/y"),
        (json!({ "contents": 7 }), "contents"),
    ] {
        let answer = scene.post(&stream("gemini-2.5-pro"), &[], &body.to_string());
        assert_eq!(
            (answer.status, answer.json()["error"]["status"].as_str()),
            (400, Some("INVALID_ARGUMENT"))
        );
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    let answer = scene.post(&stream("gemini-2.5-pro"), &[], "{");
    assert_eq!(answer.status, 400);
    assert!(posted(&scene).is_empty());
}

/// Without a base URL: through the proxy, whose table has Google's host.
#[tokio::test(flavor = "multi_thread")]
async fn googles_host_is_intercepted() {
    let scene = scene().await;
    let said = scene.gateway.behaviour().stream.text;
    let mut http = scene.inside("generativelanguage.googleapis.com", &["http/1.1"]).await.http().await;
    let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
    let answer = http.ask("POST", path, &["x-goog-api-key: AIza-own"], ASK).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(texts(&frames(&answer.text())), said);
    let seen: Vec<Value> = posted(&scene).iter().map(|seen| seen.body_text().parse().unwrap()).collect();
    assert_eq!(seen.len(), 1);
    assert!(!format!("{:?}", scene.gateway.provider_requests()).contains("AIza-own"));
}
