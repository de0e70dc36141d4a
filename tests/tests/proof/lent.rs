//! The key itself: it ends with its conversation, and no other key is answered so.

use aigw_shared::ipc::message::Request;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::raw;

use crate::{Proving, borrow};

const BODY: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_conversation_and_each_has_notes_of_its_own() {
    let mut proving = Proving::begin().await;
    let (mut other, other_key) = borrow(&proving.scene).await;
    let address = proving.scene.address().to_owned();
    let status = |key: &str| {
        raw::exchange(&address, raw::post(&address, "/anthropic/v1/messages", key, &[], BODY)).status
    };
    assert!(proving.key.starts_with("aigw_proof-") && other_key != proving.key);
    assert_eq!((status(&proving.key), status(&other_key), status(&other_key)), (200, 200, 200));
    assert_eq!(proving.seen().await.requests.len(), 1);
    proving.nobody_else_saw();
    let keys = proving.scene.machine.ask(&["keys"]);
    assert!(!keys.to_string().contains("proof"), "{keys}");

    // Everybody else's key leads where it always did.
    assert_eq!(status(&proving.scene.key), 200);
    assert_eq!(proving.scene.gateway.provider_requests().len(), 1);
    assert_eq!(proving.seen().await.requests.len(), 1);

    drop(proving.doctor);
    eventually("the key is no longer valid", || (status(&proving.key) == 403).then_some(()));
    assert_eq!(status(&other_key), 200);
    assert!(other.call(Request::LendKey(None)).await.is_ok());
    eventually("the one before it is given up", || (status(&other_key) == 403).then_some(()));
    let refused = other.call(Request::Proof).await.unwrap_err();
    assert!(format!("{refused:?}").contains("no key for a proof"), "{refused:?}");
}

/// A tool can be proved before anybody is logged in.
#[tokio::test(flavor = "multi_thread")]
async fn it_needs_no_gateway() {
    use aigw_shared::ipc::client::Client;
    use aigw_shared::ipc::message::Response;
    use aigw_shared::paths::Paths;
    let machine = machine!();
    let daemon = machine.start();
    let mut doctor = Client::connect(&Paths::under(machine.home()).socket().address).await.unwrap();
    let Response::Access(access) = doctor.call(Request::LendProofKey).await.unwrap() else { panic!() };
    for path in ["/anthropic/v1/messages", "/openai/v1/chat/completions", "/openai/v1/responses"] {
        let message = raw::post(&daemon.address, path, access.key.reveal(), &[], BODY);
        let answer = raw::exchange(&daemon.address, message);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}
