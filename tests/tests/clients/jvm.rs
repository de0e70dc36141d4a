//! A client on the JVM. Its sockets stand in the system's table of IPv6 connections, as v4-mapped ones; the daemon has
//! to find their owner there.

use std::path::Path;
use std::time::Duration;

use aigw_gateway::Recorded;

use crate::desk::{Desk, client};

#[tokio::test(flavor = "multi_thread")]
async fn a_jvm_client_is_known_as_the_owners() {
    let desk = Desk::logged_in().await;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/Jvm.java");
    // Straight to the daemon: the tap's own socket would be what it looks up.
    let base = format!("http://{}/anthropic", desk.address());
    let words = [program.to_str().expect("a plain path"), &base, &desk.key];
    let told = desk.run(&client("java"), &words, &[], Duration::from_secs(50)).well();

    let [first, second, sockets] = told.out.lines().collect::<Vec<_>>()[..] else { panic!("{told:#?}") };
    assert_eq!(sockets, "IPv6 socket: true", "else this test is about nothing");
    for answer in [first, second] {
        assert!(answer.starts_with("200 "), "{told:#?}");
        assert!(answer.contains(&desk.gateway.behaviour().stream.text), "{told:#?}");
    }
    let seen = desk.gateway.provider_requests();
    assert_eq!(seen.len(), 2, "{seen:#?}");
    let token = format!("Bearer {}", desk.token);
    let arrived =
        |seen: &Recorded| seen.headers("authorization") == [&token] && seen.header("x-api-key").is_none();
    assert!(seen.iter().all(arrived), "{seen:#?}");
    assert!(seen.iter().all(|seen| seen.header("user-agent").is_some_and(|agent| agent.starts_with("Java"))));
}
