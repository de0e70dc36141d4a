//! Being killed at any point, again and again: the next start finds whole files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aigw_tests::machine;
use aigw_tests::machine::gateway;
use aigw_tests::raw::{exchange, post};

use crate::{HELLO, MESSAGES};

const ROUNDS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_during_logins_and_key_changes_damages_no_file() {
    let gateway = gateway().await;
    let machine = machine!();
    let tokens = ["ada", "bob"].map(|user| gateway.issue_token(user, Duration::from_secs(3600)));
    let (begun, mut served) = (Instant::now(), 0);
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let at = Instant::now();
        let mut daemon = machine.start();
        slowest = slowest.max(at.elapsed());
        // A list that did not get its secret yet, or the reverse, is told of; what is half written is not.
        for code in machine.findings() {
            assert!(!code.contains("damaged") && !code.contains("unreadable"), "{code}\n{}", machine.log());
        }
        assert_eq!(machine.ask(&["config", "show"])["refused"], serde_json::Value::Null);
        if machine.ask(&["status"])["gateways"][0]["user"].is_string() {
            let key = machine.key("env");
            let answer = exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
            assert_eq!(answer.status, 200, "{}", answer.text());
            served += 1;
        }
        let over = AtomicBool::new(false);
        let busy = |work: &dyn Fn(u32)| {
            for turn in 0.. {
                work(turn);
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            // What fails, fails because the daemon is gone.
            scope.spawn(|| {
                busy(&|turn| drop(machine.log_in_with(&gateway, &tokens[turn as usize % 2], &[])));
            });
            scope.spawn(|| {
                busy(&|turn| drop(machine.ctl(&["env", "--key", &format!("k-{round}-{turn}")])));
            });
            scope.spawn(|| {
                busy(&|_| {
                    machine.ctl(&["keys", "revoke", "x"]);
                    machine.ctl(&["env", "--key", "x"]);
                });
            });
            // Another moment each time.
            std::thread::sleep(Duration::from_millis(30 + u64::from(round) * 37 % 200));
            daemon.signal("KILL");
            daemon.ended();
            over.store(true, Ordering::Relaxed);
        });
    }
    println!("{ROUNDS} rounds in {:?}, {served} with a login, slowest start {slowest:?}", begun.elapsed());
    assert!(served > ROUNDS / 2, "{served}");
    assert!(machine.start().stop().success());
}
