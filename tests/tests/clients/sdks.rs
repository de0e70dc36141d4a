//! The `anthropic` and `openai` SDKs for Python.

use std::path::Path;
use std::time::Duration;

use aigw_gateway::{Ending, Recorded, ResponseEnd, ToolUse};
use serde_json::{Value, json};

use crate::desk::{Desk, client};
use crate::tap::Sent;

const LIMIT: Duration = Duration::from_secs(50);

/// One of them.
struct Sdk {
    program: &'static str,
    base_url: (&'static str, &'static str),
    key: &'static str,
}

const ANTHROPIC: Sdk = Sdk {
    program: "anthropic_sdk.py",
    base_url: ("ANTHROPIC_BASE_URL", "/anthropic"),
    key: "ANTHROPIC_AUTH_TOKEN",
};

const OPENAI: Sdk =
    Sdk { program: "openai_sdk.py", base_url: ("OPENAI_BASE_URL", "/openai/v1"), key: "OPENAI_API_KEY" };

impl Sdk {
    /// Runs a part of the program, and reads what it prints.
    fn run(&self, desk: &Desk, part: &str) -> Value {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(self.program);
        let (base, path) = self.base_url;
        let told = desk
            .run(
                &client("python"),
                &[program.to_str().expect("a plain path"), part],
                &[(base, &desk.url(path)), (self.key, &desk.key)],
                LIMIT,
            )
            .well();
        serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:#?}"))
    }

    /// Everything that the SDK can be asked to do, with a gateway that uses a tool where one is offered.
    async fn tour(&self) -> (Desk, Value, Vec<(Sent, Recorded)>) {
        let desk = Desk::logged_in().await;
        let call = ToolUse { name: None, arguments: json!({ "city": "Oslo" }).to_string() };
        desk.gateway.change(|behaviour| behaviour.stream.tool_use = Some(call));
        let told = self.run(&desk, "tour");
        let pairs = desk.central_pairs(&[]);
        assert_eq!(pairs.len(), desk.tap.sent().len(), "every request arrived");
        for (sent, seen) in &pairs {
            assert!(seen.header("user-agent").is_some_and(|agent| agent.contains("/Python ")), "{sent:?}");
            assert_eq!(seen.header("x-stainless-lang"), Some("python"));
        }
        (desk, told, pairs)
    }

    /// The SDK leaves in the middle of a stream; within a second the gateway knows.
    async fn leave(&self) {
        let desk = Desk::logged_in().await;
        desk.gateway.change(|behaviour| {
            behaviour.stream.ending = Ending::Endless;
            behaviour.stream.gap = Duration::from_millis(5);
        });
        let told = self.run(&desk, "leave");
        assert!(told["models"].as_array().is_some_and(|models| !models.is_empty()), "{told}");
        desk.gateway_sees("the cancellation", |seen| seen.iter().any(Recorded::cancelled)).await;
        let seen = desk.gateway.provider_requests();
        let [ResponseEnd::Cancelled { after }, ResponseEnd::Complete] =
            [seen[0].response_end, seen[1].response_end]
        else {
            panic!("{seen:#?}")
        };
        let left = Duration::from_secs_f64(told["left_s"].as_f64().expect("a number"));
        assert!(after < left + Duration::from_secs(1), "{after:?} {left:?}");
    }
}

/// What every dialect's part of the tour tells.
fn check(desk: &Desk, told: &Value) {
    let answer = desk.gateway.behaviour().stream.text;
    assert_eq!(told["whole"], answer);
    let pieces: Vec<_> = told["pieces"].as_array().expect("a list").iter().map(Value::as_str).collect();
    assert!(pieces.len() > 3, "{told}");
    assert_eq!(pieces.into_iter().map(Option::unwrap_or_default).collect::<String>(), answer);
    for call in ["tool", "streamed_tool"] {
        assert_eq!(told[call], json!(["weather", { "city": "Oslo" }]), "{call}");
    }
    assert_eq!(told["after_tool"], answer);
}

fn count(pairs: &[(Sent, Recorded)], end: &str) -> usize {
    pairs.iter().filter(|(_, seen)| seen.target.ends_with(end)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropic_sdk_does_everything_it_can() {
    let (desk, told, pairs) = ANTHROPIC.tour().await;
    check(&desk, &told);
    assert_eq!(told["beta"], desk.gateway.behaviour().stream.text);
    assert!(told["tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{told}");
    assert!(told["models"].as_array().expect("a list").contains(&json!("claude-sonnet-4-5")), "{told}");

    assert_eq!(count(&pairs, "/anthropic/v1/messages"), 6);
    assert_eq!(count(&pairs, "/anthropic/v1/messages/count_tokens"), 1);
    assert_eq!(count(&pairs, "/anthropic/v1/models"), 1);
    assert_eq!(pairs.len(), 8);
    let beta = pairs.iter().find_map(|(_, seen)| seen.header("anthropic-beta"));
    assert_eq!(beta, Some("context-management-2025-06-27"));
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_sdk_does_everything_it_can() {
    let (desk, told, pairs) = OPENAI.tour().await;
    check(&desk, &told["chat"]);
    check(&desk, &told["responses"]);
    assert!(told["models"].as_array().expect("a list").contains(&json!("gpt-5")), "{told}");

    assert_eq!(count(&pairs, "/openai/v1/chat/completions"), 5);
    assert_eq!(count(&pairs, "/openai/v1/responses"), 5);
    assert_eq!(count(&pairs, "/openai/v1/models"), 1);
    assert_eq!(pairs.len(), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropic_sdk_leaves_a_stream_and_the_gateway_knows() {
    ANTHROPIC.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_sdk_leaves_a_stream_and_the_gateway_knows() {
    OPENAI.leave().await;
}
