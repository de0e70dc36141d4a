//! Plain `http://` for others: bodies pass piece by piece, both ways, and what is cut is seen to be cut.

use std::time::Duration;

use aigw_gateway::{BodyEnd, Manner};
use aigw_tests::live::Live;
use aigw_tests::raw::Raw;

use crate::{PATIENCE, absolute, ask, is_well, scene, web};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_arrives_piece_by_piece() {
    let scene = scene().await;
    let origin = web().await;
    origin.otherwise(Manner::Events { count: 3, gap: Duration::from_millis(700) });
    let mut raw = Raw::connect(scene.address());
    raw.send(absolute("GET", &format!("http://{}/events", origin.address()), &scene.key, &[], ""));
    let mut live = Live::of(raw);
    assert_eq!(live.head.status, 200);
    assert!(live.until("\"event\":0"));
    assert!(!live.has("\"event\":2"), "it was kept until the end");
    assert!(live.ends_well());
    assert!(live.has("\"event\":2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_arrives_piece_by_piece() {
    let scene = scene().await;
    let origin = web().await;
    let mut raw = Raw::connect(scene.address());
    let url = format!("http://{}/upload", origin.address());
    raw.send(absolute("PUT", &url, &scene.key, &["transfer-encoding: chunked"], ""));
    raw.send("5\r\nfirst\r\n");
    let arrived =
        |length: u64| move |seen: &[aigw_gateway::Recorded]| seen.iter().any(|one| one.body_len == length);
    assert!(origin.wait_until(arrived(5), PATIENCE).await, "{:?}", origin.requests());
    raw.send("6\r\nsecond\r\n0\r\n\r\n");
    let answer = raw.answer();
    assert_eq!((answer.status, answer.json()["body"].clone()), (200, "firstsecond".into()));
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_waits_for_100_is_not_left_waiting() {
    let scene = scene().await;
    let origin = web().await;
    let mut raw = Raw::connect(scene.address());
    let url = format!("http://{}/upload", origin.address());
    raw.send(absolute("PUT", &url, &scene.key, &["expect: 100-continue", "content-length: 4"], ""));
    let (interim, _) = raw.head();
    assert_eq!(interim.status, 100);
    raw.send("body");
    assert_eq!(raw.answer().json()["body"], "body");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_whole() {
    let scene = scene().await;
    let origin = web().await;
    origin.at("/slow", Manner::Slow { length: 8 << 20, piece: 1 << 20, gap: Duration::ZERO });
    let answer = ask(&scene, "GET", &format!("http://{}/slow", origin.address()), &[], "");
    assert_eq!((answer.body.len(), answer.whole), (8 << 20, true));
    let body = "y".repeat(8 << 20);
    let answer = ask(&scene, "POST", &format!("http://{}/up", origin.address()), &[], &body);
    assert_eq!(answer.json()["bytes"], body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_is_seen_to_be_cut() {
    let scene = scene().await;
    let origin = web().await;
    origin.at("/cut", Manner::Cut { length: 1000, after: 100 });
    let answer = ask(&scene, "GET", &format!("http://{}/cut", origin.address()), &[], "");
    assert_eq!((answer.status, answer.whole), (200, false));

    let mut raw = Raw::connect(scene.address());
    let url = format!("http://{}/upload", origin.address());
    raw.send(absolute("PUT", &url, &scene.key, &["content-length: 1000"], ""));
    raw.send("only this");
    let begun = |seen: &[aigw_gateway::Recorded]| seen.iter().any(|one| one.body_len == 9);
    assert!(origin.wait_until(begun, PATIENCE).await);
    drop(raw);
    let aborted = |seen: &[aigw_gateway::Recorded]| seen.iter().any(|one| one.body_end == BodyEnd::Aborted);
    assert!(origin.wait_until(aborted, PATIENCE).await, "{:?}", origin.requests());
    is_well(&scene);
}
