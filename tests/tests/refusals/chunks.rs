//! Bodies whose framing is wrong, or that stop short: the gateway never sees one completed.

use aigw_gateway::{BodyEnd, Recorded, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::raw::Raw;
use aigw_tests::scene::Scene;

use crate::check::{bytes, ends, passes, told};
use crate::scene;

/// The head of an upload, to be followed by its body.
fn head(framing: &str) -> String {
    format!(
        "POST /openai/v1/conversations HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\n{framing}\r\n\r\n"
    )
}

const CHUNKED: &str = "transfer-encoding: chunked";
const LAST: &str = "0\r\n\r\n";

/// A daemon before a gateway that speaks one version of HTTP, or the other.
async fn scenes() -> [Scene; 2] {
    let setup = |http2| Setup { tls: true, http2, ..Setup::default() };
    [Scene::set(machine!(), setup(false)).await, Scene::set(machine!(), setup(true)).await]
}

/// What the gateway saw of a broken upload: nothing, or a body that did not end. The next request is another matter.
async fn never_completed(scene: &Scene, what: &str) {
    let next = scene.get("/openai/v1/models?next", &[]);
    assert_eq!(next.status, 200, "after {what}: {}", next.text());
    let is_next = |seen: &Recorded| seen.target.ends_with("?next");
    scene
        .gateway_sees(what, |all| {
            all.iter().any(is_next) && all.iter().all(|seen| seen.body_end != BodyEnd::Arriving)
        })
        .await;
    for seen in scene.gateway.requests() {
        assert!(is_next(&seen) || seen.body_end == BodyEnd::Aborted, "{what} {seen:#?}");
    }
    scene.gateway.forget_requests();
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_broken_chunk_ends_the_connection_and_aborts_the_request() {
    for scene in scenes().await {
        for broken in [
            "+2\r\n{}\r\n",
            "-2\r\n{}\r\n",
            "0x2\r\n{}\r\n",
            "2_0\r\n{}\r\n",
            " 2\r\n{}\r\n",
            "\t2\r\n{}\r\n",
            "\r\n2\r\n{}\r\n",
            ";a=b\r\n{}\r\n",
            "g\r\n{}\r\n",
            "2 2\r\n{}\r\n",
            "FFFFFFFFFFFFFFFFF\r\n{}\r\n",
            "10000000000000002\r\n{}\r\n",
            "2\r\n{}",
            "2\r\n{}\n",
            "2\r\n{}\rx",
            "2\n{}\r\n",
            "2\r{}\r\n",
            "2\r\r\n{}\r\n",
            "2;a\nb\r\n{}\r\n",
            "2;a\rb\r\n{}\r\n",
            "1\r\n{}\r\n",
            "0\n\r\n",
            "0\r\nno field\r\n\r\n",
            "0\r\nx : 1\r\n\r\n",
            "0\r\nx: \u{0}\r\n\r\n",
        ] {
            let mut raw = Raw::connect(scene.address());
            // What went before was in order.
            let last = if broken.starts_with('0') { "" } else { LAST };
            raw.send(bytes(&scene, &format!("{}3\r\n{{\"a\r\n{broken}{last}", head(CHUNKED))));
            let answer = raw.answer_to("POST");
            assert!([0, 400].contains(&answer.status), "{broken:?} {answer:?}");
            ends(&mut raw, broken);
            never_completed(&scene, broken).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_extensions_and_trailers_end_here_and_have_limits() {
    let scene = scene().await;
    for body in [
        "2;a=b;c=\"d\"\r\n{}\r\n0;last\r\n\r\n",
        "2 ; a = b\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n000\r\nContent-Length: 99\r\nhost: evil.example\r\nauthorization: Bearer x\r\n\
         transfer-encoding: gzip\r\nx-aigw-key: {key}\r\nx-trailer: 1\r\n\r\n",
    ] {
        let lines = format!("{CHUNKED}\r\ntrailer: host, authorization\r\nte: trailers");
        let seen = passes(&scene, &format!("{}{body}", head(&lines)));
        assert_eq!(seen.body_text(), "{}", "{body:?}");
        assert_eq!(told(&seen), ["transfer-encoding: chunked"], "{body:?}");
    }
    scene.gateway.forget_requests();
    let many: String = (0..200).map(|at| format!("x-{at}: 1\r\n")).collect();
    for (what, body) in [
        ("one long extension", format!("2;{}\r\n{{}}\r\n{LAST}", "a".repeat(20_000))),
        ("many short extensions", "1;aaaaaaaa\r\n{\r\n".repeat(3000) + LAST),
        ("a long trailer", format!("2\r\n{{}}\r\n0\r\nx-a: {}\r\n\r\n", "a".repeat(100_000))),
        ("many trailers", format!("2\r\n{{}}\r\n0\r\n{many}\r\n")),
    ] {
        let mut raw = Raw::connect(scene.address());
        raw.send(bytes(&scene, &format!("{}{body}", head(CHUNKED))));
        let answer = raw.answer_to("POST");
        assert!([0, 400].contains(&answer.status), "{what} {answer:?}");
        ends(&mut raw, what);
        never_completed(&scene, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h10_a_body_that_stops_short_is_aborted_at_the_gateway() {
    for scene in scenes().await {
        for (framing, begun) in [
            ("content-length: 100", "{\"a\":1,"),
            (CHUNKED, "7\r\n{\"a\":1,\r\n"),
            (CHUNKED, "7\r\n{\"a\":1,\r\n0\r\n"),
            // A bare line feed is no end.
            (CHUNKED, "7\r\n{\"a\":1,\r\n0\r\n\n"),
            (CHUNKED, "fff\r\n{\"a\":1,"),
        ] {
            for reset in [false, true] {
                let what = format!("{framing} {begun:?} reset: {reset}");
                let mut raw = Raw::connect(scene.address());
                raw.send(bytes(&scene, &head(&format!("{framing}\r\nexpect: 100-continue"))));
                raw.send(begun);
                scene.gateway_sees(&what, |all| all.iter().any(|seen| seen.body_len > 0)).await;
                if reset {
                    // To close with something unread is a reset.
                    eventually("we say that it may continue", || raw.stream().peek(&mut [0]).ok());
                    drop(raw);
                } else {
                    raw.end();
                    assert_eq!(raw.head().0.status, 100);
                    let end = raw.answer();
                    assert!([0, 400].contains(&end.status), "{what} {end:?}");
                }
                scene
                    .gateway_sees(&what, |all| all.iter().all(|seen| seen.body_end == BodyEnd::Aborted))
                    .await;
                never_completed(&scene, &what).await;
            }
        }
    }
}
