//! How a tunnel ends: an end, a half of one, and a break reach the other side as what they are, and at once.

use std::io::{Read, Write};
use std::net::Shutdown;

use aigw_gateway::{BodyEnd, Transport};
use aigw_tests::eventually::eventually;
use aigw_tests::raw::{Raw, connect};

use crate::{PATIENCE, bare, ends, expect, expect_end, expect_reset, fill, is_well, reset, scene};

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_tool_that_has_said_all_still_hears_the_answer() {
    let scene = scene().await;
    let origin = bare(Transport::EchoAtEnd).await;
    let mut raw = scene.tunnel(&origin.address().to_string()).unwrap();
    raw.send(vec![7; 300_000]);
    raw.end();
    assert_eq!(raw.rest(), vec![7; 300_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_tool_that_says_all_in_one_go_with_its_connect_hears_the_answer() {
    let scene = scene().await;
    let origin = bare(Transport::EchoAtEnd).await;
    for length in [1, 10_000] {
        let mut raw = Raw::connect(scene.address());
        let head = connect(&origin.address().to_string(), Some(&scene.key), &[]);
        raw.send([head.as_bytes(), &vec![7; length]].concat());
        raw.end();
        let (answer, mut back) = raw.head();
        assert_eq!(answer.status, 200, "{length}");
        back.extend(raw.rest());
        assert!(back == vec![7; length], "{length}: {}", back.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_host_that_has_said_all_still_hears_the_tool() {
    let scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    server.write_all(b"bye").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    expect(&mut client, b"bye");
    expect_end(&mut client);
    client.write_all(b"and one more").unwrap();
    expect(&mut server, b"and one more");
    drop(client);
    expect_end(&mut server);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_side_that_is_gone_is_gone_for_the_other_at_once() {
    let scene = scene().await;
    let (client, mut server) = ends(&scene);
    drop(client);
    expect_end(&mut server);
    let (mut client, server) = ends(&scene);
    drop(server);
    expect_end(&mut client);
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_break_is_a_break_on_the_other_side() {
    let scene = scene().await;
    let (client, mut server) = ends(&scene);
    reset(client);
    expect_reset(&mut server);
    let (mut client, server) = ends(&scene);
    reset(server);
    expect_reset(&mut client);

    let origin = bare(Transport::Reset).await;
    let mut raw = scene.tunnel(&origin.address().to_string()).unwrap();
    raw.send("x");
    expect_reset(raw.stream());

    let origin = bare(Transport::Echo).await;
    let mut raw = scene.tunnel(&origin.address().to_string()).unwrap();
    raw.send("x");
    expect(raw.stream(), b"x");
    reset(raw.into_stream());
    let aborted = origin.wait_until(|seen| seen.iter().any(|one| one.body_end == BodyEnd::Aborted), PATIENCE);
    assert!(aborted.await, "{:?}", origin.requests());
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_break_after_a_half_close_is_a_break_too() {
    let scene = scene().await;
    let (client, mut server) = ends(&scene);
    client.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut server);
    reset(client);
    // The host has nothing to say now; still it learns that nobody would hear it.
    server.set_nonblocking(true).unwrap();
    eventually("the host's connection breaks", || server.take_error().unwrap());

    let (mut client, server) = ends(&scene);
    server.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut client);
    reset(server);
    client.set_nonblocking(true).unwrap();
    eventually("the tool's connection breaks", || client.take_error().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_what_was_said_before_a_break_is_heard() {
    let scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    client.write_all(b"a long upload").unwrap();
    server.write_all(b"413, and that is all").unwrap();
    // With bytes unread, closing is a break.
    drop(server);
    let mut heard = Vec::new();
    let _ = client.read_to_end(&mut heard);
    assert_eq!(heard, b"413, and that is all");
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_urgent_ends_do_not_wait_for_the_other_direction() {
    let scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    // The way up is full, and nobody reads there.
    fill(&mut client, &vec![0; 64 << 20]);
    server.write_all(b"answer").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    expect(&mut client, b"answer");
    expect_end(&mut client);
    reset(client);
    let mut left = Vec::new();
    assert!(server.read_to_end(&mut left).is_err(), "a break, after what was on the way");
}
