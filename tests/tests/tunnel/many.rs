//! Many tunnels at once, and what one costs that is silent.

use std::io::Write;

use crate::{expect, is_well, listener, scene};

const TUNNELS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tunnels_are_cheap_while_they_are_silent_and_work_when_they_are_not() {
    let scene = scene().await;
    let (listener, address) = listener();
    let memory = || scene.machine.ask(&["status"])["daemon"]["rss_bytes"].as_u64().expect("a number");
    let open = |count: usize| {
        let pairs = (0..count).map(|_| {
            let raw = scene.tunnel(&address.to_string()).unwrap_or_else(|refusal| panic!("{refusal:?}"));
            let (server, _) = listener.accept().expect("a connection");
            (raw.into_stream(), server)
        });
        pairs.collect::<Vec<_>>()
    };
    // What is needed once is there after the first ones.
    let mut pairs = open(20);
    let before = memory();
    pairs.extend(open(TUNNELS));
    let after = memory();
    let each = after.saturating_sub(before) / TUNNELS as u64;
    println!("an idle tunnel takes {each} bytes ({before} before, {after} with {TUNNELS} more)");
    assert!(each < 32 * 1024, "an idle tunnel takes {each} bytes");
    for (number, (client, server)) in pairs.iter_mut().enumerate() {
        let word = format!("tunnel {number}");
        client.write_all(word.as_bytes()).unwrap();
        expect(server, word.as_bytes());
        server.write_all(word.as_bytes()).unwrap();
        expect(client, word.as_bytes());
    }
    is_well(&scene);
}
