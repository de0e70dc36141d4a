//! What fails, told in Google's shape: its clients repeat every 5xx, and nothing else.

use aigw_gateway::{Ending, Mounts, ProviderFault};
use aigw_tests::{machine, raw};
use serde_json::Value;

use crate::{ASK, TARGETS, scene, stream, whole};

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_refusal_has_googles_shape() {
    let scene = scene().await;
    for (fault, status, name, words) in [
        (
            ProviderFault::Status(400, "invalid_request_error".into(), "prompt is too long: 9 > 1".into()),
            400,
            "INVALID_ARGUMENT",
            "compress",
        ),
        (ProviderFault::Status(404, "not_found_error".into(), "no model".into()), 404, "NOT_FOUND", "stands"),
        (ProviderFault::Status(529, "overloaded_error".into(), "busy".into()), 503, "UNAVAILABLE", "busy"),
        (ProviderFault::KeysRateLimited, 429, "RESOURCE_EXHAUSTED", "RetryInfo"),
        (ProviderFault::KeyRejected, 403, "PERMISSION_DENIED", "provider"),
        (ProviderFault::KeysFailed, 503, "UNAVAILABLE", "keys failed"),
    ] {
        for (asked, _, _) in TARGETS {
            // The models are known by now.
            scene.gateway.change(|behaviour| behaviour.provider_fault = None);
            assert_eq!(scene.post(&whole(asked), &[], ASK).status, 200);
            scene.gateway.change(|behaviour| behaviour.provider_fault = Some(fault.clone()));
            for path in [whole(asked), stream(asked)] {
                let answer = scene.post(&path, &[], ASK);
                let text = answer.text();
                assert_eq!(answer.status, status, "{path}: {text}");
                assert_eq!(answer.json()["error"]["status"], name, "{path}: {text}");
                assert_eq!(answer.json()["error"]["code"], status);
                assert!(text.contains(words), "{path}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_ends_with_a_bare_error() {
    let scene = scene().await;
    for (ending, code) in
        [(Ending::Error, [503, 500]), (Ending::Failed, [503, 500]), (Ending::Cut, [503, 503])]
    {
        scene.gateway.change(|behaviour| behaviour.stream.ending = ending);
        for ((asked, _, _), code) in TARGETS.into_iter().zip(code) {
            let answer = scene.post(&stream(asked), &[], ASK);
            assert_eq!((answer.status, answer.whole), (200, true));
            let text = answer.text();
            // A gateway that is cut may never have sent what it said last.
            let (events, error) = text.rsplit_once("\n\n").unwrap_or(("", &text));
            assert!(events.contains("Hello") || ending == Ending::Cut, "{text}");
            assert!(!events.contains("finishReason"), "{text}");
            let error: Value = serde_json::from_str(error).unwrap();
            assert_eq!(error["error"]["code"], code, "{text}");

            let answer = scene.post(&whole(asked), &[], ASK);
            assert_eq!(answer.status, code, "{}", answer.text());
            assert!(answer.json()["error"]["message"].is_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_failures_are_told_once() {
    let scene = scene().await;
    assert!(scene.machine.ctl(&["logout"]).status.success());
    let answer = scene.post(&stream("gemini-2.5-pro"), &[], ASK);
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));
    assert_eq!(answer.json()["error"]["status"], "PERMISSION_DENIED");
    assert!(answer.text().contains("aigwctl login"));
}

/// A wrong address does not pass by itself: no 5xx, or it would be asked for ten times.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_gateway_is_a_precondition() {
    let scene = scene().await;
    scene.gateway.change(|behaviour| {
        behaviour.mounts = Mounts { aibridge: false, ai_gateway: false, ..Mounts::coder() };
    });
    let answer = scene.post(&stream("claude-sonnet-4-5"), &[], ASK);
    assert_eq!((answer.status, answer.error()), (400, Some("wrong-prefix")), "{}", answer.text());
    assert_eq!(answer.json()["error"]["status"], "FAILED_PRECONDITION");

    let mut machine = machine!();
    machine.set("AIGW_TOKEN", "abcdefghij-0123456789abcdefghijkl");
    // A port has to be known beforehand to be written down.
    let port = aigw_tests::port::reserved();
    machine.configure(&format!(
        "[listen]\nport = {port}\n[gateway.default]\nkind = \"coder-standalone\"\nurl = \"http://127.0.0.1:{port}\"\n"
    ));
    let daemon = machine.start();
    let key = machine.key("env");
    let request = raw::post(&daemon.address, &stream("claude-sonnet-4-5"), &key, &[], ASK);
    let answer = raw::exchange(&daemon.address, request);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["status"], "FAILED_PRECONDITION");
    assert!(answer.text().contains("leads back to aigwd"), "{}", answer.text());
}
