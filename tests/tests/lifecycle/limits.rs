//! Both addresses are flooded at once: what they may take together leaves files to the way to the gateway.

use aigw_tests::eventually::eventually;
use aigw_tests::machine::gateway;
use aigw_tests::raw::{Raw, exchange, get, post};

use crate::{HELLO, MESSAGES, files::limited};

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_on_both_addresses_leaves_files_for_every_connection_to_the_gateway() {
    let gateway = gateway().await;
    let (_script, machine) = limited(160);
    let daemon = machine.start();
    machine.log_in(&gateway);
    let key = machine.key("env");
    let hosts = [daemon.address.clone(), format!("[::1]:{}", daemon.port)];
    let mut flood: Vec<(Raw, &String)> =
        (0..200).flat_map(|_| hosts.iter().map(|host| (Raw::connect(host), host))).collect();
    for host in &hosts {
        let answer = eventually("a new one is turned away in words", || {
            let answer = exchange(host, get(host, "/healthz", "", &[]));
            (answer.status == 503).then_some(answer)
        });
        assert_eq!(answer.error(), Some("overloaded"), "{host}");
    }
    // All that were let in ask at once, and each needs a file for the other side.
    flood.iter_mut().for_each(|(raw, host)| raw.send(post(host, MESSAGES, &key, &[], HELLO)));
    let answers: Vec<_> = flood.iter_mut().map(|(raw, _)| raw.answer_to("POST")).collect();
    let mut served = 0;
    for answer in answers {
        match answer.status {
            200 => served += 1,
            status => {
                assert!(status == 0 || answer.error() == Some("overloaded"), "{status}: {}", answer.text())
            }
        }
    }
    assert!(served >= 32, "{served}");
    assert!(!machine.log().contains("cannot accept"), "descriptors ran out before connections were refused");
}
