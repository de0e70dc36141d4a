//! T13: a tool that does not take our certificate.

use std::io::Read;

use aigw_gateway::{Certificate, OriginSetup, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::inside::Greeting;
use serde_json::Value;

use crate::greeting::hello;
use crate::stage::{NAME, Stage};
use crate::{H1, MESSAGES};

/// The findings about it.
fn findings(stage: &Stage) -> Vec<String> {
    // Unlike `status`, this asks no deployment.
    let status = stage.scene.machine.ask(&[]);
    let all = status["findings"].as_array().unwrap();
    let about = all.iter().filter(|finding| finding["code"] == "ca-untrusted");
    about.map(Value::to_string).collect()
}

/// A greeting of somebody who trusts the real host's CA and not ours.
async fn rejects(stage: &Stage, versions: &[&'static rustls::SupportedProtocolVersion]) {
    let greeting = Greeting { versions, ..Greeting::new(stage.origin.ca_pem(), NAME) };
    assert!(greeting.over(stage.tunnel()).await.is_err());
}

/// Goes on working until nothing is said about it. The first request may be over before the daemon knows whose it is.
async fn is_gone(stage: &Stage) {
    for _ in 0..100 {
        assert_eq!(stage.http(H1).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
        if findings(stage).is_empty() {
            return;
        }
    }
    panic!("never gone: {:?}", findings(stage));
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_it_is_one_finding_that_names_program_and_host_and_goes_when_the_tool_has_learned() {
    for versions in [rustls::ALL_VERSIONS, &[&rustls::version::TLS12]] {
        let stage = Stage::set("anthropic", "").await;
        for _ in 0..33 {
            rejects(&stage, versions).await;
        }
        let found = eventually("a finding", || Some(findings(&stage)).filter(|found| !found.is_empty()));
        assert_eq!(found.len(), 1, "{found:?}");
        let program = std::env::current_exe().unwrap();
        let program = program.file_name().unwrap().to_str().unwrap();
        // The system cuts a program's name at fifteen letters.
        let name = &program[..program.len().min(15)];
        for words in [name, NAME, "aigwctl ca install", "aigwctl env --proxy"] {
            assert!(found[0].contains(words), "{words} in {}", found[0]);
        }
        stage.nobody_saw("a rejected certificate");
        let log = stage.scene.machine.log();
        let told = log.lines().filter(|line| line.contains("ca-untrusted") && line.contains("WARN")).count();
        // One for the program, and one if the first could not be named.
        assert!(told <= 2, "a line for each try:\n{log}");

        is_gone(&stage).await;
        // And back when that is over.
        // Whose it is may be known only at one of the next tries.
        let mut found = Vec::new();
        for _ in 0..33 {
            rejects(&stage, versions).await;
            found = findings(&stage);
            if found.iter().any(|found| found.contains(name)) {
                break;
            }
        }
        assert!(found.len() == 1 && found[0].contains(name), "{found:?}");
        is_gone(&stage).await;
    }
}

/// As Node does: it says nothing, and hangs up before the handshake is over, or right after it.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_tool_that_hangs_up_when_it_has_seen_the_certificate_is_told_of_too() {
    let stage = Stage::set("anthropic", "").await;
    for _ in 0..3 {
        let mut raw = stage.tunnel();
        raw.send(hello([3, 3], &[0xc0, 0x2b]));
        let mut flight = [0; 500];
        raw.stream().read_exact(&mut flight).unwrap();
    }
    let found = eventually("a finding", || Some(findings(&stage)).filter(|found| !found.is_empty()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("hangs up"), "{found:?}");
    is_gone(&stage).await;

    let stage = Stage::set("anthropic", "").await;
    for _ in 0..3 {
        drop(stage.inside(H1).await);
    }
    let found = eventually("a finding", || Some(findings(&stage)).filter(|found| !found.is_empty()));
    assert_eq!(found.len(), 1, "{found:?}");
    is_gone(&stage).await;
    // A connection that was opened ahead and not used is no such thing where others are.
    for _ in 0..3 {
        drop(stage.inside(H1).await);
    }
    assert_eq!(stage.http(H1).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
    assert_eq!(findings(&stage), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_a_host_may_be_let_through_by_choice_and_gets_a_new_chance_at_reload() {
    let stage = Stage::set("anthropic", "on_untrusted = \"tunnel\"").await;
    assert_eq!(stage.http(H1).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
    rejects(&stage, rustls::ALL_VERSIONS).await;
    eventually("a finding", || findings(&stage).pop());
    assert!(stage.is_let_through().await, "{}", stage.scene.machine.log());
    // Others are intercepted as before.
    let inside = stage.scene.inside("api.anthropic.com", H1).await;
    assert_eq!(inside.http().await.ask("GET", "/v1/models", &[], "").await.status, 200);
    stage.scene.machine.ask(&["reload"]);
    assert_eq!(findings(&stage), Vec::<String>::new());
    assert_eq!(stage.http(H1).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);

    let told = Stage::set("anthropic", "").await;
    rejects(&told, rustls::ALL_VERSIONS).await;
    eventually("a finding", || findings(&told).pop());
    assert_eq!(told.http(H1).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
}

/// What is wrong with something else is no distrust.
#[tokio::test(flavor = "multi_thread")]
async fn t13_other_trouble_is_no_finding() {
    let origin = OriginSetup { certificate: Certificate::Expired, ..OriginSetup::default() };
    let stage = Stage::with(origin, Setup::default(), "anthropic", "").await;
    drop(stage.tunnel());
    let mut raw = stage.tunnel();
    raw.send(b"\x16\x03\x01\x00\x05\x0e\x00\x00\x01\x00");
    raw.rest();
    let roots = {
        stage.http(H1).await;
        stage.scene.machine.root_pem()
    };
    assert!(
        Greeting { protocols: &["x/1"], ..Greeting::new(&roots, NAME) }.over(stage.tunnel()).await.is_err()
    );
    assert_eq!(stage.http(H1).await.ask("GET", "/api/x", &[], "").await.status, 502);
    assert_eq!(findings(&stage), Vec::<String>::new());
}
